"""Limits and actions come from settings, outcomes are kept, and what blocks keeps segmentation from running."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest import LoadReport
from orchestration.settings import Settings
from orchestration.settings.sources import CheckLimits, CheckSettings
from orchestration.source_checks import CHECKS, latest, require_sound_sources, tally, warnings
from tests.source_checks.conftest import CHECKED_AT, TABLES, Lake

SWAP = "update raw.usage set bytes_down = bytes_up, bytes_up = bytes_down"
KEY = ("usage", "upload_share")


def test_every_check_has_limits_and_all_limits_a_check():
    limits = {name for name, field in CheckSettings.model_fields.items() if isinstance(field.default, CheckLimits)}
    assert limits | {"row_accounting", "quarantine_share"} == {check.name for check in CHECKS}


def test_a_file_names_only_the_limits_it_changes():
    checks = CheckSettings.model_validate(
        {"upload_share": {"action": "block"}, "days_behind": {"tables": {"usage": {"action": "off"}}}}
    )
    assert (checks.upload_share.action, checks.upload_share.maximum) == ("block", 0.5)
    assert (checks.days_behind.tables["usage"].action, checks.days_behind.tables["usage"].maximum) == ("off", 4)
    assert checks.days_behind.tables["customers"].maximum == 120
    with pytest.raises(ValidationError, match="upload_chare"):
        CheckSettings.model_validate({"upload_chare": {"action": "off"}})
    with pytest.raises(ValidationError, match="action"):
        CheckSettings.model_validate({"upload_share": {"action": "shout"}})


def test_limits_of_a_table_that_does_not_exist_are_refused(lake: Lake):
    lake.settings["checks"] = {"days_behind": {"tables": {"usages": {"maximum": 3}}}}
    with pytest.raises(SettingsError, match=r"checks\.days_behind\.tables: usages"):
        lake.check()


@pytest.mark.parametrize(
    ("action", "made", "blocks"), [("off", False, False), ("warn", True, False), ("block", True, True)]
)
def test_the_settings_decide_what_happens_beyond_the_limits(lake: Lake, action: str, made: bool, blocks: bool):
    lake.plant(SWAP)
    lake.settings["checks"] = {"upload_share": {"action": action}}
    outcomes = lake.check()
    assert (KEY in outcomes) == made
    assert made == (blocks or any("upload_share" in line for line in warnings(outcomes.values())))
    settings = Settings.model_validate(lake.settings)
    if not blocks:
        require_sound_sources(lake.connection, settings)
        return
    with pytest.raises(SourceError, match=r"93\.0% of the recent traffic is upload") as error:
        require_sound_sources(lake.connection, settings)
    assert "Swap bytes_down and bytes_up" in str(error.value)
    # Raising the limit, or asking for a warning only, is heard without loading again.
    for change in ({"maximum": 0.95}, {"action": "warn"}):
        lake.settings["checks"]["upload_share"] = {"action": action} | change
        require_sound_sources(lake.connection, Settings.model_validate(lake.settings))


def test_a_source_above_its_quarantine_limit_keeps_segmentation_from_running_even_if_its_checks_were_never_made(
    lake: Lake,
):
    lake.plant("update ops.loads set rows_read = 120, rows_quarantined = 20 where source_table = 'customers'")
    with pytest.raises(SourceError, match=r"raw\.customers, quarantine_share: 16\.67%"):
        require_sound_sources(lake.connection, Settings.model_validate(lake.settings))
    for quarantine in ({"max_share": 0.2}, {"action": "warn"}):
        lake.settings["sources"]["customers"]["quarantine"] = quarantine
        require_sound_sources(lake.connection, Settings.model_validate(lake.settings))


def test_outcomes_are_kept_and_the_latest_set_holds(lake: Lake):
    lake.plant(SWAP)
    lake.check()
    lake.plant(SWAP)
    lake.check(at=datetime(2025, 11, 2, 2, 30))
    rows = lake.connection.execute(
        "select checked_at, last_load_id, passed, action, maximum, advice is null from ops.source_checks"
        " where source_table = 'usage' and check_name = 'upload_share' order by checked_at"
    ).fetchall()
    assert rows == [
        (CHECKED_AT, len(TABLES), False, "warn", 0.5, False),
        (datetime(2025, 11, 2, 2, 30), len(TABLES), True, "warn", 0.5, True),
    ]
    (kept,) = [each for each in latest(lake.connection) if (each.source_table, each.check_name) == KEY]
    assert kept.passed


def test_checks_of_tables_that_are_not_mapped_are_left_out_and_named_once(lake: Lake):
    for table in ("usage", "invoices", "interactions"):
        lake.settings["sources"].pop(table)
    outcomes = lake.check()
    assert {table for table, _ in outcomes} == {"customers", "contracts", "payments"}
    said = tally(outcomes.values(), Settings.model_validate(lake.settings))
    assert said.count("upload_share") == 1
    assert "settled_to_invoiced" in said
    assert "row_accounting" not in said


def test_empty_tables_and_a_history_of_one_month_pass_and_say_why(lake: Lake):
    lake.plant("delete from raw.usage where usage_date < date '2025-10-29'; delete from raw.payments")
    lake.plant("delete from raw.invoices where invoice_date < date '2025-10-01'; delete from raw.interactions")
    outcomes = {key: each for key, each in lake.check().items() if key[1] != "row_accounting"}
    assert {key for key, each in outcomes.items() if not each.passed} == {
        ("invoices", "invoiced_to_contracted"),  # two of the three months have no invoice at all
        ("payments", "settled_to_invoiced"),
    } - {("payments", "settled_to_invoiced")}
    assert outcomes["usage", "rows_of_day_to_past"].message.startswith("No past to compare")
    assert outcomes["invoices", "rows_of_month_to_past"].message.startswith("No past to compare")
    assert outcomes["payments", "settled_to_invoiced"].message == "The table is empty."


def test_a_look_at_all_history_waits_for_the_next_load_unless_what_it_found_blocks(lake: Lake):
    key = ("contracts", "churn_learnable")
    found = lake.check()[key]
    assert found.passed
    lake.plant("update raw.contracts set end_date = null")
    assert lake.check(at=datetime(2025, 11, 2, 2, 30))[key] == found
    loaded = LoadReport(table="contracts", files_new=1)
    assert not lake.check(loaded, at=datetime(2025, 11, 3, 2, 30))[key].passed
    lake.plant("update raw.contracts set end_date = '2025-09-20' where contract_id like 'KL%'")
    lake.settings["checks"] = {"churn_learnable": {"action": "block"}}
    assert lake.check(at=datetime(2025, 11, 4, 2, 30))[key].message != found.message
