"""Shared by the commands: the settings file, the warehouse, readable errors, and printing of rows."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.errors import LakeBusyError, RunFailedError, SegmentationError
from orchestration.lake.warehouse import Warehouse
from orchestration.printing import are_numbers, print_whole, printable, without_formula
from orchestration.settings import Settings, choose_settings_file, load_settings

out, err = Console(), Console(stderr=True)
EXIT_CODES: dict[type[SegmentationError], int] = {RunFailedError: 3, LakeBusyError: 4}
"""Exit codes of errors that a script should distinguish; 1 for all others."""

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file. Default: segmentation.yaml in the current folder, else the path in SEGMENTATION_CONFIG.",
    ),
]


Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait while another run writes to the lake, or stop with exit code 4.")
]


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn errors that the user can fix into a message and an exit code."""
    try:
        yield
    except SegmentationError as error:
        err.print(Text.assemble(("Error:", "bold red"), " ", printable(error)), soft_wrap=True)
        raise typer.Exit(EXIT_CODES.get(type(error), 1)) from error


def chosen_settings(config: Path | None) -> Settings:
    """Read the given settings file, or else the one found."""
    return load_settings(choose_settings_file(config))


@contextmanager
def writing(settings: Settings, command: str, wait: bool) -> Iterator[None]:
    """Hold the lock of the lake's writers for a command, and close the runs whose process was killed.

    Raises:
        LakeBusyError: another process holds it, and the command must not wait.
    """
    from orchestration.cli.runs import close_killed_runs

    def say(line: str) -> None:
        err.print(line, highlight=False, markup=False, soft_wrap=True)

    with Warehouse(settings.warehouse).lock(f"segmentation {command}", wait, say):
        close_killed_runs(settings, say)
        yield


def existing_warehouse(settings: Settings) -> Warehouse:
    """Return the lake of the settings.

    Raises:
        SegmentationError: there is none yet.
    """
    warehouse = Warehouse(settings.warehouse)
    if not warehouse.exists:
        raise SegmentationError(f"There is no warehouse at {warehouse.path} yet. 'segmentation run' creates it.")
    return warehouse


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], output: Format, *, keep_formulas: bool = False
) -> None:
    """Print rows to standard output: JSON and CSV for programs, a table for people.

    Args:
        columns: their names.
        rows: their values, printed literally and never as markup.
        output: the format.
        keep_formulas: leave text in CSV unchanged even if a spreadsheet would take it for a formula.
    """
    if output is Format.json:
        json.dump([dict(zip(columns, row, strict=True)) for row in rows], sys.stdout, default=str, indent=2)
        sys.stdout.write("\n")
    elif output is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows if keep_formulas else ([without_formula(value) for value in row] for row in rows))
    else:
        table = Table()
        # The first column identifies the row, so it is never wrapped, however narrow the terminal.
        for place, column in enumerate(columns):
            is_right = are_numbers(row[place] for row in rows)
            table.add_column(
                printable(column), overflow="fold", no_wrap=place == 0, justify="right" if is_right else "left"
            )
        for row in rows:
            table.add_row(*(printable("" if value is None else value) for value in row))
        print_whole(out, table)
