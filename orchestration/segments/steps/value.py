"""Customer value: past margin, residual future value, deciles and concentration."""

import duckdb
import pandas as pd

from models.deciles import assign_deciles, assign_fixed_deciles
from models.hazard.churn_hazard import ChurnHazard
from models.hazard.churn_reasons import churn_reasons_frame
from models.prepaid.valuation import PREPAID_COLUMNS, PrepaidValuation, is_prepaid
from models.retention.shifted_beta_geometric import Floats
from models.value.basis import Evidence, fit_hazard, ranked_parameters
from models.value.concentration import concentration_frame, value_curve_frame
from models.value.customer_value import FEATURE_COLUMNS, customer_value
from models.value.drift import ACT, drift_words
from models.value.margin_spread import MarginSpread
from models.value.notice import ANNOUNCEMENT_COLUMNS, told_ahead
from models.value.parameters import ValueParameters
from orchestration.lake.frames import read_frame
from orchestration.segments.backtest_rows import backtested, spread_before
from orchestration.segments.candidate import Candidate
from orchestration.segments.customer_rows import customers_with_covariates
from orchestration.segments.exposures import exposures_within
from orchestration.segments.hazard_rows import commitment_ends, sample_customer_months
from orchestration.segments.month import Fact, SegmentMonth
from orchestration.segments.observation import Observed, months_within, observed
from orchestration.segments.value_cutoffs import cutoffs_of
from orchestration.segments.value_drift_rows import drift_of
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Fit retention on all months so far, value every customer, rank them."""
    day = candidate.as_of_date
    window = observed(connection, candidate.version_id, day)
    parameters = ranked_parameters(window.is_learnable, settings.value)
    hazard = fit_hazard(
        _evidence(connection, candidate, window, settings), settings.retention, settings.hazard, settings.value
    )
    spread = spread_before(connection, day, window, day, settings, settings.value.spread_months)
    prepaid = PrepaidValuation(parameters).fit(_prepaid_customers(connection, candidate))
    told = told_ahead(_announced_endings(connection, candidate), settings.features.longest_notice_months + 1)
    valued, reasons = _value_customers(connection, candidate, hazard, prepaid, spread, told, parameters)
    ranked = valued.join(assign_deciles(valued).drop(columns="customer_id"))
    cutoffs = cutoffs_of(connection, candidate, ranked, settings.currency, parameters)
    ranked["value_decile_fixed"] = assign_fixed_deciles(ranked, cutoffs)
    drift = drift_of(connection, candidate, ranked, settings.value)
    quality = hazard.quality_frame()
    return SegmentMonth(
        tables={
            "customer_value": ranked,
            "value_cutoffs": cutoffs,
            "value_curve": value_curve_frame(ranked),
            "value_concentration": concentration_frame(ranked, rank_by=parameters.rank_by),
            "value_drift": drift,
            "retention_cohorts": hazard.curves.parameters_frame(),
            "retention_curves": hazard.curves.curves_frame(),
            "churn_reasons": reasons,
            "retention_quality": quality,
        },
        decision=f"{hazard.decision_} {prepaid.decision_}",
        facts={
            "customer_value": {"margins_compared": spread.customers_} | _totals(ranked),
            "retention_quality": {"decision": hazard.decision_} | _measures(quality),
        },
        passed=not (drift["drift_status"] == ACT).any(),
        finding=drift_words(drift),
    )


def _evidence(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, window: Observed, settings: Settings
) -> Evidence:
    day = candidate.as_of_date
    attributed = months_within(window, first_month=window.attributes_from)
    return Evidence(
        is_learnable=window.is_learnable,
        decision=window.decision,
        exposures=exposures_within(connection, day, window),
        commitment_ends=commitment_ends(connection, day, months_within(window)),
        sample=sample_customer_months(connection, day, settings.hazard.sample_rows, attributed),
        verdict=backtested(connection, candidate.version_id),
    )


def _announced_endings(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> pd.DataFrame:
    return read_frame(
        connection,
        f"select {', '.join(ANNOUNCEMENT_COLUMNS)} from intermediate.announced_endings_as_of where as_of_date = ?",
        [candidate.as_of_date],
    )


def _prepaid_customers(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> pd.DataFrame:
    return read_frame(
        connection,
        f"select {', '.join(PREPAID_COLUMNS)} from features.customer_features where as_of_date = ? and is_prepaid",
        [candidate.as_of_date],
    )


def _value_customers(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    hazard: ChurnHazard,
    prepaid: PrepaidValuation,
    spread: MarginSpread,
    told: Floats,
    parameters: ValueParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Value every customer in batches; return the values, and why open customers may leave."""
    columns = dict.fromkeys((*FEATURE_COLUMNS, *PREPAID_COLUMNS, *hazard.curves.key_columns))
    values, reasons = [], []
    for customers in customers_with_covariates(
        connection, candidate.as_of_date, candidate.version_id, columns, hazard.key_columns
    ):
        values.append(prepaid.revalue(customer_value(customers, hazard, parameters, spread, told), customers))
        reasons.append(churn_reasons_frame(hazard, customers[customers["is_open"] & ~is_prepaid(customers)]))
    return pd.concat(values, ignore_index=True), pd.concat(reasons, ignore_index=True)


def _measures(quality: pd.DataFrame) -> dict[str, Fact]:
    """Return the measures of the model in use on the held-out months."""
    rows = quality[quality["part"].isna() & quality["is_used"] & (quality["measure"] != "is_used")]
    return {str(name): float(found) for name, found in zip(rows["measure"], rows["value"], strict=True)}


def _totals(ranked: pd.DataFrame) -> dict[str, Fact]:
    measures = ("total_value", "future_value", "future_value_36m")
    return {measure: float(ranked[measure].sum()) for measure in measures}
