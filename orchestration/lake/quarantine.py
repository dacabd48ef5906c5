"""Quarantined rows, counted by table, reason and column, each with an example that can be located."""

from collections.abc import Sequence
from typing import Any

import duckdb

SUMMARY_COLUMNS = ("source_table", "reason", "column_name", "rows", "example", "place")
ROW_COLUMNS = ("source_table", "reason", "column_name", "value", "place", "load_id", "row_json")
# Rows of text files have a line, others only a position; a line that cannot be parsed has no position.
PLACE = """
    case
        when file is null then 'query' || coalesce(', row ' || row_number, '')
        else file || coalesce(':' || line, ', row ' || row_number, '')
    end
"""


def summary(
    connection: duckdb.DuckDBPyConnection, table: str | None = None, reason: str | None = None
) -> list[tuple[Any, ...]]:
    """Return one row of ``SUMMARY_COLUMNS`` per table, reason and column; the most frequent of a table first."""
    return connection.execute(
        f"""
        select source_table, reason, column_name, count(*) as rows,
            arg_min(value, (load_id, row_number)) as example, arg_min({PLACE}, (load_id, row_number)) as place
        from ops.quarantine
        where source_table = coalesce($table, source_table) and reason = coalesce($reason, reason)
        group by all
        order by source_table, rows desc, reason, column_name
        """,
        {"table": table, "reason": reason},
    ).fetchall()


def rows(
    connection: duckdb.DuckDBPyConnection, limit: int, table: str | None = None, reason: str | None = None
) -> list[tuple[Any, ...]]:
    """Return up to ``limit`` complete rows, of ``ROW_COLUMNS``, in the order they were read."""
    return connection.execute(
        f"""
        select source_table, reason, column_name, value, {PLACE} as place, load_id, row_json
        from ops.quarantine
        where source_table = coalesce($table, source_table) and reason = coalesce($reason, reason)
        order by source_table, load_id, row_number
        limit $limit
        """,
        {"table": table, "reason": reason, "limit": limit},
    ).fetchall()


def commonest_reasons(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Describe the three most frequent reasons of a table, with an example each."""
    said = [
        f"{count:,} × {reason}"
        + (f" in {column}" if column else "")
        + (f" (for example {shorten(example)!r} at " if example is not None else " (for example at ")
        + f"{file_name(place)})"
        for _, reason, column, count, example, place in summary(connection, table)[:3]
    ]
    return f"Commonest reasons: {'; '.join(said)}." if said else ""


def as_markdown(found: Sequence[Sequence[Any]]) -> str:
    """Return rows of ``summary`` as a Markdown table for the UI."""
    if not found:
        return "No row is in quarantine."
    lines = ["| reason | column | rows | example | where |", "|---|---|---:|---|---|"]
    for _, reason, column, count, example, place in found:
        cells = (reason, column, f"{count:,}", shorten(example), file_name(place))
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines)


def shorten(value: str | None, length: int = 60) -> str | None:
    """Shorten a value that would fill the screen, such as an unparsable line."""
    return value if value is None or len(value) <= length else value[: length - 1] + "…"


def file_name(place: str) -> str:
    """Return a place without the folders of its file."""
    return place.rsplit("/", 1)[-1]


def _cell(value: str | None) -> str:
    return "–" if value is None else value.replace("|", "\\|").replace("\n", " ")
