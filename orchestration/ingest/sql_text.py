"""Values and options as SQL of DuckDB."""

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.errors import SourceError


def describe(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Return the columns and types of a query, in order."""
    return {row[0]: row[1] for row in connection.execute(f"describe {query}").fetchall()}


def sql_text(value: str) -> str:
    """Return the value as a SQL string.

    Raises:
        SourceError: it contains a zero byte, which SQL cannot.
    """
    if "\0" in value:
        raise SourceError(f"{value!r} holds a zero byte.")
    return "'" + value.replace("'", "''") + "'"


def sql_name(value: str) -> str:
    """Return the value as a SQL name."""
    return '"' + value.replace('"', '""') + '"'


def without_patterns(path: str) -> str:
    """Escape a path that has been found, so that it is not taken for a pattern again."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def rendered(options: Mapping[str, Any]) -> str:
    """Return options as arguments of a table function, each after a comma.

    Raises:
        SourceError: a name is not that of an option.
    """
    return "".join(f", {_name(name)} = {_value(value)}" for name, value in options.items())


def _name(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise SourceError(f"{name!r} is not the name of a reader option.")
    return name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{sql_text(key)}: {_value(item)}" for key, item in value.items()) + "}"
    return sql_text(str(value))
