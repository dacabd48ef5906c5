"""Deployments that several tests share."""

import pytest

from simulator import SimulationParameters
from tests.pipeline.deployments import Deployment, make_deployment


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The demonstration's ISP, segmented for its last four months in one run. Tests only read it."""
    deployment = make_deployment(
        tmp_path_factory.mktemp("simulated"), SimulationParameters(customers=3_000, months=18, end_month="2025-12")
    )
    deployment.run("2025-09", "2025-12")
    return deployment
