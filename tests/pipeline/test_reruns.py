"""Reruns: nothing changes without a cause, and a run killed at any step and made again ends in the same tables."""

import threading
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings
from tests.pipeline.deployments import MONTHS, SMALL, Deployment, make_deployment

pytestmark = pytest.mark.slow

# While dbt builds, while Python writes the candidate, and at the flip; test_growth kills ingestion.
STEPS = ("features", "value", "publish__published_versions")
SCHEMAS = ("raw", "features", "segments", "bi")


class Reader(threading.Thread):
    """Polls the published views all the while, and keeps every state it saw."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.seen: set[tuple[tuple[str, int, int, int], ...]] = set()
        self.errors: list[str] = []
        self._warehouse = Warehouse(load_settings(deployment.settings_file).warehouse)

    def run(self) -> None:
        while not self.stop.is_set():
            if self._warehouse.exists:
                with self._warehouse.reader() as connection:
                    connection.execute("set threads = 1")
                    self._poll(connection)
            time.sleep(1)

    def _poll(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read over one connection, as a dashboard does; it must never be shut out once it could read."""
        while not self.stop.is_set():
            try:
                self.seen.add(tuple(connection.execute(PUBLISHED).fetchall()))
            except duckdb.CatalogException:
                # Before the first run has made the views there is nothing to read.
                assert not self.seen
            except duckdb.Error as error:
                self.errors.append(str(error))
            time.sleep(1)


# Rows of each published version, as the wide view, the clusters and the deciles show them.
PUBLISHED = """
    select version_id, count(*),
        (select sum(customers)::bigint from bi.value_deciles as d where d.version_id = h.version_id and scope = 'all'),
        (select count(*) from bi.behavior_evidence as e where e.version_id = h.version_id)
    from bi.customer_segment_history as h group by version_id order by version_id
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Reader]:
    """One deployment, killed as soon as each step has begun, one step after the other, then run to its end."""
    deployment = make_deployment(tmp_path_factory.mktemp("killed"), SMALL)
    reader = Reader(deployment)
    reader.start()
    for step in STEPS:
        kill_at(deployment, step)
    deployment.run(*MONTHS)
    time.sleep(1)
    reader.stop.set()
    reader.join()
    return deployment, reader


def kill_at(deployment: Deployment, step: str) -> None:
    """Start a run and kill it, with what it started, shortly after the step has begun."""
    process = deployment.start("run", "--from", MONTHS[0], "--to", MONTHS[-1])
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == f"▸ {step}":
            time.sleep(0.4)
            deployment.kill(process)
            return
    raise AssertionError(f"the run ended before {step}: exit code {process.wait()}")


def test_a_killed_run_made_again_ends_in_the_same_tables(small, killed):
    undisturbed, found = small.contents(*SCHEMAS), killed[0].contents(*SCHEMAS)
    assert undisturbed.keys() == found.keys()
    ignored = ["_load_id", "input_hash", "last_load_id"]
    for name, expected in undisturbed.items():
        pd.testing.assert_frame_equal(
            found[name].drop(columns=ignored, errors="ignore"),
            expected.drop(columns=ignored, errors="ignore"),
            obj=name,
        )


def test_a_reader_sees_nothing_or_every_version_whole(killed):
    deployment, reader = killed
    whole = {tuple(row) for row in deployment.frame(PUBLISHED).itertuples(index=False)}
    assert reader.seen - {()} == {tuple(sorted(whole))}
    assert reader.errors == []


def test_every_version_has_its_report(killed):
    deployment, _ = killed
    assert sorted(Path(deployment.folder / "reports").glob("*.html")) == [
        deployment.folder / "reports" / f"{day}.1.html" for day in ("2025-11-30", "2025-12-31")
    ]


def test_rerun_makes_no_version_a_changed_setting_makes_revision_two_and_rollback_brings_the_first_back(
    killed,
):
    deployment, _ = killed
    undisturbed = deployment.contents(*SCHEMAS)
    deployment.run("2025-12", "2025-12")
    again = deployment.contents(*SCHEMAS)
    assert undisturbed.keys() == again.keys()
    for name, before in undisturbed.items():
        pd.testing.assert_frame_equal(again[name], before, obj=name)

    settings = deployment.settings_file.read_text()
    deployment.settings_file.write_text(settings + "\nlifecycle: {thresholds: {onboarding_days: 60}}\n")
    deployment.run("2025-12", "2025-12")
    statuses = {row["version_id"]: (row["status"], row["changes"]) for row in deployment.versions()}
    assert statuses["2025-12-31.1"][0] == "superseded"
    assert statuses["2025-12-31.2"] == ("published", "settings changed")

    reports = deployment.folder / "reports"
    rolled_back = deployment.command("rollback", "2025-12-31.1")
    assert rolled_back.returncode == 0, rolled_back.stderr
    statuses = {row["version_id"]: row["status"] for row in deployment.versions()}
    assert statuses["2025-12-31.1"] == "published"
    assert statuses["2025-12-31.2"] == "withdrawn"
    assert "withdrawn" in (reports / "2025-12-31.2.html").read_text()
    assert "withdrawn" not in (reports / "2025-12-31.1.html").read_text()
    pd.testing.assert_frame_equal(
        deployment.contents("bi")["bi.customer_segments"], undisturbed["bi.customer_segments"]
    )
