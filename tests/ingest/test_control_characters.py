"""Control characters: never in an identifier or a code of the lake, and out of a lake that has them already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.errors import SourceError
from orchestration.ingest.clean_text import clean_text
from orchestration.lake.contract import load_contract
from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

HEADER = "customer_id,customer_type,created_date,occupation,gender\n"
CONTROLS = ["\0", "\x01", "\x1b", "\x7f", "\x85"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_they_go_to_quarantine_from_identifiers_and_codes_and_become_spaces_in_free_text(isp: Isp, form: str) -> None:
    rows = [[f"C{at}", "person", "2024-01-01", "plain", "f"] for at in range(10)]
    for at, control in enumerate(CONTROLS):
        rows[at][0] = f"C{control}{at}"
    rows[5][3] = "first line\nsecond\tline\0"
    rows[6][4] = "m\x02"
    rows[7][3] = "\x1b\0"
    names = HEADER.strip().split(",")
    if form == "csv":
        quoted = ['"' + '","'.join(row) + '"\n' for row in rows]
        isp.write("customers.csv", HEADER + "".join(quoted))
    elif form == "jsonl":
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        isp.write("customers.jsonl", "\n".join(lines))
    else:
        values = ", ".join("(" + ", ".join(in_sql(value) for value in row) + ")" for row in rows)
        isp.write_parquet("customers.parquet", f"select * from (values {values}) as t({', '.join(names)})")
    isp.map("customers", f"customers.{form}")
    report = isp.ingest("customers")["customers"]
    assert (report.rows_accepted, report.reasons) == (4, {"control_character": 6})
    kept = isp.rows("select customer_id, occupation, gender from raw.customers order by all")
    assert kept == [
        ("C5", "first line second line", "f"),
        ("C7", None, "f"),
        ("C8", "plain", "f"),
        ("C9", "plain", "f"),
    ]
    values = dict(isp.rows("select column_name, min(value) from ops.quarantine group by all"))
    assert values == {"customer_id": r"C\u00000", "gender": r"m\u0002"}
    assert_accounted(isp)


def in_sql(value: str) -> str:
    return " || ".join(f"chr({ord(each)})" for each in value)


def test_a_zero_byte_in_an_identifier_disturbs_no_later_load(isp: Isp) -> None:
    isp.write("customers.csv", HEADER + "C\0,person,2024-01-01,,\nC2,person,2024-01-01,,\nC3,person,2024-01-01,,\n")
    isp.map("customers", "customers.csv")
    assert isp.ingest("customers")["customers"].rows_accepted == 2
    isp.write("customers.csv", HEADER + "C1,person,2024-01-01,,\nC2,person,2024-01-02,,\n")
    assert isp.ingest("customers")["customers"].rows_accepted == 2
    assert isp.rows("select count(*) from ops.quarantine") == [(0,)]


def test_text_that_people_write_is_declared_once_in_the_contract() -> None:
    free = {
        f"{table.name}.{each.name}" for table in load_contract().values() for each in table.columns if each.free_text
    }
    assert {"customers.occupation", "customers.service_address", "contracts.plan_name"} <= free
    keys = {f"{table.name}.{name}" for table in load_contract().values() for name in table.key}
    assert not free & keys


@pytest.fixture
def damaged(small_isp: Isp) -> Isp:
    """A lake as an earlier release left it: identifiers, references and text with zero bytes."""
    small_isp.write("usage_1.csv", "contract_id,usage_date,bytes_down,bytes_up\nK1,2025-01-01,1,1\nK2,2025-01-01,2,2\n")
    small_isp.ingest()
    with small_isp.warehouse.writer() as connection:
        connection.execute("update raw.customers set customer_id = 'C1' || chr(0) where customer_id = 'C1'")
        connection.execute("update raw.customers set occupation = 'a' || chr(0) || 'b' where customer_id = 'C2'")
        connection.execute("update raw.contracts set customer_id = 'C1' || chr(0) where customer_id = 'C1'")
        connection.execute("update raw.contracts set product_code = 'N' || chr(1) where contract_id = 'K2'")
    return small_isp


def test_a_lake_that_holds_them_is_cleaned_and_loads_again(damaged: Isp) -> None:
    damaged.write("customers.csv", damaged.CUSTOMERS.replace("person", "organization") + "C3,person,2024-03-01\n")
    with pytest.raises(SourceError, match="segmentation clean-text"):
        damaged.ingest()
    done = {each.table: (each.quarantined, each.cleaned, each.orphaned) for each in clean_text(damaged.warehouse)}
    assert done == {"contracts": (2, 0, 2), "customers": (1, 1, 0)}
    assert_accounted(damaged)
    assert damaged.rows("select customer_id, occupation from raw.customers") == [("C2", "a b")]
    reasons = damaged.rows("select source_table, reason, value from ops.quarantine order by all")
    assert reasons == [
        ("contracts", "control_character", r"C1\u0000"),
        ("contracts", "control_character", r"N\u0001"),
        ("customers", "control_character", r"C1\u0000"),
        ("usage", "unknown_reference", "K1"),
        ("usage", "unknown_reference", "K2"),
    ]
    assert clean_text(damaged.warehouse) == []
    damaged.ingest()
    assert damaged.rows("select count(*) from raw.customers") == [(3,)]
    assert_accounted(damaged)


def test_the_command_says_what_it_did(damaged: Isp) -> None:
    file = damaged.folder / "segmentation.yaml"
    file.write_text(f"warehouse: {{path: {damaged.folder / 'lake'}, threads: 1}}\n")
    first = CliRunner().invoke(app, ["clean-text", "--config", str(file)])
    assert first.exit_code == 0, first.output
    assert "contracts" in first.stdout
    again = CliRunner().invoke(app, ["clean-text", "--config", str(file)])
    assert "No text in the lake holds a control character." in again.stdout
