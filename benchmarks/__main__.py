"""The command: ``python -m benchmarks`` or ``make bench``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.process import StepFailedError
from benchmarks.suite import Suite

out, err = Console(width=120), Console(stderr=True, highlight=False)


def main(
    customers: Annotated[int, typer.Option(min=1_000, help="Customers that are simulated.")] = 20_000,
    months: Annotated[int, typer.Option(min=4, help="Months that are simulated.")] = 12,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of what is compared or short.")] = 3,
    usage_rows: Annotated[
        int, typer.Option(min=0, help="Usage rows loaded beside a bare copy; 0 for none.")
    ] = 100_000_000,
    rule_customers: Annotated[
        int, typer.Option(min=0, help="Customers whose market, stage and homes are made for a month; 0 for none.")
    ] = 1_000_000,
    folder: Annotated[Path, typer.Option(help="Where everything is written; must not exist.")] = Path(
        "data/benchmarks"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder, to look at the lake and the logs.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every figure here.")] = None,
) -> None:
    """Measure the pipeline on a simulated ISP, step by step, each step in a process of its own.

    wall and CPU seconds are those of the whole process from start to end, its children included; work seconds leave
    out starting Python and importing. The peak resident set is that of the largest process.
    """
    if folder.exists():
        err.print(f"[bold red]Error:[/] {folder} exists. Remove it, or name another place with --folder.")
        raise typer.Exit(1)
    suite = Suite(folder.resolve(), customers, months, rounds, usage_rows, rule_customers, err)
    try:
        results = suite.run()
    except StepFailedError as error:
        err.print(f"[bold red]Error:[/] {error}", markup=True)
        raise typer.Exit(1) from error
    finally:
        if not keep:
            suite.clean_up()
    out.print(results.tables())
    if json_file:
        results.write_json(json_file)


if __name__ == "__main__":
    typer.run(main)
