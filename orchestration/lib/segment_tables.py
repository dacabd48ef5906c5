"""The segment tables that Python writes: declared columns, and the one way to write them.

Every row carries its version. A write replaces that version's rows in one transaction and names its columns, so a
repeated or killed run leaves the same table. The segment tables that are joins and rules are dbt models instead.
"""

from collections.abc import Iterable, Mapping

import duckdb
import pandas as pd

from orchestration.lib.warehouse import transaction

MONEY = "decimal(18, 2)"

SEGMENT_TABLES: Mapping[str, Mapping[str, str]] = {
    "customer_value": {
        "customer_id": "varchar",
        "market_segment": "varchar",
        "past_value": MONEY,
        "expected_monthly_margin": MONEY,
        "future_value_horizon": MONEY,
        "future_value_tail": MONEY,
        "future_value": MONEY,
        "future_value_low": MONEY,
        "future_value_high": MONEY,
        "total_value": MONEY,
        "churn_probability_1m": "double",
        "churn_probability_3m": "double",
        "churn_probability_12m": "double",
        "expected_remaining_months": "double",
        "retention_cohort": "varchar",
        "is_ranked": "boolean",
        "value_decile": "integer",
        "value_decile_in_market": "integer",
        "value_percentile": "integer",
        "value_permille": "integer",
        "value_share_decile": "integer",
        "value_decile_fixed": "integer",
    },
    "value_cutoffs": {
        "reference_version_id": "varchar",
        "reference_as_of_date": "date",
        "currency": "varchar",
        "value_decile": "integer",
        "min_total_value": MONEY,
    },
    "value_curve": {
        "value_measure": "varchar",
        "customer_percentile": "integer",
        "customers": "bigint",
        "value": MONEY,
        "cumulative_value_share": "double",
    },
    "value_concentration": {
        "value_measure": "varchar",
        "customers": "bigint",
        "value": MONEY,
        "gini": "double",
        "top_1_share": "double",
        "top_5_share": "double",
        "top_10_share": "double",
        "top_20_share": "double",
        "customer_share_for_50": "double",
        "customer_share_for_80": "double",
        "whale_peak_share": "double",
        "customers_past_peak": "bigint",
        "bottom_20_share": "double",
        "pareto_verdict": "varchar",
        "whale_verdict": "varchar",
    },
    "value_drift": {
        "measure": "varchar",
        "psi": "double",
        "noise": "double",
        "drift_status": "varchar",
        "customers": "bigint",
        "mean": "double",
        "reference_customers": "bigint",
        "reference_mean": "double",
        "reference_version_id": "varchar",
    },
    "retention_cohorts": {
        "retention_cohort": "varchar",
        "pooled_from": "varchar",
        "retention_model": "varchar",
        "alpha": "double",
        "beta": "double",
        "shape": "double",
        "level": "double",
        "log_likelihood": "double",
        "customer_months": "bigint",
        "churned": "bigint",
        "observed_hazard": "double",
        "fitted_hazard": "double",
        "first_renewal_share": "double",
        "later_renewal_share": "double",
    },
    "retention_curves": {
        "retention_cohort": "varchar",
        "tenure_months": "integer",
        "customers_at_risk": "bigint",
        "customers_churned": "bigint",
        "observed_hazard": "double",
        "observed_survival": "double",
        "fitted_hazard": "double",
        "fitted_survival": "double",
    },
    "retention_hazards": {
        "customer_id": "varchar",
        "hazard_model": "varchar",
        "hazard_1m": "double",
        "cohort_hazard_1m": "double",
        "churn_reasons": "varchar",
    },
    "retention_quality": {
        "hazard_model": "varchar",
        "measure": "varchar",
        "part": "varchar",
        "value": "double",
        "customer_months": "bigint",
        "first_month_number": "integer",
        "last_month_number": "integer",
        "is_used": "boolean",
        "decision": "varchar",
    },
    "value_backtest": {
        "horizon_months": "integer",
        "cutoff_date": "date",
        "forecast": "varchar",
        "measure": "varchar",
        "part": "varchar",
        "value": "double",
        "customers": "bigint",
        "is_champion": "boolean",
        "is_refused": "boolean",
        "decision": "varchar",
        "fingerprint": "varchar",
    },
    "customer_behavior": {
        "customer_id": "varchar",
        "population": "varchar",
        "behavior_status": "varchar",
        "cluster_id": "varchar",
        "cluster_name": "varchar",
        "distance": "double",
        "runner_up_cluster_id": "varchar",
        "cluster_reasons": "varchar",
    },
    "behavior_clusters": {
        "population": "varchar",
        "cluster_id": "varchar",
        "cluster_name": "varchar",
        "rule": "varchar",
        "rule_in_words": "varchar",
        "rule_precision": "double",
        "rule_recall": "double",
        "customers": "bigint",
        "share": "double",
        "jaccard": "double",
        "silhouette": "double",
        "first_version_id": "varchar",
        "matched_jaccard": "double",
        "top_features": "varchar",
        "exemplars": "varchar",
        "later_churn_rate": "double",
        "later_margin": MONEY,
    },
    "behavior_evidence": {
        "population": "varchar",
        "k": "integer",
        "silhouette": "double",
        "prediction_strength": "double",
        "reference_strength": "double",
        "separation": "double",
        "min_jaccard": "double",
        "min_share": "double",
        "is_chosen": "boolean",
        "decision": "varchar",
        "later_churn_association": "double",
        "later_margin_association": "double",
        "outcome_customers": "bigint",
    },
    "behavior_models": {
        "population": "varchar",
        "model_id": "varchar",
        "decision": "varchar",
        "reason": "varchar",
        "fitted_version_id": "varchar",
        "fitted_as_of_date": "date",
        "challenged_as_of_date": "date",
        "window_months": "integer",
        "fitted_customers": "bigint",
        "basis": "varchar",
        "clusters": "integer",
        "features": "varchar",
        "parameters": "varchar",
        "sha256": "varchar",
        "drift_status": "varchar",
        "drift_feature": "varchar",
        "drift_psi": "double",
        "challenger_agreement": "double",
    },
    "behavior_model_files": {
        "population": "varchar",
        "model_id": "varchar",
        "model": "blob",
    },
    "behavior_map": {
        "population": "varchar",
        "point": "integer",
        "cluster_id": "varchar",
        "x": "double",
        "y": "double",
    },
    "cluster_events": {
        "population": "varchar",
        "event": "varchar",
        "cluster_id": "varchar",
        "related_cluster_id": "varchar",
        "jaccard": "double",
        "members_before": "bigint",
        "members_now": "bigint",
    },
    "home_business": {
        "customer_id": "varchar",
        "home_business_status": "varchar",
        "home_business": "varchar",
        "nanobusiness_probability": "double",
        "reason_codes": "varchar",
    },
    "mid_band_needs": {
        "customer_id": "varchar",
        "needs_status": "varchar",
        "cluster_id": "varchar",
        "cluster_name": "varchar",
        "distance": "double",
        "runner_up_cluster_id": "varchar",
        "cluster_reasons": "varchar",
    },
    "b2b_mid_band": {
        "customer_id": "varchar",
        "employees": "integer",
        "sites": "integer",
        "open_contracts": "integer",
        "needs_status": "varchar",
        "cluster_id": "varchar",
        "cluster_name": "varchar",
        "cluster_reasons": "varchar",
        "monthly_margin": MONEY,
        "headroom": MONEY,
        "headroom_products": "varchar",
        "resold_share": "double",
        "reseller_exposure": "varchar",
        "families_elsewhere": "varchar",
        "recommended_route": "varchar",
        "route_cost": MONEY,
        "route_value": MONEY,
        "runner_up_route": "varchar",
        "route_reason": "varchar",
    },
    "mid_band_headroom": {
        "customer_id": "varchar",
        "product_family": "varchar",
        "is_held": "boolean",
        "look_alikes": "integer",
        "uptake": "double",
        "look_alike_margin": MONEY,
        "own_margin": MONEY,
        "headroom": MONEY,
    },
    "mid_band_evidence": {
        "product_family": "varchar",
        "method": "varchar",
        "explained_deviance": "double",
        "auc": "double",
        "companies": "bigint",
        "holders": "bigint",
    },
}

