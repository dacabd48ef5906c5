"""Home-based businesses and home workers among consumers."""

import json
from collections.abc import Iterator

import duckdb
import pandas as pd

from models.homes.home_business import HomeBusinessModel
from models.homes.parameters import HomeBusinessParameters
from orchestration.lake.frames import read_batches, read_frame
from orchestration.lake.warehouse import second_cursor
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import Fact, SegmentMonth
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Learn from small businesses and a sample of consumers, then score every consumer in batches."""
    model = _fit(connection, candidate, settings.home_business)
    return SegmentMonth(
        tables={"home_business": _classified(connection, candidate, model)},
        decision=" ".join(_decided(model)),
        facts={"home_business": _learned(model)},
    )


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
    # The connection itself is busy writing the previous batch.
    for batch in read_batches(
        second_cursor(connection),
        "select * from features.home_business_features where as_of_date = ? and not is_business",
        [candidate.as_of_date],
    ):
        yield model.classify(batch)


def _learned(model: HomeBusinessModel) -> dict[str, Fact]:
    """Return the facts to show about a model: share of businesses, its error, its marks, and refusals."""
    if model.refusal_:
        return {"refusal": model.refusal_}
    nano = model.nano_
    return {
        "prevalence": None if nano.refusal_ else round(nano.share_, 4),
        "relative_error": None if nano.refusal_ else round(nano.relative_error_, 3),
        "refusal": nano.refusal_ or "none",
        "refusal_of_home_workers": model.workers_.refusal_ or "none",
        "marks": json.dumps(nano.mark_rates_.round(4).to_dict("records")),
    }


def _decided(model: HomeBusinessModel) -> list[str]:
    if model.refusal_:
        return [model.refusal_]
    said = [model.nano_.refusal_ or f"{model.nano_.share_:.1%} of consumers run a business at home."]
    if model.workers_.refusal_:
        said.append(f"Home workers have no probability. {model.workers_.refusal_}")
    return said
