"""Resources and the executor: plain domain objects for the assets of every stage."""

import dagster as dg

from orchestration.dagster_support.deployment import Deployment
from orchestration.dagster_support.one_writer import one_writer_executor
from orchestration.dagster_support.progress import PROGRESS_LOGGER, progress_logger


@dg.definitions
def defs() -> dg.Definitions:
    """Return what every run uses."""
    return dg.Definitions(
        resources={
            "deployment": Deployment(),
        },
        executor=one_writer_executor,
        loggers={"console": dg.colored_console_logger, PROGRESS_LOGGER: progress_logger},
    )
