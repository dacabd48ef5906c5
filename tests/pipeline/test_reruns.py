"""Reruns: nothing changes without a cause, and versions are published whole, in one step, whatever was killed before.

That a run killed at any step and made again ends in the same tables is held by ``test_point_in_time``.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings
from tests.pipeline.cut import AS_OF, MONTH
from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow

SCHEMAS = ("raw", "features", "segments", "bi")
# Rows of each published version, as the wide view, the clusters and the deciles show them.
PUBLISHED = """
    select version_id, count(*),
        (select sum(customers)::bigint from bi.value_deciles as d where d.version_id = h.version_id and scope = 'all'),
        (select count(*) from bi.behavior_evidence as e where e.version_id = h.version_id)
    from bi.customer_segment_history as h group by version_id order by version_id
"""


class Past(Warehouse):
    """A lake as readers found it after a commit."""

    def __init__(self, deployment: Deployment, snapshot: int) -> None:
        super().__init__(load_settings(deployment.settings_file).warehouse)
        self._snapshot = snapshot

    @property
    def attach_options(self) -> dict[str, Any]:
        return super().attach_options | {"snapshot_version": self._snapshot}


COMMITS_OF_THE_REGISTRY = """
    select snapshot_id from ducklake_snapshots('lake')
    where list_contains(flatten(map_values(changes)), (
        select table_id::varchar from ducklake_table_info('lake') where table_name = 'versions'
    ))
    order by snapshot_id
"""


def _published_after_each_commit(deployment: Deployment) -> dict[int, list[str] | None]:
    """What the registry said was published after each commit that changed it."""
    published = "select list(version_id order by version_id) from segments.versions at (version => {})"
    with Warehouse(load_settings(deployment.settings_file).warehouse).reader() as connection:
        return {
            snapshot: connection.execute(f"{published.format(snapshot)} where status = 'published'").fetchall()[0][0]
            for (snapshot,) in connection.execute(COMMITS_OF_THE_REGISTRY).fetchall()
        }


@pytest.mark.parametrize("name", ["small", "killed"])
def test_readers_saw_nothing_or_every_version_whole(name: str, request: pytest.FixtureRequest) -> None:
    deployment: Deployment = request.getfixturevalue(name)
    states = _published_after_each_commit(deployment)
    versions = sorted(row["version_id"] for row in deployment.versions())
    first = min(snapshot for snapshot, published in states.items() if published)
    assert first > min(states)
    assert states == {snapshot: versions if snapshot >= first else None for snapshot in states}
    whole = deployment.frame(PUBLISHED)
    assert whole["version_id"].tolist() == versions
    for snapshot, expected in ((first - 1, []), (first, list(whole.itertuples(index=False, name=None)))):
        with Past(deployment, snapshot).reader() as connection:
            assert connection.execute(PUBLISHED).fetchall() == expected


@pytest.mark.parametrize("name", ["small", "killed"])
def test_every_version_has_its_report(name: str, request: pytest.FixtureRequest) -> None:
    deployment: Deployment = request.getfixturevalue(name)
    reports = deployment.folder / "reports"
    assert sorted(reports.glob("*.html")) == sorted(
        reports / f"{row['version_id']}.html" for row in deployment.versions()
    )


def test_rerun_makes_no_version_a_changed_setting_makes_revision_two_and_rollback_brings_the_first_back(
    killed: Deployment, tmp_path: Path
) -> None:
    deployment = killed.copy(tmp_path / "deployment")
    undisturbed = deployment.contents(*SCHEMAS)
    deployment.run(MONTH, MONTH)
    again = deployment.contents(*SCHEMAS)
    assert undisturbed.keys() == again.keys()
    for name, before in undisturbed.items():
        pd.testing.assert_frame_equal(again[name], before, obj=name)

    first, second = f"{AS_OF}.1", f"{AS_OF}.2"
    settings = deployment.settings_file.read_text()
    deployment.settings_file.write_text(settings + "\nlifecycle: {thresholds: {onboarding_days: 60}}\n")
    deployment.run(MONTH, MONTH)
    statuses = {row["version_id"]: (row["status"], row["changes"]) for row in deployment.versions()}
    assert statuses[first][0] == "superseded"
    assert statuses[second] == ("published", "settings changed")

    reports = deployment.folder / "reports"
    rolled_back = deployment.command("rollback", first)
    assert rolled_back.returncode == 0, rolled_back.stderr
    statuses = {row["version_id"]: row["status"] for row in deployment.versions()}
    assert statuses[first] == "published"
    assert statuses[second] == "withdrawn"
    assert "withdrawn" in (reports / f"{second}.html").read_text()
    assert "withdrawn" not in (reports / f"{first}.html").read_text()
    pd.testing.assert_frame_equal(
        deployment.contents("bi")["bi.customer_segments"], undisturbed["bi.customer_segments"]
    )
