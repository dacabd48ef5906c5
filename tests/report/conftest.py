"""A lake of literal rows with the columns that the report reads."""

import json
from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.value.concentration import concentration_frame, value_curve_frame
from orchestration.lake.declarations import REGISTRY, declared_tables
from orchestration.report.build import build_report
from orchestration.settings import Settings

VERSION, BEFORE = "2026-10-31.1", "2026-09-30.1"
SETTINGS = Settings(title="Test ISP", currency="CHF")
_ROWS = f"""
insert into segments.versions select *, 4, null from (values
    ('2026-09-30.1', '2026-09-30', 1, 'published', '2026-11-01 04:00', '2026-11-01 04:01', 'r1', '0.1.0',
        'aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb', null, 'first version of this month', null, null),
    ('{VERSION}', '2026-10-31', 1, 'published', '2026-11-02 04:00', '2026-11-02 04:03', 'r2', '0.1.0',
        '0123456789abcdef', 'fedcba9876543210', '2026-09-30.1', 'first version of this month', null,
        '[{{"name": "one_row_a_customer", "passed": true}}, {{"name": "deciles_even", "passed": true}}]'));
insert into ops.loads (load_id, source_table, location, file, content_hash, mapping_hash, loaded_at, rows_read,
    rows_accepted, rows_quarantined, rows_duplicate, rows_superseded) values
    (1, 'customers', 'files', 'customers.parquet', 'h', 'm', '2026-11-01 02:00', 1000, 998, 2, 0, 0),
    (2, 'contracts', 'files', 'contracts.parquet', 'h', 'm', '2026-11-01 02:00', 1800, 1790, 5, 3, 2),
    (3, 'invoices', 'files', 'invoices_2026-10.parquet', 'h', 'm', '2026-11-01 02:00', 22000, 22000, 0, 0, 0),
    (4, 'usage', 'files', 'too_late.parquet', 'h', 'm', '2026-12-01 02:00', 7777, 7777, 0, 0, 0);
insert into ops.quarantine values
    (1, 'customers', 'customers.parquet', 7, null, 'customer_type', 'alien', 'not one of person, organization', '{{}}'),
    (1, 'customers', 'customers.parquet', 9, null, 'customer_type', '', 'required value is missing', '{{}}'),
    (2, 'contracts', 'contracts.parquet', 5, null, 'customer_id', 'c9', 'no such customer', '{{}}'),
    (2, 'contracts', 'contracts.parquet', 6, null, 'customer_id', 'c8', 'no such customer', '{{}}');
insert into ops.source_checks values
    ('2026-11-01 02:00', 'r1', 3, 'usage', 'upload_share', true, 'warn', 0.1, null, 0.5, 'Overtaken.', null),
    ('2026-11-01 03:00', 'r1', 3, 'usage', 'upload_share', false, 'warn', 0.9, null, 0.5,
        '90.0% of the recent traffic is upload.', 'Swap bytes_down and bytes_up.'),
    ('2026-11-01 03:00', 'r1', 3, 'customers', 'row_accounting', true, 'block', 0, null, 0, 'All there.', null),
    ('2026-12-01 03:00', 'r3', 4, 'usage', 'upload_share', true, 'warn', 0.1, null, 0.5, 'Too late.', null);
insert into bi.retention_cohorts
select '{VERSION}', '2026-10-31', cohort, pooled_from,
    case when alpha is null then 'constant' else 'shifted_beta_geometric' end, alpha, beta,
    case when alpha is not null then 1 end, case when pooled_from is null then 1 else 0.8 end, log_likelihood, months,
    churned, observed, fitted, case when cohort like '%/24/committed' then 0.14 end,
    case when cohort like '%/24/committed' then 0.97 end
from (values
    ('all', null, 1.1, 60.0, -2500.0, 24000, 380, 0.0158, 0.0158),
    ('consumer/consumer/internet/none/free', null, 0.9, 28.0, -1200.0, 9000, 220, 0.0244, 0.0242),
    ('consumer/consumer/internet/24/committed', null, null, null, -300.0, 8000, 48, 0.0060, 0.0061),
    ('consumer/consumer/internet/24/free', null, 1.2, 40.0, -420.0, 2600, 66, 0.0254, 0.0249),
    ('consumer/consumer/mobile/none/free', null, 0.8, 22.0, -300.0, 2400, 60, 0.0250, 0.0251),
    ('business/small_business/internet/24/committed', '*/*/*/*/committed', null, null, -60.0, 1500, 6, 0.0040, 0.0061),
    ('business/small_business/internet/24/free', '*/*/*/*/free', 1.0, 32.0, -50.0, 500, 8, 0.0160, 0.0247),
    ('*/*/*/*/free', null, 1.0, 32.0, -1900.0, 14500, 354, 0.0244, 0.0244),
    ('*/*/*/*/committed', null, null, null, -380.0, 9500, 54, 0.0057, 0.0057))
    as t(cohort, pooled_from, alpha, beta, log_likelihood, months, churned, observed, fitted);
insert into bi.retention_curves
select version_id, as_of_date, retention_cohort, tenure, case when tenure <= 20 then 100 else 0 end,
    case when tenure <= 20 then 2 else 0 end, case when tenure <= 20 then 0.02 end,
    case when tenure <= 20 then 0.98 ** tenure end, coalesce(alpha / (alpha + beta + tenure - 1), fitted_hazard), null
from bi.retention_cohorts cross join range(1, 121) as months(tenure);
insert into bi.value_bridge
select '{VERSION}', '2026-10-31', '2026-09-30.1', * from (values
    (1, 'opening', 1370000), (2, 'earned', 21000), (3, 'arrivals', 18000), (4, 'losses', -26000), (5, 'price', 9000),
    (6, 'mix', 3500), (7, 'volume', -4200), (8, 'retention', -1300), (9, 'closing', 1390000)) as t;
insert into bi.segmentation_versions (version_id, value_basis, observation_decision, backtest_status,
    backtest_findings) values ('{VERSION}', 'learned', 'Endings are on record.', 'passed', null);
insert into bi.observation_windows (version_id, as_of_date, source_system, retention_market, market_segment,
    endings_from, endings_through, basis, evidence, is_learnable, decision) values
    ('{VERSION}', '2026-10-31', 'all', 'consumer', 'consumer', '2025-01-01', '2026-10-31', 'found',
        'Endings are on record from 2025-01. The 12 months before have 0, where 120 would be expected.', true,
        'In short.'),
    ('{VERSION}', '2026-10-31', 'all', 'business', 'education', null, '2026-10-31', 'complete',
        'Endings are on record as far back as contracts reach.', true, 'In short.');
insert into bi.recorded_attributes (version_id, as_of_date, retention_market, attribute, attribute_value,
    recorded_from, evidence) values
    ('{VERSION}', '2026-10-31', 'business', 'retention_term', '24', '2026-01-01', '0 customers with term 24 left.');
insert into bi.endings_by_month (version_id, as_of_date, month_end_date, customers_at_risk, customers_churned,
    is_observed)
select '{VERSION}', '2026-10-31', last_day('2024-01-01'::date + to_months(month)), 1000,
    case when month >= 12 then 10 else 0 end, month >= 12
from range(34) as months(month);
insert into bi.value_drift values
    ('{VERSION}', '2026-10-31', 'churn_probability_1m', 0.31, 0.02, 'act', 900, 0.024, 890, 0.016, '2026-09-30.1'),
    ('{VERSION}', '2026-10-31', 'future_value', 0.012, 0.02, 'steady', 900, 610.0, 890, 604.0, '2026-09-30.1');
insert into bi.value_backtest
select '{VERSION}', '2026-10-31', 6, cutoff_date, forecast, measure, part, value, 900,
    forecast = 'cohort_curves', false,
    'The cohort curves beat every other forecast 6 months ahead.'
from (values
    ('cohort_curves', 'total_error', null, -0.021), ('last_12_months', 'total_error', null, 0.083),
    ('cohort_curves', 'root_mean_square_error', null, 41.5), ('last_12_months', 'root_mean_square_error', null, 47.0),
    ('cohort_curves', 'five_largest_error_share', null, 0.66), ('sbg_alone', 'root_mean_square_error', null, 41.2),
    ('cohort_curves', 'margin_loss_gain', 'sbg_alone', -25.0), ('sbg_alone', 'total_error', null, -0.04),
    ('cohort_curves', 'margin_loss_gain_error', 'sbg_alone', 50.0),
    ('cohort_curves', 'brier', null, 0.0601), ('cohort_curves', 'interval_coverage', null, 0.814),
    ('cohort_curves', 'below_interval', null, 0.092), ('cohort_curves', 'above_interval', null, 0.094),
    ('cohort_curves', 'predicted_margin', '1', 5200), ('cohort_curves', 'actual_margin', '1', 5350),
    ('cohort_curves', 'predicted_margin', '10', 310), ('cohort_curves', 'actual_margin', '10', 290)
) as measured(forecast, measure, part, value)
cross join (values (null::date), ('2026-03-31'::date)) as cutoffs(cutoff_date);
insert into bi.retention_quality
select '{VERSION}', '2026-10-31', model, measure, part, value, 5400, 24317, 24322, model = 'hazard_model',
    'Hazard model: its log loss is lower.'
from (values
    ('hazard_model', 'is_used', null, 1.0), ('cohort_curves', 'is_used', null, 0.0),
    ('hazard_model', 'auc', null, 0.84), ('cohort_curves', 'auc', null, 0.62),
    ('hazard_model', 'brier', null, 0.0131), ('cohort_curves', 'brier', null, 0.0155),
    ('hazard_model', 'log_loss', null, 0.0612), ('cohort_curves', 'log_loss', null, 0.0799),
    ('hazard_model', 'top_decile_lift', null, 5.2), ('cohort_curves', 'top_decile_lift', null, 1.7),
    ('hazard_model', 'expected_churn', null, 0.0160), ('cohort_curves', 'expected_churn', null, 0.0161),
    ('hazard_model', 'observed_churn', null, 0.0158), ('cohort_curves', 'observed_churn', null, 0.0158),
    ('hazard_model', 'importance', 'usage_trend', 0.02), ('hazard_model', 'importance', 'monthly_fee', -0.001))
    as t(model, measure, part, value)
union all
select '{VERSION}', '2026-10-31', model, measure, tenth::varchar, 0.09 / tenth, 5400, 24317, 24322,
    model = 'hazard_model', 'Hazard model: its log loss is lower.'
from (values ('hazard_model'), ('cohort_curves')) as models(model)
cross join (values ('expected_churn'), ('observed_churn')) as measures(measure) cross join range(1, 11) as t(tenth);
insert into bi.behavior_events values
    ('{VERSION}', '2026-10-31', 'consumer', 'kept', 'consumer-01', null, 0.97, 410, 420),
    ('{VERSION}', '2026-10-31', 'consumer', 'split', 'consumer-03', 'consumer-02', 0.3, 0, 160);
insert into bi.behavior_map
select '{VERSION}', '2026-10-31', 'consumer', i, if(i % 9 = 0, null, 'consumer-0' || (1 + i % 3)), i % 3, sin(i)
from range(90) as t(i);
insert into bi.behavior_models (version_id, as_of_date, population, decision, reason, fitted_as_of_date,
    fitted_customers, drift_psi) values
    ('{VERSION}', '2026-10-31', 'consumer', 'fitted', 'night share has drifted', '2026-10-31', 790, 0.31),
    ('{VERSION}', '2026-10-31', 'business', 'kept', 'the customers are like those it was fitted on', '2026-09-30', 90,
        0.04);
insert into bi.behavior_evidence
select '{VERSION}', '2026-10-31', *, if(k > 1, 0.12, null), if(k > 1, 0.34, null), 700 from (values
    ('consumer', 'k_means', 2, null, 0.31, 0.91, 0.4, 0.88, null, null, false,
        'Stable too, but 3 is the largest stable k.'),
    ('consumer', 'k_means', 4, null, 0.28, 0.62, 0.0, 0.55, null, null, false,
        'Refused: prediction strength below 0.8.'),
    ('consumer', 'mixture', 3, 6, 0.36, 0.89, 0.5, 0.83, 5100.0, 5400.0, true,
        'Three clusters come back in resamples and keep apart.'),
    ('mid_band', 'k_means', 2, null, 0.4, 0.95, 0.6, 0.8, null, null, true, 'Chosen: two kinds of needs.'),
    ('business', 'one_cluster', 1, null, null, null, null, null, null, null, true,
        'No k holds, so the population stays one.'))
    as t(population, shape, k, components, silhouette, prediction_strength, separation, min_jaccard, bic, icl,
        is_chosen, decision);
insert into bi.customer_segment_history (version_id, as_of_date, customer_id, population, behavior_status,
    is_open, is_in_contract_end_window, is_exposed_to_price_rise, monthly_fee, total_value, gb_month_3m,
    cluster_id, cluster_name, previous_lifecycle_stage, service_end_date, household_id, household_members,
    home_business, nanobusiness_probability, home_worker_probability)
select '{VERSION}', '2026-10-31', 'c' || i,
    case when i % 10 = 0 then 'business' else 'consumer' end,
    case when i % 7 = 0 then 'mixed' when i % 11 = 0 then 'insufficient_history'
        when i % 5 = 0 then 'not_applicable' else 'clustered' end,
    i < 710, i < 40, i between 30 and 50, 50.0, 1390.0, null, null, null, null, null,
    case when i < 100 then 'H' || i // 2 when i < 600 then 'H' || i end,
    case when i < 100 then 2 when i < 600 then 1 end,
    case when i < 40 then 'nanobusiness' when i < 100 then 'home_worker' when i < 500 then 'none' end,
    case when i < 40 then 0.9 when i < 500 then 0.01 end,
    case when i < 40 then 0.05 when i < 100 then 0.8 when i < 500 then 0.02 end
from range(1000) as t(i);
insert into bi.household_opportunities (version_id, as_of_date, household_id, product_family, uptake,
    monthly_margin, expected_value, offer_rank)
select '{VERSION}', '2026-10-31', 'H' || i, family, uptake, margin, value, place
from range(100, 300) as t(i)
cross join (values ('mobile', 0.4, 12.5, 180.0, 1), ('tv', 0.2, 6.0, 43.2, 2))
    as o(family, uptake, margin, value, place);
insert into bi.b2b_mid_band (version_id, as_of_date, customer_id, sites, open_contracts, needs_status,
    cluster_id, cluster_name, monthly_margin, headroom, reseller_exposure, recommended_route, route_cost,
    route_value, route_reason, monthly_fee, total_value)
select '{VERSION}', '2026-10-31', 'b' || i, 1 + i % 3, 2 + i % 4,
    case when i < 50 then 'clustered' when i < 55 then 'mixed' else 'insufficient_history' end,
    case when i < 30 then 'mid_band-01' when i < 50 then 'mid_band-02' end,
    case when i < 30 then 'Many-site companies' when i < 50 then 'Companies with mobile' end,
    100.0, 25.0, case when i < 12 then 'through_reseller' when i < 20 then 'likely_elsewhere' else 'none' end,
    case when i < 45 then 'desk' else 'digital' end, 20.0, case when i = 44 then -5.0 else 82.5 end,
    'costs 20.00 a month, is expected to win 2.50 of headroom and leaves 82.50', 140.0, 3000.0
from range(60) as t(i);
insert into bi.b2b_headroom (version_id, as_of_date, customer_id, product_family, is_held, uptake, headroom)
select '{VERSION}', '2026-10-31', 'b' || i, family, i % 4 = 0, uptake, case when i % 4 = 0 then 0 else headroom end
from range(60) as t(i) cross join (values ('cloud', 0.6, 15.0), ('mobile', 0.2, 5.0)) as f(family, uptake, headroom);
insert into bi.b2b_evidence values
    ('{VERSION}', '2026-10-31', 'cloud', 'look_alikes', 0.31, 0.82, 60, 15),
    ('{VERSION}', '2026-10-31', 'cloud', 'staff_bands', -0.02, 0.48, 60, 15),
    ('{VERSION}', '2026-10-31', 'mobile', 'look_alikes', 0.01, 0.55, 60, 15),
    ('{VERSION}', '2026-10-31', 'mobile', 'staff_bands', 0.03, 0.58, 60, 15);
insert into bi.wholesale_customers (version_id, as_of_date, customer_id, is_reseller, is_open,
    wholesale_contracts, own_lines, downstream_customers, downstream_customers_once, downstream_lines,
    downstream_fee, downstream_margin, monthly_fee, total_value) values
    ('{VERSION}', '2026-10-31', 'w1', true, true, 0, 2, 9, 9, 14, 700, 410, 90, 4000),
    ('{VERSION}', '2026-10-31', 'w2', false, true, 3, 1, 0, 0, 0, 0, 0, 5000, 90000),
    ('{VERSION}', '2026-10-31', 'w3', false, false, 0, 0, 0, 0, 0, 0, 0, 0, 100),
    ('{VERSION}', '2026-10-31', 'w4', true, true, 0, 0, 3, 1, 4, 100, 50, 10, 1000);
insert into bi.lifecycle_stages (version_id, as_of_date, lifecycle_stage, customers, share, total_value, opened,
    inflow, outflow, future_value, mean_churn_probability_3m, median_months_in_stage)
select '2026-09-30.1', '2026-09-30', *, null, null, null, null, null, null from (values
    ('onboarding', 60, 0.0609, 30000), ('growing', 40, 0.0406, 90000), ('mature', 560, 0.5685, 980000),
    ('at_risk', 45, 0.0457, 60000), ('churned', 280, 0.2843, 210000)) as t
union all
select '{VERSION}', '2026-10-31', *, total_value / 2, if(lifecycle_stage = 'churned', null, 0.04), 5 from (values
    ('onboarding', 55, 0.055, 28000, 60, 15, 20), ('growing', 42, 0.042, 93000, 40, 12, 10),
    ('mature', 565, 0.565, 990000, 560, 30, 25), ('at_risk', 48, 0.048, 64000, 45, 18, 15),
    ('churned', 290, 0.29, 215000, 280, 10, 0)) as t (
    lifecycle_stage, customers, share, total_value, opened, inflow, outflow);
insert into bi.churn_kinds values
    ('{VERSION}', '2026-10-31', 'consumer', 'voluntary', 7, 0.7),
    ('{VERSION}', '2026-10-31', 'consumer', 'moved', 2, 0.2),
    ('{VERSION}', '2026-10-31', 'small_business', 'voluntary', 1, 0.1);
insert into bi.lifecycle_transitions
select '{VERSION}', '2026-10-31', * from (values
    (null, 'onboarding', 15, 1.0), ('onboarding', 'onboarding', 40, 0.667), ('onboarding', 'mature', 18, 0.3),
    ('onboarding', 'churned', 2, 0.033), ('growing', 'growing', 30, 0.75), ('growing', 'mature', 10, 0.25),
    ('mature', 'mature', 535, 0.955), ('mature', 'growing', 12, 0.021), ('mature', 'at_risk', 13, 0.023),
    ('at_risk', 'at_risk', 30, 0.667), ('at_risk', 'churned', 8, 0.178), ('at_risk', 'mature', 2, 0.044),
    ('churned', 'churned', 280, 1.0)) as t;
insert into bi.market_segments (version_id, as_of_date, market_segment, customers, share, monthly_fee,
    past_value, future_value, total_value, conflicting_customers, low_confidence_customers)
select '2026-09-30.1', '2026-09-30', *, 0, 0 from (values
    ('consumer', 880, 0.893, 27000, 600000, 500000, 1100000), ('small_business', 105, 0.107, 6000, 150000, 120000,
    270000)) as t
union all
select '{VERSION}', '2026-10-31', *, 20, 10 from (values
    ('consumer', 890, 0.89, 27300, 618000, 498000, 1116000), ('small_business', 96, 0.096, 6100, 140000, 118000,
    258000), ('wholesale', 14, 0.014, 9000, 5000, 11000, 16000)) as t;
insert into bi.segment_migrations
select '{VERSION}', '2026-10-31', * from (values
    ('lifecycle_stage', 'mature', 'mature', 535), ('lifecycle_stage', 'onboarding', 'mature', 18),
    ('lifecycle_stage', 'mature', 'at_risk', 13), ('lifecycle_stage', 'mature', 'growing', 12),
    ('lifecycle_stage', 'at_risk', 'churned', 8), ('lifecycle_stage', null, 'onboarding', 15),
    ('market_segment', 'consumer', 'consumer', 880), ('market_segment', 'small_business', 'consumer', 9),
    ('value_decile', '1', '1', 95), ('value_decile', '1', '2', 4), ('value_decile', '2', '1', 4)) as t;
"""
_CLUSTERS = (
    ("consumer-01", "Light evening downloaders", 420, 0.53, 0.93,
     "gb_month_3m < 212 and evening_share_3m >= 0.31", "GB a month under 212, evening share at least 31%",
     [("gb_month_3m", -1.31, 118.0, 402.0)]),
    ("consumer-02", "Heavy night downloaders", 210, 0.27, 0.82,
     "gb_month_3m >= 212", "GB a month at least 212",
     [("gb_month_3m", 1.62, 655.0, 160.0), ("night_share_3m", 1.1, 0.31, 0.12)]),
    ("consumer-03", "Daytime uploaders with cloud", 160, 0.20, 0.71,
     "upload_share_3m >= 0.22", None, [("upload_share_3m", 2.4, 0.35, 0.08), ("has_cloud", 1.9, 0.42, 0.05)]),
)  # fmt: skip


