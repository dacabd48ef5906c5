"""dbt's statements on one connection: what is committed when, in a real lake."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from dbt_common.exceptions import DbtRuntimeError

from orchestration.dagster_support import dbt_plugin
from orchestration.dagster_support.dbt_session import Session, written_database
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings

VIEW = 'create or replace view "lake"."bi"."{0}" as (select 1 as n);'
TABLE = 'create table "lake"."segments"."{0}" (n integer);'
WORKSPACE_TABLE = 'create table "workspace"."main"."{0}" as (select 1 as n);'


@dataclass
class Connected:
    warehouse: Warehouse
    session: Session

    def node(self, *statements: str) -> None:
        """Do what dbt does for a node that commits."""
        for statement in ("BEGIN", *statements, "COMMIT"):
            self.session.execute(statement)

    def relations(self) -> set[str]:
        """What a reader beside the session finds."""
        with self.warehouse.reader() as connection:
            return {
                name
                for (name,) in connection.execute(
                    "select table_name from information_schema.tables where table_schema in ('bi', 'segments')"
                ).fetchall()
            }

    def commits(self) -> int:
        with self.warehouse.reader() as connection:
            row = connection.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
            assert row
            return int(row[0])


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Connected]:
    warehouse = Warehouse(WarehouseSettings.model_validate({"path": tmp_path / "lake", "threads": 1}))
    dbt_plugin.begin()
    with warehouse.writer() as connection:
        connection.execute(f"attach '{tmp_path / 'workspace.duckdb'}' as workspace")
        yield Connected(warehouse, Session(connection, "lake"))


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ('/* {"node_id": "a"} */\n\n  create or replace view "lake"."bi"."v" as (select 1)', ("lake", True)),
        ('-- why\ncreate table\n  "workspace"."main"."t"\n as (select * from "lake"."bi"."v")', ("workspace", False)),
        ('comment on view "lake"."bi"."v" is $$ of a "table" $$', ("lake", True)),
        ('alter table "lake"."bi"."t" set partitioned by (n); insert into "lake"."bi"."t" select 1', ("lake", False)),
        ('create schema if not exists "lake"."bi"', ("lake", False)),
        ('COPY "workspace"."intermediate"."seed" from \'seed.csv\'', ("workspace", False)),
        ('create temporary table "t__dbt_tmp1" as (select * from "lake"."bi"."v")', None),
        ('select * from "lake"."bi"."v" -- create table "workspace"."main"."t"', None),
        ('describe (select * from "lake"."bi"."v")', None),
    ],
)
def test_what_a_statement_writes_to_is_read_from_it(sql: str, written: tuple[str, bool] | None) -> None:
    assert written_database(sql) == written


def test_views_are_committed_together(connected: Connected) -> None:
    before = connected.commits()
    for name in ("first", "second"):
        connected.node(VIEW.format(name), f'comment on view "lake"."bi"."{name}" is $$what it shows$$;')
        connected.session.execute("BEGIN")
        connected.session.execute(f'select * from "lake"."bi"."{name}"')  # a test of it, which dbt then rolls back
        connected.session.rollback()
    assert connected.relations() == set()
    connected.session.finish()
    assert connected.relations() == {"first", "second"}
    assert connected.commits() == before + 1


def test_a_table_is_one_commit_with_all_that_belongs_to_it(connected: Connected) -> None:
    before = connected.commits()
    # As dbt-duckdb makes a table with partitions: it begins a transaction only for the comments.
    connected.session.execute(
        TABLE.format("t") + 'alter table "lake"."segments"."t" set partitioned by (n);'
        ' insert into "lake"."segments"."t" select i // 100 from range(200) as rows (i);'
    )
    connected.node('comment on table "lake"."segments"."t" is $$what it holds$$;')
    assert connected.relations() == {"t"}
    assert connected.commits() == before + 1
    with connected.warehouse.reader() as connection:
        assert connection.execute("select sum(n) from segments.t").fetchall() == [(100,)]
        comments = "select comment from duckdb_tables() where table_name = 't' and database_name = 'lake'"
        assert connection.execute(comments).fetchall() == [("what it holds",)]
        files = connection.execute("select count(*) from ducklake_list_files('lake', 't', schema => 'segments')")
        assert files.fetchall() == [(2,)]


def test_an_empty_table_is_known_to_be_empty(connected: Connected) -> None:
    connected.node(TABLE.format("t"))
    with connected.warehouse.reader() as connection:
        assert connection.execute("from segments.t").fetchall() == []
        known = connection.execute("select record_count from __ducklake_metadata_lake.ducklake_table_stats")
        assert known.fetchall() == [(0,)]


def test_what_waits_is_committed_before_another_database_is_written_to(connected: Connected) -> None:
    connected.node(VIEW.format("v"))
    connected.session.execute(WORKSPACE_TABLE.format("w"))
    assert connected.relations() == {"v"}
    connected.node(TABLE.format("t"))
    assert connected.relations() == {"v", "t"}
    assert connected.session.execute('from "workspace"."main"."w"').fetchall() == [(1,)]


def test_temporary_tables_of_a_node_go_with_it(connected: Connected) -> None:
    connected.session.execute('create temporary table "rows__dbt_tmp" as (select 1 as n);')
    connected.node(TABLE.format("t"), 'insert into "lake"."segments"."t" from "rows__dbt_tmp"')
    connected.session.close()
    assert connected.session.execute("select count(*) from duckdb_tables() where temporary").fetchall() == [(0,)]
    assert connected.session.execute('from "lake"."segments"."t"').fetchall() == [(1,)]


def test_a_node_that_fails_leaves_nothing_and_what_was_committed_stays(connected: Connected) -> None:
    connected.node(TABLE.format("kept"))
    connected.session.execute("BEGIN")
    connected.session.execute(TABLE.format("half_made"))
    with pytest.raises(duckdb.Error):
        connected.session.execute('insert into "lake"."segments"."half_made" select no_such_column')
    connected.session.rollback()
    connected.node(TABLE.format("next"))
    connected.session.finish()
    assert connected.relations() == {"kept", "next"}


def test_views_that_a_later_failure_undoes_fail_the_command(connected: Connected) -> None:
    connected.node(VIEW.format("v"))
    connected.session.execute("BEGIN")
    with pytest.raises(duckdb.Error):
        connected.session.execute("select no_such_column")
    connected.session.rollback()
    with pytest.raises(DbtRuntimeError, match="views were undone"):
        connected.session.finish()
    assert connected.relations() == set()


def test_after_an_interrupt_nothing_is_executed_or_committed(connected: Connected) -> None:
    connected.node(VIEW.format("v"))
    dbt_plugin.interrupt()
    with pytest.raises(RuntimeError, match="interrupted"):
        connected.session.execute("select 1")
    with pytest.raises(RuntimeError, match="interrupted"):
        connected.session.finish()
    dbt_plugin.begin()
    assert connected.relations() == set()
