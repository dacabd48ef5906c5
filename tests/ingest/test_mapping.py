"""Settings and SQL alone map a source; what does not fit says which setting, which file and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from orchestration.errors import SettingsError, SourceError

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

CRM = "KUNDE;FIRMA;SEIT;STATUS\n007;;31.01.2024;aktiv\n008;Bäcker GmbH;01.02.2024;aktiv\n009;;01.02.2024;test\n"
COLUMNS = {
    "customer_id": "KUNDE",
    "customer_type": "case when FIRMA is null then 'person' else 'organization' end",
    "created_date": "try_strptime(SEIT, '%d.%m.%Y')",
}


def crm(isp: Isp, **changes: str) -> None:
    (isp.folder / "source").mkdir(exist_ok=True)
    (isp.folder / "source" / "crm.txt").write_bytes(CRM.encode("latin-1"))
    isp.locate("crm", "crm.txt", format="csv", options={"delim": ";", "encoding": "latin-1"})
    isp.map("customers", location="crm", columns=COLUMNS | changes, where="STATUS <> 'test'")


def test_expressions_over_a_foreign_csv_fill_the_contract(isp: Isp) -> None:
    crm(isp)
    report = isp.ingest("customers")["customers"]
    found = isp.rows("select customer_id, customer_type, created_date::varchar from raw.customers order by all")
    assert found == [("007", "person", "2024-01-31"), ("008", "organization", "2024-02-01")]
    assert (report.rows_read, "gender" in report.unmapped_columns) == (2, True)


def test_a_query_over_several_locations_fills_a_table(small_isp: Isp) -> None:
    small_isp.locate("contracts", "contracts.csv")
    small_isp.settings["sources"].pop("usage")
    small_isp.map(
        "invoices",
        query="""
            select contract_id || '-1' as invoice_id, contract.customer_id, start_date as invoice_date,
                start_date as due_date, start_date as period_start, start_date as period_end,
                monthly_fee as net_amount, 0 as tax_amount, 'EUR' as currency, customer_type as something_else
            from contracts as contract inner join customers using (customer_id) -- done
        """,
        where="invoice_id <> 'K2-1'",
    )
    small_isp.ingest()
    assert small_isp.rows("select invoice_id, net_amount::double from raw.invoices") == [("K1-1", 29.9)]
    before = small_isp.rows("select _load_id from raw.invoices")
    assert small_isp.ingest()["invoices"].rows_read == 0
    small_isp.write("customers.csv", small_isp.CUSTOMERS.replace("organization", "person"))
    assert small_isp.ingest()["invoices"].rows_read == 1
    assert small_isp.rows("select _load_id from raw.invoices") == before, "read again, and nothing differs"
    small_isp.write("contracts.csv", small_isp.CONTRACTS.replace("29.90", "39.90"))
    small_isp.ingest()
    assert small_isp.rows("select invoice_id, net_amount::double from raw.invoices") == [("K1-1", 39.9)]


def test_a_query_that_appends_runs_once_for_each_new_file_of_its_location(small_isp: Isp) -> None:
    small_isp.locate("sessions", "sessions/*.jsonl")
    small_isp.map(
        "usage",
        location="sessions",
        growth="append",
        query="""
            select line.contract as contract_id, cast(stop as date) as usage_date,
                sum(octets[1]) as bytes_down, sum(octets[2]) as bytes_up
            from sessions inner join contracts on contract_id = line.contract group by all
        """,
    )
    session = '{{"line": {{"contract": "K1"}}, "stop": "2025-01-{day:02}T10:00:00", "octets": [{down}, 1]}}\n'
    small_isp.write("sessions/1.jsonl", session.format(day=1, down=10) * 2)
    assert small_isp.ingest()["usage"].rows_read == 1
    small_isp.write("sessions/2.jsonl", session.format(day=2, down=5))
    assert small_isp.ingest()["usage"].rows_read == 1
    assert small_isp.rows("select day(usage_date), bytes_down from raw.usage order by all") == [(1, 20), (2, 5)]


def test_the_name_of_a_file_can_be_part_of_its_rows(small_isp: Isp) -> None:
    for day in (1, 2):
        small_isp.write(f"usage_2025-01-0{day}.csv", "contract_id,bytes_down,bytes_up\nK1,1,1\n")
    expression = r"regexp_extract(filename, '\d{4}-\d{2}-\d{2}')"
    small_isp.map("usage", "usage*", growth="append", columns={"usage_date": expression})
    small_isp.ingest()
    assert small_isp.rows("select day(usage_date) from raw.usage order by all") == [(1,), (2,)]


def test_a_column_that_came_later_is_null_in_older_files(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", "contract_id,usage_date,bytes_down,bytes_up\nK1,2025-01-01,1,1\n")
    small_isp.write("usage_2.csv", "contract_id,usage_date,bytes_down,bytes_up,n\nK1,2025-01-02,1,1,7\n")
    small_isp.map("usage", "usage*", growth="append", columns={"devices": "n::int + 1"})
    small_isp.ingest()
    assert small_isp.rows("select devices from raw.usage order by usage_date") == [(None,), (8,)]


def test_parquet_rows_are_told_by_their_number(small_isp: Isp) -> None:
    query = "select 'K' || i as contract_id, date '2025-01-01' as usage_date, 1 as bytes_down, 1.5 as bytes_up"
    small_isp.write_parquet("usage.parquet", f"{query} from range(1, 3) as rows(i)")
    small_isp.ingest()
    found = small_isp.rows("select row_number, value, reason from ops.quarantine order by all")
    assert found == [(1, "1.5", "wrong_type"), (2, "1.5", "wrong_type")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"customer_id": "KUNDENNR"}, ["sources.customers.columns.customer_id", "KUNDENNR", "crm.txt", "KUNDE, FIRMA"]),
        ({"customer_id": "KUNDE +"}, ["sources.customers.columns.customer_id", "KUNDE +"]),
        ({"created_date": "cast(SEIT as date)"}, ["sources.customers", "crm.txt", "31.01.2024", "try_cast"]),
        ({"customer_name": "FIRMA"}, ["sources.customers.columns", "customer_name", "customer_type"]),
        ({"gender": "GESCHLECHT"}, ["sources.customers.columns.gender", "GESCHLECHT"]),
    ],
)
def test_an_expression_that_does_not_fit_names_itself(isp: Isp, changes: dict[str, str], words: list[str]) -> None:
    crm(isp, **changes)
    with pytest.raises(SourceError) as caught:
        isp.ingest("customers")
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert isp.rows("select count(*) from raw.customers") == [(0,)]


def test_a_required_column_that_nothing_fills_stops_the_run_and_names_itself(small_isp: Isp) -> None:
    small_isp.write("customers.csv", "customer_id,kind\nC1,person\n")
    with pytest.raises(
        SourceError, match=r"customer_type, created_date, required by customers.*Columns there: customer_id, kind"
    ):
        small_isp.ingest("customers")


def test_a_query_with_a_mistake_shows_the_line(small_isp: Isp) -> None:
    small_isp.map("customers", query="select customer_id,\n  customer_tipe\nfrom customers")
    with pytest.raises(SourceError, match=r"sources.customers.query: .*customer_tipe.*LINE 2"):
        small_isp.ingest("customers")


def test_a_pattern_without_files_says_so(small_isp: Isp) -> None:
    with pytest.raises(
        SourceError, match=r"raw.usage: location 'usage': no file matches .*Correct 'locations.usage.files'"
    ):
        small_isp.ingest()
    assert small_isp.rows("select count(*) from raw.contracts") == [(2,)]


def test_an_unreadable_file_says_which(small_isp: Isp) -> None:
    small_isp.write("usage.parquet", "this is no Parquet")
    with pytest.raises(SourceError, match=r"raw.usage: .*usage.parquet"):
        small_isp.ingest()


def test_a_required_table_without_a_source_says_what_to_add(small_isp: Isp) -> None:
    del small_isp.settings["sources"]["contracts"]
    with pytest.raises(SourceError, match=r"sources.contracts is missing.*contract_id, customer_id, product_code"):
        small_isp.ingest()


def test_a_source_of_no_table_and_a_location_that_is_not_there_are_named(small_isp: Isp) -> None:
    small_isp.map("customers", location="elsewhere")
    with pytest.raises(SourceError, match="'elsewhere' is not among 'locations'"):
        small_isp.ingest("customers")
    small_isp.map("clients", location="customers")
    with pytest.raises(SettingsError, match="clients is not a source table"):
        small_isp.ingest()


def test_an_unknown_reader_option_or_time_zone_is_an_error_for_people(small_isp: Isp) -> None:
    small_isp.settings["locations"]["customers"]["options"] = {"delimeter": ";"}
    with pytest.raises(SourceError, match="delimeter"):
        small_isp.ingest("customers")
    small_isp.settings["schedule"] = {"timezone": "Europe/Atlantis"}
    with pytest.raises(ValidationError, match="Europe/Atlantis"):
        small_isp.ingest()
