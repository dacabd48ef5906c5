"""Mapping SQL reaches its locations and nothing else: no other file, no network address, no setting, no extension.

Every attempt is made as a mapping, which is refused with the name of the setting before anything runs, and on a
connection that is locked down as ingestion locks it, as if the check of the SQL had let it through.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.ingest.mapping.mapping_guard import require_mapping_sql
from orchestration.ingest.reading.opening import open_locations
from orchestration.lake.contract import load_contract
from orchestration.lake.warehouse import Warehouse
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import Settings

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

# {secret}: a file outside the locations; {out}: a file that must not come to be.
QUERIES = [
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('{secret}')",
    "select * from read_json('{secret}')",
    "select * from read_ndjson('{secret}')",
    "select * from read_json_objects('{secret}')",
    "select * from read_parquet('{secret}')",
    "select * from parquet_metadata('{secret}')",
    "select * from parquet_schema('{secret}')",
    "select * from sniff_csv('{secret}')",
    "select * from read_duckdb('{secret}')",
    "select * from glob('{folder}/*')",
    "select * from '{secret}'",
    "from '{secret}'",
    "select * from '{folder}/*.csv'",
    "select * from files, read_text('{secret}')",
    "select * from files join read_text('{secret}') on true",
    "select * from files where exists (from read_text('{secret}'))",
    "select *, (select content from read_text('{secret}')) as note from files",
    "with secret as (from read_text('{secret}')) select * from secret",
    'with a as (from "{secret}"), "{secret}" as (select 1) select * from a',
    'with "{secret}" as (from "{secret}") select * from "{secret}"',
    "with recursive r as (select 1 union all select 1 from read_text('{secret}')) select * from r",
    "select * from files union all select content, null, null from read_text('{secret}')",
    "select * from files order by (select content from read_text('{secret}'))",
    "select * from files limit (select length(content) from read_text('{secret}'))",
    "select * from files qualify row_number() over (order by (select content from read_text('{secret}'))) = 1",
    "select list_transform([1], lambda x: (select content from read_text('{secret}')))",
    "select * from query('select * from read_text(''{secret}'')')",
    "select * from query_table('{secret}')",
    "select * from json_execute_serialized_sql(json_serialize_sql('from read_text(''{secret}'')'))",
    "select * from (pivot read_text('{secret}') on filename)",
    "select * from (describe '{secret}')",
    "summarize '{secret}'",
    "select * from 'http://127.0.0.1:9/x.csv'",
    "select * from read_csv('https://127.0.0.1:9/x.csv')",
    "select * from 's3://bucket/x.parquet'",
    "select * from sqlite_scan('{secret}', 'x')",
    "select * from postgres_scan('host=127.0.0.1 port=9', 'public', 'x')",
    "select * from postgres_query('crm', 'select pg_read_file(''/etc/passwd'')')",
    "select * from mysql_query('crm', 'select 1')",
    "copy (select * from files) to '{out}'",
    "copy files from '{secret}'",
    "select 1; copy (select 1) to '{out}'",
    "select * from files); copy (select 1) to '{out}'; select * from (files",
    "copy (select 1) to '{out}' (format parquet)",
    "export database '{out}'",
    "import database '{folder}'",
    "attach '{out}' as other",
    "attach 'host=127.0.0.1 port=9' as other (type postgres)",
    "detach lake",
    "create table made as from read_text('{secret}')",
    "insert into files values (1)",
    "delete from raw.customers",
    "drop table raw.customers",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set lock_configuration = false",
    "set allow_unsigned_extensions = true",
    "reset allowed_directories",
    "pragma enable_profiling",
    "pragma database_list",
    "install httpfs",
    "install httpfs from 'http://127.0.0.1:9'",
    "load httpfs",
    "load '{secret}'",
    "call pragma_version()",
    "create secret s (type s3, key_id 'a', secret 'b')",
    "select * from duckdb_secrets()",
    "select * from duckdb_settings()",
    "select * from duckdb_variables()",
    "select * from duckdb_logs()",
    "select * from which_secret('s3://bucket', 's3')",
    "select * from enable_logging(storage_path => '{out}')",
    "select getvariable('segmentation_pseudonyms_inner') from files",
    "select current_setting('temp_directory') from files",
    "select write_log('x') from files",
    "select * from information_schema.tables",
    "select * from raw.customers",
    "select * from lake.ops.loads",
    "select * from __ducklake_metadata_lake.ducklake_table",
    "explain analyze copy (select 1) to '{out}'",
    "execute prepared",
    "use memory",
    "vacuum",
    "checkpoint",
    "begin",
]
EXPRESSIONS = [
    "(select content from read_text('{secret}'))",
    "(from '{secret}')",
    "1) as a from read_text('{secret}') --",
    "1), (2",
    "1); copy (select 1) to '{out}'; select (1",
    "customer_id from files; copy (select 1) to '{out}'",
    "customer_id /*",
    "customer_id union all select content from read_text('{secret}')",
    "customer_id order by 1",
    "getvariable('segmentation_pseudonyms_inner')",
    "current_setting('temp_directory')",
    "(select max(customer_id) from raw.customers)",
    "system.main.upper(customer_id)",
    "$1",
    "",
]


@pytest.fixture
def mapped(isp: Isp) -> Isp:
    isp.write("customers.csv", isp.CUSTOMERS)
    isp.locate("files", "customers.csv")
    (isp.folder / "elsewhere").mkdir()
    (isp.folder / "elsewhere" / "secret.csv").write_text("secret,of\nthis,machine\n")
    return isp


def filled(text: str, folder: Path) -> str:
    names = {
        "secret": folder / "elsewhere" / "secret.csv",
        "out": folder / "source" / "out",
        "folder": folder / "elsewhere",
    }
    for name, path in names.items():
        text = text.replace("{" + name + "}", str(path))
    return text


def refusals(isp: Isp, setting: str) -> Iterator[str]:
    """Give what a look at the sources and a load say; neither may write a file."""
    before = sorted(isp.folder.rglob("*"))
    (error,) = [check.error for check in preview_sources(Settings.model_validate(isp.settings)).tables if check.error]
    yield error
    assert sorted(isp.folder.rglob("*")) == before
    with pytest.raises(SourceError) as raised:
        isp.ingest("customers")
    yield str(raised.value)
    assert not (isp.folder / "source" / "out").exists()
    assert setting in error


def refusal(isp: Isp) -> str:
    settings = Settings.model_validate(isp.settings)
    with pytest.raises(SourceError) as raised:
        require_mapping_sql(load_contract()["customers"], settings.sources["customers"], settings.locations)
    return str(raised.value)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_one_select_over_its_locations(mapped: Isp, query: str) -> None:
    mapped.map("customers", query=filled(query, mapped.folder))
    said = refusal(mapped)
    assert said.startswith("sources.customers.query: ")
    assert "is refused: " in said
    assert "one SELECT over the named locations" in said


@pytest.mark.parametrize("place", ["columns", "where", "cursor"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_column_a_condition_and_a_cursor_are_one_expression(mapped: Isp, expression: str, place: str) -> None:
    sql = filled(expression, mapped.folder)
    source: dict[str, object] = {"columns": {"occupation": sql}} if place == "columns" else {place: sql}
    mapped.map("customers", location="files", growth="append", **source)
    said = refusal(mapped)
    assert said.startswith(f"sources.customers.{place}")
    assert "is refused: " in said
    assert "one expression over the columns" in said


@pytest.mark.parametrize("name", ["at", "Kunde seit"])
def test_the_name_of_a_column_that_is_no_sql_is_said_to_need_quotes(mapped: Isp, name: str) -> None:
    mapped.map("customers", location="files", columns={"created_date": name})
    assert f"write '\"{name}\"'" in refusal(mapped)


@pytest.mark.parametrize(
    ("setting", "source"),
    [
        ("query", {"query": "select 1; copy (select 1 from files) to '{out}'"}),
        ("columns.occupation", {"location": "files", "columns": {"occupation": "(from read_text('{secret}'))"}}),
        ("where", {"location": "files", "where": "1); copy (select 1) to '{out}'; select (1"}),
    ],
)
def test_the_commands_refuse_them_before_anything_runs(mapped: Isp, setting: str, source: dict[str, object]) -> None:
    def rendered(value: object) -> object:
        if isinstance(value, dict):
            return {name: rendered(each) for name, each in value.items()}
        return filled(str(value), mapped.folder)

    mapped.settings["sources"]["customers"] = rendered(source)
    for said in refusals(mapped, f"sources.customers.{setting}"):
        assert "is refused: " in said


def test_the_name_of_a_table_and_the_type_of_a_column_are_no_sql(mapped: Isp) -> None:
    mapped.locate("files", "customers.csv", columns={"extra": f"int) from read_text('{mapped.folder}') --"})
    mapped.map("customers", location="files")
    for said in refusals(mapped, "locations.files.columns.extra"):
        assert "is refused: " in said
    duckdb.connect(str(mapped.folder / "crm.duckdb")).close()
    mapped.settings["locations"] = {"crm": {"database": "duckdb", "connection": str(mapped.folder / "crm.duckdb")}}
    mapped.map("customers", location="crm", table="t\" union all select content from read_text('/etc/passwd') --")
    for said in refusals(mapped, "crm"):
        assert "has no table" in said


def test_the_connection_reaches_nothing_even_where_the_check_lets_it_through(mapped: Isp) -> None:
    """The second line: every attempt that would reach something fails by itself."""
    settings = Settings.model_validate(mapped.settings)
    with Warehouse(settings.warehouse).writer() as connection:
        open_locations(connection, settings.locations, [settings.warehouse.path])
        connection.execute(f"create temp view files as from '{mapped.folder}/source/customers.csv'")
        reached = []
        for attempt in QUERIES:
            reaches = any(mark in attempt for mark in ("{", "://", "127.0.0.1")) or attempt.startswith("set ")
            # A log that it may not write makes DuckDB abort when it is closed.
            if not reaches or "enable_logging" in attempt or "which_secret" in attempt:
                continue
            try:
                connection.execute(filled(attempt, mapped.folder)).fetchall()
            except duckdb.Error:
                continue
            reached.append(attempt)
        # In the folder of a location itself only the check of the SQL stands before a write.
        assert [each for each in reached if "{out}" not in each] == []
        assert connection.execute("select current_setting('allow_unsigned_extensions')").fetchall() == [(False,)]


def test_a_view_in_a_database_of_the_source_reads_no_file_for_it(mapped: Isp) -> None:
    secret = mapped.folder / "elsewhere" / "secret.csv"
    path = mapped.folder / "crm" / "crm.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"create view customers as select content as customer_id, 'person' as customer_type, "
            f"date '2024-01-01' as created_date from read_text('{secret}')"
        )
    mapped.settings["locations"] = {"crm": {"database": "duckdb", "connection": str(path)}}
    mapped.map("customers", location="crm", table="customers")
    with pytest.raises(SourceError, match="disabled by configuration"):
        mapped.ingest("customers")


def test_what_a_mapping_needs_is_let_through(mapped: Isp) -> None:
    os.symlink(mapped.folder / "source", mapped.folder / "linked")
    mapped.settings["locations"]["files"] = {"files": str(mapped.folder / "linked" / "*.csv")}
    mapped.map(
        "customers",
        query="""
            with recursive numbers as (select 1 as n union all select n + 1 from numbers where n < 3),
            listed as (select *, unnest(range(2)) as copy, [x for x in [1, 2] if x > 1] as few from files)
            select customer_id, any_value(customer_type) as customer_type, min(created_date) as created_date
            from listed as t, (values (1)) as v(one), json_each('[1]') as j, generate_series(1, 1) as g(x)
            where one in (select n from numbers) and regexp_matches(customer_id, '^C') and t.copy = 0
            group by customer_id order by 1;
        """,
    )
    assert mapped.ingest("customers")["customers"].rows_accepted == 2


def test_there_are_at_least_60_attempts() -> None:
    assert len(set(QUERIES)) >= 60
