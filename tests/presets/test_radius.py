"""RADIUS accounting: exports of radacct, and the table itself, to reports of sessions and on to days of usage."""

import csv
import re
from pathlib import Path

import pytest

from tests.databases import KINDS, SERVERS, make_database
from tests.dbt.lakes import Lake
from tests.presets.conftest import Export

PRESET = "radius"
CUSTOMERS = "customer_id,customer_type,created_date\nC1,person,2024-01-01\n"
CONTRACTS = (
    "contract_id,customer_id,product_code,product_family,start_date,monthly_fee\n"
    "fiber-1001,C1,NET,internet,2024-01-05,29.90\nfiber-1002,C1,NET,internet,2024-02-05,49.90\n"
)
COLUMNS = ("session_id", "reported_at", "ended_at", "bytes_down", "bytes_up", "session_seconds", "device_id")
FIRST = ("5f2a1c", "2025-03-05 00:00:00", None, 7200000001, 3600, 7200, "C8:3A:35:00:00:01")
SECOND = ("5f2a1c", "2025-03-05 12:00:00", None, 7200086401, 10800, 50400, "C8:3A:35:00:00:01")
STOPPED = ("77b0de", "2025-03-04 11:00:00", "2025-03-04 11:00:00", 4294968296, 500, 3600, "C8:3A:35:00:00:02")
BEGUN = ("90aa02", "2025-03-04 23:59:50", None, 0, 0, 0, "C8:3A:35:00:00:02")
# Updated half an hour after it was closed.
GOES_ON = ("a1b2c3", "2025-03-05 12:30:00", None, 700, 70, 12600, "C8:3A:35:00:00:0A")
# As FreeRADIUS creates it, as far as it is read.
RADACCT_COLUMNS = {
    "acctsessionid": "varchar(64)", "acctuniqueid": "varchar(32)", "username": "varchar(64)",
    "acctstarttime": "timestamp null", "acctupdatetime": "timestamp null", "acctstoptime": "timestamp null",
    "acctsessiontime": "bigint", "acctinputoctets": "bigint", "acctoutputoctets": "bigint",
    "callingstationid": "varchar(50)",
}  # fmt: skip
RADACCT = f"create table radacct ({', '.join(map(' '.join, RADACCT_COLUMNS.items()))})"
DAYS = """
    select contract_id, cast(usage_date as varchar), bytes_down, bytes_up, sessions, session_seconds, devices,
        bytes_down_business_hours, bytes_down_evening, bytes_down_night
    from staging.stg_usage order by all
"""


@pytest.fixture
def radius(export: Export) -> Export:
    """The exports beside a table of customers and one of contracts."""
    for name, text in {"customers": CUSTOMERS, "contracts": CONTRACTS}.items():
        (export.folder / f"{name}.csv").write_text(text)
        export.locations[name] = {"files": f"{name}.csv"}
        export.sources[name] = {"location": name}
    return export


def test_rows_of_radacct_become_reports_of_sessions(radius: Export) -> None:
    loaded = radius.ingest()["usage_sessions"]
    assert radius.rows("usage_sessions", *COLUMNS) == [FIRST, SECOND, STOPPED, BEGUN, GOES_ON]
    assert (loaded.rows_read, loaded.rows_accepted, loaded.rows_duplicate, loaded.rows_quarantined) == (7, 5, 1, 1)
    assert radius.rejected == [("usage_sessions", "contract_id", "unknown_reference", "unknown-9")]


def test_what_the_network_received_is_the_customers_upload(radius: Export) -> None:
    radius.write(
        "accounting-2025-03-07.csv",
        "acctuniqueid,username,acctstarttime,acctupdatetime,acctinputoctets,acctoutputoctets\n"
        "direction,fiber-1001,2025-03-06 10:00:00,2025-03-06 11:00:00,1,2\n",
    )
    radius.ingest()
    assert radius.query("select bytes_up, bytes_down from raw.usage_sessions where session_id = 'direction'") == [
        (1, 2)
    ]


