"""Clusters of consumers and businesses by behavior, and of mid-size companies by needs."""

from collections.abc import Iterator, Mapping

import duckdb
import pandas as pd

from models.behavior.champion import BehaviorMonth, segment_month
from models.behavior.parameters import BehaviorParameters
from orchestration.lake.frames import read_batches, read_frame
from orchestration.lake.warehouse import second_cursor
from orchestration.segments.behavior_models import (
    BUSINESS,
    CONSUMER,
    MID_BAND,
    Population,
    customers_of_the_past,
    features_of,
    load_champion,
)
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import SegmentMonth
from orchestration.segments.tables import Frames, columns_of
from orchestration.settings import Settings

POPULATIONS = {each.name: each for each in (CONSUMER, BUSINESS, MID_BAND)}
# Customers read per customer fitted on: some of those read have too little history to be used.
READ_PER_FITTED = 4


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Score every customer with the clusters of the previous version, or with new ones if those are no longer valid."""
    parameters = {"consumer": settings.behavior, "business": settings.behavior, "mid_band": settings.mid_band.clusters}
    return cluster_populations(connection, candidate, parameters)


def cluster_populations(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: Mapping[str, BehaviorParameters]
) -> SegmentMonth:
    """Cluster the populations for which parameters are given, by name."""
    months = [_month(connection, candidate, POPULATIONS[name], own) for name, own in parameters.items()]
    decided = [_decided(each) for each in months]
    return SegmentMonth(
        tables=_frames(connection, candidate, months),
        decision=" ".join(decided),
        facts={"behavior_models": {"models": "\n".join(decided)}},
    )


def _month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, population: Population, parameters: BehaviorParameters
) -> BehaviorMonth:
    sample = read_frame(
        connection,
        f"select * from {features_of(population, parameters)} where as_of_date = ? and {population.condition}"
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
        customers_of_the_past(connection, candidate.as_of_date, population, parameters),
    )


def _decided(month: BehaviorMonth) -> str:
    evidence = month.segmentation.evidence
    decision = evidence.loc[evidence["is_chosen"].astype(bool), "decision"].iloc[0]
    registered = month.registered
    return f"{registered['model_id']} {registered['decision']}: {registered['reason']}. {decision}"


def _frames(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, months: list[BehaviorMonth]
) -> dict[str, Frames]:
    """Return the rows of each table; customers come in batches and are counted as they pass."""
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
            features = features_of(population, segmentation.model.parameters or BehaviorParameters())
            for batch in _customers_of(connection, candidate, features, population.condition):
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
        "behavior_events": pd.concat([each.events for each in fitted]),
        "behavior_models": pd.DataFrame([each.registered for each in months]),
        "behavior_model_files": pd.DataFrame(files, columns=list(columns_of("behavior_model_files"))),
        "behavior_map": pd.concat([each.picture for each in fitted]),
    }


def _customers_of(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, features: str, condition: str
) -> Iterator[pd.DataFrame]:
    # The connection itself is busy writing the previous batch.
    return read_batches(
        second_cursor(connection),
        f"select * from {features} where as_of_date = ? and {condition}",
        [candidate.as_of_date],
    )


def _not_applicable(batch: pd.DataFrame) -> pd.DataFrame:
    known = batch[["customer_id", "population"]].assign(behavior_status="not_applicable")
    return known.reindex(columns=list(columns_of("customer_behavior")))


def _first_versions(connection: duckdb.DuckDBPyConnection, candidate: Candidate, cluster_ids: pd.Series) -> pd.Series:
    known = read_frame(
        connection,
        "select cluster_id, first_version_id from segments.behavior_clusters where version_id = ?",
        [candidate.previous_version_id],
    )
    return cluster_ids.map(known.set_index("cluster_id")["first_version_id"]).fillna(candidate.version_id)
