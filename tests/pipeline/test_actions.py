"""Actions of a deployment, by the real command: decided, handed over, decided again."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow
DAY = "2025-12-31"


@pytest.fixture(scope="module")
def decided(small: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = small.copy(tmp_path_factory.mktemp("actions") / "deployment")
    with deployment.settings_file.open("a", encoding="utf-8") as settings:
        settings.write("\nserving: {file: {type: duckdb, path: served.duckdb, tables: [customer_actions, triggers]}}\n")
    finished = deployment.command("actions", "--skip-ingest", "--day", DAY)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return deployment


def test_one_action_at_most_per_customer_and_household_with_a_reason_for_every_candidate(decided: Deployment) -> None:
    actions = decided.frame("select * from bi.customer_actions")
    chosen = actions[actions["outcome"] == "chosen"]
    assert len(chosen) > 20
    assert not chosen["customer_id"].duplicated().any()
    assert not chosen["contact_unit"].duplicated().any()
    assert actions["is_control"].any()
    assert actions["reason"].str.len().min() > 10
    assert not actions["action_id"].duplicated().any()
    # Customers of the simulator have consent or not, and may be in arrears.
    assert {"opted_out", "control_group"} <= set(actions["suppressed_by"].dropna())


def test_what_is_decided_is_served_at_once(decided: Deployment) -> None:
    counts = "select (select count(*) from bi.customer_actions) as actions, (select count(*) from bi.triggers) as found"
    with duckdb.connect(str(decided.folder / "served.duckdb"), read_only=True) as served:
        assert served.execute(counts).fetchall() == list(decided.frame(counts).itertuples(index=False, name=None))


def test_the_facts_of_a_month_end_are_those_of_its_version(decided: Deployment) -> None:
    differing = decided.frame(
        """
        select days.customer_id, days.is_open, segments.is_open, days.monthly_fee, segments.monthly_fee
        from features.customer_days as days
        inner join bi.customer_segments as segments
            on days.customer_id = segments.customer_id
        where days.action_date = segments.as_of_date
            and (days.is_open <> segments.is_open or (days.is_open and days.monthly_fee <> segments.monthly_fee)
                or abs(coalesce(days.overdue_amount, 0) - segments.overdue_amount) > 0.01)
        """
    )
    assert differing.empty, differing


def test_an_audience_is_handed_over_and_a_second_decision_is_the_same(decided: Deployment, tmp_path: Path) -> None:
    def audience(name: str) -> pd.DataFrame:
        file = tmp_path / name
        finished = decided.command("audience", "--day", DAY, "-o", str(file))
        assert finished.returncode == 0, finished.stderr
        return pd.read_csv(file)

    before = audience("before.csv")
    chosen = decided.frame("select action_id from bi.customer_actions where outcome = 'chosen'")
    assert sorted(before["action_id"]) == sorted(chosen["action_id"])
    finished = decided.command("actions", "--skip-ingest", "--day", DAY)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    pd.testing.assert_frame_equal(before, audience("after.csv"))
