"""The exports of the worked examples (docs/worked-examples.md): small, and the same every time."""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook

CUSTOMERS = 40
MONTHS = [date(2026, month, 1) for month in range(1, 7)]
SILENT = 8
"""Number of the mobile subscriber, without data, who makes no call from May on."""


def _write(path: Path, rows: Iterable[Sequence[Any]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def _german(amount: float) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def fixed_line(folder: Path) -> dict[str, int]:
    """Write the export of the fixed-line ISP; return the rows that each table must have."""
    starts = [date(2024, 3, 1) + timedelta(7 * number) for number in range(CUSTOMERS)]
    ended = [number % 10 == 3 for number in range(CUSTOMERS)]
    _write(
        folder / "vertraege.csv",
        [
            ("Vertragsnr", "Kundennr", "Tarif", "Beginn", "Ende", "Entgelt", "MBit"),
            *(
                (f"V{number}", 1001 + number, "Glasfaser Büro" if number % 5 == 0 else "DSL", f"{start:%d.%m.%Y}",
                 "30.04.2026" if is_ended else "", _german(1039.9 if number % 5 == 0 else 29.9), 250)
                for number, (start, is_ended) in enumerate(zip(starts, ended, strict=True))
            ),
        ],
        ";",
        "iso-8859-1",
    )  # fmt: skip
    people = [
        {"nr": 1001 + number, "seit": f"{start:%Y-%m-%d}", "anschrift": {"plz": f"0{1067 + number}"}}
        | ({"name": {"firma": "Müller GmbH"}} if number % 5 == 0 else {})
        for number, start in enumerate(starts)
    ]
    (folder / "kunden.jsonl").write_text("\n".join(json.dumps(each) for each in people), encoding="utf-8")
    bills = [
        (f"R{number}-{month:%m}", 1001 + number, f"V{number}", f"{month:%d.%m.%Y}", _german(29.9))
        for number in range(CUSTOMERS)
        for month in MONTHS
        if not (ended[number] and month > date(2026, 4, 30))
    ]
    _write(folder / "rechnungen.csv", [("Nr", "Kundennr", "Vertragsnr", "Datum", "Netto"), *bills], ";", "iso-8859-1")
    duckdb.sql(f"""
        select 'V' || line as vertrag, date '2026-01-01' + day::int as tag, 900 + 40 * line::int as mb_down,
            60 + line::int as mb_up
        from range({CUSTOMERS}) as lines(line), range(181) as days(day)
        where line % 10 <> 3 or day < 120
    """).write_parquet(str(folder / "verkehr.parquet"))
    days = sum(120 if each else 181 for each in ended)
    return {"customers": CUSTOMERS, "contracts": CUSTOMERS, "invoices": len(bills), "usage": days}


def mobile_operator(folder: Path) -> dict[str, int]:
    """Write the export of the mobile operator; return the rows that each table must have."""
    _write(
        folder / "subscribers.csv",
        [
            ("msisdn", "subscriber_id", "plan", "activated", "deactivated", "monthly_price"),
            *(
                (f"4366{number:06d}", f"S{number:03d}", "Smart", date(2024, 1, 1) + timedelta(number),
                 "2026-05-10" if number % 10 == 3 else "", 14.9)
                for number in range(CUSTOMERS)
            ),
        ],
    )  # fmt: skip
    calls = data = 0
    for month in MONTHS:
        rows: list[Sequence[Any]] = []
        for number in range(CUSTOMERS):
            if (number % 10 == 3 or number == SILENT) and month > date(2026, 4, 30):
                continue
            for day in (2, 9, 16, 23):
                at = datetime(month.year, month.month, day, 10, number % 60)
                line = f"4366{number:06d}"
                rows += [
                    (f"R{at:%m%d}-{number}-1", line, at, "voice", "MO", "national", 60 + 30 * number, "", ""),
                    (f"R{at:%m%d}-{number}-2", line, at, "voice", "MT", "", 120, "", ""),
                    (f"R{at:%m%d}-{number}-3", line, at, "sms", "MO", "national", "", "", ""),
                ]
                calls += 2
                if number % 2:
                    rows.append((f"R{at:%m%d}-{number}-4", line, at, "data", "", "", "", 48_000_000, 2_100_000))
                    data += 1
        header = ("record_id", "msisdn", "started_at", "kind", "direction", "zone", "seconds", "bytes_down", "bytes_up")
        _write(folder / f"cdr_{month:%Y-%m}.csv", [header, *rows])
    return {"customers": CUSTOMERS, "contracts": CUSTOMERS, "calls": calls, "usage": data}


def flat_snapshot(folder: Path) -> dict[str, int]:
    """Write the flat snapshot; return the rows that each table must have."""
    header = ("customerID", "SeniorCitizen", "tenure", "Contract", "AvgMonthlyGB", "MonthlyCharges", "Churn")
    terms = ("Month-to-month", "One year", "Two year")
    rows = [
        (f"{7590 + number}-VHVEG", 0, 1 + 2 * number, terms[number % 3], "" if number % 8 == 0 else 12.5 * number,
         20 + number, "Yes" if number % 4 == 1 else "No")
        for number in range(CUSTOMERS)
    ]  # fmt: skip
    _write(folder / "base.csv", [header, *rows])
    return {"customers": CUSTOMERS, "contracts": CUSTOMERS, "usage": CUSTOMERS - 5}


def workbook(folder: Path) -> dict[str, int]:
    """Write the Excel workbook; return the rows that each table must have."""
    book = Workbook()
    customers = book.active
    customers.title = "Customers"
    starts = [date(2024, 3, 1) + timedelta(7 * number) for number in range(CUSTOMERS)]
    for row in (
        ("Customers of Example ISP",),
        (),
        ("Customer no", "Kind", "Since", "Postcode"),
        *((1001 + n, "B2B" if n % 5 == 0 else "B2C", day, f"0{1067 + n}") for n, day in enumerate(starts)),
    ):
        customers.append(row)
    contracts = book.create_sheet("Contracts")
    for row in (
        ("Contract", "Customer no", "Plan", "From", "To", "Fee"),
        *((f"K{n}", 1001 + n, "Fibre", day, date(2026, 5, 1) if n % 10 == 3 else None, 25.5)
          for n, day in enumerate(starts)),
    ):  # fmt: skip
        contracts.append(row)
    bills = book.create_sheet("Bills")
    rows = [(f"B{n}-{month:%m}", 1001 + n, month, 25.5) for n in range(CUSTOMERS) for month in MONTHS]
    for row in (("Bill", "Customer no", "Date", "Net"), *rows, ("Total", None, None, 25.5 * len(rows))):
        bills.append(row)
    book.save(folder / "crm.xlsx")
    return {"customers": CUSTOMERS, "contracts": CUSTOMERS, "invoices": len(rows)}
