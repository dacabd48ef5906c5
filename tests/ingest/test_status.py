"""What is loaded, through which day, and what went wrong, at a glance."""

from datetime import UTC, date, datetime

from orchestration.cli.status import read_status
from orchestration.settings import Settings
from tests.ingest.conftest import Isp

NOW = datetime(2025, 1, 3, 12, 0, tzinfo=UTC)


def status_of(isp: Isp) -> dict:
    with isp.warehouse.reader() as connection:
        return dict(read_status(connection, Settings.model_validate(isp.settings), NOW))


def test_each_source_says_its_rows_and_its_newest_day_that_is_not_ahead(small_isp: Isp) -> None:
    small_isp.write(
        "usage.csv",
        "contract_id,usage_date,bytes_down,bytes_up\nK1,2025-01-01,9,1\nK1,2025-01-02,9,1\nK1,2029-01-01,9,1\n"
        "K9,2025-01-02,9,1\n",
    )
    small_isp.ingest()
    found = status_of(small_isp)
    usage = next(row for row in found["sources"] if row["source_table"] == "usage")
    assert (usage["rows"], usage["through"], usage["in_quarantine"]) == (3, date(2025, 1, 2), 1)
    assert [row["source_table"] for row in found["sources"]] == ["customers", "contracts", "usage"]
    assert found["last_failed_load"]["source_table"] == "usage"
    assert found["published"] is None
    assert found["due"] == "No published month is due for revision."


def test_an_empty_lake_has_a_status(small_isp: Isp) -> None:
    small_isp.settings["warehouse"]["path"] = small_isp.folder / "empty"
    with small_isp.warehouse.writer():
        pass
    assert status_of(small_isp)["sources"] == []
