"""The lake and the workspace of a run, read as one."""

import duckdb
import pytest

from orchestration.lake.built_views import note_views, views_are_outdated
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse, second_cursor
from orchestration.settings import WarehouseSettings


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    warehouse = Warehouse(WarehouseSettings(path=tmp_path / "lake", threads=1))
    with warehouse.writer() as connection:
        ensure_tables(connection)
        connection.execute("create table intermediate.kept as select 'lake' as place")
    warehouse.workspace_file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse.workspace_file)) as connection:
        connection.execute("create schema intermediate; create table intermediate.own as select 'workspace' as place")
    return warehouse


def test_a_name_is_that_of_the_lake_or_of_the_workspace_and_what_is_made_is_made_in_the_lake(warehouse):
    both = "select place from intermediate.kept union all select place from intermediate.own order by all"
    with warehouse.writer() as connection:
        assert connection.execute(both).fetchall() == [("lake",), ("workspace",)]
        assert second_cursor(connection).execute(both).fetchall() == [("lake",), ("workspace",)]
        connection.execute("create table intermediate.made as select 1 as n")
    warehouse.discard_workspace()
    with warehouse.reader() as connection:
        assert connection.execute("select n from lake.intermediate.made").fetchall() == [(1,)]


def test_a_workspace_that_was_killed_half_made_is_in_nobodys_way(warehouse):
    warehouse.workspace_file.write_bytes(b"half made")
    with warehouse.writer() as connection:
        assert second_cursor(connection).execute("select place from intermediate.kept").fetchall() == [("lake",)]


def test_views_are_outdated_where_there_are_any_and_others_were_noted(warehouse):
    with warehouse.writer() as connection:
        assert not views_are_outdated(connection, "this release")
        connection.execute("create view bi.anything as select 1 as n")
        assert views_are_outdated(connection, "this release")
        note_views(connection, "this release")
        assert not views_are_outdated(connection, "this release")
        assert views_are_outdated(connection, "the next")
