"""Deployments that several tests share. Tests only read them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from simulator import SimulationParameters
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


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The demonstration's ISP, segmented for its last four months in one run, which serves and delivers them."""

    def make(folder: Path) -> None:
        parameters = SimulationParameters(customers=3_000, months=18, end_month="2025-12")
        deployment = make_deployment(folder, parameters, lambda settings: settings + DELIVERY, is_served=True)
        deployment.run("2025-09", "2025-12")

    return _shared(tmp_path_factory, "simulated", make)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A small ISP, segmented for two months in one run without any disturbance."""
    return _shared(tmp_path_factory, "small", lambda folder: make_deployment(folder, SMALL).run(*MONTHS))


@pytest.fixture(scope="session")
def ibm(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The public IBM Telco data, segmented for the last month, which nobody named."""

    def make(folder: Path) -> None:
        finished = make_ibm(folder).command("run")
        assert finished.returncode == 0, finished.stderr

    return _shared(tmp_path_factory, "ibm", make)


def _shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Deployment:
    """Workers share a deployment: the first that needs it makes it, and others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return Deployment(folder)
