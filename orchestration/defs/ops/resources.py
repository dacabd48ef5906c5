"""Resources and the executor: plain domain objects, handed to the assets of every stage."""

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.dagster_support.dbt import DBT
from orchestration.dagster_support.deployment import Deployment
from orchestration.dagster_support.one_writer import one_writer_executor
from orchestration.dagster_support.progress import PROGRESS_LOGGER, progress_logger
from orchestration.paths import PROJECT_DIR


@dg.definitions
def defs() -> dg.Definitions:
    """Return what every run uses."""
    return dg.Definitions(
        resources={
            "deployment": Deployment(),
            "dbt": DbtCliResource(
                project_dir=str(PROJECT_DIR),
                profiles_dir=str(PROJECT_DIR),
                dbt_executable=DBT,
            ),
        },
        executor=one_writer_executor,
        loggers={"console": dg.colored_console_logger, PROGRESS_LOGGER: progress_logger},
    )
