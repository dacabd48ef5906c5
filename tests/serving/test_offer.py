"""What a target gets of persons: only what its settings say, under the names they say."""

import duckdb
import pytest

from orchestration.errors import SettingsError
from orchestration.serving.offer import offered_tables
from orchestration.serving.tables import served_tables
from orchestration.settings.serving import DuckdbTarget

KEY = "a secret of sixteen letters or more"


def _identifiers(file) -> dict[str, set[str]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            table: {found for (found,) in connection.execute(f"select customer_id from bi.{table}").fetchall()}
            for table in ("customer_segments", "customer_segment_history", "churn_reasons", "b2b_mid_band")
        }


def test_every_grain_is_of_columns_that_the_table_has():
    for table in served_tables().values():
        names = {column.name for column in table.columns}
        assert {*table.grain, *table.nullable_keys, *table.filters} <= names
        assert set(table.nullable_keys) < set(table.grain)


def test_a_pseudonym_is_the_same_in_every_table_and_another_under_another_key(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    brought_up(type="duckdb", path=file, pseudonym_key=KEY)
    first = _identifiers(file)
    assert len(set(map(frozenset, first.values()))) == 1
    assert not any(len(found) != 32 for found in first["customer_segments"])
    brought_up(type="duckdb", path=file, pseudonym_key=KEY[::-1])
    assert not first["churn_reasons"] & _identifiers(file)["churn_reasons"]


def test_what_is_left_out_is_on_no_target(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    brought_up(type="duckdb", path=file)
    brought_up(type="duckdb", path=file, leave_out=["churn_reasons", "*.customer_id", "customer_segments.region"])
    with duckdb.connect(str(file), read_only=True) as connection:
        left = connection.execute(
            "select table_name || '.' || column_name from duckdb_columns() where schema_name = 'bi'"
        ).fetchall()
    names = {name for (name,) in left}
    assert not {name for name in names if name.endswith(".customer_id") or name.startswith("churn_reasons.")}
    assert "customer_segments.region" not in names
    assert "customer_segment_history.region" in names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tables": ["customers"]}, "there is no table 'customers'"),
        ({"leave_out": ["customer_segments.salary"]}, "there is no column 'customer_segments.salary'"),
        ({"leave_out": ["value_decile"]}, "there is no table 'value_decile'"),
        ({"leave_out": ["*"]}, "there is no table"),
        ({"leave_out": ["value_deciles.version_id"]}, "cannot be left out"),
        ({"tables": ["churn_kinds"], "leave_out": ["churn_kinds"]}, "no table is left"),
    ],
)
def test_settings_that_name_what_there_is_not_are_told(settings, message):
    with pytest.raises(SettingsError, match=message):
        offered_tables("file", DuckdbTarget(path="x", **settings))
