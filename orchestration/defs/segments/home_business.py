"""Businesses and workers at home among consumers."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from models.homes.home_business import HomeBusinessModel
from models.homes.parameters import HomeBusinessParameters
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.lake.frames import read_batches, read_frame
from orchestration.lake.warehouse import second_cursor, transaction
from orchestration.segments.tables import write_segment
from orchestration.segments.versions import Candidate


@dg.multi_asset(
    name="home_business",
    specs=[
        segment_spec(
            "home_business",
            "One row per person with an open internet contract and version: nanobusiness, home worker, unknown or none,"
            " with the probabilities of a business and of work at home, and reason codes.",
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
            latest = {"version_id": candidate.version_id} | _learned(model)
            tell(context, " ".join(_said(model)))
    yield dg.MaterializeResult(asset_key=["segments", "home_business"], metadata={"rows_written": rows} | latest)


def _learned(model: HomeBusinessModel) -> dict[str, Any]:
    """Return what the asset shows of a model: the share of businesses, its error, what it rests on, and refusals."""
    if model.refusal_:
        return {"refusal": model.refusal_}
    nano = model.nano_
    return {
        "prevalence": None if nano.refusal_ else round(nano.share_, 4),
        "relative_error": None if nano.refusal_ else round(nano.relative_error_, 3),
        "refusal": nano.refusal_ or "none",
        "refusal_of_home_workers": model.workers_.refusal_ or "none",
        "marks": dg.MetadataValue.json(nano.mark_rates_.round(4).to_dict("records")),
    }


def _said(model: HomeBusinessModel) -> list[str]:
    if model.refusal_:
        return [model.refusal_]
    said = [model.nano_.refusal_ or f"{model.nano_.share_:.1%} of consumers run a business at home."]
    if model.workers_.refusal_:
        said.append(f"Home workers have no probability. {model.workers_.refusal_}")
    return said


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
