"""Identifiers that went through floating-point numbers, and texts that stand for none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.lake.contract import Column, Table, load_contract
from tests.ingest.conftest import Isp

LONG = ("89430103524123456789", "89430103524123456790", "89430103524123456797", "89430103524123456805")
OPTIONAL = [
    (table, column) for table in load_contract().values() for column in table.columns
    if column.is_identifier and not column.is_required
]  # fmt: skip
PLACEHOLDERS = ("NULL", "none", "0", "-", r"\N", "n/a", "0.0", " NaN ")


def customers_with(isp: Isp, value: str) -> Isp:
    isp.write("customers.csv", f'customer_id,customer_type,created_date\n"{value}",person,2024-01-01\n')
    isp.map("customers", "customers.csv")
    return isp


def filled(table: Table, column: Column, value: str) -> dict[str, str]:
    """A row of a table that the contract accepts, with ``value`` in one column."""
    kinds = {"date": "2024-02-01", "timestamp": "2024-02-01 10:00:00", "boolean": "true", "varchar": "C1"}
    row = {
        each.name: each.accepted_values[0] if each.accepted_values else kinds.get(each.data_type, "1")
        for each in table.columns
        if each.is_required
    }
    given = {"contract_id": "K1", "customer_id": "C1", "currency": "EUR"}
    return row | {name: text for name, text in given.items() if name in row} | {column.name: value}


@pytest.mark.parametrize(("table", "column"), OPTIONAL, ids=lambda part: part.name)
def test_in_no_reference_that_may_be_empty_is_a_placeholder_an_identifier(
    small_isp: Isp, table: Table, column: Column
) -> None:
    small_isp.settings["sources"].pop("usage")
    row = filled(table, column, "NULL")
    small_isp.write("one.csv", f"{','.join(row)}\n{','.join(row.values())}\n")
    small_isp.map(table.name, "one.csv")
    if table.name == "contracts":
        small_isp.settings["sources"]["contracts"]["columns"] = {"contract_id": "'K1'"}
    small_isp.ingest()
    assert small_isp.rows(f"select count(*), count({column.name}) from raw.{table.name}") == [(1, 0)]


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_what_stands_for_no_parent_is_null_and_a_location_may_say_otherwise(isp: Isp, value: str) -> None:
    isp.write("c.csv", f'customer_id,customer_type,created_date,parent_customer_id\nA,person,2024-01-01,"{value}"\n')
    isp.map("customers", "c.csv")
    isp.ingest("customers")
    assert isp.rows("select parent_customer_id from raw.customers") == [(None,)]
    isp.locate("customers", "c.csv", null_references=["X9"])
    isp.ingest("customers")
    assert isp.rows("select parent_customer_id is null from raw.customers") == [(False,)]


def test_a_customer_called_0_is_loaded(isp: Isp) -> None:
    customers_with(isp, "0").ingest("customers")
    assert isp.rows("select customer_id from raw.customers") == [("0",)]


@pytest.mark.parametrize(
    ("written", "stored"),
    [("1001.0", "1001"), ("1001.00", "1001"), ("-7.0", "-7"), ("007", "007"), ("1001.5", "1001.5"), ("v1.0", "v1.0"),
     ("8E5", "8E5"), ("12E4A", "12E4A"), ("10.0.0.0", "10.0.0.0")],
)  # fmt: skip
def test_a_whole_number_of_a_float_is_the_number_it_was(isp: Isp, written: str, stored: str) -> None:
    customers_with(isp, written).ingest("customers")
    assert isp.rows("select customer_id from raw.customers") == [(stored,)]


@pytest.mark.parametrize(("billed", "paid"), [("1001", "1001.0"), ("1001.0", "1001"), ("1001.0", "1001.00")])
def test_money_finds_its_bill_whichever_of_the_two_went_through_a_float(isp: Isp, billed: str, paid: str) -> None:
    bill = "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency"
    isp.write("b.csv", f"{bill}\n{billed},C1,2024-02-01,2024-02-15,2024-02-01,2024-02-29,30,0,EUR\n")
    payment = "payment_id,customer_id,invoice_id,paid_date,amount,currency,status"
    isp.write("p.csv", f"{payment}\nP1,C1,{paid},2024-02-10,30,EUR,settled\n")
    isp.write("customers.csv", isp.CUSTOMERS)
    for table, file in (("customers", "customers.csv"), ("invoices", "b.csv"), ("payments", "p.csv")):
        isp.map(table, file)
    isp.ingest("customers", "invoices", "payments")
    assert isp.rows("select sum(amount) from raw.payments join raw.invoices using (customer_id, invoice_id)") == [(30,)]


@pytest.mark.parametrize("written", ["8.94301E+19", "8,94301E+19", "8.943010352412346e+19", "9E+15", "1.0E16"])
def test_scientific_notation_is_refused_and_names_the_column(isp: Isp, written: str) -> None:
    customers_with(isp, written).ingest("customers")
    assert isp.rejected("customers") == [("customer_id", "rounded_identifier", written)]


@pytest.mark.parametrize(
    ("kind", "number", "stored"),
    [("double", 1001, "1001"), ("double", 2**53 - 1, str(2**53 - 1)), ("double", 2**53, None), ("float", 77, "77"),
     ("float", 2**24, None), ("decimal(20, 2)", 1001, "1001"), ("bigint", 10**18, str(10**18))],
)  # fmt: skip
def test_a_number_is_an_identifier_as_long_as_its_type_can_tell_neighbours_apart(
    isp: Isp, kind: str, number: int, stored: str | None
) -> None:
    isp.write_parquet(
        "c.parquet",
        f"""
        select {number}::{kind} as customer_id, 'person' as customer_type, date '2024-01-01' as created_date
    """,
    )
    isp.map("customers", "c.parquet")
    isp.ingest("customers")
    assert isp.rows("select customer_id from raw.customers") == ([(stored,)] if stored else [])
    reasons = [reason for _, reason, _ in isp.rejected("customers")]
    assert reasons == ([] if stored else ["rounded_identifier"])


def test_a_rounded_identifier_is_refused_also_where_identifiers_are_pseudonyms_and_does_not_show(isp: Isp) -> None:
    isp.settings["pseudonyms"] = {"key": "a key of at least sixteen letters"}
    customers_with(isp, "8.94301E+19").ingest("customers")
    ((column, reason, value),) = isp.rejected("customers")
    assert (column, reason) == ("customer_id", "rounded_identifier")
    assert "94301" not in value


JSON_FORMS = {
    "array": lambda rows: json.dumps(rows),
    "lines": lambda rows: "\n".join(map(json.dumps, rows)),
    "lines, one of them broken": lambda rows: "\n".join([*map(json.dumps, rows), "{broken"]),
}


@pytest.mark.parametrize(
    ("form", "nested", "expression"),
    [
        ("array", lambda number: {"iccid": number}, "iccid"),
        ("lines", lambda number: {"line": {"iccid": number, "fee": 1.5}}, "line.iccid"),
        ("lines, one of them broken", lambda number: {"lines": [{"iccid": number}]}, "lines[1].iccid"),
        ("array", lambda number: {"iccids": [number, 3]}, "iccids[1]"),
    ],
)
def test_a_number_of_twenty_digits_in_json_stays_as_it_was_written(
    isp: Isp, form: str, nested: Any, expression: str
) -> None:
    rows = [nested(int(number)) | {"ratio": 0.5 + place} for place, number in enumerate(LONG)]
    isp.write("lines.json", JSON_FORMS[form](rows))
    created = "date '2024-01-01' + (ratio * 2)::int"
    columns = {"customer_id": expression, "customer_type": "'person'", "created_date": created}
    isp.map("customers", "lines.json", columns=columns, quarantine={"action": "warn"})
    isp.ingest("customers")
    assert [each for (each,) in isp.rows("select customer_id from raw.customers order by 1")] == list(LONG)


def test_usage_in_text_finds_contracts_of_twenty_digits_in_json(small_isp: Isp) -> None:
    lines = [{"iccid": int(number), "holder": "C1", "plan": "M", "from": "2024-01-05", "fee": 20} for number in LONG]
    small_isp.write("lines.json", json.dumps(lines))
    columns = {"contract_id": "iccid", "customer_id": "holder", "product_code": "plan", "product_family": "'mobile'",
               "start_date": '"from"', "monthly_fee": "fee"}  # fmt: skip
    small_isp.map("contracts", "lines.json", columns=columns)
    rows = "".join(f"{number},2024-06-0{day},1000,100\n" for day, number in enumerate(LONG, 1))
    small_isp.write("usage.csv", f"contract_id,usage_date,bytes_down,bytes_up\n{rows}")
    small_isp.ingest()
    found = small_isp.rows("select contract_id from raw.usage join raw.contracts using (contract_id) order by 1")
    assert [each for (each,) in found] == list(LONG)
    assert small_isp.rows("select count(*) from ops.quarantine") == [(0,)]


@given(st.integers(-(10**25), 10**25))
def test_no_whole_number_in_json_is_rounded(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    import duckdb

    from orchestration.ingest.reading.json_files import json_rows
    from orchestration.settings import LocationSettings

    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(f'[{{"id": {number}}}]')
    with duckdb.connect() as connection:
        reader = json_rows(connection, str(path), LocationSettings(files=[str(path)]))
        assert connection.execute(f"select id::varchar from {reader}").fetchall() == [(str(number),)]
