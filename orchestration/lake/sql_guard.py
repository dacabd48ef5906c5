"""SQL written by others, accepted only as a single SELECT over tables and functions known to be harmless.

DuckDB's own parser (``json_serialize_sql``) analyzes the text, and every node of the result is checked. Everything
unknown is refused: statements other than SELECT, tables that are not allowed (to DuckDB a file name is a table), table
functions that may read files, access the network or change something, and functions that reveal secrets of the session.
The connection that runs the SQL is locked down as well; see ``warehouse.lock_down``.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import duckdb

from orchestration.errors import SegmentationError

Node = dict[str, Any]
IsTable = Callable[[str, str, str], bool]

# They return rows made of their arguments only.
ROW_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
_TELLING_FUNCTIONS = frozenset({
    "current_query", "current_setting", "currval", "getenv", "getvariable", "json_serialize_plan", "nextval",
    "parse_duckdb_log_message", "pg_sleep", "setseed", "sleep_ms", "write_log",
})  # fmt: skip
_FROM = frozenset({
    "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION"
})  # fmt: skip
_WRITTEN_BY_US = "(\n{}\n)"


class RefusedSqlError(SegmentationError):
    """SQL that is refused; the message says why."""


@dataclass(frozen=True)
class Allowed:
    """What SQL may use: tables, by catalog, schema and name (``""`` if omitted), and table functions."""

    is_table: IsTable
    table_functions: Collection[str] = ROW_FUNCTIONS
    may_describe: bool = False


def require_query(sql: str, allowed: Allowed) -> None:
    """Refuse anything but a single SELECT over what is allowed.

    Raises:
        RefusedSqlError: says what the text is instead.
    """
    _look_at(_parsed(sql), allowed, frozenset())


def require_expression(sql: str) -> None:
    """Refuse anything but a single expression over the available columns.

    Raises:
        RefusedSqlError: says what the text is instead.
    """
    node = _parsed(f"select {_WRITTEN_BY_US.format(sql)}")
    is_one = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not any(node.get(part) for part in ("where_clause", "modifiers", "group_expressions", "having", "qualify"))
        and not node["cte_map"]["map"]
    )
    if not is_one:
        raise RefusedSqlError("it is more than one expression.")
    _look_at(node["select_list"], Allowed(lambda *_: False), frozenset())


def require_type(sql: str) -> None:
    """Refuse anything but the name of a type.

    Raises:
        RefusedSqlError: the text is not one.
    """
    node = _parsed(f"select cast(null as {sql})")
    (value,) = node["select_list"] if len(node["select_list"]) == 1 else ({},)
    if (
        value.get("class") != "CAST"
        or value["child"].get("class") != "CONSTANT"
        or node["from_table"]["type"] != "EMPTY"
    ):
        raise RefusedSqlError("it is not the name of a type.")


@lru_cache(maxsize=1024)
def _parsed(sql: str) -> Node:
    if "\0" in sql:
        raise RefusedSqlError("it holds a zero byte.")
    ((text,),) = _parser().execute("select json_serialize_sql(?)", [sql]).fetchall()
    found = json.loads(text)
    if found["error"]:
        message = found["error_message"]
        if "Only SELECT" in message:
            raise RefusedSqlError("it is a statement, and only a SELECT is read.")
        raise RefusedSqlError(f"{message}.")
    if len(found["statements"]) != 1:
        raise RefusedSqlError(f"it is {len(found['statements'])} statements, and only one SELECT is read.")
    node: Node = found["statements"][0]["node"]
    return node


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true", "threads": "1"})


def _look_at(node: Any, allowed: Allowed, known: frozenset[str]) -> None:
    """Check a node and everything below it; ``known`` are the names of the common table expressions in scope."""
    if isinstance(node, list):
        for each in node:
            _look_at(each, allowed, known)
        return
    if not isinstance(node, dict):
        return
    if "cte_map" in node:
        for entry in node["cte_map"]["map"]:
            query = entry["value"]["query"]
            own = {entry["key"].lower()} if query["node"].get("type") == "RECURSIVE_CTE_NODE" else set()
            _look_at(entry["value"], allowed, known | own)
            known |= {entry["key"].lower()}
    _require_allowed(node, allowed, known)
    for name, each in node.items():
        if name != "cte_map":
            _look_at(each, allowed, known)


def _require_allowed(node: Node, allowed: Allowed, known: frozenset[str]) -> None:
    if node.get("class") == "FUNCTION":
        _require_function(node)
    kind = node.get("type")
    if kind == "BASE_TABLE":
        catalog, schema, table = node["catalog_name"], node["schema_name"], node["table_name"]
        is_known = not catalog and not schema and table.lower() in known
        if not is_known and not allowed.is_table(catalog.lower(), schema.lower(), table.lower()):
            name = ".".join(part for part in (catalog, schema, table) if part)
            raise RefusedSqlError(f"{name!r} is not a table that it may read.")
    elif kind == "TABLE_FUNCTION":
        function = node["function"]
        if function["function_name"].lower() not in allowed.table_functions:
            raise RefusedSqlError(f"the table function {function['function_name']!r} is not among those it may call.")
    elif kind == "SHOW_REF" and not allowed.may_describe:
        raise RefusedSqlError("it is a statement, and only a SELECT is read.")
    elif kind == "PARAMETER" or node.get("class") == "PARAMETER":
        raise RefusedSqlError("it has a parameter, and nothing gives it a value.")
    for name in ("from_table", "left", "right", "source"):
        table = node.get(name)
        if (
            isinstance(table, dict)
            and "query_location" in table
            and "class" not in table
            and table.get("type") not in _FROM
        ):
            raise RefusedSqlError(f"it reads from {table.get('type')}, which is not known.")


def _require_function(node: Node) -> None:
    name = node["function_name"].lower()
    if node.get("catalog") or node.get("schema", "") not in {"", "main"}:
        raise RefusedSqlError(f"the function {name!r} is not one of DuckDB's own.")
    if name in _TELLING_FUNCTIONS:
        raise RefusedSqlError(f"the function {name!r} is not among those it may call.")
