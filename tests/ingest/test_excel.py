"""Excel workbooks as people send them: sheets, title lines, mixed cells, dates, identifiers that were numbers."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from orchestration.errors import SourceError
from orchestration.ingest import ingest
from orchestration.lake.warehouse import Warehouse
from orchestration.onboarding.init import draft_settings, write_settings
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import load_settings
from tests.ingest.conftest import Isp

HEADER = ("customer_id", "customer_type", "created_date", "region")


def workbook(isp: Isp, name: str = "customers.xlsx", **sheets: Sequence[Sequence[Any]]) -> Path:
    """A workbook with a sheet for each name, in order."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = isp.folder / "source" / name
    path.parent.mkdir(exist_ok=True)
    book.save(path)
    return path


def customers(isp: Isp, pattern: str = "customers.xlsx", **location: Any) -> list[tuple[Any, ...]]:
    isp.locate("crm", pattern, **location)
    isp.map("customers", location="crm")
    isp.ingest("customers")
    return isp.rows("select customer_id, created_date::varchar, region from raw.customers order by all")


def test_cells_keep_what_they_hold_in_columns_of_mixed_kinds(isp: Isp) -> None:
    workbook(
        isp,
        Customers=[
            HEADER,
            (1001, "person", date(2024, 2, 29), "North"),
            (1001.5, "person", datetime(2024, 3, 1, 17, 30), 7),
            ("00042", "person", "2024-03-02", None),
            ("C9", "person", datetime(2024, 3, 3), True),
        ],
    )
    assert customers(isp) == [
        ("00042", "2024-03-02", None),
        ("1001", "2024-02-29", "North"),
        ("1001.5", "2024-03-01", "7"),
        ("C9", "2024-03-03", "true"),
    ]


def test_numbers_and_dates_are_written_as_the_location_writes_text(small_isp: Isp) -> None:
    header = ("contract_id", "customer_id", "product_code", "product_family", "start_date", "monthly_fee")
    workbook(
        small_isp,
        "contracts.xlsx",
        Vertraege=[
            header,
            ("K1", "C1", "NET", "internet", date(2024, 1, 31), 1234.5),
            ("K2", "C1", "NET", "internet", "01.02.2024", "1.234,56"),
            ("K3", "C1", "NET", "internet", datetime(2024, 2, 2), 0.1 + 0.2),
            ("K4", "C1", "NET", "internet", "03.02.2024", "12.50"),
        ],
    )
    small_isp.locate("contracts", "contracts.xlsx", decimal_separator=",", date_format="%d.%m.%Y")
    del small_isp.settings["sources"]["usage"]
    small_isp.settings["sources"]["contracts"]["quarantine"] = {"action": "warn"}
    small_isp.ingest()
    assert small_isp.rows("select contract_id, start_date::varchar, monthly_fee::varchar from raw.contracts") == [
        ("K1", "2024-01-31", "1234.5000"),
        ("K2", "2024-02-01", "1234.5600"),
        ("K3", "2024-02-02", "0.3000"),
    ]
    assert small_isp.rejected("contracts") == [("monthly_fee", "wrong_type", "12.50")]


def test_a_number_that_excel_has_rounded_is_refused_as_an_identifier(isp: Isp) -> None:
    workbook(isp, A=[HEADER, (89430103524123456789, "person", date(2024, 1, 1), None)])
    assert customers(isp) == []
    assert [(column, reason) for column, reason, _ in isp.rejected("customers")] == [
        ("customer_id", "rounded_identifier")
    ]


def test_what_is_rejected_is_found_by_file_row_of_the_sheet_and_column(isp: Isp) -> None:
    path = workbook(
        isp,
        A=[
            ("Customers of Example ISP",),
            (),
            HEADER,
            ("C1", "person", date(2024, 1, 1), None),
            (),
            ("C2", "person", "soon", None),
        ],
    )
    assert customers(isp, options={"header_row": 3}) == [("C1", "2024-01-01", None)]
    assert isp.rows("select file, row_number, column_name, value from ops.quarantine") == [
        (str(path), 6, "created_date", "soon")
    ]


