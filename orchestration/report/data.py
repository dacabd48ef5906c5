"""What the report reads: published views and registries, a few hundred rows whatever the number of customers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from orchestration.errors import VersionError
from orchestration.lake.quarantine import PLACE
from orchestration.lake.warehouse import transaction

# One query per frame. $version is the report's version, $as_of_date its month, $created_at the time it was made.
_QUERIES = {
    "trend": """
        with market as (
            select version_id, as_of_date, sum(customers) as customers, sum(monthly_fee) as monthly_fee,
                sum(past_value) as past_value,
                case when count(future_value) = count(*) then sum(future_value) end as future_value,
                sum(total_value) as total_value
            from bi.market_segments
            group by version_id, as_of_date
        ),
        stages as (
            select version_id,
                sum(customers) filter (lifecycle_stage not in ('churned', 'pending')) as open_customers,
                coalesce(sum(customers) filter (lifecycle_stage = 'churned'), 0) as churned_customers
            from bi.lifecycle_stages
            group by version_id
        )
        select market.*, coalesce(stages.open_customers, 0) as open_customers,
            coalesce(stages.churned_customers, 0) as churned_customers
        from market left join stages using (version_id)
        where market.as_of_date <= $as_of_date
        order by market.as_of_date
    """,
    "deciles": """
        select value_decile, rank_by, customers, past_value, future_value, future_value_36m, total_value, ranked_value,
            ranked_value_share, min_ranked_value, max_ranked_value
        from bi.value_deciles
        where version_id = $version and scope = 'all'
        order by value_decile
    """,
    "cutoffs": """
        select * from bi.value_cutoffs where version_id = $version order by value_decile_fixed
    """,
    "concentration": """
        select * from bi.value_concentration where version_id = $version
    """,
    "curve": """
        select value_measure, customer_percentile, cumulative_value_share
        from bi.value_curve
        where version_id = $version
        order by value_measure, customer_percentile
    """,
    "retention": """
        select * from bi.retention_cohorts where version_id = $version
        order by customer_months desc, retention_cohort
    """,
    "retention_curves": """
        select * from bi.retention_curves where version_id = $version
        order by retention_cohort, tenure_months
    """,
    "retention_quality": """
        select * from bi.retention_quality where version_id = $version
        order by hazard_model desc, measure, part
    """,
    "value_evidence": """
        select value_basis, observation_decision, backtest_status, backtest_findings
        from bi.segmentation_versions
        where version_id = $version and value_basis is not null
    """,
    "observation_windows": """
        select * from bi.observation_windows where version_id = $version
        order by endings_from nulls first, source_system, market_segment
    """,
    "recorded_attributes": """
        select * from bi.recorded_attributes where version_id = $version order by retention_market, attribute
    """,
    "endings_by_month": """
        select month_end_date, sum(customers_at_risk)::bigint as customers_at_risk,
            sum(customers_churned)::bigint as customers_churned,
            sum(customers_at_risk) filter (is_observed) > 0.5 * sum(customers_at_risk) as is_observed
        from bi.endings_by_month
        where version_id = $version
        group by month_end_date
        order by month_end_date
    """,
    "drift": """
        select * from bi.value_drift where version_id = $version order by measure
    """,
    "backtest": """
        select * from bi.value_backtest where version_id = $version
        order by horizon_months, cutoff_date nulls last, forecast, measure, part
    """,
    "clusters": """
        select * from bi.behavior_clusters where version_id = $version
        order by population, customers desc, cluster_id
    """,
    "cluster_names": """
        select cluster_id, arg_max(cluster_name, as_of_date) as cluster_name
        from bi.behavior_clusters
        where as_of_date <= $as_of_date
        group by cluster_id
    """,
    "evidence": """
        select * from bi.behavior_evidence where version_id = $version
        order by population, shape = 'mixture', k
    """,
    "behavior_events": """
        select * from bi.behavior_events where version_id = $version and event <> 'kept'
        order by population, event, cluster_id
    """,
    "cluster_map": """
        select * from bi.behavior_map where version_id = $version order by population, point
    """,
    "behavior_models": """
        select * from bi.behavior_models where version_id = $version
    """,
    "behavior_status": """
        select population, behavior_status, count(*) as customers
        from bi.customer_segment_history
        where version_id = $version
        group by population, behavior_status
        order by population, customers desc, behavior_status
    """,
    "contract_ends": """
        select count(*) as customers, sum(monthly_fee) as monthly_fee, sum(total_value) as total_value
        from bi.customer_segment_history
        where version_id = $version and is_open and is_in_contract_end_window
    """,
    "price_rises": """
        select count(*) as customers, sum(monthly_fee) as monthly_fee, sum(total_value) as total_value
        from bi.customer_segment_history
        where version_id = $version and is_open and is_exposed_to_price_rise
    """,
    "churn_kinds": """
        select churn_kind, sum(customers)::bigint as customers from bi.churn_kinds
        where version_id = $version
        group by churn_kind
        order by customers desc, churn_kind
    """,
    "known": """
        select count(columns(c -> c not in (
            'previous_lifecycle_stage', 'service_end_date', 'cluster_id', 'cluster_name', 'market_conflicts',
            'group_id', 'churn_kind'
        )))
        from bi.customer_segment_history where version_id = $version
    """,
    "stages": """
        select * from bi.lifecycle_stages where version_id = $version
        order by customers desc, lifecycle_stage
    """,
    "transitions": """
        select from_stage, to_stage, customers, share_of_from
        from bi.lifecycle_transitions
        where version_id = $version
    """,
    "market": """
        select * from bi.market_segments where version_id = $version
        order by customers desc, market_segment
    """,
    "top_decile_by_market": """
        select scope as market_segment, ranked_value_share as top_decile_share
        from bi.value_deciles
        where version_id = $version and scope <> 'all' and value_decile = 1
    """,
    "households": """
        select members, count(*) as households, sum(total_value) as total_value, avg(total_value) as mean_value
        from (
            select household_id, any_value(household_members) as members, sum(total_value) as total_value
            from bi.customer_segment_history
            where version_id = $version and household_id is not null
            group by household_id
        )
        group by members
        order by members
    """,
    "household_offers": """
        select product_family, count(*) as households, avg(uptake) as uptake,
            any_value(monthly_margin) as monthly_margin,
            count(*) filter (offer_rank = 1) as next_households,
            coalesce(sum(expected_value) filter (offer_rank = 1), 0) as next_value
        from bi.household_opportunities
        where version_id = $version
        group by product_family
        order by next_value desc, product_family
    """,
    "home_business": """
        select home_business, count(*) as customers,
            coalesce(sum(nanobusiness_probability), 0) as expected, count(nanobusiness_probability) as with_probability,
            coalesce(sum(home_worker_probability), 0) as expected_workers,
            count(home_worker_probability) as with_worker_probability,
            sum(total_value) as total_value, avg(monthly_fee) as monthly_fee
        from bi.customer_segment_history
        where version_id = $version and home_business is not null
        group by home_business
        order by customers desc, home_business
    """,
    "mid_band": """
        select needs_status, cluster_id, count(*) as companies, avg(sites) as sites,
            avg(open_contracts) as open_contracts, sum(monthly_margin) as monthly_margin, sum(headroom) as headroom
        from bi.b2b_mid_band
        where version_id = $version
        group by needs_status, cluster_id
        order by cluster_id is null, companies desc, cluster_id, needs_status
    """,
    "mid_band_families": """
        select product_family, avg(is_held::integer) as uptake,
            avg(uptake) filter (not is_held) as uptake_of_look_alikes,
            count(*) filter (headroom > 0) as companies, sum(headroom) as headroom
        from bi.b2b_headroom
        where version_id = $version
        group by product_family
        order by headroom desc, product_family
    """,
    "mid_band_routes": """
        select recommended_route as route, count(*) as companies, avg(sites) as sites,
            sum(monthly_margin) as monthly_margin, sum(headroom) as headroom, sum(route_cost) as route_cost,
            sum(route_value) as route_value, count(*) filter (route_value < 0) as losing_companies,
            arg_max(route_reason, (route_value, customer_id)) as example
        from bi.b2b_mid_band
        where version_id = $version
        group by route
        order by companies desc, route
    """,
    "mid_band_exposure": """
        select reseller_exposure, count(*) as companies, sum(monthly_fee) as monthly_fee,
            sum(total_value) as total_value
        from bi.b2b_mid_band
        where version_id = $version
        group by reseller_exposure
        order by companies desc, reseller_exposure
    """,
    "mid_band_evidence": """
        select * from bi.b2b_evidence where version_id = $version order by product_family, method
    """,
    "wholesale": """
        select is_reseller, count(*) as customers, sum(wholesale_contracts) as wholesale_contracts,
            sum(own_lines) as own_lines, sum(downstream_customers_once) as downstream_customers,
            sum(downstream_lines) as downstream_lines, sum(downstream_fee) as downstream_fee,
            sum(downstream_margin) as downstream_margin, sum(monthly_fee) as monthly_fee,
            sum(total_value) as total_value
        from bi.wholesale_customers
        where version_id = $version and is_open
        group by is_reseller
        order by is_reseller
    """,
    "migrations": """
        select scheme, from_segment, to_segment, customers
        from bi.segment_migrations
        where version_id = $version
        order by scheme, customers desc, from_segment, to_segment
    """,
    "bridge": """
        select component, amount from bi.value_bridge where version_id = $version order by position
    """,
    "loads": """
        select source_table, count(*) as loads, count(distinct file) as files, max(loaded_at) as last_loaded_at,
            sum(rows_read) as rows_read, sum(rows_accepted) as rows_accepted,
            sum(rows_quarantined) as rows_quarantined, sum(rows_duplicate) as rows_duplicate,
            sum(rows_superseded) as rows_superseded
        from ops.loads
        where loaded_at <= $created_at
        group by source_table
        order by source_table
    """,
    "quarantine": f"""
        select source_table, column_name, reason, count(*) as bad_rows,
            arg_min(value, (load_id, row_number)) as example, arg_min({PLACE}, (load_id, row_number)) as place
        from ops.quarantine
        where load_id in (select load_id from ops.loads where loaded_at <= $created_at)
        group by source_table, column_name, reason
        order by bad_rows desc, source_table, column_name, reason
    """,
    "source_checks": """
        select source_table, check_name, passed, action, value, minimum, maximum, message, advice
        from ops.source_checks
        where checked_at = (select max(checked_at) from ops.source_checks where checked_at <= $created_at)
        order by passed, action = 'block' desc, check_name, source_table
    """,
    # Actions are dated by day: those of the version's month, and the results of earlier ones known by its end.
    "actions": """
        select offer_id, count(*) filter (where outcome = 'chosen') as chosen,
            count(*) filter (where is_control) as held_out, count(*) as candidates,
            sum(expected_value) filter (where outcome = 'chosen') as expected_value
        from bi.customer_actions
        where action_date > last_day($as_of_date::date - interval 1 month) and action_date <= $as_of_date
        group by offer_id order by expected_value desc nulls last, offer_id
    """,
    "action_reasons": """
        select suppressed_by, count(*) as candidates
        from bi.customer_actions
        where outcome = 'suppressed'
            and action_date > last_day($as_of_date::date - interval 1 month) and action_date <= $as_of_date
        group by suppressed_by order by candidates desc, suppressed_by
    """,
    "action_results": """
        select *
        from bi.action_results
        where market_segment = 'all' and period = 'all'
            and action_date = (select max(action_date) from bi.action_results where action_date <= $as_of_date)
        order by gain desc nulls last, offer_id
    """,
}


@dataclass(frozen=True)
class ReportData:
    """Everything that one report shows.

    Attributes:
        version: its registry row.
        previous: the registry row of the previous month's version that it was compared with, None if there was none.
        frames: one frame per query, empty if the version has no such rows.
    """

    version: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    frames: Mapping[str, pd.DataFrame]

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return the frame ``name``."""
        return self.frames[name]