def _empty() -> str:
    """Return the DDL of all that the report reads, as it is declared."""
    tables = [*declared_tables("ops").values(), *declared_tables("bi").values(), declared_tables("segments")[REGISTRY]]
    columns = {each.key: ", ".join(f"{name} {sql_type}" for name, sql_type in each.types.items()) for each in tables}
    schemas = "create schema segments; create schema ops; create schema bi;"
    return schemas + "".join(f"create table {key} ({declared});" for key, declared in columns.items())


@pytest.fixture
def empty_lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables, no rows."""
    with duckdb.connect() as connection:
        connection.execute(_empty())
        yield connection


@pytest.fixture
def lake(empty_lake: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Two published months of a thousand customers."""
    _fill(empty_lake)
    return empty_lake


@pytest.fixture(scope="session")
def document() -> str:
    """The report on that lake as long as nothing is changed in it."""
    with duckdb.connect() as connection:
        connection.execute(_empty())
        _fill(connection)
        return build_report(connection, VERSION, SETTINGS)


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_ROWS)
    _insert_values(connection)
    for cluster_id, name, customers, share, jaccard, rule, words, apart in _CLUSTERS:
        features = [dict(zip(("feature", "effect", "typical", "typical_rest"), each, strict=True)) for each in apart]
        connection.execute(
            "insert into bi.behavior_clusters"
            " values (?, ?, 'consumer', ?, ?, ?, ?, 0.94, 0.9, ?, ?, ?, 0.3, ?, 0.9, ?, '[]', 0.02, 31, ?, ?)",
            [VERSION, "2026-10-31", cluster_id, name, rule, words, customers, share, jaccard,
             VERSION if cluster_id == "consumer-03" else BEFORE, json.dumps(features),
             *(("focus: design studios", 0.82) if cluster_id == "consumer-03" else (None, None))],
        )  # fmt: skip
    connection.execute(
        """
        insert into bi.behavior_clusters (version_id, as_of_date, population, cluster_id, cluster_name, rule, customers,
            share, jaccard, top_features)
        values (?, '2026-10-31', 'mid_band', 'mid_band-01', 'Many-site companies', 'sites > 2.5', 30, 0.6, 0.96,
                '[{"feature": "sites", "effect": 2.1, "typical": 4, "typical_rest": 1}]'),
            (?, '2026-10-31', 'mid_band', 'mid_band-02', 'Companies with mobile', null, 20, 0.4, 0.8, '[]')
        """,
        [VERSION, VERSION],
    )