def test_every_row_is_accounted_for_and_blank_ones_are_none(isp: Isp) -> None:
    rows = [(f"C{number}", "person", date(2024, 1, 1), None) for number in range(50)]
    workbook(isp, A=[HEADER, *rows[:20], (), (None, "  "), *rows[20:], rows[3]])
    isp.locate("crm", "customers.xlsx")
    isp.map("customers", location="crm")
    report = isp.ingest("customers")["customers"]
    assert (report.rows_read, report.rows_accepted, report.rows_duplicate) == (51, 50, 1)


def test_of_several_sheets_the_settings_name_one_by_name_or_place(isp: Isp) -> None:
    rows = [HEADER, ("C1", "person", date(2024, 1, 1), None)]
    other = [HEADER, ("C2", "person", date(2024, 1, 1), None)]
    workbook(isp, Now=rows, Before=other)
    with pytest.raises(SourceError, match=r"customers.xlsx has 2 sheets with rows: Now, Before. Name the one"):
        customers(isp)
    assert customers(isp, options={"sheet": "Before"}) == [("C2", "2024-01-01", None)]
    assert customers(isp, options={"sheet": 1}) == [("C1", "2024-01-01", None)]
    with pytest.raises(SourceError, match=r"has no sheet 'After'.*there are: Now, Before"):
        customers(isp, options={"sheet": "After"})


def test_empty_and_hidden_sheets_are_no_choice(isp: Isp) -> None:
    book = Workbook()
    book.active.title = "Data"
    for row in (HEADER, ("C1", "person", date(2024, 1, 1), None)):
        book.active.append(row)
    book.create_sheet("Empty")
    hidden = book.create_sheet("Lists")
    hidden.append(("a", "b"))
    hidden.sheet_state = "hidden"
    (isp.folder / "source").mkdir()
    book.save(isp.folder / "source" / "customers.xlsx")
    assert customers(isp) == [("C1", "2024-01-01", None)]


def test_a_range_leaves_notes_beside_and_totals_below_out(isp: Isp) -> None:
    workbook(
        isp,
        A=[
            (),
            (None, *HEADER, "note"),
            ("x", "C1", "person", date(2024, 1, 1), "N", "checked"),
            ("x", "C2", "person", date(2024, 1, 2), "S", None),
            (None, "Total", 2),
        ],
    )
    expected = [("C1", "2024-01-01", "N"), ("C2", "2024-01-02", "S")]
    assert customers(isp, options={"range": "B2:E4"}) == expected
    with pytest.raises(SourceError, match="is not a range of cells; write it as A3:H200"):
        customers(isp, options={"range": "second sheet"})


def test_a_workbook_that_counts_days_from_1904_gives_the_same_dates(isp: Isp) -> None:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    for row in (HEADER, ("C1", "person", date(2024, 2, 29), None)):
        book.active.append(row)
    (isp.folder / "source").mkdir()
    book.save(isp.folder / "source" / "customers.xlsx")
    assert customers(isp) == [("C1", "2024-02-29", None)]


def test_a_serial_number_that_is_not_formatted_as_a_date_is_read_by_an_expression(isp: Isp) -> None:
    workbook(isp, A=[HEADER, ("C1", "person", 45351, None)])
    assert customers(isp) == []
    isp.settings["sources"]["customers"]["columns"] = {
        "created_date": "date '1899-12-30' + cast(created_date as integer)"
    }
    isp.ingest("customers")
    assert isp.rows("select created_date::varchar from raw.customers") == [("2024-02-29",)]


def test_cells_without_a_name_are_columns_and_formatting_alone_is_none(isp: Isp) -> None:
    workbook(isp, A=[("customer_id", None, "customer_type", "created_date", "Region\n of  sale", None),
                     ("C1", "x", "person", date(2024, 1, 1), "N", None)])  # fmt: skip
    isp.locate("crm", "customers.xlsx")
    isp.map("customers", location="crm", columns={"region": 'concat("Region of sale", column1)'})
    isp.ingest("customers")
    assert isp.rows("select region from raw.customers") == [("Nx",)]


