"""Clusters: of consumers and businesses by behavior, of mid-size companies by their needs."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from models.behavior.champion import BehaviorMonth, segment_month
from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import BehaviorSegmentation
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.plots import bar_plot, scatter_plot
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.lake.frames import read_batches, read_frame
from orchestration.lake.warehouse import second_cursor, transaction
from orchestration.segments.behavior_models import (
    BUSINESS,
    CONSUMER,
    MID_BAND,
    Population,
    customers_of_the_past,
    load_champion,
)
from orchestration.segments.tables import SEGMENT_TABLES, write_segment
from orchestration.segments.versions import Candidate

POPULATIONS = {each.name: each for each in (CONSUMER, BUSINESS, MID_BAND)}
# Customers read for a fit, per customer fitted on: some of those read have too little history to count.
READ_PER_FITTED = 4

_DEPS = [["segments", "versions"], ["features", "customer_features"], ["features", "mid_band_features"]]


_TABLES = {
    "customer_behavior": "One row a customer and version: the behavioral cluster and what puts the customer there, or"
    " why there is none. Cluster ids hold across versions.",
    "mid_band_needs": "One row a mid-size company with open contracts and version: its cluster of needs, or why there"
    " is none.",
    "behavior_clusters": "One row a cluster and version: generated name and rule, size, stability, what sets it apart,"
    " later churn and margin.",
    "behavior_evidence": "One row a population, shape and number of clusters tried, and version: the evidence for and"
    " against it.",
    "cluster_events": "One row a cluster and version: kept, born, died, split or merged against the version before.",
    "behavior_models": "One row a population and version: the model that scored it, why it was kept or fitted, drift.",
    "behavior_model_files": "One row a fitted model: its bytes, written by skops.",
    "behavior_map": "One row a point, population and version: a sample of customers, without ids, on a plane.",
}


@dg.multi_asset(
    name="behavior",
    specs=[segment_spec(table, description, _DEPS) for table, description in _TABLES.items()],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def behavior(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Score every customer with the clusters of the version before, or with new ones where those hold no longer."""
    rows = dict.fromkeys(_TABLES, 0)
    metadata: dict[str, dict[str, Any]] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            settings = deployment.settings
            parameters = {"consumer": settings.behavior, "business": settings.behavior}
            months, written = write_month(connection, candidate, parameters | {"mid_band": settings.mid_band.clusters})
            for table, count in written.items():
                rows[table] += count
            said = [_says(each) for each in months]
            tell(context, " ".join(said))
            metadata = {
                "behavior_models": {"version_id": candidate.version_id, "models": "\n".join(said)},
                "behavior_clusters": {"clusters": _plot(connection, candidate.version_id)},
                "behavior_map": {each.segmentation.population: _picture(each.segmentation) for each in months},
            }
    for table, count in rows.items():
        yield dg.MaterializeResult(
            asset_key=["segments", table], metadata={"rows_written": count} | metadata.get(table, {})
        )


def write_month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: Mapping[str, BehaviorParameters]
) -> tuple[list[BehaviorMonth], dict[str, int]]:
    """Write the tables of a candidate's clusters in one transaction; return its months and the rows written.

    `parameters` are those of each population that is clustered.
    """
    months = [_month(connection, candidate, POPULATIONS[name], own) for name, own in parameters.items()]
    with transaction(connection):
        rows = {
            table: write_segment(connection, table, candidate.version_id, candidate.as_of_date, frames)
            for table, frames in _frames(connection, candidate, months).items()
        }
    return months, rows


def _month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, population: Population, parameters: BehaviorParameters
) -> BehaviorMonth:
    sample = read_frame(
        connection,
        f"select * from {population.features} where as_of_date = ? and {population.condition}"
        " order by hash(customer_id), customer_id limit ?",
        [candidate.as_of_date, READ_PER_FITTED * parameters.fit_sample],
    )
    connection.register("sample", sample[["customer_id"]])
    previous = read_frame(
        connection,
        f"select customer_id, cluster_id, cluster_name from {population.members}"
        f" where version_id = ? and {population.condition} and customer_id in (select customer_id from sample)",
        [candidate.previous_version_id],
    )
    connection.unregister("sample")
    used = read_frame(
        connection,
        "select distinct cluster_id from segments.behavior_clusters where population = ? and version_id <> ?",
        [population.name, candidate.version_id],
    )
    return segment_month(
        sample,
        population.name,
        candidate.version_id,
        candidate.as_of_date,
        load_champion(connection, candidate.previous_version_id, population.name),
        previous,
        parameters,
        list(used["cluster_id"]),
        customers_of_the_past(
            connection, candidate.as_of_date, population, parameters.outcome_months, parameters.fit_sample
        ),
    )


