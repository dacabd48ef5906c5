"""Whether two deployments give the same numbers: ``python -m benchmarks.same_numbers BEFORE.yaml AFTER.yaml``.

Holds the published rows of every table of features, segments and bi against one another, to the last digit. What names
a version, a run or a moment may differ; so may columns that only one of them has, which are listed.
"""

from pathlib import Path
from typing import Annotated

import duckdb
import typer

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings

SCHEMAS = ("features", "segments", "bi")
# Where a row comes from, not what it says.
PROVENANCE = (
    *("version_id", "predecessor_version_id", "previous_version_id", "run_id", "code_version", "settings_hash"),
    *("input_hash", "model_id", "fitted_version_id", "revision", "reason", "changes"),
)


def columns_of(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Columns with their types, by table."""
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, sql_type in connection.execute(
        f"select table_schema, table_name, column_name, data_type from information_schema.columns"
        f" where table_schema in {SCHEMAS} and table_name <> 'versions'"
    ).fetchall():
        found.setdefault(f"{schema}.{table}", {})[column] = sql_type
    return found


def published(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], versioned: bool) -> str:
    """SQL of the rows of a table that are in force, without what says where they come from."""
    shown = ", ".join(f'"{column}"' for column in columns)
    of_published = "version_id in (select version_id from segments.versions where status = 'published')"
    return f"select {shown} from {table}" + (f" where {of_published}" if versioned else "")


def main(
    before: Annotated[Path, typer.Argument(help="Settings file of one deployment.")],
    after: Annotated[Path, typer.Argument(help="Settings file of the other.")],
) -> None:
    """Print every table that differs, with the number of rows that only one of the two has."""
    lakes = [Warehouse(load_settings(file).warehouse) for file in (before, after)]
    different = 0
    with lakes[0].reader() as first, lakes[1].reader() as second:
        known = [columns_of(connection) for connection in (first, second)]
        for table in sorted(known[0].keys() | known[1].keys()):
            if table not in known[0] or table not in known[1]:
                typer.echo(f"{table}: only {'after' if table not in known[0] else 'before'}")
                continue
            shared = [
                column
                for column, sql_type in known[0][table].items()
                if column in known[1][table] and column not in PROVENANCE and not sql_type.startswith("TIMESTAMP")
            ]
            versioned = "version_id" in known[0][table] and not table.startswith("bi.")
            first_rows, second_rows = (
                connection.sql(published(connection, table, shared, versioned)).to_arrow_table()
                for connection in (first, second)
            )
            with duckdb.connect() as memory:
                memory.register("first_rows", first_rows)
                memory.register("second_rows", second_rows)
                only = [
                    memory.execute(f"select count(*) from (from {one} except all from {other})").fetchall()[0][0]
                    for one, other in (("first_rows", "second_rows"), ("second_rows", "first_rows"))
                ]
            if any(only):
                different += 1
                typer.echo(f"{table}: {only[0]:,} rows only before, {only[1]:,} only after")
            if odd := known[0][table].keys() ^ known[1][table].keys():
                typer.echo(f"{table}: columns of one alone: {', '.join(sorted(odd))}")
    typer.echo(f"{different} tables differ" if different else "the same numbers in every table")
    raise typer.Exit(1 if different else 0)


if __name__ == "__main__":
    typer.run(main)
