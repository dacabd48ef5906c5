"""Resources and the executor: plain domain objects, handed to the assets of every stage."""

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.lib.dbt import DBT, PROJECT_DIR
from orchestration.lib.deployment import Deployment
from orchestration.lib.one_writer import one_writer_executor
from orchestration.lib.progress import PROGRESS_LOGGER, progress_logger


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
