"""``segmentation quarantine``: rejected rows and the reasons, and reading them again once the source is fixed."""

from typing import Annotated

import duckdb
import typer

from orchestration.cli.common import (
    Config,
    Format,
    Wait,
    chosen_settings,
    err,
    errors_for_people,
    existing_warehouse,
    out,
    print_rows,
    writing,
)
from orchestration.errors import SegmentationError
from orchestration.lake import quarantine

app = typer.Typer(help="List rejected source rows, and read them again once they are fixed.", no_args_is_help=True)

Table = Annotated[str | None, typer.Option(help="Only this source table.")]


@app.command("list")
def list_quarantine(
    config: Config = None,
    table: Table = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Print this many rows in full instead of counts.")] = None,
    output: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Count the rows in quarantine by table, reason and column, with an example of each."""
    with errors_for_people(), existing_warehouse(chosen_settings(config)).reader() as connection:
        columns: tuple[str, ...] = quarantine.SUMMARY_COLUMNS if rows is None else quarantine.ROW_COLUMNS
        try:
            found = (
                quarantine.summary(connection, table, reason)
                if rows is None
                else quarantine.rows(connection, rows, table, reason)
            )
        except duckdb.CatalogException as error:
            raise SegmentationError("Nothing was loaded yet. 'segmentation run' loads the sources.") from error
    if not found and output is Format.table:
        out.print("No row is in quarantine.")
    elif rows is None and output is Format.table:
        shown = [(*row[:4], quarantine.shorten(row[4]), quarantine.file_name(row[5])) for row in found]
        print_rows(["table", "reason", "column", "rows", "example", "where"], shown, output)
    else:
        print_rows(columns, found, output)


@app.command()
def reprocess(config: Config = None, table: Table = None, wait: Wait = True) -> None:
    """Read loads with rejected rows again, after the source or its mapping has been fixed.

    With --table, that table and those that refer to it.
    """
    with errors_for_people():
        from orchestration.cli.reprocess import reprocess as read_again

        settings = chosen_settings(config)
        warehouse = existing_warehouse(settings)
        with writing(settings, "quarantine reprocess", wait):
            result = read_again(
                warehouse,
                settings,
                table,
                progress=lambda line: err.print(line, markup=False, highlight=False, soft_wrap=True),
            )
        if not result.rows:
            out.print("No row is in quarantine, so nothing was read again.")
            return
        print_rows(["source_table", "in quarantine before", "accepted or known now", "still there"], [
            (name, f"{before:,}", f"{max(before - after, 0):,}", f"{after:,}") for name, before, after in result.rows
        ], Format.table)  # fmt: skip
        for line in result.says:
            out.print(line, highlight=False, soft_wrap=True)
