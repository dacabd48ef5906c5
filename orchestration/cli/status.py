"""``segmentation status``: what is loaded and through which day, what is published, what is due, what failed last."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import duckdb
import typer

from orchestration.cli.common import (
    Config,
    Format,
    chosen_settings,
    errors_for_people,
    existing_warehouse,
    out,
    print_rows,
)
from orchestration.lake.contract import load_contract
from orchestration.lake.relations import relations
from orchestration.months import operators_day
from orchestration.printing import printable
from orchestration.segments.revisions import describe, months_due
from orchestration.settings import Settings

app = typer.Typer()


@app.command()
def status(config: Config = None, output: Annotated[Format, typer.Option("--format")] = Format.table) -> None:
    """Print what is loaded through which day, what is published and due, and what failed last."""
    with errors_for_people():
        settings = chosen_settings(config)
        with existing_warehouse(settings).reader() as connection:
            found = read_status(connection, settings, datetime.now(UTC))
    if output is Format.json:
        json.dump(found, sys.stdout, default=str, indent=2)
        sys.stdout.write("\n")
        return
    sources = found["sources"]
    columns = list(sources[0]) if sources else ["source_table"]
    print_rows(columns, [list(row.values()) for row in sources], output)
    if output is Format.csv:
        return
    published = found["published"]
    lines = [f"Published through {published['as_of_date']} ({published['version_id']})." if published else
             "Nothing is published yet: 'segmentation run' segments the last complete month.",
             found["due"], *(f"Source check {line}" for line in found["checks_failed"])]  # fmt: skip
    if failed := found["last_failed_load"]:
        lines.append(f"In quarantine since {failed['loaded_at']}: {failed['rows']:,} rows of {failed['source_table']}.")
    for line in lines:
        out.print(printable(line), soft_wrap=True)


def read_status(connection: duckdb.DuckDBPyConnection, settings: Settings, now: datetime) -> Mapping[str, Any]:
    """Read the state of a deployment from its lake.

    Args:
        connection: reads the lake.
        settings: the mapped tables, and the operator's time zone.
        now: the current time with its offset: later dates are not counted.

    Returns:
        ``sources`` (one row per mapped table), ``published`` (the newest version, None if there is none), ``due`` (a
        sentence), ``checks_failed`` (one sentence each) and ``last_failed_load`` (the newest load with rejected rows).
    """
    # Imported late: no other command should wait for the checks.
    from orchestration.source_checks import latest, said

    tomorrow = operators_day(now, settings.schedule.timezone) + timedelta(days=1)
    tables = relations(connection)
    if ("ops", "loads") not in tables:
        return {"sources": [], "published": None, "due": describe([]), "checks_failed": [], "last_failed_load": None}
    published = _first(
        connection,
        "select version_id, as_of_date, published_at from segments.versions where status = 'published'"
        " order by as_of_date desc limit 1",
    ) if ("segments", "versions") in tables else None  # fmt: skip
    failed = _first(
        connection,
        "select source_table, loaded_at, rows_quarantined as rows from ops.loads where rows_quarantined > 0"
        " order by loaded_at desc, rows_quarantined desc limit 1",
    )
    return {
        "sources": [_source(connection, name, tomorrow) for name in load_contract() if name in settings.sources],
        "published": published,
        "due": describe(months_due(connection)),
        "checks_failed": [
            f"{each.check_name} of {each.source_table}: {said(each)}" for each in latest(connection) if not each.passed
        ],
        "last_failed_load": failed,
    }


def _source(connection: duckdb.DuckDBPyConnection, name: str, tomorrow: Any) -> dict[str, Any]:
    column = load_contract()[name].time_column
    row = _first(
        connection,
        f"""
        select
            '{name}' as source_table,
            (select count(*) from raw.{name}) as "rows",
            (select cast(max("{column}") as date) from raw.{name} where "{column}" < $tomorrow) as through,
            (select max(loaded_at) from ops.loads where source_table = '{name}') as last_loaded_at,
            (select coalesce(sum(rows_quarantined), 0)::bigint from ops.loads where source_table = '{name}')
                as in_quarantine
        """,
        tomorrow=tomorrow,
    )
    assert row is not None
    return row


def _first(connection: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> dict[str, Any] | None:
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description or ()]
    row = result.fetchone()
    return dict(zip(names, row, strict=True)) if row else None