KEY_COLUMNS = {"version_id": "varchar", "as_of_date": "date"}


def ensure_segment_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables and columns that are missing; tables are partitioned so that a month is read alone."""
    known: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'segments'"
    ).fetchall():
        known.setdefault(table, set()).add(column)
    with transaction(connection):
        for table, columns in SEGMENT_TABLES.items():
            if table not in known:
                ddl = ", ".join(f"{name} {sql_type}" for name, sql_type in (KEY_COLUMNS | dict(columns)).items())
                connection.execute(f"create table segments.{table} ({ddl})")
                connection.execute(f"alter table segments.{table} set partitioned by (as_of_date)")
            for name in columns.keys() - known.get(table, columns.keys()):
                connection.execute(f"alter table segments.{table} add column {name} {columns[name]}")


def write_segment(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    version_id: str,
    as_of_date: object,
    frames: pd.DataFrame | Iterable[pd.DataFrame],
) -> int:
    """Replace the rows of ``version_id`` in ``segments.<table>`` by those of the frames; return how many they are.

    The caller opens the transaction. Columns beyond the declared ones are an error, as are missing ones.
    """
    columns = SEGMENT_TABLES[table]
    names = ", ".join(columns)
    casts = ", ".join(f"cast({name} as {sql_type})" for name, sql_type in columns.items())
    connection.execute(f"delete from segments.{table} where version_id = ?", [version_id])
    rows = 0
    for frame in [frames] if isinstance(frames, pd.DataFrame) else frames:
        if set(frame.columns) != set(columns):
            missing, unknown = sorted(set(columns) - set(frame.columns)), sorted(set(frame.columns) - set(columns))
            raise ValueError(f"segments.{table}: missing columns {missing}, unknown columns {unknown}")
        connection.register("segment_rows", frame)
        connection.execute(
            f"insert into segments.{table} (version_id, as_of_date, {names}) select ?, ?, {casts} from segment_rows",
            [version_id, as_of_date],
        )
        connection.unregister("segment_rows")
        rows += len(frame)
    return rows