def test_a_workbook_whose_sheet_is_damaged_is_said_by_file_and_sheet(isp: Isp) -> None:
    path = workbook(isp, A=[HEADER, *((f"C{number}", "person", date(2024, 1, 1), "N") for number in range(500))])
    content = path.read_bytes()
    at = content.index(b"xl/worksheets/sheet1.xml") + 200
    path.write_bytes(content[:at] + bytes(40) + content[at + 40 :])
    with pytest.raises(SourceError, match=r"customers.xlsx, sheet 'A', is not an Excel workbook .* is incomplete"):
        customers(isp)


def test_a_changed_workbook_is_read_again(isp: Isp) -> None:
    workbook(isp, A=[HEADER, ("C1", "person", date(2024, 1, 1), "N")])
    assert customers(isp) == [("C1", "2024-01-01", "N")]
    workbook(isp, A=[HEADER, ("C1", "person", date(2024, 1, 1), "S"), ("C2", "person", date(2024, 1, 1), "S")])
    assert customers(isp) == [("C1", "2024-01-01", "S"), ("C2", "2024-01-01", "S")]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is not an Excel workbook"), (b"customer_id,customer_type\n", "is not an Excel workbook"),
     (b"PK\x03\x04 not really a zip", "is not an Excel workbook"),
     (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "is not an Excel workbook")],
    ids=["empty", "csv", "broken zip", "encrypted or old"],
)  # fmt: skip
def test_what_is_no_workbook_is_said_by_its_file(isp: Isp, content: bytes, said: str) -> None:
    (isp.folder / "source").mkdir()
    (isp.folder / "source" / "customers.xlsx").write_bytes(content)
    with pytest.raises(SourceError, match=rf"customers.xlsx {said}"):
        customers(isp)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"header_row": 0}, "is not a row"), ({"header_row": 2}, "row 2 is empty and no header"),
     ({"header_row": 99}, "row 99 is empty and no header"), ({"delim": ";"}, "options.delim is not an option")],
    ids=str,
)  # fmt: skip
def test_an_option_that_does_not_fit_is_named(isp: Isp, options: dict[str, Any], said: str) -> None:
    workbook(isp, A=[HEADER, (), ("C1", "person", date(2024, 1, 1), "N")])
    with pytest.raises(SourceError, match=said):
        customers(isp, options=options)


def test_a_workbook_without_rows_is_said_to_be_empty(isp: Isp) -> None:
    workbook(isp, A=[], B=[])
    with pytest.raises(SourceError, match="is empty: no sheet has a header"):
        customers(isp)


def test_init_finds_sheets_and_headers_and_what_it_writes_loads(tmp_path: Path) -> None:
    isp = Isp(tmp_path)
    numbers = range(1, 41)
    workbook(
        isp,
        "Export CRM.xlsx",
        Kunden=[
            ("Kundenliste", None, None),
            ("Stand 30.06.2026", None, None),
            ("Kundennummer", "Kundenart", "Kunde seit"),
            *((1000 + number, "Privatkunde", date(2023, 1, 1 + number % 28)) for number in numbers),
        ],
        Verträge=[
            ("Vertragsnummer", "Kundennummer", "Tarif", "Sparte", "Vertragsbeginn", "Grundgebühr"),
            *((f"V{number}", 1000 + number, "Surf", "Internet", date(2023, 2, 1), 29.9) for number in numbers),
        ],
    )
    output = tmp_path / "segmentation.yaml"
    write_settings(draft_settings(str(tmp_path / "source"), output), output, force=True)
    settings = load_settings(output)
    assert settings.locations["kunden"].options == {"sheet": "Kunden", "header_row": 3}
    assert settings.locations["vertraege"].options == {"sheet": "Verträge"}
    assert preview_sources(settings).ok
    reports = {
        each.table: each.rows_accepted for each in ingest(Warehouse(settings.warehouse), settings) if each.is_mapped
    }
    assert reports == {"customers": 40, "contracts": 40}