def read_report_data(
    connection: duckdb.DuckDBPyConnection, version_id: str, only: Collection[str] = _QUERIES.keys()
) -> ReportData:
    """Read the version's rows, all as of one moment.

    Args:
        connection: to the lake.
        version_id: the version.
        only: names of the frames to read.

    Raises:
        VersionError: there is no such version.
    """
    with transaction(connection):
        version = _version(connection, version_id)
        previous = _records(
            connection,
            "select * from segments.versions where version_id = $previous",
            previous=version["previous_version_id"],
        )
        parameters = {
            "version": version_id,
            "as_of_date": version["as_of_date"],
            "created_at": version["created_at"],
        }
        frames = {name: _frame(connection, query, parameters) for name, query in _QUERIES.items() if name in only}
    return ReportData(
        version=version,
        previous=previous[0] if previous else None,
        frames=frames,
    )


def _version(connection: duckdb.DuckDBPyConnection, version_id: str) -> dict[str, Any]:
    found = _records(connection, "select * from segments.versions where version_id = $version", version=version_id)
    if not found:
        known = _records(connection, "select version_id from segments.versions order by version_id desc limit 5")
        raise VersionError(
            f"There is no version {version_id}. "
            + (f"The latest are: {', '.join(row['version_id'] for row in known)}." if known else "Nothing has run yet.")
        )
    return found[0]


def _frame(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    # DuckDB refuses parameters that the statement does not use.
    used = {name: value for name, value in parameters.items() if f"${name}" in query}
    return connection.execute(query, used).df()


def _records(connection: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