def test_gigawords_are_added_once(radius: Export) -> None:
    radius.write(
        "accounting-2025-03-07.csv",
        "acctsessionid,username,acctstarttime,acctstoptime,acctinputoctets,acctoutputoctets,"
        "acctinputgigawords,acctoutputgigawords\n"
        "apart,fiber-1001,2025-03-06 10:00:00,2025-03-06 11:00:00,1,2,3,0\n"
        "joined,fiber-1001,2025-03-06 10:00:00,2025-03-06 11:00:00,4294967297,8589934594,1,2\n"
        "no_number,fiber-1001,2025-03-06 10:00:00,2025-03-06 11:00:00,many,2,3,0\n",
    )
    radius.ingest()
    assert radius.query(
        "select session_id, bytes_up, bytes_down from raw.usage_sessions"
        " where reported_date = '2025-03-06' order by all"
    ) == [("apart", 1 + 3 * 2**32, 2), ("joined", 4294967297, 8589934594)]
    assert ("usage_sessions", "bytes_up", "wrong_type", "many") in radius.rejected


def test_a_login_becomes_a_contract_by_the_parameter(radius: Export) -> None:
    radius.parameters = {"contract_id": "replace(username, 'unknown-9', 'fiber-1001')"}
    radius.ingest()
    assert radius.rejected == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_read_past_its_cursor_and_a_session_keeps_its_earlier_reports(
    radius: Export, kind: str, request: pytest.FixtureRequest
) -> None:
    exports = [file.rename(radius.folder / file.name) for file in sorted((radius.folder / "export").iterdir())]
    database = make_database(kind, radius.folder, request)
    radius.locations["aaa"] = database.location
    radius.parameters = {"tables": {"radius_accounting": "aaa.radacct"}}
    database(RADACCT)

    def stands_as(export: Path) -> None:
        with export.open(newline="") as file:
            rows = [{name: row.get(name) for name in RADACCT_COLUMNS} for row in csv.DictReader(file)]
        values = ", ".join(f"({', '.join(map(_literal, row.values()))})" for row in rows)
        database(f"delete from radacct; insert into radacct values {values}")

    stands_as(exports[0])
    assert radius.ingest()["usage_sessions"].rows_accepted == 3
    stands_as(exports[1])
    assert radius.ingest()["usage_sessions"].rows_accepted == 2
    assert radius.rows("usage_sessions", *COLUMNS) == [FIRST, SECOND, STOPPED, BEGUN, GOES_ON]
    if kind not in SERVERS:
        return
    # A scan for each column of the cursor, each looked up by the server.
    radius.ingest()
    last = [condition for condition in database.asked("radacct") if "WHERE" in condition][-3:]
    for column in ("acctupdatetime", "acctstoptime", "acctstarttime"):
        assert any(re.search(rf"WHERE.*{column} >= '2025-03-0", condition) for condition in last), last


def _literal(value: str | None) -> str:
    return "null" if value in {None, "", "0000-00-00 00:00:00"} else f"'{value}'"


def test_exports_become_days_of_usage_to_the_byte_and_a_late_one_the_same_as_all_at_once(radius: Export) -> None:
    late = radius.folder / "export" / "accounting-2025-03-06.csv"
    content = late.read_text()
    late.unlink()
    lake = Lake(radius.settings)
    radius.ingest()
    lake.build("--select", "+stg_usage")
    evening = ("fiber-1001", "2025-03-04", 7200000001, 3600, 1, 7200, 1, 0, 7200000001, 0)
    stopped = ("fiber-1002", "2025-03-04", 4294968296, 500, 2, 3600, 1, 4294968296, 0, 0)
    assert radius.query(DAYS) == [evening, stopped]

    radius.write(late.name, content)
    radius.ingest()
    lake.build("--select", "+stg_usage")
    # 7200 bytes an hour from midnight to noon, and 200 an hour of another device from nine.
    noon = ("fiber-1001", "2025-03-05", 86400 + 700, 7200 + 70, 2, 43200 + 12600, 2, 21600 + 700, 0, 43200)
    assert radius.query(DAYS) == [evening, noon, stopped]

    lake.build("--full-refresh", "--select", "+stg_usage")
    assert radius.query(DAYS) == [evening, noon, stopped]
