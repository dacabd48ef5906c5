"""The SQL of the settings, restricted to what a mapping is: expressions over columns, or one SELECT over locations.

Whoever can write the settings decides what columns mean and nothing else: no other file, no network address, no
setting, no statement. This is checked before any of the SQL runs, and the connection that runs it is also restricted to
the locations (``opening``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from orchestration.errors import SourceError
from orchestration.lake.contract import Table
from orchestration.lake.sql_guard import (
    Allowed,
    IsTable,
    RefusedSqlError,
    require_expression,
    require_query,
    require_type,
)
from orchestration.settings import LocationSettings, SourceSettings

_SHOWN = 80
_COULD_BE_A_NAME = re.compile(r"\w[\w .:/#-]{0,60}")


def require_mapping_sql(table: Table, source: SourceSettings, locations: Mapping[str, LocationSettings]) -> None:
    """Refuse a source whose SQL is more than a mapping.

    Args:
        table: the table it fills.
        source: its columns, query, condition and cursor are checked.
        locations: those that it reads; the types that they give columns are checked.

    Raises:
        SourceError: names the setting, and says what it contains instead.
    """
    setting = f"sources.{table.name}"
    for name, expression in source.columns.items():
        _require(f"{setting}.columns.{name}", expression, require_expression)
    for number, expression in enumerate(source.cursor):
        _require(f"{setting}.cursor" + (f"[{number}]" if number else ""), expression, require_expression)
    if source.where is not None:
        _require(f"{setting}.where", source.where, require_expression)
    if source.query is not None:
        allowed = Allowed(_is_table_of(locations))
        _require(f"{setting}.query", source.query.strip().rstrip(";"), lambda sql: require_query(sql, allowed))
    for name, location in locations.items():
        for column, kind in location.columns.items():
            _require(f"locations.{name}.columns.{column}", kind, require_type)


def _is_table_of(locations: Mapping[str, LocationSettings]) -> IsTable:
    files = {name for name, location in locations.items() if not location.database}
    databases = locations.keys() - files

    def is_table(catalog: str, schema: str, table: str) -> bool:
        if not catalog and not schema:
            return table in files
        return (catalog or schema) in databases

    return is_table


def _require(setting: str, sql: str, require: Callable[[str], None]) -> None:
    with _named(setting, sql):
        require(sql)


@contextmanager
def _named(setting: str, sql: str) -> Iterator[None]:
    try:
        yield
    except RefusedSqlError as error:
        text = " ".join(sql.split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        kind = (
            "one SELECT over the named locations" if setting.endswith(".query") else "one expression over the columns"
        )
        # A reserved word, or a name with blanks or signs, is a column only in double quotes.
        quoted = f" If it is the name of a column, write '\"{text}\"'." if _COULD_BE_A_NAME.fullmatch(text) else ""
        raise SourceError(
            f"{setting}: {shown!r} is refused: {error} It must be {kind} of the source.{quoted}"
        ) from error
