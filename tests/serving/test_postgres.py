"""PostgreSQL: everything of a publish at once, with what others built on the tables left as it is."""

import subprocess
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy

from orchestration.errors import ServingError
from orchestration.ingest.reading.databases import attach
from orchestration.serving.tables import served_tables
from orchestration.settings.sources import LocationSettings
from tests.serving.conftest import DECEMBER, FEW, NOVEMBER, bring_up, serving

pytestmark = pytest.mark.slow

LATEST = "select max(version_id), count(*), sum(total_value) from bi.customer_segments"


@pytest.fixture
def database(postgres_database: str) -> str:
    return postgres_database


@pytest.fixture
def client(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def _all(connection: psycopg.Connection, sql: str) -> list[tuple]:
    return connection.execute(sql).fetchall()


def test_values_are_those_of_the_lake_to_the_digit(whole_lake, database):
    bring_up(whole_lake, type="postgres", connection=database)
    with whole_lake.warehouse.reader() as connection:
        attach(connection, "served", LocationSettings(database="postgres", connection=database))
        unequal = [
            table
            for table in served_tables()
            if connection.execute(
                f"select (select count(*) from bi.{table}) - (select count(*) from served.bi.{table}), "
                f"(select count(*) from (from bi.{table} except all from served.bi.{table}))"
            ).fetchone()
            != (0, 0)
        ]
    assert unequal == []


def test_tables_say_what_they_are_and_find_rows_by_key(whole_lake, database, client):
    bring_up(whole_lake, type="postgres", connection=database)
    types = dict(
        _all(
            client,
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'bi.customer_segments'::regclass and attnum > 0",
        )
    )
    assert {types[name] for name in ("total_value", "is_open", "first_start_date", "tenure_months", "gb_month_3m")} == {
        *("numeric(18,2)", "boolean", "date", "integer", "double precision")
    }
    assert _all(client, "select col_description('bi.customer_segments'::regclass, 3)") == [("Customer.",)]
    keys = dict(
        _all(
            client,
            "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
            " where contype = 'p' and connamespace = 'bi'::regnamespace",
        )
    )
    assert keys["bi.customer_segment_history"] == "PRIMARY KEY (version_id, customer_id)"
    assert {f"bi.{table.name}" for table in served_tables().values() if not table.nullable_keys} <= keys.keys()
    foreign = _all(
        client,
        "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint"
        " where contype = 'f' and convalidated",
    )
    assert len(foreign) > len(served_tables()) / 2
    # One reference per row: what refers to a customer of a version refers to the version through it.
    assert ("bi.churn_reasons", "bi.customer_segment_history") in foreign
    assert ("bi.customer_segment_history", "bi.segmentation_versions") in foreign
    assert len({child for child, _ in foreign}) == len(foreign)


def test_a_new_version_moves_nothing_of_the_older_ones(lake, brought_up, database, client):
    brought_up(type="postgres", connection=database)
    written_by = f"select distinct xmin::text from bi.customer_segment_history where version_id = '{NOVEMBER}'"
    before = _all(client, written_by)
    lake.publish(DECEMBER, seed=2)
    served = brought_up(type="postgres", connection=database)
    assert _all(client, written_by) == before
    assert served.written == (DECEMBER, "current")
    assert _all(client, "select max(version_id) from bi.customer_segments") == [(DECEMBER,)]


def test_a_withdrawn_version_goes_and_comes_back(lake, brought_up, database, client):
    lake.publish(DECEMBER, seed=2)
    brought_up(type="postgres", connection=database)
    both = _all(client, LATEST)
    lake.withdraw(DECEMBER)
    brought_up(type="postgres", connection=database)
    left = [table for table in FEW if _all(client, f"select 1 from bi.{table} where version_id = '{DECEMBER}' limit 1")]
    assert left == ["segmentation_versions"]
    lake.restore(DECEMBER)
    brought_up(type="postgres", connection=database)
    assert _all(client, LATEST) == both
    lake.withdraw(DECEMBER)
    lake.prune(DECEMBER)
    brought_up(type="postgres", connection=database)
    assert _all(client, "select distinct version_id from bi.customer_segment_history") == [(NOVEMBER,)]
    assert _all(client, f"select status from bi.segmentation_versions where version_id = '{DECEMBER}'") == [("pruned",)]


def test_views_grants_and_sessions_of_others_survive(lake, brought_up, database, client):
    brought_up(type="postgres", connection=database)
    client.execute("create role marketing")
    client.execute("grant usage on schema bi to marketing")
    client.execute("grant select on bi.customer_segments to marketing")
    client.execute("revoke select on bi.value_deciles from bi_reader")
    client.execute("create view public.best as select * from bi.customer_segments where value_decile = 10")
    client.execute("alter table bi.customer_segments enable row level security")
    client.execute("create policy own on bi.customer_segments for select to bi_reader using (is_open)")
    client.execute("prepare latest as select max(version_id) from bi.customer_segments")
    with psycopg.connect(database) as idle:
        idle.execute("set transaction isolation level repeatable read")
        seen = idle.execute(LATEST).fetchall()
        lake.publish(DECEMBER, seed=2)
        brought_up(type="postgres", connection=database)
        assert idle.execute(LATEST).fetchall() == seen, "a transaction that was open keeps what it saw"
    assert _all(client, "execute latest") == [(DECEMBER,)]
    assert {version for (version,) in _all(client, "select version_id from public.best")} == {DECEMBER}
    assert _all(client, "select has_table_privilege('marketing', 'bi.customer_segments', 'select')") == [(True,)]
    assert _all(client, "select has_table_privilege('bi_reader', 'bi.value_deciles', 'select')") == [(False,)]
    client.execute("set role bi_reader")
    assert _all(client, "select bool_and(is_open) from bi.customer_segments") == [(True,)]
    client.execute("reset role")
    client.execute("drop owned by marketing; drop role marketing")


def test_readers_may_read_and_nothing_else(brought_up, database, client):
    brought_up(type="postgres", connection=database)
    client.execute("set role bi_reader")
    assert _all(client, "select count(*) from bi.customer_segments") == [(40,)]
    for refused in ("delete from bi.customer_segments", "create table bi.own (a int)", "truncate bi.value_deciles"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute(refused)


def test_a_column_that_an_upgrade_adds_comes_filled_while_a_view_leans_on_the_table(brought_up, database, client):
    brought_up(type="postgres", connection=database, leave_out=["customer_segment_history.total_value"])
    client.execute(
        "create view public.stages as select lifecycle_stage, count(*) from bi.customer_segment_history group by 1"
    )
    brought_up(type="postgres", connection=database)
    assert _all(client, "select count(total_value) > 0 from bi.customer_segment_history") == [(True,)]
    assert _all(client, "select count(*) > 0 from public.stages") == [(True,)]


def test_what_is_no_longer_served_is_emptied_and_not_dropped(brought_up, database, client):
    brought_up(type="postgres", connection=database)
    client.execute("create view public.reasons as select * from bi.churn_reasons")
    brought_up(
        type="postgres",
        connection=database,
        leave_out=["churn_reasons", "customer_segment_history", "customer_segments", "*.monthly_fee"],
    )
    for table in ("churn_reasons", "customer_segment_history", "customer_segments"):
        assert _all(client, f"select count(*) from bi.{table}") == [(0,)]
    assert _all(client, "select count(monthly_fee) from bi.b2b_mid_band") == [(0,)]


def test_a_publish_that_is_killed_leaves_the_old_state_and_the_next_one_catches_up(lake, brought_up, database, client):
    brought_up(type="postgres", connection=database)
    before = _all(client, LATEST)
    lake.publish(DECEMBER, seed=2)
    with psycopg.connect(database) as blocker:
        # Everything is loaded when the record is written, and nothing is committed.
        blocker.execute("lock table bi.served_parts in share mode")
        process = serving(lake, type="postgres", connection=database)
        waiting = "select count(*) from pg_locks where relation = 'bi.served_parts'::regclass and not granted"
        while _all(client, waiting) == [(0,)]:
            assert process.is_running, process.lines.read()
            time.sleep(0.1)
        process.kill()
    assert _all(client, LATEST) == before
    brought_up(type="postgres", connection=database)
    assert _all(client, "select max(version_id) from bi.customer_segments") == [(DECEMBER,)]


def test_a_first_load_that_is_refused_while_keys_are_built_leaves_nothing_and_the_next_one_is_whole(
    brought_up, database, client
):
    client.execute("create schema bi; create table bi.customer_segment_history_customer_id_idx (name_taken int)")
    with pytest.raises(ServingError, match="already exists"):
        brought_up(type="postgres", connection=database)
    left = "select relname from pg_class where relnamespace = 'bi'::regnamespace and relkind = 'r' order by 1"
    assert _all(client, left) == [("customer_segment_history_customer_id_idx",), ("served_parts",)]
    client.execute("drop table bi.customer_segment_history_customer_id_idx")
    assert brought_up(type="postgres", connection=database).written == ("2025-11-30.1", "current")


def test_a_server_that_was_down_catches_up_with_all_it_missed(lake, brought_up, database, postgres_server):
    brought_up(type="postgres", connection=database)
    postgres_server.stop()
    try:
        lake.publish(DECEMBER, seed=2)
        with pytest.raises(ServingError, match="Its contents are unchanged"):
            brought_up(type="postgres", connection=database)
        lake.withdraw(NOVEMBER)
        lake.publish("2026-01-31.1", seed=3)
    finally:
        postgres_server.start()
    served = brought_up(type="postgres", connection=database)
    assert served.written == (NOVEMBER, DECEMBER, "2026-01-31.1", "current")
    with psycopg.connect(database) as client:
        found = _all(client, "select distinct version_id from bi.customer_segment_history order by 1")
    assert found == [(DECEMBER,), ("2026-01-31.1",)]


def test_rows_that_somebody_changed_by_hand_are_told(lake, brought_up, database, client):
    brought_up(type="postgres", connection=database)
    client.execute("update bi.value_deciles set total_value = total_value + 0.01 where value_decile = 2")
    with pytest.raises(AssertionError, match=r"value_deciles of 2025-11-30\.1: sum of total_value"):
        brought_up(type="postgres", connection=database)


def test_a_new_version_is_compared_in_full_and_older_ones_by_their_rows_until_nothing_moves(
    lake, brought_up, database, client
):
    brought_up(type="postgres", connection=database)
    client.execute("update bi.customer_segment_history set total_value = total_value + 0.01")
    lake.publish(DECEMBER)
    brought_up(type="postgres", connection=database)
    with pytest.raises(AssertionError, match=r"customer_segment_history of 2025-11-30\.1: sum of total_value"):
        brought_up(type="postgres", connection=database)
    client.execute("delete from bi.churn_reasons where customer_id = 'c00001' and version_id = '2025-11-30.1'")
    lake.publish("2026-01-31.1")
    with pytest.raises(AssertionError, match=r"churn_reasons of 2025-11-30\.1: 40 rows in the lake, 39 on the target"):
        brought_up(type="postgres", connection=database)


def test_readers_never_fail_and_never_see_two_versions_at_once(lake, brought_up, database):
    """A reduced form of ``benchmarks/serving.py``."""
    brought_up(type="postgres", connection=database)
    query = (
        "select (select string_agg(distinct version_id, ',') from bi.customer_segments),"
        " (select max(version_id) from bi.customer_segment_history),"
        " (select max(version_id) from bi.segmentation_versions where status = 'published')"
    )
    host, port = (dict(part.split("=", 1) for part in database.split())[name] for name in ("host", "port"))
    name = dict(part.split("=", 1) for part in database.split())["dbname"]
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://segmentation@/{name}?host={host}&port={port}")
    seen: list[tuple[str, ...]] = []
    done = threading.Event()

    def poll_by_psql() -> None:
        while not done.is_set():
            answer = subprocess.run(["psql", "-Atc", query, database], capture_output=True, text=True, check=True)
            seen.append(tuple(answer.stdout.strip().split("|")))
            time.sleep(0.05)

    def poll_by_sqlalchemy() -> None:
        while not done.is_set():
            with engine.connect() as connection:
                seen.extend(tuple(row) for row in connection.execute(sqlalchemy.text(query)))
            time.sleep(0.05)

    pollers = [threading.Thread(target=poll) for poll in (poll_by_psql, poll_by_sqlalchemy)]
    for poller in pollers:
        poller.start()
    try:
        for month in ("2025-12-31", "2026-01-31", "2026-02-28"):
            lake.publish(f"{month}.1")
            brought_up(type="postgres", connection=database)
    finally:
        done.set()
        for poller in pollers:
            poller.join()
    assert {len(set(row)) for row in seen} == {1}
    assert len(set(seen)) > 1, "they polled while versions came"