def _insert_values(connection: duckdb.DuckDBPyConnection) -> None:
    random = np.random.default_rng(7)
    values = pd.DataFrame(
        {"past_value": random.lognormal(6.4, 0.9, 986) - 120, "future_value": random.lognormal(6.0, 1.0, 986)}
    )
    values.loc[values.index % 4 == 0, "future_value"] = 0.0
    values = values.assign(
        total_value=values.sum(axis="columns"), future_value_36m=0.8 * values["future_value"]
    ).sort_values("total_value", ascending=False)
    values["value_decile"] = 1 + np.arange(len(values)) * 10 // len(values)
    for table, frame in (
        ("value_concentration", concentration_frame(values)),
        ("value_curve", value_curve_frame(values)),
    ):
        connection.register("frame", frame)
        connection.execute(f"insert into bi.{table} select ?, ?, * from frame", [VERSION, "2026-10-31"])
    connection.execute(
        f"""
        insert into bi.value_cutoffs
        select '{VERSION}', '2026-10-31', '2025-12-31.1', '2025-12-31', decile, 'total',
            case when decile < 10 then 3000 - 300 * decile end, 90 + 2 * decile, (90 + 2 * decile) / 1010, 1000.0
        from range(1, 11) as deciles(decile)
        """
    )
    connection.register("frame", values)
    for scope in ("all", "consumer"):
        connection.execute(
            """
            insert into bi.value_deciles
            select ?, ?, ?, value_decile, 'total', count(*), sum(past_value), sum(future_value), sum(future_value_36m),
                sum(total_value), sum(total_value) / (select sum(total_value) from frame), sum(total_value),
                sum(total_value) / (select sum(total_value) from frame), min(total_value), max(total_value)
            from frame group by value_decile
            """,
            [VERSION, "2026-10-31", scope],
        )
