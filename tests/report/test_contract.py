"""The literal lake of these tests has to look like the real one."""

from pathlib import Path

import duckdb
import yaml

from orchestration.lake.contract import OPS_TABLES
from orchestration.segments.versions import REGISTRY_COLUMNS

_MODELS = Path(__file__).parents[2] / "dbt_project" / "models"
DECLARATIONS = (_MODELS / "bi" / "_bi.yml", _MODELS / "actions" / "_sources.yml")


def test_the_views_of_these_tests_have_only_columns_of_the_published_views(
    empty_lake: duckdb.DuckDBPyConnection,
) -> None:
    declared = {
        model["name"].removeprefix("bi__"): {column["name"] for column in model["columns"]}
        for file in DECLARATIONS
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    }
    for table, columns in _columns(empty_lake, "bi").items():
        assert columns <= declared[table], table


def test_the_registry_of_these_tests_is_the_registry(empty_lake: duckdb.DuckDBPyConnection) -> None:
    assert _columns(empty_lake, "segments")["versions"] == set(REGISTRY_COLUMNS)


def test_the_records_of_these_tests_have_only_columns_of_the_real_ones(
    empty_lake: duckdb.DuckDBPyConnection,
) -> None:
    for table, columns in _columns(empty_lake, "ops").items():
        assert columns <= set(OPS_TABLES[table]), table


def _columns(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, set[str]]:
    rows = connection.execute(
        "select table_name, list(column_name) from information_schema.columns where table_schema = ? group by 1",
        [schema],
    ).fetchall()
    return {table: set(columns) for table, columns in rows}
