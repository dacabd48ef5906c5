"""With a key in the settings no identifier of a source system reaches the lake, and tables still belong together."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.errors import SettingsError
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.mapping.pseudonyms import pseudonymous
from orchestration.lake.contract import load_contract
from orchestration.settings import load_settings
from orchestration.settings.sources import PseudonymSettings

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

KEY = "a key for tests that nobody knows"


def pseudonym(identifier: str, key: str = KEY) -> str:
    return hmac.new(key.encode(), identifier.encode(), "sha256").hexdigest()[:32]


def test_every_identifier_of_the_contract_is_declared_as_one() -> None:
    for table in load_contract().values():
        for column in table.columns:
            # Ids that we gave out ourselves come back as they are.
            is_ours = column.name in {"action_id", "offer_id"}
            is_one = (column.name.endswith("_id") and not is_ours) or column.name == "service_address"
            assert column.is_identifier == is_one, f"{table.name}.{column.name}"
            assert not column.is_identifier or column.data_type == "varchar"


@pytest.mark.parametrize("key", [KEY, "k" * 64, "ü" * 40, "k" * 65 + "'"])
def test_the_keyed_hash_is_that_of_the_standard_library(key: str) -> None:
    table = load_contract()["customers"]
    values = "(' C1 '), ('007'), ('ü'), (''), ('  '), (null), (repeat('x', 500))"
    with duckdb.connect() as connection:
        mapped = Mapped(f"select * from (values {values}) as t(customer_id)", {"customer_id": "VARCHAR"}, (), False)
        found = pseudonymous(connection, table, mapped, PseudonymSettings(key=key))
        rows = [value for (value,) in connection.execute(found.sql).fetchall()]
        assert key not in found.sql
    expected = [pseudonym(name, key) for name in ("C1", "007", "ü", "x" * 500)]
    assert rows == [*expected[:3], None, None, None, expected[3]]


def personal(isp: Isp) -> None:
    isp.settings["pseudonyms"] = {"key": KEY}
    usage = (
        "contract_id,usage_date,bytes_down,bytes_up\nK1,2025-01-01,1,1\nK77,2025-01-01,1,1\nK1,2025-01-02,x,1\nK1,1\n"
    )
    isp.write("usage.csv", usage)


def test_tables_belong_together_and_no_identifier_is_left_anywhere_in_the_lake(small_isp: Isp) -> None:
    personal(small_isp)
    small_isp.ingest()
    assert small_isp.rows("select contract_id, customer_id from raw.contracts order by contract_id") == sorted(
        [(pseudonym("K1"), pseudonym("C1")), (pseudonym("K2"), pseudonym("C2"))]
    )
    rejected = small_isp.rows("select reason, value, row_json from ops.quarantine order by reason")
    assert [(reason, value) for reason, value, _ in rejected] == [
        ("unknown_reference", pseudonym("K77")),
        ("unparsable_line", None),
        ("wrong_type", "x"),
    ]
    assert pseudonym("K1") in rejected[2][2]
    for file in (small_isp.folder / "lake").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"K77" not in content, file
            assert KEY.encode() not in content, file


def test_a_number_and_its_text_are_the_same_identifier(isp: Isp) -> None:
    isp.settings["pseudonyms"] = {"key": KEY}
    isp.write_parquet(
        "customers.parquet",
        "select 17::double as customer_id, 'person' as customer_type, date '2024-01-01' as created_date",
    )
    isp.write("contracts.csv", isp.CONTRACTS.replace("C1", " 17 ").replace("K2,C2", "K2,17"))
    isp.map("customers", "customers.parquet")
    isp.map("contracts", "contracts.csv")
    assert isp.ingest()["contracts"].rows_accepted == 2
    assert isp.rows("select distinct customer_id from raw.contracts") == [(pseudonym("17"),)]


def test_another_key_reads_everything_again(small_isp: Isp) -> None:
    personal(small_isp)
    small_isp.ingest()
    assert small_isp.ingest()["customers"].rows_read == 0
    small_isp.settings["pseudonyms"] = {"key": KEY[::-1]}
    small_isp.ingest()
    found = small_isp.rows("select customer_id from raw.customers order by all")
    assert found == sorted([(pseudonym("C1", KEY[::-1]),), (pseudonym("C2", KEY[::-1]),)])


@pytest.mark.parametrize(
    "text",
    [
        "pseudonyms: {key: short-secret}",
        "locations: {crm: {database: postgres, connection: password=short-secret, files: x.csv}}",
        "locations: {crm: {database: postgres, connection: [password=short-secret]}}",
        "locations: {crm: {files: 's3://b/*', object_store: {secret: [short-secret]}}}",
    ],
)
def test_settings_that_are_wrong_do_not_print_the_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "segmentation.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "segmentation.yaml")
    assert "short-secret" not in str(caught.value)
