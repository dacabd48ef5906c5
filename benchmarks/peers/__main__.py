"""The command: ``python -m benchmarks.peers``; Spark takes part where Java and pyspark are installed."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.deployment import END_MONTH, BenchmarkFolder, first_month_of
from benchmarks.process import StepFailedError, Usage, run

LAST_DAY = "2025-12-31"
out, err = Console(width=120), Console(stderr=True, highlight=False)


def main(
    customers: Annotated[int, typer.Option(min=1_000, help="Customers that are simulated.")] = 100_000,
    months: Annotated[int, typer.Option(min=4, help="Months that are simulated.")] = 12,
    folder: Annotated[Path, typer.Option(help="Where everything is written; must not exist.")] = Path("data/peers"),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder, to look at the tables and the logs.")] = False,
) -> None:
    """Give a month of segments from the same files in several ways, each in a process of its own.

    The floor reads every file, adds up and writes once. Ours is the whole command from an empty lake, with the history
    loaded, versions, checks and the report.
    """
    if folder.exists():
        err.print(f"[bold red]Error:[/] {folder} exists. Remove it, or name another place with --folder.")
        raise typer.Exit(1)
    deployment = BenchmarkFolder(folder.resolve())
    deployment.make(first_month_of(months))
    try:
        rows = list(_measured(deployment, customers, months))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    out.print(_table(rows))


def _measured(deployment: BenchmarkFolder, customers: int, months: int) -> Iterator[tuple[str, Usage | str]]:
    source = deployment.simulated / "source"
    sizes = ["--customers", str(customers), "--months", str(months), "--end-month", END_MONTH]
    _run(deployment, "simulate", ["orchestration.cli.app", "simulate", str(deployment.simulated), *sizes])
    shutil.rmtree(deployment.delivered)
    deployment.delivered.symlink_to(source)
    made = deployment.path
    yield (
        "floor: bare DuckDB",
        _run(deployment, "floor", ["benchmarks.peers.floor", str(source), str(made / "floor.parquet")]),
    )
    month = ["--from", END_MONTH, "--to", END_MONTH]
    yield "ours, ingest to report", _run(deployment, "ours", ["orchestration.cli.app", "run", *month])
    yield "ours again, unchanged", _run(deployment, "again", ["orchestration.cli.app", "run", *month])
    yield (
        "pandas and scikit-learn script",
        _run(deployment, "pandas", ["benchmarks.peers.pandas_month", str(source), str(made / "pandas"), END_MONTH]),
    )
    if find_spec("pyspark") is None or shutil.which("java") is None:
        yield "Spark, features alone", "needs pyspark and Java"
    else:
        yield (
            "Spark, features alone",
            _run(deployment, "spark", ["benchmarks.peers.spark_features", str(source), str(made / "spark"), LAST_DAY]),
        )


def _run(deployment: BenchmarkFolder, name: str, arguments: list[str]) -> Usage | str:
    """Return what the step used; a contestant that fails is told with its last words, and the others go on."""
    err.print(f"{name} …")
    try:
        return run(arguments, deployment.environment, deployment.path / f"{name}.log")
    except StepFailedError as error:
        if name == "simulate":
            raise
        return str(error).splitlines()[-1]


def _table(rows: list[tuple[str, Usage | str]]) -> Table:
    table = Table("contestant", "wall s", "CPU s", "peak RSS MiB")
    for name, usage in rows:
        if isinstance(usage, str):
            table.add_row(name, usage)
        else:
            table.add_row(name, f"{usage.wall_seconds:.1f}", f"{usage.cpu_seconds:.1f}", f"{usage.peak_rss_mib:,.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
