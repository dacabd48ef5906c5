"""Businesses and workers at home among consumers."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from models.home_business import HomeBusinessModel
from models.home_business_parameters import HomeBusinessParameters
from orchestration.lib.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.lib.frames import read_batches, read_frame
from orchestration.lib.progress import tell
from orchestration.lib.segment_assets import candidates_of, segment_spec
from orchestration.lib.segment_tables import write_segment
from orchestration.lib.versions import Candidate
from orchestration.lib.warehouse import second_cursor, transaction


@dg.multi_asset(
    name="home_business",
    specs=[
        segment_spec(
            "home_business",
            "One row a person with an open internet contract and version: nanobusiness, home worker or none, with the"
            " probabilities of a business and of work at home, and reason codes.",
            [["segments", "versions"], ["features", "home_business_features"]],
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def home_business(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Learn from small businesses and a sample of consumers, then score every consumer in batches."""
    rows = 0
    latest: dict[str, Any] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            written, model = write_month(connection, candidate, deployment.settings.home_business)
            rows += written
            tell(context, model.refusal_ or f"{model.prevalence_:.1%} of consumers run a business at home.")
            no_workers = model.refusal_ or model.workers_.refusal_
            if no_workers and not model.refusal_:
                tell(context, f"Home workers have no probability. {no_workers}")
            latest = {
                "version_id": candidate.version_id,
                "prevalence": None if model.refusal_ else round(model.prevalence_, 4),
                "refusal": model.refusal_ or "none",
                "refusal_of_home_workers": no_workers or "none",
                "marks": dg.MetadataValue.json(model.mark_rates_.round(4).to_dict("records")),
            }
    yield dg.MaterializeResult(asset_key=["segments", "home_business"], metadata={"rows_written": rows} | latest)


def write_month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: HomeBusinessParameters
) -> tuple[int, HomeBusinessModel]:
    """Write the home businesses of a candidate in one transaction; return the rows written and the model."""
    model = _fit(connection, candidate, parameters)
    with transaction(connection):
        rows = write_segment(
            connection, "home_business", candidate.version_id, candidate.as_of_date,
            _classified(connection, candidate, model),
        )  # fmt: skip
    return rows, model


def _fit(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: HomeBusinessParameters
) -> HomeBusinessModel:
    sample = read_frame(
        connection,
        "select * from ("
        "  select *, row_number() over (partition by is_business order by hash(customer_id), customer_id) as place"
        "  from features.home_business_features where as_of_date = ?"
        ") where place <= ? order by place, is_business",
        [candidate.as_of_date, parameters.fit_sample],
    )
    return HomeBusinessModel(parameters).fit(sample)


def _classified(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, model: HomeBusinessModel
) -> Iterator[pd.DataFrame]:
    # The connection itself is writing the batch before.
    for batch in read_batches(
        second_cursor(connection),
        "select * from features.home_business_features where as_of_date = ? and not is_business",
        [candidate.as_of_date],
    ):
        yield model.classify(batch)
