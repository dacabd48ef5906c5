"""SQL databases are read where they are, by real servers' own words: PostgreSQL, MariaDB, SQLite and DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.ingest.reading import databases
from orchestration.onboarding.init import draft_settings, write_settings
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import load_settings
from tests.databases import KINDS, PASSWORD, SERVERS, Database, make_database

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

CUSTOMERS = "customer_id varchar(20), customer_type varchar(20), created_date date"
CONTRACTS = (
    "contract_id varchar(20), customer_id varchar(20), product_code varchar(20), product_family varchar(20), "
    "start_date date, monthly_fee decimal(10, 2), end_date date, has_static_ip boolean, changed_at timestamp null"
)


@pytest.fixture
def crm(isp: Isp, request: pytest.FixtureRequest) -> Database:
    """A database of the kind the test asks for, with customers and contracts; the location ``crm`` is mapped to it."""
    database = make_database(request.param, isp.folder, request)
    isp.settings["locations"]["crm"] = database.location
    for table, columns in (("customers", CUSTOMERS), ("contracts", CONTRACTS)):
        database(f"create table {table} ({columns})")
        read(isp, table, table)
    database("insert into customers values ('C1', 'person', '2024-01-01'), ('C2', 'organization', '2024-02-29')")
    database(
        "insert into contracts values ('K1', 'C1', 'Müller-Netz', 'internet', '2024-01-05', 29.90, null, true, null)"
    )
    return database


def read(isp: Isp, table: str, of_database: str, **source: Any) -> None:
    """Fill a table of the contract from a table of the location ``crm``."""
    isp.settings["sources"][table] = {"location": "crm", "table": of_database} | source


every_kind = pytest.mark.parametrize("crm", KINDS, indirect=True)
servers = pytest.mark.parametrize("crm", SERVERS, indirect=True)


@every_kind
def test_a_table_is_read_and_its_bad_rows_go_to_quarantine(isp: Isp, crm: Database) -> None:
    crm(
        "insert into contracts values ('K2', 'C9', 'NET', 'internet', '2024-01-05', 1, null, null, null),"
        " ('K3', 'C2', 'NET', 'carrier pigeon', '2024-01-05', 1, null, null, null),"
        " ('K4', 'C2', 'NET', 'tv', null, 1, null, null, null),"
        " ('K5', 'C2', 'NET', 'tv', '2024-02-29', -12345678.99, '2024-12-31', false, null)"
    )
    reports = isp.ingest()
    found = isp.rows(
        "select contract_id, product_code, start_date::varchar, monthly_fee::varchar, end_date::varchar, has_static_ip"
        " from raw.contracts order by all"
    )
    assert found == [
        ("K1", "Müller-Netz", "2024-01-05", "29.9000", None, True),
    ]
    assert isp.rejected("contracts") == [
        ("customer_id", "unknown_reference", "C9"),
        ("monthly_fee", "negative_value", "-12345678.99"),
        ("product_family", "not_accepted_value", "carrier pigeon"),
        ("start_date", "missing_required", None),
    ]
    assert (reports["contracts"].rows_read, reports["customers"].rows_accepted) == (5, 2)


@every_kind
def test_a_snapshot_is_compared_with_what_is_stored_and_a_deletion_is_noticed(isp: Isp, crm: Database) -> None:
    isp.ingest()
    loads = isp.rows("select load_id from ops.loads order by all")
    isp.ingest()
    assert isp.rows("select load_id from ops.loads order by all") == loads
    crm("insert into customers values ('C3', 'person', '2024-03-01'); delete from customers where customer_id = 'C2'")
    assert isp.ingest()["customers"].rows_deleted == 1
    assert isp.rows("select customer_id from raw.customers order by all") == [("C1",), ("C3",)]


@every_kind
def test_a_cursor_reads_what_is_new_and_the_lookback_what_came_late(isp: Isp, crm: Database) -> None:
    row = "('I{0}', 'C1', '{1}', 'web', 'other')"
    crm("create table tickets (interaction_id varchar(9), customer_id varchar(9), occurred_at timestamp null)")
    crm("alter table tickets add column channel varchar(9)")
    crm("alter table tickets add column category varchar(9)")
    crm("insert into tickets values " + ", ".join(row.format(day, f"2024-01-0{day} 10:00:00") for day in (1, 2, 5)))
    read(
        isp,
        "interactions",
        "tickets",
        growth="append",
        cursor="cast(occurred_at as timestamp)",
        lookback="2 days",
    )
    assert isp.ingest()["interactions"].rows_accepted == 3
    rows = [("6", "2024-01-06 10:00:00"), ("4", "2024-01-04 10:00:00"), ("2b", "2024-01-02 11:00:00")]
    crm("insert into tickets values " + ", ".join(row.format(*each) for each in rows))
    report = isp.ingest()["interactions"]
    # Of the second day: 5 and 6, and 4, which came late; the 2b came too late for the lookback.
    assert (report.rows_read, report.rows_accepted, report.rows_duplicate) == (3, 2, 1)
    assert isp.ingest()["interactions"].rows_accepted == 0
    found = isp.rows("select interaction_id from raw.interactions order by all")
    assert found == [("I1",), ("I2",), ("I4",), ("I5",), ("I6",)]


@every_kind
def test_a_query_joins_tables_of_a_database_with_files(isp: Isp, crm: Database) -> None:
    isp.write("plans.csv", "code,family\nMüller-Netz,mobile\n")
    isp.locate("plans", "plans.csv")
    isp.map(
        "contracts",
        query="""
            select contract_id, customer_id, product_code, family as product_family, start_date, monthly_fee
            from crm.contracts inner join plans on code = product_code inner join crm.customers using (customer_id)
        """,
    )
    isp.ingest()
    assert isp.rows("select contract_id, product_family from raw.contracts") == [("K1", "mobile")]


@servers
def test_the_server_itself_looks_up_what_is_new(isp: Isp, crm: Database) -> None:
    crm("""
        create table cases (interaction_id varchar(9), customer_id varchar(9), occurred_at timestamp null,
            changed_at timestamp null, closed_at timestamp null, channel varchar(9), category varchar(9));
        insert into cases values ('I1', 'C1', '2024-01-01 10:00:00', '2024-01-05 10:00:00', null, 'web', 'other'),
            ('I2', 'C1', '2024-01-02 10:00:00', null, null, 'web', 'other'),
            ('I3', 'C1', '2024-01-03 10:00:00', '2024-01-03 10:00:00', null, 'test', 'other')
    """)
    cursor = ["changed_at", "closed_at"]
    read(isp, "interactions", "cases", where="channel = 'web'", growth="append", cursor=cursor, lookback="1 day")
    assert isp.ingest("customers", "interactions")["interactions"].rows_accepted == 2
    crm("""
        insert into cases values
            ('I4', 'C1', '2024-01-04 10:00:00', '2024-01-04 10:00:00', '2024-01-06 00:00:00', 'web', 'other'),
            ('I5', 'C1', '2024-01-01 10:00:00', '2024-01-04 09:59:59', '2024-01-04 09:59:59', 'web', 'other'),
            ('I6', 'C1', '2024-01-04 10:00:00', null, null, 'web', 'other')
    """)
    if crm.kind == "mysql":
        crm("insert into cases values ('I7', 'C1', '2024-01-04 10:00:00', '0000-00-00', '0000-00-00', 'web', 'other')")
    before = len(crm.asked("cases"))
    report = isp.ingest("interactions")["interactions"]
    # I1 and I4 by a cursor column, I2, I6 and MySQL's I7 without any; I5 came too late.
    new = 3 if crm.kind == "mysql" else 2
    assert (report.rows_read, report.rows_accepted, report.rows_duplicate) == (new + 2, new, 2)
    asked = [condition.lower() for condition in crm.asked("cases")[before:]]
    by_change, by_close, without = "changed_at >= '2024-01-04", "closed_at >= '2024-01-04", "(changed_at is null"
    assert all(any(each in condition for each in (by_change, by_close, without)) for condition in asked), asked
    assert all(any(each in condition for condition in asked) for each in (by_change, by_close, without)), asked
    # And the largest of both goes on.
    assert isp.rows("select max(cursor_value) from ops.loads where source_table = 'interactions'") == [
        ("2024-01-06 00:00:00",)
    ]


@every_kind
def test_rows_without_a_cursor_are_left_where_the_settings_say_so(isp: Isp, crm: Database) -> None:
    crm("insert into contracts values ('K2', 'C1', 'NET', 'internet', '2024-01-05', 1, null, null, '2024-01-05')")
    cursor = "cast(changed_at as timestamp)"
    read(isp, "contracts", "contracts", growth="append", cursor=cursor, without_cursor="leave")
    assert isp.ingest()["contracts"].rows_read == 1
    assert isp.ingest()["contracts"].rows_read == 1
    assert isp.rows("select contract_id from raw.contracts") == [("K2",)]


@every_kind
def test_a_table_that_is_not_there_is_answered_by_those_that_are(isp: Isp, crm: Database) -> None:
    read(isp, "customers", "clients")
    with pytest.raises(SourceError, match=r"'crm' has no table 'clients'. Tables there: \w+.contracts, \w+.cust"):
        isp.ingest("customers")
    isp.map("customers", location="crm")
    with pytest.raises(SourceError, match=r"'crm' is a database. Name its 'table'.*\w+.contracts"):
        isp.ingest("customers")
    read(isp, "customers", "customers", columns={"gender": "sex"})
    with pytest.raises(SourceError, match=r"columns.gender: 'sex' cannot be read from crm.customers.*customer_type"):
        isp.ingest("customers")
    read(isp, "customers", "customers", growth="append")
    with pytest.raises(SourceError, match=r"needs a 'cursor'"):
        isp.ingest("customers")
    read(isp, "customers", "customers", growth="append", cursor="customer_id")
    with pytest.raises(SourceError, match=r"sources.customers.cursor: customer_id gives VARCHAR.*try_cast"):
        isp.ingest("customers")
    mixed = ["cast(created_date as date)", "length(customer_id)"]
    read(isp, "customers", "customers", growth="append", cursor=mixed)
    with pytest.raises(SourceError, match=r"gives DATE, length\(customer_id\) gives BIGINT. Times and numbers do not"):
        isp.ingest("customers")


@pytest.mark.parametrize(
    ("database", "connection", "words"),
    [
        ("postgres", "host=127.0.0.1 port=1 user=u password=hidden-word dbname=d", "PostgreSQL database .*Check host"),
        ("postgres", "postgresql://u:hidden-word@127.0.0.1:1/d", "PostgreSQL database .*Check host"),
        ("mysql", "host=127.0.0.1 port=1 user=u password='hidden-word' database=d", "MySQL database .*Check host"),
        ("sqlite", "{folder}/nothing.db", "nothing.db does not exist"),
        ("duckdb", "{folder}/nothing.db", "nothing.db does not exist"),
        ("sqlite", "{folder}/text.db", "SQLite database does not open.*names a SQLite file"),
        ("duckdb", "{folder}/text.db", "DuckDB database does not open.*names a DuckDB file"),
    ],
)
def test_a_database_that_does_not_open_says_what_to_do(isp: Isp, database: str, connection: str, words: str) -> None:
    (isp.folder / "text.db").write_text("a,b\n" * 2000)
    connection = connection.format(folder=isp.folder)
    isp.settings["locations"]["crm"] = {"database": database, "connection": connection}
    read(isp, "customers", "customers")
    with pytest.raises(SourceError, match=f"location 'crm': .*{words}") as caught:
        isp.ingest("customers")
    error: BaseException | None = caught.value
    while error:
        assert "hidden-word" not in str(error)
        error = error.__cause__ or error.__context__


@servers
def test_a_wrong_login_says_so_without_the_password(isp: Isp, crm: Database) -> None:
    location = isp.settings["locations"]["crm"]
    if location["database"] == "mysql":
        location["connection"] = location["connection"].replace(PASSWORD, "a-wrong-word")
    else:
        location["connection"] = (
            location["connection"].replace("user=", "user=nobody_").replace("not-needed", "a-wrong-word")
        )
    with pytest.raises(
        SourceError, match=r"(Correct|Check).* user and password in 'locations.crm.connection'"
    ) as caught:
        isp.ingest("customers")
    assert "a-wrong-word" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


@servers
def test_no_secret_reaches_the_lake(isp: Isp, crm: Database) -> None:
    crm("insert into contracts values ('K2', 'C9', 'NET', 'internet', '2024-01-05', 1, null, null, null)")
    isp.ingest()
    for file in (isp.folder / "lake").rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert b"password=" not in content, file
        assert PASSWORD.encode() not in content, file


@pytest.mark.parametrize("crm", ["mysql"], indirect=True)
def test_mysqls_own_ways_are_understood(isp: Isp, crm: Database) -> None:
    crm("""
        create table services (id bigint unsigned, client varchar(9), started date, ended date, fee double,
            static_ip tinyint(1));
        insert into services values (18446744073709551615, 'C1', '2024-01-05', '0000-00-00', 29.9, 1),
            (2, 'C1', '0000-00-00', null, 1, 0), (3, 'C1', '2024-01-05', '2024-00-05', 1, 2)
    """)
    mapping = {
        "contract_id": "id", "customer_id": "client", "product_code": "'NET'", "product_family": "'internet'",
        "start_date": "started", "end_date": "ended", "monthly_fee": "fee", "has_static_ip": "static_ip",
    }  # fmt: skip
    read(isp, "contracts", "services", columns=mapping)
    isp.ingest()
    assert isp.rows("select contract_id, end_date, has_static_ip from raw.contracts") == [
        ("18446744073709551615", None, True)
    ]
    assert isp.rejected("contracts") == [
        ("has_static_ip", "wrong_type", "2"),
        ("start_date", "missing_required", None),
    ]


@pytest.mark.parametrize("crm", ["postgres"], indirect=True)
def test_postgres_own_types_are_understood(isp: Isp, crm: Database) -> None:
    crm("""
        create schema billing; create type kind as enum ('person', 'organization');
        create table billing.parties (id numeric, kind kind, since timestamptz, extra jsonb, tags text[],
            revenue numeric);
        insert into billing.parties values (17, 'person', '2024-01-31 23:30+00', '{"zip": "01234"}', '{a,b}', 'NaN'),
            (18, 'organization', '2024-01-31 23:30+00', '{"zip": "99999"}', '{vip}', 1234.5678),
            (19, 'person', 'infinity', null, null, null)
    """)
    isp.settings["schedule"] = {"timezone": "Europe/Berlin"}
    mapping = {
        "customer_id": "id", "customer_type": "kind", "created_date": "since", "postal_code": "extra ->> '$.zip'",
        "do_not_contact": "list_contains(tags, 'vip')", "annual_revenue": "revenue",
    }  # fmt: skip
    read(isp, "customers", "billing.parties", columns=mapping)
    isp.ingest("customers")
    columns = "customer_id, created_date::varchar, postal_code, do_not_contact, annual_revenue::double"
    found = isp.rows(f"select {columns} from raw.customers")
    assert found == [("18", "2024-02-01", "99999", True, 1234.5678)]
    assert isp.rejected("customers") == [
        ("annual_revenue", "wrong_type", "nan"),
        ("created_date", "wrong_type", "infinity"),
    ]


@pytest.mark.parametrize("crm", ["postgres"], indirect=True)
def test_a_decimal_that_is_none_is_refused_and_not_read_as_nought(isp: Isp, crm: Database) -> None:
    crm("insert into contracts values ('K2', 'C1', 'NET', 'internet', '2024-01-05', 'NaN', null, true, null)")
    with pytest.raises(SourceError, match=r"raw.contracts: .*NaN.*read a view that casts it to text"):
        isp.ingest()


@pytest.mark.parametrize("crm", ["sqlite"], indirect=True)
def test_any_value_in_any_column_of_sqlite_costs_its_row_only(isp: Isp, crm: Database) -> None:
    crm("""
        create table devices (id integer, kind text, since date);
        insert into devices values (1, 'person', '2024-01-01'), ('abc', 'person', 'yesterday'), (2, 7, '2024-01-02')
    """)
    mapping = {"customer_id": "id", "customer_type": "kind", "created_date": "since"}
    read(isp, "customers", "devices", columns=mapping)
    isp.ingest("customers")
    assert isp.rows("select customer_id from raw.customers") == [("1",)]
    assert [row[1:] for row in isp.rejected("customers")] == [("wrong_type", "yesterday"), ("not_accepted_value", "7")]


def test_the_list_of_tables_is_cut_where_it_gets_long(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for number in range(40):
            connection.execute(f"create table t{number} (x int)")
        with pytest.raises(SourceError, match=r"memory' has no table 'x'. Tables there: main.t0, .* and 10 more"):
            databases.table_sql(connection, "memory", "x")


@servers
def test_a_settings_file_is_written_for_the_database_and_holds_no_secret(
    crm: Database, isp: Isp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = isp.settings["locations"]["crm"]["connection"]
    monkeypatch.setenv("CRM_CONNECTION", connection)
    drafted = draft_settings("${CRM_CONNECTION}", tmp_path / "segmentation.yaml")
    assert connection not in drafted.text
    assert "password" not in drafted.text
    write_settings(drafted, tmp_path / "segmentation.yaml")
    report = preview_sources(load_settings(tmp_path / "segmentation.yaml"))
    assert report.ok
    accepted = {check.table: check.accepted for check in report.tables if check.is_mapped}
    assert accepted == {"customers": 2, "contracts": 1}
