"""The segment tables that Python makes: one asset per step, with the step's own check and plots."""

from collections.abc import Mapping

import dagster as dg
import duckdb

from orchestration.dagster_support.plots import bar_plot, endings_plot, scatter_plot
from orchestration.dagster_support.segment_assets import StepCheck, segment_asset
from orchestration.lake.frames import read_frame

Plots = Mapping[str, Mapping[str, dg.MarkdownMetadataValue]]


def _endings(connection: duckdb.DuckDBPyConnection, version_id: str) -> Plots:
    endings = read_frame(connection, "select * from segments.endings_by_month where version_id = ?", [version_id])
    return {"observation_windows": {"endings": endings_plot(endings)}}


def _deciles(connection: duckdb.DuckDBPyConnection, version_id: str) -> Plots:
    by_decile = read_frame(
        connection,
        "select value_decile, sum(total_value)::double as total_value from segments.customer_value"
        " where version_id = ? and value_decile is not null group by value_decile order by value_decile",
        [version_id],
    )
    plot = bar_plot(
        list(by_decile["value_decile"]),
        list(by_decile["total_value"]),
        "Total value by decile (1 = best)",
        "reporting currency",
    )
    return {"customer_value": {"deciles": plot}}


def _clusters(connection: duckdb.DuckDBPyConnection, version_id: str) -> Plots:
    clusters = read_frame(
        connection,
        "select cluster_id, customers from segments.behavior_clusters where version_id = ? order by customers desc",
        [version_id],
    )
    points = read_frame(
        connection,
        "select points.population, coalesce(clusters.cluster_name, 'mixed') as name, points.x, points.y"
        " from segments.behavior_map as points left join segments.behavior_clusters as clusters"
        " using (version_id, population, cluster_id) where version_id = ? order by points.population, points.point",
        [version_id],
    )
    sizes = bar_plot(list(clusters["cluster_id"]), list(clusters["customers"]), "Clusters by size", "customers")
    maps = {
        str(population): scatter_plot(
            {str(name): group[["x", "y"]].to_numpy() for name, group in sample.groupby("name")},
            f"A sample of {population} customers by cluster",
        )
        for population, sample in points.groupby("population")
    }
    return {"behavior_clusters": {"clusters": sizes}, "behavior_map": maps}


observation = segment_asset(
    "observation",
    check=StepCheck(
        "churn_can_be_learned",
        table="observation_windows",
        description="The recorded endings tell when customers leave, so future value can be learned. Otherwise"
        " value.when_not_learnable decides what is published.",
    ),
    plots=_endings,
)
value_backtest = segment_asset(
    "value_backtest",
    check=StepCheck(
        "backtest_agrees_with_actual_figures",
        table="value_evidence",
        description="Predictions from past dates agree with actual churn and margin, in rank and size."
        " backtest.when_failed decides whether a failure warns or blocks.",
        blocks=lambda settings: settings.backtest.when_failed == "block",
    ),
)
value = segment_asset(
    "value",
    check=StepCheck(
        "hazard_and_value_are_like_the_month_before",
        table="value_drift",
        description="Hazards and future values are distributed as in the month before; warns from value.drift_act on.",
    ),
    plots=_deciles,
)
behavior = segment_asset("behavior", plots=_clusters)
home_business = segment_asset("home_business")
mid_band = segment_asset("mid_band")
account_agreement = segment_asset("account_agreement")