def _says(month: BehaviorMonth) -> str:
    evidence = month.segmentation.evidence
    decision = evidence.loc[evidence["is_chosen"].astype(bool), "decision"].iloc[0]
    registered = month.registered
    return f"{registered['model_id']} {registered['decision']}: {registered['reason']}. {decision}"


def _frames(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, months: list[BehaviorMonth]
) -> dict[str, Iterator[pd.DataFrame] | pd.DataFrame]:
    """Return the rows of each table; customers come in batches and are counted on the way."""
    counts: dict[str, pd.Series] = {}
    fitted = [each.segmentation for each in months]
    files = [
        {"population": each.segmentation.population, "model_id": each.registered["model_id"], "model": each.stored}
        for each in months
        if each.stored is not None
    ]

    def scored_in(table: str) -> Iterator[pd.DataFrame]:
        for segmentation in fitted:
            population = POPULATIONS[segmentation.population]
            if population.members != table:
                continue
            counts[population.name] = pd.Series(dtype=int)
            for batch in _customers_of(connection, candidate, population.features, population.condition):
                scored = segmentation.score(batch)
                measured = scored.loc[scored["behavior_status"].isin(["clustered", "mixed"]), "cluster_id"]
                counts[population.name] = counts[population.name].add(
                    measured.fillna("mixed").value_counts(), fill_value=0
                )
                yield scored

    def customers() -> Iterator[pd.DataFrame]:
        yield from scored_in(CONSUMER.members)
        for batch in _customers_of(connection, candidate, CONSUMER.features, "population = 'wholesale'"):
            yield _not_applicable(batch)

    def companies() -> Iterator[pd.DataFrame]:
        for scored in scored_in(MID_BAND.members):
            yield scored.drop(columns="population").rename(columns={"behavior_status": "needs_status"})

    def clusters() -> Iterator[pd.DataFrame]:
        for population in fitted:
            counted = population.with_counts(counts[population.population])
            yield counted.assign(first_version_id=_first_versions(connection, candidate, counted["cluster_id"]))

    return {
        "customer_behavior": customers(),
        "mid_band_needs": companies(),
        "behavior_clusters": clusters(),
        "behavior_evidence": pd.concat([each.evidence for each in fitted]),
        "cluster_events": pd.concat([each.events for each in fitted]),
        "behavior_models": pd.DataFrame([each.registered for each in months]),
        "behavior_model_files": pd.DataFrame(files, columns=list(SEGMENT_TABLES["behavior_model_files"])),
        "behavior_map": pd.concat([each.picture for each in fitted]),
    }


def _customers_of(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, features: str, condition: str
) -> Iterator[pd.DataFrame]:
    # The connection itself is writing the batch before.
    return read_batches(
        second_cursor(connection),
        f"select * from {features} where as_of_date = ? and {condition}",
        [candidate.as_of_date],
    )


def _not_applicable(batch: pd.DataFrame) -> pd.DataFrame:
    columns = SEGMENT_TABLES["customer_behavior"]
    known = batch[["customer_id", "population"]].assign(behavior_status="not_applicable")
    return known.reindex(columns=list(columns))


def _first_versions(connection: duckdb.DuckDBPyConnection, candidate: Candidate, cluster_ids: pd.Series) -> pd.Series:
    known = read_frame(
        connection,
        "select cluster_id, first_version_id from segments.behavior_clusters where version_id = ?",
        [candidate.previous_version_id],
    )
    return cluster_ids.map(known.set_index("cluster_id")["first_version_id"]).fillna(candidate.version_id)


def _plot(connection: duckdb.DuckDBPyConnection, version_id: str) -> dg.MarkdownMetadataValue:
    clusters = read_frame(
        connection,
        "select cluster_id, customers from segments.behavior_clusters where version_id = ? order by customers desc",
        [version_id],
    )
    return bar_plot(list(clusters["cluster_id"]), list(clusters["customers"]), "Clusters by size", "customers")


def _picture(segmentation: BehaviorSegmentation) -> dg.MarkdownMetadataValue:
    names = dict(zip(segmentation.clusters["cluster_id"], segmentation.clusters["cluster_name"], strict=True))
    points = segmentation.picture.assign(name=segmentation.picture["cluster_id"].map(names).fillna("mixed"))
    groups = {str(name): group[["x", "y"]].to_numpy() for name, group in points.groupby("name")}
    return scatter_plot(groups, f"A sample of {segmentation.population} customers by cluster")
