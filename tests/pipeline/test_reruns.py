"""Reruns: nothing changes without a cause, and the registry names the cause."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow
SCHEMAS = ("features", "segments", "bi")


def test_rerun_makes_no_version_a_changed_setting_makes_revision_two_and_rollback_brings_the_first_back(small):
    small.run("2025-11", "2025-12")
    before = small.contents(*SCHEMAS)
    small.run("2025-11", "2025-12")
    after = small.contents(*SCHEMAS)
    assert before.keys() == after.keys()
    for name in before:
        pd.testing.assert_frame_equal(before[name], after[name], obj=name)

    settings = small.settings_file.read_text()
    small.settings_file.write_text(settings + "\nlifecycle: {thresholds: {onboarding_days: 60}}\n")
    small.run("2025-12", "2025-12")
    statuses = {row["version_id"]: (row["status"], row["changes"]) for row in small.versions()}
    assert statuses["2025-12-31.1"][0] == "superseded"
    assert statuses["2025-12-31.2"] == ("published", "settings changed")

    reports = small.folder / "reports"
    rolled_back = small.command("rollback", "2025-12-31.1")
    assert rolled_back.returncode == 0, rolled_back.stderr
    statuses = {row["version_id"]: row["status"] for row in small.versions()}
    assert statuses["2025-12-31.1"] == "published"
    assert statuses["2025-12-31.2"] == "withdrawn"
    assert "withdrawn" in (reports / "2025-12-31.2.html").read_text()
    assert "withdrawn" not in (reports / "2025-12-31.1.html").read_text()
    pd.testing.assert_frame_equal(small.contents("bi")["bi.customer_segments"], before["bi.customer_segments"])
