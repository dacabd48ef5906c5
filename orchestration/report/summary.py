"""What a run prints at its end: versions, deciles, clusters, stages, and the paths of the reports."""

from collections.abc import Sequence

import duckdb
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.months import as_of_date
from orchestration.printing import are_numbers
from orchestration.report import report_path
from orchestration.report.caveats import warnings
from orchestration.report.data import read_report_data
from orchestration.settings import Settings


def run_summary(connection: duckdb.DuckDBPyConnection, settings: Settings, months: Sequence[str]) -> RenderableType:
    """Return the summary of the run's months; figures are those of the last month's published version."""
    days = [as_of_date(month) for month in months]
    versions = connection.execute(
        "select version_id, status, changes from bi.segmentation_versions"
        " where as_of_date in (select unnest(?::date[])) order by as_of_date, revision",
        [days],
    ).fetchall()
    published = [version_id for version_id, status, _ in versions if status == "published"]
    parts: list[RenderableType] = [
        _table("Versions", ["version", "status", "why"], versions),
    ]
    if published:
        parts += [Text(f"\n{warning}", style="yellow") for warning in _warnings(connection, settings, published[-1])]
        parts += _figures(connection, published[-1], settings.currency)
        parts.append(Text("\nReports"))
        parts += [Text(f"  {report_path(settings, version_id)}", overflow="fold") for version_id in published]
    return Group(*parts)


def _warnings(connection: duckdb.DuckDBPyConnection, settings: Settings, version_id: str) -> list[str]:
    """Return the warnings that come first in the report of a version."""
    return warnings(read_report_data(connection, version_id, only=["value_evidence"]), settings)


def _figures(connection: duckdb.DuckDBPyConnection, version_id: str, currency: str) -> list[RenderableType]:
    queries = {
        f"Value deciles of {version_id} (1 = best, {currency})": (
            ["decile", "customers", "past value", "future value", "within 36 months", "total value", "share"],
            "select value_decile, customers, past_value, future_value, future_value_36m, total_value,"
            " ranked_value_share"
            " from bi.value_deciles where version_id = ? and scope = 'all' order by value_decile",
        ),
        "Behavioral clusters": (
            ["population", "cluster", "name", "customers", "share"],
            "select population, cluster_id, cluster_name, customers, share from bi.behavior_clusters"
            " where version_id = ? order by population, customers desc",
        ),
        "Lifecycle stages": (
            ["stage", "customers", "share"],
            "select lifecycle_stage, customers, share from bi.lifecycle_stages where version_id = ?"
            " order by customers desc",
        ),
    }
    return [
        _table(title, columns, connection.execute(query, [version_id]).fetchall())
        for title, (columns, query) in queries.items()
    ]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        is_right = are_numbers(row[place] for row in rows)
        table.add_column(column, overflow="fold", justify="right" if is_right else "left")
    for row in rows:
        table.add_row(*(_shown(value) for value in row))
    return table


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.1%}"
    return f"{value:,}" if not isinstance(value, str) else value
