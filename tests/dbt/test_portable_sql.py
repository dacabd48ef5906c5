"""Whether another engine could run the models, and what they must not read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import ErrorLevel, exp

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.settings import Settings


def _models(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*.sql")):
        if ".yml" not in str(file):
            yield file.stem, file.read_text()


def test_every_model_can_be_said_in_spark_sql(compiled: Path) -> None:
    problems = {}
    for name, sql in _models(compiled):
        try:
            # Reading the result back says whether it is Spark SQL at all.
            sqlglot.parse_one(
                sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)[0],
                read="spark",
            )
        except sqlglot.errors.SqlglotError as error:
            problems[name] = str(error)
    assert problems == {}


def test_no_model_calls_a_function_that_only_one_engine_knows(compiled: Path) -> None:
    # The run's identifier is a variable of the session; macros/run_scope.sql says it for each engine.
    dispatched = {"getvariable"}
    unknown = {
        name: names
        for name, sql in _models(compiled)
        if (names := {call.name for call in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Anonymous)} - dispatched)
    }
    assert unknown == {}


def test_no_feature_is_made_of_a_protected_attribute(compiled: Path) -> None:
    settings = Settings()
    manifest = json.loads(ensure_manifest(settings).read_text())
    waiting = [name for name, node in manifest["nodes"].items() if node["fqn"][1:2] == ["features"]]
    read: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name.startswith("model.") and name not in read:
            read.add(name)
            waiting += manifest["nodes"][name]["depends_on"]["nodes"]
    protected = set(settings.protected_attributes)
    users = {
        name
        for name, sql in _models(compiled)
        if f"model.segmentation.{name}" in read
        and protected & {column.name for column in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Column)}
    }
    assert len(read) > 20
    # Staging passes them on, for the description of consumers alone.
    assert users == {"stg_customers"}


def test_no_model_reads_the_clock(compiled: Path) -> None:
    clocks = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime)
    assert [name for name, sql in _models(compiled) if sqlglot.parse_one(sql, read="duckdb").find(*clocks)] == []


def test_no_window_is_of_all_rows_in_no_order(compiled: Path) -> None:
    """With several threads DuckDB 1.5.5 fails on such a window at random (duckdb issue 25713): ask in a subquery."""
    texts = dict(_models(compiled)) | {str(file): file.read_text() for file in Path("orchestration").rglob("*.py")}
    # Numbers without an order are given as rows stream by, which does not go wrong.
    of_all_rows = re.compile(r"(?<!row_number\(\) )\bover\s*\(\s*\)|\bwindow\s+\w+\s+as\s*\(\s*\)", re.IGNORECASE)
    assert of_all_rows.search("select max(x) over () from t")
    assert [name for name, text in texts.items() if of_all_rows.search(text)] == []


_COMPARISONS = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def _tables(expression: exp.Expr) -> set[str]:
    return {column.table for column in expression.find_all(exp.Column)}


def _is_hashable(condition: exp.Expr, joined: str) -> bool:
    """Whether a condition compares the joined table with what is left of it, or is about one of them alone."""
    if joined not in _tables(condition) or _tables(condition) == {joined}:
        return True
    return isinstance(condition, _COMPARISONS) and all(
        joined not in _tables(side) or _tables(side) == {joined} for side in (condition.left, condition.right)
    )


def test_outer_joins_are_on_plain_comparisons_as_others_make_them_nested_loops(compiled: Path) -> None:
    joins = [
        (name, join)
        for name, sql in _models(compiled)
        for join in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Join)
        if join.side and join.args.get("on")
    ]
    loops = [
        (name, condition.sql())
        for name, join in joins
        for condition in exp.and_(join.args["on"]).flatten()
        if not _is_hashable(condition.unnest(), join.this.alias_or_name)
    ]
    assert len(joins) > 100
    assert loops == []
