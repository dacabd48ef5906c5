"""Types of JSON fields given to DuckDB, which guesses too much.

Text that looks like a time or a UUID stays text. A whole number longer than any integer type is an identifier, which
DuckDB takes for a double and rounds: if a file has one, the field stays as written. All other types are as guessed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from orchestration.ingest.sql_text import rendered, sql_name, sql_text, without_patterns

Place = tuple[str, ...]
"""Names from the column inward; the elements of a list or a map are called ``_WITHIN``."""
_WITHIN = ""
_GUESSED_FROM_TEXT = re.compile(r"DATE|TIME.*|UUID")
# From 2^53 on, which has 16 digits, one double represents several whole numbers.
_LONG = r"-?\d{16,}"


def told_types(
    connection: duckdb.DuckDBPyConnection, path: str, types: Mapping[str, DuckDBPyType], options: Mapping[str, Any]
) -> dict[str, str]:
    """Return the types with which to read a file's columns, as SQL.

    Args:
        connection: reads the file once more if it has doubles.
        path: the file.
        types: of its columns, as guessed by DuckDB.
        options: of the reader.
    """
    long = _long_numbers(connection, path, types, options)

    def told(kind: DuckDBPyType, place: Place) -> str:
        return "varchar" if place in long or _GUESSED_FROM_TEXT.fullmatch(str(kind)) else str(kind)

    return {name: _as_sql(kind, (name,), told) for name, kind in types.items()}


def _long_numbers(
    connection: duckdb.DuckDBPyConnection, path: str, types: Mapping[str, DuckDBPyType], options: Mapping[str, Any]
) -> Set[Place]:
    doubles = [found for name, kind in types.items() for found in _doubles(kind, (name,), sql_name(name))]
    if not doubles:
        return frozenset()
    names = {place[0] for place, _ in doubles}
    columns = {
        name: _as_sql(kind, (name,), lambda leaf, _: "varchar" if leaf.id == "double" else str(leaf))
        for name, kind in types.items()
        if name in names
    }
    selected = ", ".join(f"coalesce(bool_or({condition}), false)" for _, condition in doubles)
    reader = f"read_json([{sql_text(without_patterns(path))}]{rendered({**options, 'columns': columns})})"
    found = connection.execute(f"select {selected} from {reader}").fetchall()[0]
    return {place for (place, _), is_long in zip(doubles, found, strict=True) if is_long}


def _doubles(kind: DuckDBPyType, place: Place, value: str) -> Iterator[tuple[Place, str]]:
    """Yield the place of each double, with SQL of whether ``value``, read as text, has a long number there."""
    if kind.id == "double":
        yield place, f"regexp_full_match({value}, '{_LONG}')"
    elif kind.id == "struct":
        for name, child in kind.children:
            if isinstance(child, DuckDBPyType):
                yield from _doubles(child, (*place, name), f"{value}.{sql_name(name)}")
    elif kind.id in {"list", "map"}:
        item = f"item_{len(place)}"
        values = f"map_values({value})" if kind.id == "map" else value
        for within, condition in _doubles(_held(kind), (*place, _WITHIN), item):
            yield within, f"list_bool_or(list_transform({values}, lambda {item}: {condition}))"


def _as_sql(kind: DuckDBPyType, place: Place, leaf: Callable[[DuckDBPyType, Place], str]) -> str:
    if kind.id == "list":
        return f"{_as_sql(_held(kind), (*place, _WITHIN), leaf)}[]"
    if kind.id == "map":
        key = next(child for name, child in kind.children if name == "key" and isinstance(child, DuckDBPyType))
        return f"map({_as_sql(key, place, leaf)}, {_as_sql(_held(kind), (*place, _WITHIN), leaf)})"
    if kind.id == "struct":
        fields = ", ".join(
            f"{sql_name(name)} {_as_sql(child, (*place, name), leaf)}"
            for name, child in kind.children
            if isinstance(child, DuckDBPyType)
        )
        return f"struct({fields})"
    return leaf(kind, place)


def _held(kind: DuckDBPyType) -> DuckDBPyType:
    """Return the type of the elements of a list or a map, its last child."""
    child = kind.children[-1][1]
    assert isinstance(child, DuckDBPyType)
    return child
