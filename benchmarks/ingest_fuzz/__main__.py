"""The command: ``python -m benchmarks.ingest_fuzz``."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.ingest_fuzz.campaign import run

out, err = Console(width=120, highlight=False), Console(stderr=True, highlight=False)


def main(
    inputs: Annotated[int, typer.Option(min=10, help="Files and mappings that are made.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same inputs.")] = 1,
) -> None:
    """Judge files and mappings gone wrong at random; exit code 1 if a record is lost or anything else goes wrong."""
    with TemporaryDirectory(prefix="segmentation_fuzz_") as folder:
        results = run(inputs, seed, Path(folder), lambda line: err.print(line, markup=False))
    for (kind, what), count in sorted(results.inputs.items()):
        out.print(f"{kind:10} {what:45} {count:8,}", markup=False)
    for what, count in results.records.items():
        out.print(f"records {what}: {count:,}", markup=False)
    found = f"{len(results.failures)} failures, {results.seconds:,.0f} s, peak resident set {results.peak_mib:,} MiB"
    out.print(f"{inputs:,} inputs, seed {seed}: {found}")
    if results.failures:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
