"""What dlt loads: the same tables, with their types and their values to the digit, brought up by version."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest
import sqlalchemy

from benchmarks.published_lakes import make_lake
from orchestration.errors import ServingError
from orchestration.serving.tables import served_tables
from tests.serving.conftest import DECEMBER, NOVEMBER, bring_up, serving

pytest.importorskip("dlt", reason="the extra dlt is not installed")
pytestmark = pytest.mark.slow

FEW = ("segmentation_versions", "customer_segments", "customer_segment_history", "value_deciles")


@pytest.fixture
def served(mariadb: str) -> Iterator[dict[str, str]]:
    """Settings of a target on a MariaDB server, in a database of its own."""
    client = ["mariadb", "--no-defaults", "-u", "root", "-S", mariadb, "-e"]
    subprocess.run([*client, "drop database if exists segments; create database segments"], check=True)
    yield {
        "type": "dlt",
        "destination": "sqlalchemy",
        "dataset": "segments",
        # Over a socket; else its client would read every certificate of the machine for each connection.
        "credentials": f"mysql+pymysql://root@localhost/segments?unix_socket={mariadb}&ssl_disabled=true",
    }
    subprocess.run([*client, "drop database if exists segments"], check=True)


def _rows(target: dict[str, str], sql: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(target["credentials"])
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(sql))]


def _counts(target: dict[str, str], table: str) -> Counter[object]:
    """Return the number of rows of each version."""
    return Counter(dict(_rows(target, f"select version_id, count(*) from {table} group by 1")))


def _as_mariadb_has_it(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


@pytest.mark.parametrize("table", ["customer_segment_history", "segmentation_versions", "value_deciles"])
def test_values_are_those_of_the_lake_to_the_digit(whole_lake, served, table):
    bring_up(whole_lake, tables=[table], **served)
    declared = served_tables()[table]
    columns = ", ".join(f"`{column.name}`" for column in declared.columns)
    found = _rows(served, f"select {columns} from {table}")
    expected = [tuple(map(_as_mariadb_has_it, row)) for row in whole_lake.rows(table)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def _versions(target: dict[str, str], table: str = "customer_segment_history") -> set[str]:
    return {version for (version,) in _rows(target, f"select distinct version_id from {table}")}


def test_a_version_moves_alone_and_a_withdrawn_one_goes_and_comes_back(lake, served):
    bring_up(lake, **served | {"tables": FEW})
    lake.publish(DECEMBER, seed=2)
    assert bring_up(lake, **served | {"tables": FEW}).written == (DECEMBER, "current")
    assert _versions(served) == {NOVEMBER, DECEMBER}
    assert _versions(served, "customer_segments") == {DECEMBER}
    lake.withdraw(DECEMBER)
    bring_up(lake, **served | {"tables": FEW})
    assert _versions(served) == _versions(served, "customer_segments") == {NOVEMBER}
    lake.restore(DECEMBER)
    bring_up(lake, **served | {"tables": FEW})
    assert _versions(served) == {NOVEMBER, DECEMBER}
    assert not bring_up(lake, **served | {"tables": FEW}).is_changed


def test_what_is_no_longer_served_is_emptied(lake, served):
    bring_up(lake, **served | {"tables": FEW})
    bring_up(lake, **served | {"tables": FEW[:3], "leave_out": ["customer_segment_history.total_value"]})
    assert _rows(served, "select count(*) from value_deciles") == [(0,)]
    assert _rows(served, "select count(total_value) from customer_segment_history") == [(0,)]
    assert _rows(served, "select count(*) from customer_segment_history") == [(40,)]


def test_a_table_that_refuses_keeps_what_it_had_and_is_brought_up_next_time(lake, served):
    bring_up(lake, **served | {"tables": FEW})
    before = _rows(served, "select * from value_deciles order by 1, 2, 3, 4")
    lake.publish(DECEMBER, seed=2)
    engine = sqlalchemy.create_engine(served["credentials"])
    with engine.connect() as connection:
        refuse = f"alter table value_deciles add constraint refuses check (version_id <> '{DECEMBER}')"
        connection.execute(sqlalchemy.text(refuse))
    with pytest.raises(ServingError, match="continues from there"):
        bring_up(lake, **served | {"tables": FEW})
    assert _rows(served, "select * from value_deciles order by 1, 2, 3, 4") == before
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("alter table value_deciles drop constraint refuses"))
    bring_up(lake, **served | {"tables": FEW})
    assert _versions(served) == _versions(served, "value_deciles") == {NOVEMBER, DECEMBER}


def test_a_load_that_is_killed_leaves_every_table_whole_and_the_next_one_ends_it(lake, served):
    """Killed while one table waits for its turn and others may have moved already."""
    bring_up(lake, **served | {"tables": FEW})
    before = {table: _counts(served, table) for table in FEW}
    lake.publish(DECEMBER, seed=2)
    published = {table: Counter(row[0] for row in lake.rows(table)) for table in FEW}
    engine = sqlalchemy.create_engine(served["credentials"])
    with engine.connect() as blocker:
        blocker.execute(sqlalchemy.text("lock tables value_deciles read"))
        process = serving(lake, **served | {"tables": FEW})
        waiting = "select count(*) from information_schema.processlist where state like 'Waiting for table%lock'"
        while _rows(served, waiting) == [(0,)]:
            assert process.is_running, process.lines.read()
            time.sleep(0.1)
        process.kill()
        blocker.execute(sqlalchemy.text("unlock tables"))
    after = {table: _counts(served, table) for table in FEW}
    assert all(after[table] in (before[table], published[table]) for table in FEW), after
    assert after["value_deciles"] == before["value_deciles"]
    bring_up(lake, **served | {"tables": FEW})
    assert _versions(served) == _versions(served, "value_deciles") == {NOVEMBER, DECEMBER}
    assert not bring_up(lake, **served | {"tables": FEW}).is_changed


def test_a_server_that_is_out_of_reach_is_told_without_its_password(lake, tmp_path):
    with pytest.raises(ServingError, match="was not updated") as raised:
        bring_up(
            lake,
            type="dlt",
            destination="sqlalchemy",
            credentials=f"mysql+pymysql://root:hidden-word@localhost/bi?unix_socket={tmp_path}/none",
        )
    assert "hidden-word" not in str(raised.value)


def test_periods_that_close_leave_none_open(tmp_path):
    """Of a table whose rows have no date yet, and of another destination: dlt's DuckDB."""
    lake = make_lake(tmp_path / "lake", ("segmentation_versions", "customer_segment_periods"))
    lake.publish(NOVEMBER)
    target = {"type": "dlt", "destination": "duckdb", "credentials": str(tmp_path / "served.duckdb")}
    bring_up(lake, **target)
    with lake.warehouse.writer() as connection:
        connection.execute(
            "update segments.rows_customer_segment_periods set valid_to = date '2030-01-01' where valid_to is null"
        )
    assert bring_up(lake, **target).deleted == ("open",)
    with duckdb.connect(str(tmp_path / "served.duckdb"), read_only=True) as connection:
        found = connection.execute("select count(*), count(valid_to) from bi.customer_segment_periods").fetchall()
    assert found == [(40, 40)]
