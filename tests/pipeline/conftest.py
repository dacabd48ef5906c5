"""Deployments that several tests share."""

import os

import pytest
from filelock import FileLock

from simulator import SimulationParameters
from tests.pipeline.deployments import Deployment, make_deployment


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The demonstration's ISP, segmented for its last four months in one run. Tests only read it.

    Workers share it: the first that needs it makes it, and others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "simulated"
    with FileLock(f"{folder}.lock"):
        if (folder / "made").exists():
            return Deployment(folder)
        folder.mkdir()
        deployment = make_deployment(folder, SimulationParameters(customers=3_000, months=18, end_month="2025-12"))
        deployment.run("2025-09", "2025-12")
        (folder / "made").touch()
    return deployment
