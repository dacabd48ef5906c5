"""What a person at a terminal is told of a step that failed."""

import dagster as dg
import pytest

from orchestration.dagster_support.progress import PROGRESS_LOGGER, progress_logger
from orchestration.errors import SourceError


class _DetailError(Exception):
    pass


@dg.op
def refuses() -> None:
    try:
        raise _DetailError
    except _DetailError as error:
        raise SourceError("customers.csv: too many of its lines cannot be read.") from error


@dg.op
def breaks() -> None:
    try:
        raise _DetailError("the disk is on fire")
    except _DetailError as error:
        raise RuntimeError("a wrapper of no use") from error


@pytest.mark.parametrize(
    ("step", "told", "untold"),
    [
        (refuses, "customers.csv: too many of its lines cannot be read.", "_DetailError"),
        (breaks, "the disk is on fire", "a wrapper of no use"),
    ],
)
def test_a_failed_step_says_the_sentence_written_for_people_else_the_deepest_cause(
    step: dg.OpDefinition, told: str, untold: str, capfd: pytest.CaptureFixture[str]
) -> None:
    job = dg.GraphDefinition("job", node_defs=[step]).to_job(logger_defs={PROGRESS_LOGGER: progress_logger})
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(run_config={"loggers": {PROGRESS_LOGGER: {}}}, instance=instance, raise_on_error=False)
    printed = capfd.readouterr().err
    assert told in printed
    assert untold not in printed
