"""Behavioral clusters of consumers and of business customers."""

from collections.abc import Iterator

import dagster as dg
import duckdb
import pandas as pd

from models.behavior_parameters import BehaviorParameters
from models.behavior_segmentation import BehaviorSegmentation, fit_behavior
from orchestration.lib.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.lib.frames import read_batches, read_frame
from orchestration.lib.plots import bar_plot
from orchestration.lib.progress import tell
from orchestration.lib.segment_assets import candidates_of, segment_spec
from orchestration.lib.segment_tables import SEGMENT_TABLES, write_segment
from orchestration.lib.versions import Candidate
from orchestration.lib.warehouse import second_cursor, transaction

POPULATIONS = ("consumer", "business")
# Customers read for a fit, per customer fitted on: some of those read have too little history to count.
READ_PER_FITTED = 4

_DEPS = [["segments", "versions"], ["features", "customer_features"]]


@dg.multi_asset(
    name="behavior",
    specs=[
        segment_spec(
            "customer_behavior",
            "One row a customer and version: the behavioral cluster, or why there is none. Cluster ids hold across"
            " versions.",
            _DEPS,
        ),
        segment_spec(
            "behavior_clusters",
            "One row a cluster and version: generated name and rule, size, stability, what sets it apart.",
            _DEPS,
        ),
        segment_spec(
            "behavior_evidence",
            "One row a population, number of clusters tried and version: the evidence for the number chosen.",
            _DEPS,
        ),
        segment_spec(
            "cluster_events",
            "One row a cluster and version: kept, born or died against the version before.",
            _DEPS,
        ),
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def behavior(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Fit clusters for each population on a sample, match them with the version before, score every customer."""
    rows = dict.fromkeys(("customer_behavior", "behavior_clusters", "behavior_evidence", "cluster_events"), 0)
    latest: dict[str, dg.MarkdownMetadataValue | str] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            fitted = [_fit(connection, candidate, each, deployment.settings.behavior) for each in POPULATIONS]
            with transaction(connection):
                for table, frames in _frames(connection, candidate, fitted).items():
                    rows[table] += write_segment(connection, table, candidate.version_id, candidate.as_of_date, frames)
            decisions = [str(each.evidence.loc[each.evidence["is_chosen"], "decision"].iloc[0]) for each in fitted]
            tell(context, " ".join(decisions))
            latest = {"version_id": candidate.version_id, "decision": "\n".join(decisions)}
        if latest:
            latest["clusters"] = _plot(connection, str(latest["version_id"]))
    for table, count in rows.items():
        metadata = {"rows_written": count} | (latest if table == "behavior_clusters" else {})
        yield dg.MaterializeResult(asset_key=["segments", table], metadata=metadata)


def _fit(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, population: str, parameters: BehaviorParameters
) -> BehaviorSegmentation:
    sample = read_frame(
        connection,
        "select * from features.customer_features where as_of_date = ? and population = ?"
        " order by hash(customer_id), customer_id limit ?",
        [candidate.as_of_date, population, READ_PER_FITTED * parameters.fit_sample],
    )
    connection.register("sample", sample[["customer_id"]])
    previous = read_frame(
        connection,
        "select customer_id, cluster_id, cluster_name from segments.customer_behavior"
        " where version_id = ? and population = ? and customer_id in (select customer_id from sample)",
        [candidate.previous_version_id, population],
    )
    connection.unregister("sample")
    used = read_frame(
        connection,
        "select distinct cluster_id from segments.behavior_clusters where population = ? and version_id <> ?",
        [population, candidate.version_id],
    )
    return fit_behavior(sample, population, previous, parameters, list(used["cluster_id"]))


def _frames(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, fitted: list[BehaviorSegmentation]
) -> dict[str, Iterator[pd.DataFrame] | pd.DataFrame]:
    """Return the rows of each table; customers come in batches and are counted on the way."""
    counts: dict[str, pd.Series] = {}

    def customers() -> Iterator[pd.DataFrame]:
        for population in fitted:
            counts[population.population] = pd.Series(dtype=int)
            for batch in _customers_of(connection, candidate, population.population):
                scored = population.score(batch)
                measured = scored.loc[scored["behavior_status"].isin(["clustered", "mixed"]), "cluster_id"]
                counts[population.population] = counts[population.population].add(
                    measured.fillna("mixed").value_counts(), fill_value=0
                )
                yield scored
        for batch in _customers_of(connection, candidate, "wholesale"):
            yield _not_applicable(batch)

    def clusters() -> Iterator[pd.DataFrame]:
        for population in fitted:
            counted = population.with_counts(counts[population.population])
            yield counted.assign(first_version_id=_first_versions(connection, candidate, counted["cluster_id"]))

    return {
        "customer_behavior": customers(),
        "behavior_clusters": clusters(),
        "behavior_evidence": pd.concat([each.evidence for each in fitted]),
        "cluster_events": pd.concat([each.events for each in fitted]),
    }


def _customers_of(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, population: str
) -> Iterator[pd.DataFrame]:
    # The connection itself is writing the batch before.
    return read_batches(
        second_cursor(connection),
        "select * from features.customer_features where as_of_date = ? and population = ?",
        [candidate.as_of_date, population],
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
