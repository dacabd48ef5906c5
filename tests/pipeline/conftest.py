"""Deployments that several tests share. Tests only read them, or change a copy.

``tests/conftest.py`` gives the files that share one to the same worker.
"""

import pytest
import yaml

from simulator import SimulationParameters
from tests.pipeline.cut import MONTH, cut_and_shuffle
from tests.pipeline.deployments import MONTHS, SMALL, Deployment, make_deployment, make_ibm

# A source check that fails, reports for a folder, and somebody who cannot be told.
DELIVERY = """
checks:
  upload_share: {maximum: 0.001}
delivery:
  path: delivered
  notify: {nobody: "json://127.0.0.1:9"}
  attempts: 1
"""

# Little evidence for clusters, where what is tested is not which ones are found.
LITTLE_EVIDENCE = """
behavior: {largest_k: 4, mixture_largest_k: 4, resamples: 2, splits: 1}
"""

# While dbt builds, while Python writes the candidate, and at the flip; tests/ingest/test_growth.py kills ingestion.
STEPS = ("features", "value", "publish__published_versions")
DEMONSTRATION = SimulationParameters(customers=3_000, months=18, end_month="2025-12")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The demonstration's ISP, segmented for its last four months in one run, which serves and delivers them."""
    folder = tmp_path_factory.mktemp("simulated")
    deployment = make_deployment(folder, DEMONSTRATION, lambda settings: settings + DELIVERY, is_served=True)
    (folder / "printed").write_text(deployment.run("2025-09", "2025-12"))
    return deployment


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A small ISP, segmented for two months in one run without any disturbance."""
    folder = tmp_path_factory.mktemp("small")
    deployment = make_deployment(folder, SMALL, lambda settings: settings + LITTLE_EVIDENCE)
    deployment.run(*MONTHS)
    return deployment


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory, small: Deployment) -> Deployment:
    """What was known of the small ISP at the end of its first month, killed at one step after the other, then run."""
    deployment = cut_and_shuffle(small, tmp_path_factory.mktemp("killed"))
    for step in STEPS:
        deployment.kill_at(step, "run", "--from", MONTH, "--to", MONTH)
    deployment.run(MONTH, MONTH)
    return deployment


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The demonstration's ISP without the customers who left before July 2025, with more dirt than limits allow.

    Its last month is segmented from what was loaded, once the limits were raised.
    """
    changes = {"dirt": 0.02, "history": {"purged_before": "2025-07-01"}}
    parameters = SimulationParameters.model_validate(DEMONSTRATION.model_dump() | changes)
    folder = tmp_path_factory.mktemp("dirty")
    deployment = make_deployment(folder, parameters, lambda settings: settings + LITTLE_EVIDENCE)
    month = ("--from", "2025-12", "--to", "2025-12")
    blocked = deployment.command("run", *month)
    assert blocked.returncode == 3, blocked.stderr
    words = " ".join(blocked.stderr.split())
    assert "raw.contracts, quarantine_share" in words
    assert "Commonest reasons" in words
    assert "sources.contracts.quarantine.max_share" in words
    assert "Traceback" not in blocked.stderr
    refused = deployment.command("run", "--skip-ingest", *month)
    assert refused.returncode == 3, refused.stderr
    assert "raw.contracts, quarantine_share" in " ".join(refused.stderr.split())
    settings = yaml.safe_load(deployment.settings_file.read_text())
    for table in ("customers", "contracts"):
        settings["sources"][table]["quarantine"] = {"max_share": 0.1}
    deployment.settings_file.write_text(yaml.safe_dump(settings))
    finished = deployment.command("run", "--skip-ingest", *month)
    assert finished.returncode == 0, finished.stderr
    return deployment


@pytest.fixture(scope="session")
def ibm(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The public IBM Telco data, segmented for the last month, which nobody named."""
    deployment = make_ibm(tmp_path_factory.mktemp("ibm"))
    finished = deployment.command("run")
    assert finished.returncode == 0, finished.stderr
    return deployment
