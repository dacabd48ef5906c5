"""What a new mapping would do is seen before anything is loaded."""

from __future__ import annotations

import gzip
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from orchestration.lake.contract import load_contract
from orchestration.lake.declarations import declared_tables
from orchestration.onboarding.preview import Rejected, SourcesReport, as_json, preview_sources, render
from orchestration.onboarding.preview.outputs import costs_of_missing_columns
from orchestration.paths import PROJECT_DIR
from orchestration.settings import Settings
from tests.ingest.previews import INVOICE_COLUMNS, check, table

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up,node\n"


def text(report: SourcesReport, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


def test_a_good_mapping_is_ok_and_nothing_is_written(small_isp: Isp) -> None:
    small_isp.settings["warehouse"]["path"] = small_isp.folder / "no_lake"
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,bras7\n")
    report = check(small_isp)
    assert report.ok
    usage = next(found for found in report.tables if found.table == "usage")
    assert (usage.files, usage.sampled, usage.accepted, usage.ignored_columns) == (1, 1, 1, ("node",))
    assert usage.source_columns["node"] == "VARCHAR"
    assert usage.sample[0]["bytes_down"] == 9
    assert "devices" in {missing.column for missing in usage.missing}
    assert set(report.unavailable) == set(load_contract()) - {"customers", "contracts", "usage", "usage_sessions"}
    assert not (small_isp.folder / "no_lake").exists()


def test_rows_that_would_be_refused_are_shown_with_their_reason(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\nK1,2025-01-02,n/a,1,a\nK7,2025-01-02,9,1,a\n")
    report = check(small_isp)
    usage = next(found for found in report.tables if found.table == "usage")
    assert usage.rejected == [
        Rejected("bytes_down", "wrong_type", 1, "usage.csv", 2, 3, "n/a"),
        Rejected("contract_id", "unknown_reference", 1, "usage.csv", 3, 4, "K7"),
    ]
    assert (usage.sampled, usage.accepted) == (3, 1)
    assert "bytes_down wrong_type in 1 rows, first in line 3 of usage.csv: 'n/a'." in text(report)


def test_a_table_of_bad_rows_only_fails(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}X1,2025-01-01,9,1,a\n")
    assert not check(small_isp).ok


def test_one_broken_source_does_not_hide_the_others(small_isp: Isp) -> None:
    small_isp.map("customers", "customers*.csv", columns={"created_date": "birthday"})
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    by_table = {found.table: found for found in report.tables}
    assert not report.ok
    assert "birthday" in by_table["customers"].error
    assert by_table["usage"].accepted == 1
    assert "birthday" in text(report)


def test_a_swapped_direction_is_warned_of(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1000000000,9000000000,a\n")
    (warning,) = table(check(small_isp), "usage").warnings
    assert "Swap bytes_down and bytes_up" in warning


@pytest.mark.parametrize(("bytes_down", "warns"), [(900, True), (900_000_000, False), (900_000_000_000, True)])
def test_a_volume_that_looks_like_another_unit_is_warned_of(small_isp: Isp, bytes_down: int, warns: bool) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,{bytes_down},1,a\n")
    warnings = table(check(small_isp), "usage").warnings
    assert any("at a median day's rate" in warning for warning in warnings) is warns


def test_a_required_table_without_a_source_fails(small_isp: Isp) -> None:
    del small_isp.settings["sources"]["contracts"]
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    assert not report.ok
    assert "contracts" in report.unavailable


@pytest.mark.parametrize(
    ("max_share", "action", "ok"), [(0.3, "block", False), (0.3, "warn", True), (0.5, "block", True)]
)
def test_more_to_quarantine_than_a_source_allows_fails(small_isp: Isp, max_share: float, action: str, ok: bool) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\nK1,2025-01-02,n/a,1,a\n")
    small_isp.settings["sources"]["usage"]["quarantine"] = {"max_share": max_share, "action": action}
    report = check(small_isp)
    assert report.ok is ok
    assert ("more than sources.usage.quarantine.max_share (30.0%)" in text(report)) is (not ok)


def test_references_are_looked_up_among_all_keys_not_among_a_sample_of_them(small_isp: Isp) -> None:
    ids = [f"C{number},person,2024-01-01\n" for number in range(1, 501)]
    small_isp.write("customers.csv", "customer_id,customer_type,created_date\n" + "".join(ids))
    small_isp.write("contracts.csv", small_isp.CONTRACTS.replace("K1,C1", "K1,C499").replace("K2,C2", "K2,C501"))
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = preview_sources(Settings.model_validate(small_isp.settings), sample_rows=10)
    assert table(report, "customers").sampled == 10
    assert [found.example for found in table(report, "contracts").rejected] == ["C501"]


def test_references_to_a_parent_too_large_to_scan_are_left_open(
    small_isp: Isp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.onboarding.preview.references._MOST_TEXT_BYTES", 10)
    small_isp.write("usage.csv", f"{USAGE}K9,2025-01-01,9,1,a\n")
    usage = table(check(small_isp), "usage")
    assert (usage.accepted, usage.rejected) == (1, [])
    assert any("contract_id was not looked up" in warning for warning in usage.warnings)


def test_locations_are_listed_with_files_sizes_and_about_how_many_rows(small_isp: Isp) -> None:
    days = [f"K1,2025-01-{day:02d},900000000,100000000,bras7\n" for day in range(1, 32)] * 100
    small_isp.write("usage_1.csv", USAGE + "".join(days))
    small_isp.write("usage_2.csv", USAGE + "".join(days))
    small_isp.write_parquet("old.parquet", "select 1 as a from range(7)")
    small_isp.locate("old", "old.parquet")
    small_isp.locate("gone", "gone*.csv")
    found = {each.name: each for each in check(small_isp).locations}
    assert found["usage"].files == 2
    assert found["usage"].rows == pytest.approx(6200, rel=0.05)
    assert (found["old"].rows, found["old"].kind, found["old"].used_by) == (7, "parquet", ())
    assert "no file matches" in (found["gone"].error or "")


def test_a_database_shows_its_tables_and_is_judged_alike(small_isp: Isp) -> None:
    with sqlite3.connect(small_isp.folder / "crm.db") as database:
        database.executescript("""
            create table clients (id text, since text); create table notes (a text);
            insert into clients values ('C1', '2024-01-01'), ('C2', 'soon'), ('C3', '2024-01-01');
        """)
    small_isp.settings["locations"]["crm"] = {"database": "sqlite", "connection": str(small_isp.folder / "crm.db")}
    small_isp.settings["sources"]["customers"] = {
        "location": "crm",
        "table": "clients",
        "columns": {"customer_id": "id", "customer_type": "'person'", "created_date": "since"},
    }
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    crm = next(each for each in report.locations if each.name == "crm")
    assert (crm.kind, [name.rsplit(".")[-1] for name in crm.tables]) == ("SQLite", ["clients", "notes"])
    assert [(found.column, found.example, found.line) for found in table(report, "customers").rejected] == [
        ("created_date", "soon", None)
    ]


def test_outputs_say_what_they_lack(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    outputs = {output.name: output for output in report.outputs}
    assert outputs["bi.segmentation_versions"].availability == "full"
    assert outputs["bi.retention_cohorts"].availability == "none"
    assert "contracts.end_date" in outputs["bi.retention_cohorts"].reasons[0]
    assert outputs["bi.value_deciles"].availability == "partial"
    assert any(reason.startswith("invoices has no source") for reason in outputs["bi.value_deciles"].reasons)
    del small_isp.settings["sources"]["contracts"]
    assert {output.availability for output in check(small_isp).outputs} == {"none"}


def test_every_published_table_is_declared_with_its_needs() -> None:
    published = {file.stem.removeprefix("bi__") for file in (PROJECT_DIR / "models" / "bi").glob("bi__*.sql")}
    assert set(declared_tables("bi")) == published
    contract = load_contract()
    known = set(contract) | {f"{name}.{column}" for name in contract for column in contract[name].column_names}
    columns = set(costs_of_missing_columns())
    assert columns <= known
    for declared in declared_tables("bi").values():
        for need in [*declared.meta["needs"], *declared.meta.get("poorer", ())]:
            assert need in contract or need in columns


def test_the_report_as_json_is_whole(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    document = json.loads(as_json(check(small_isp)))
    assert document["ok"] is True
    assert {shown["table"] for shown in document["tables"]} == set(load_contract())
    assert next(shown for shown in document["tables"] if shown["table"] == "usage")["sample"][0]["bytes_down"] == 9


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_report_fits_a_terminal_and_begins_with_what_matters_most(small_isp: Isp, width: int) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    small_isp.map("contracts", "contracts*.csv", columns={"start_date": "begun"})
    shown = text(check(small_isp), width)
    assert max(map(len, shown.splitlines())) <= width
    verdict, finding, *_ = shown.splitlines()
    assert verdict.rstrip() == f"1 of {len(load_contract())} tables would fail."
    assert finding.startswith("  contracts: sources.contracts.columns.start_date:")


def test_rows_in_a_currency_without_a_rate_are_found(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    header = "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency\n"
    days = "2025-01-02,2025-01-16,2025-01-01,2025-01-31"
    small_isp.write("invoices.csv", f"{header}I1,C1,{days},9,1,EUR\nI2,C1,{days},9,1,CHF\nI3,C1,{days},9,1,PLN\n")
    small_isp.write("rates.csv", "currency,rate_date,rate\nCHF,2025-01-01,1.05\n")
    small_isp.map("invoices", "invoices.csv")
    small_isp.map("exchange_rates", "rates.csv")
    (rejected,) = table(check(small_isp), "invoices").rejected
    assert (rejected.reason, rejected.example) == ("no_exchange_rate", "PLN")


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_of_a_large_file_only_the_beginning_is_read(
    small_isp: Isp, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.onboarding.source_heads._LEAST_BYTES", 20_000)
    rows = "".join(f'K1,2025-01-{day:02d},9000000,1000000,"bras\n{day}"\n' for day in range(1, 32)) * 400
    path = small_isp.write("usage.csv", USAGE + rows)
    if ending == "csv.gz":
        path.with_name("usage.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    # What comes after would be found broken by whoever reads so far.
    with path.with_name(f"usage.{ending}").open("ab") as end:
        end.write(b"\xff" * 50)
    report = preview_sources(Settings.model_validate(small_isp.settings), sample_rows=5)
    usage = table(report, "usage")
    assert (usage.sampled, usage.accepted, usage.duplicate, usage.rejected, usage.error) == (5, 5, 0, [], None)


CONTRACT_COLUMNS = (
    "contract_id,customer_id,product_code,product_family,start_date,end_date,monthly_fee,discount_amount\n"
)
DOUBTS = {
    "an end before the start": (
        "contracts", "K1,C1,NET,internet,2024-01-05,2024-01-01,30,0\n",
        "1 of 1 end before they start (for example K1 from 2024-01-05 to 2024-01-01).",
    ),
    "a start that stands for an unknown one": (
        "contracts", "K1,C1,NET,internet,1900-01-01,,30,0\nK2,C1,NET,internet,2024-01-05,,30,0\n",
        "1 of 2 start on a day that usually stands for an unknown one, and count as customers of that age: map a day on"
        " which they were certainly served, such as that of the first bill (for example K1 on 1900-01-01).",
    ),
    "a discount above the fee": (
        "contracts", "K1,C1,NET,internet,2024-01-05,,30,50\n",
        "1 of 1 have a discount above their fee: is discount_amount a percentage, or the price after it?"
        " (for example K1 with 50.0000 off 30.0000).",
    ),
    "all endings on one day": (
        "contracts", "".join(f"K{i},C1,NET,internet,2024-01-05,2025-06-30,30,0\n" for i in range(20)),
        "1 of 1 days has more than half of all endings: is it the day of a migration, or of the export?"
        " (for example 20 of 20 on 2025-06-30).",
    ),
    "an end that is the last day served": (
        "contracts", "".join(
            f"K{i},C1,NET,internet,2024-{i + 1:02d}-10,2024-{i + 2:02d}-09,30,0\n"
            f"M{i},C1,NET,internet,2021-01-01,2023-{i + 1:02d}-15,30,0\n" for i in range(10)
        ),
        "9 of 20 end the day before another contract of the customer begins: end_date is the first day without service,"
        " so add a day if the source gives the last day served (for example K0 on 2024-02-09, followed by K1).",
    ),
    "ends at the end of months": (
        "contracts", "".join(
            f"K{i},C1,NET,internet,2020-01-05,{2021 + i // 2}-0{3 + i % 2 * 2}-31,30,0\n" for i in range(20)
        ),
        "20 of 20 end on the last day of a month: end_date is the first day without service,"
        " so add a day if the source gives the last day served (for example K0 on 2021-03-31).",
    ),
    "a bill whose period ends before it starts": (
        "invoices", "I1,C1,2025-01-31,2025-02-14,2025-01-31,2025-01-01,30,6,EUR\n",
        "1 of 1 end their period before it starts; such a bill counts on its own day"
        " (for example I1 for 2025-01-31 to 2025-01-01).",
    ),
    "more tax than amount": (
        "invoices", "I1,C1,2025-01-31,2025-02-14,2025-01-01,2025-01-31,30,36,EUR\n",
        "1 of 1 have more tax than net amount: is tax_amount the gross amount?"
        " (for example I1 with 36.0000 on 30.0000).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_counts_its_rows_and_shows_one(small_isp: Isp, doubt: str) -> None:
    name, rows, said = DOUBTS[doubt]
    small_isp.write(f"{name}.csv", (CONTRACT_COLUMNS if name == "contracts" else INVOICE_COLUMNS) + rows)
    small_isp.map(name, f"{name}.csv")
    assert said in table(check(small_isp), name).warnings


def test_that_no_ending_is_on_record_is_said_only_where_all_contracts_were_looked_at(small_isp: Isp) -> None:
    rows = "".join(f"K{i},C1,NET,internet,2024-01-05,,30,0\n" for i in range(20))
    small_isp.write("contracts.csv", CONTRACT_COLUMNS + rows)
    for sample_rows, is_said in ((10, False), (100, True)):
        warnings = table(
            preview_sources(Settings.model_validate(small_isp.settings), sample_rows), "contracts"
        ).warnings
        assert any("No customer who left is on record" in each for each in warnings) == is_said


def test_bills_and_usage_after_the_last_end_are_doubted(small_isp: Isp) -> None:
    small_isp.write("contracts.csv", CONTRACT_COLUMNS + "K1,C1,NET,internet,2024-01-05,2025-01-01,30,0\n")
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    small_isp.write("invoices.csv", INVOICE_COLUMNS + "I1,C1,2025-01-31,2025-02-14,2025-01-01,2025-01-31,30,6,EUR\n")
    small_isp.map("invoices", "invoices.csv")
    report = check(small_isp)
    assert any("for example K1 on 2025-01-01, ended 2025-01-01" in each for each in table(report, "usage").warnings)
    assert any("for example I1 for 2025-01-01" in each for each in table(report, "invoices").warnings)


def test_bills_of_an_account_whose_sites_hold_the_contracts_are_doubted_if_all_contracts_were_looked_at(
    small_isp: Isp,
) -> None:
    dates = "2025-01-31,2025-02-14,2025-01-01,2025-01-31"
    small_isp.write(
        "customers.csv",
        "customer_id,customer_type,created_date,parent_customer_id\nP1,organization,2024-01-01,\n"
        "S1,organization,2024-01-01,P1\nS2,organization,2024-01-01,P1\n",
    )
    rows = "".join(f"K{i},S{i},NET,internet,2024-01-05,,30,0\n" for i in (1, 2))
    small_isp.write("contracts.csv", CONTRACT_COLUMNS + rows)
    small_isp.write("invoices.csv", f"{INVOICE_COLUMNS}B7,P1,{dates},60,12,EUR\n")
    small_isp.map("invoices", "invoices.csv")
    del small_isp.settings["sources"]["usage"]
    (doubt,) = table(check(small_isp), "invoices").warnings
    assert "1 of 1 customers with bills have no contract" in doubt
    assert "(for example P1, to which S1 with a contract belongs)" in doubt
    settings = Settings.model_validate(small_isp.settings)
    assert table(preview_sources(settings, sample_rows=2), "invoices").warnings == []


def test_payments_of_bills_whose_lines_were_loaded_are_doubted(small_isp: Isp) -> None:
    dates = "2025-01-31,2025-02-14,2025-01-01,2025-01-31"
    small_isp.write("invoices.csv", f"{INVOICE_COLUMNS}B7-1,C1,{dates},30,6,EUR\nB7-2,C1,{dates},5,1,EUR\n")
    small_isp.write(
        "payments.csv", "payment_id,customer_id,paid_date,amount,status,invoice_id\n1,C1,2025-02-09,42,settled,B7\n"
    )
    small_isp.map("invoices", "invoices.csv")
    small_isp.map("payments", "payments.csv")
    (doubt,) = table(check(small_isp), "payments").warnings
    assert "add the lines up by bill" in doubt
    assert "for example 1 for B7, of which B7-1 is a line" in doubt


def test_where_everybody_is_prepaid_no_ending_is_missed(small_isp: Isp) -> None:
    header = "contract_id,customer_id,product_code,product_family,start_date,end_date,monthly_fee,is_prepaid\n"
    rows = "K1,C1,SIM,mobile,2024-01-05,,0,{0}\nK2,C2,SIM,mobile,2024-01-05,2024-06-01,0,{0}\n"
    del small_isp.settings["sources"]["usage"]
    small_isp.write("contracts.csv", header + rows.format("true"))
    assert any("Every open customer is prepaid" in each for each in table(check(small_isp), "contracts").notes)
    small_isp.write("contracts.csv", header + rows.format("false"))
    assert any("churn" in each for each in table(check(small_isp), "contracts").warnings)


def test_what_is_missing_of_organizations_is_not_told_where_all_are_persons(small_isp: Isp) -> None:
    assert "legal_form" in {missing.column for missing in table(check(small_isp), "customers").missing}
    small_isp.write("customers.csv", "customer_id,customer_type,created_date\nC1,person,2024-01-01\n")
    report = check(small_isp)
    assert "legal_form" not in {missing.column for missing in table(report, "customers").missing}
    assert text(report, 120).count("households are known by address only") == 2, "missing, and of the table it costs"


def test_identifiers_of_events_taken_for_customers_are_doubted(small_isp: Isp) -> None:
    rows = [f"E{number},U{number % 4},person,2024-01-01" for number in range(12)]
    small_isp.write("customers.csv", "\n".join(["id,user_id,customer_type,created_date", *rows]))
    del small_isp.settings["sources"]["usage"]
    customers = small_isp.settings["sources"]["customers"]
    customers["columns"] = {"customer_id": "id"}
    (doubt,) = [line for line in table(check(small_isp), "customers").warnings if "no value repeats" in line]
    assert "user_id of the same file does (4 different ones in 12 rows; for example E0 and E8 are both of U0)" in doubt
    customers["columns"] = {"customer_id": "user_id"}
    assert not [line for line in table(check(small_isp), "customers").warnings if "no value repeats" in line]
