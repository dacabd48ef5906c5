"""The worked examples of the docs: their settings, as they stand there, load the exports that they show."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.ingest import ingest
from orchestration.lake.warehouse import Warehouse
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import load_settings
from tests.ingest import worked_exports

PAGE = Path(__file__).parents[2] / "docs" / "worked-examples.md"
SETTINGS = {
    re.search(r"name: (\w+)", text)[1]: text
    for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
}
EXPORTS: dict[str, Callable[[Path], dict[str, int]]] = {
    "fixed_line": worked_exports.fixed_line,
    "mobile_operator": worked_exports.mobile_operator,
    "flat_snapshot": worked_exports.flat_snapshot,
    "workbook": worked_exports.workbook,
}
# Of each, values that the mapping had to get right.
ANSWERS = {
    "fixed_line": (
        "select product_code, monthly_fee::varchar, end_date::varchar, customers.postal_code, customer_type"
        " from raw.contracts"
        " inner join raw.customers using (customer_id) where contract_id in ('V0', 'V3') order by contract_id",
        [("Glasfaser Büro", "1039.9000", None, "01067", "organization"),
         ("DSL", "29.9000", "2026-05-01", "01070", "person")],
    ),
    "mobile_operator": (
        "select direction, destination, sum(calls), sum(call_minutes)::varchar, sum(messages) from raw.calls"
        " where contract_id = '4366000007' and call_date < '2026-02-01' group by all order by all",
        [("incoming", "all", 4, "8.0000", 0), ("outgoing", "national", 4, "18.0000", 4)],
    ),
    "flat_snapshot": (
        "select start_date::varchar, end_date::varchar, term_months, bytes_down from raw.contracts"
        " inner join raw.usage using (contract_id) where contract_id = '7595-VHVEG'",
        [("2025-08-01", "2026-06-30", 24, 62_500_000_000)],
    ),
    "workbook": (
        "select customer_id, created_date::varchar, customers.postal_code, end_date::varchar from raw.customers"
        " inner join raw.contracts using (customer_id) where contract_id = 'K3'",
        [("1004", "2024-03-22", "01070", "2026-05-01")],
    ),
}  # fmt: skip


def test_every_example_of_the_page_is_run():
    assert SETTINGS.keys() == EXPORTS.keys() == ANSWERS.keys()


@pytest.mark.parametrize("name", EXPORTS)
def test_an_example_is_checked_and_loaded_by_its_settings_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    expected = EXPORTS[name](tmp_path / "exports")
    (tmp_path / "segmentation.yaml").write_text(SETTINGS[name], encoding="utf-8")
    settings = load_settings(tmp_path / "segmentation.yaml")
    settings = settings.model_copy(
        update={"warehouse": settings.warehouse.model_copy(update={"path": tmp_path / "lake", "threads": 1})}
    )
    report = preview_sources(settings)
    assert report.ok, [each.failure for each in report.tables if not each.ok]
    loads = {each.table: each for each in ingest(Warehouse(settings.warehouse), settings) if each.is_mapped}
    assert {table: load.rows_accepted for table, load in loads.items()} == expected
    assert {table: load.rows_quarantined for table, load in loads.items()} == dict.fromkeys(expected, 0)
    query, answer = ANSWERS[name]
    with Warehouse(settings.warehouse).reader() as connection:
        assert connection.execute(query).fetchall() == answer
