"""Customer value: past margin, residual future value, deciles and concentration."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from models.deciles import assign_deciles, assign_fixed_deciles
from models.hazard.churn_reasons import retention_hazards
from models.prepaid.valuation import PREPAID_COLUMNS, PrepaidValuation, is_prepaid
from models.value.basis import Evidence, fit_hazard, ranked_parameters
from models.value.concentration import concentration_frame, value_curve_frame
from models.value.customer_value import FEATURE_COLUMNS, customer_value
from models.value.drift import ACT, drift_words
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.plots import bar_plot
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.lake.frames import read_frame
from orchestration.lake.warehouse import transaction
from orchestration.segments.backtest_rows import backtested, spread_before
from orchestration.segments.hazard_rows import commitment_ends, customers_with_covariates, sample_customer_months
from orchestration.segments.observation import exposures_within, months_within, observed
from orchestration.segments.tables import write_segment
from orchestration.segments.value_cutoffs import cutoffs_of
from orchestration.segments.value_drift_rows import drift_of

DRIFT_CHECK = "hazard_and_value_are_like_the_month_before"
VALUE_TABLES = (
    "customer_value",
    "value_cutoffs",
    "value_curve",
    "value_concentration",
    "value_drift",
    "retention_cohorts",
    "retention_curves",
    "retention_hazards",
    "retention_quality",
)
_DEPS = [
    ["segments", "versions"],
    ["features", "customer_features"],
    ["features", "retention_exposures"],
    ["features", "customer_months_at_risk"],
    ["segments", "observation_windows"],
    ["segments", "value_backtest"],
]


@dg.multi_asset(
    name="value",
    specs=[
        segment_spec("customer_value", "One row a customer and version: past, residual future and total value in the "
                     "reporting currency, churn probabilities, deciles (1 = best).", _DEPS),
        segment_spec("value_cutoffs", "One row a value decile 1 to 9 and version: the value at which the fixed deciles "
                     "begin, and the reference version that they come from.", _DEPS),
        segment_spec("value_curve", "One row a value measure, customer percentile and version: the points of the "
                     "Lorenz and whale curves.", _DEPS),
        segment_spec("value_concentration", "One row a value measure and version: Gini, shares of the top customers, "
                     "peak of the whale curve.", _DEPS),
        segment_spec("value_drift", "One row a measure (hazard, future value) and version: how far open customers have "
                     "moved from the month before.", _DEPS),
        segment_spec("retention_cohorts", "One row a retention cohort and version: the model chosen, its parameters "
                     "and the evidence behind it.", _DEPS),
        segment_spec("retention_curves", "One row a retention cohort, month of tenure and version: the fitted curve "
                     "beside the data.", _DEPS),
        segment_spec("retention_hazards", "One row an open customer and version: the chance to leave next month, that "
                     "of the cohort alone, and the reasons in words.", _DEPS),
        segment_spec("retention_quality", "One row a hazard model, measure, part and version: how good predicted churn "
                     "is on held-out months, and which model is used.", _DEPS),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            DRIFT_CHECK,
            asset=["segments", "value_drift"],
            description="Hazards and future values are spread as in the month before; warns from value.drift_act on.",
            partitions_def=MONTHS,
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)  # fmt: skip
def value(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Fit retention on all months so far, value every customer, rank them."""
    settings = deployment.settings
    rows = dict.fromkeys(VALUE_TABLES, 0)
    latest: dict[str, Any] = {}
    latest_quality: dict[str, Any] = {}
    drifts: dict[str, pd.DataFrame] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            day = candidate.as_of_date
            window = observed(connection, candidate.version_id, day)
            parameters = ranked_parameters(window.is_learnable, settings.value)
            hazard = fit_hazard(
                Evidence(
                    is_learnable=window.is_learnable,
                    decision=window.decision,
                    exposures=exposures_within(connection, day, window),
                    commitment_ends=commitment_ends(connection, day, months_within(window)),
                    sample=sample_customer_months(
                        connection,
                        day,
                        settings.hazard.sample_rows,
                        months_within(window, first_month=window.attributes_from),
                    ),
                    verdict=backtested(connection, candidate.version_id),
                ),
                settings.retention,
                settings.hazard,
                settings.value,
            )
            curves = hazard.curves
            tell(context, hazard.decision_)
            spread = spread_before(connection, day, window, day, settings, settings.value.spread_months)
            prepaid = PrepaidValuation(parameters).fit(
                read_frame(
                    connection,
                    f"select {', '.join(PREPAID_COLUMNS)} from features.customer_features"
                    " where as_of_date = ? and is_prepaid",
                    [candidate.as_of_date],
                )
            )
            tell(context, prepaid.decision_)
            columns = dict.fromkeys((*FEATURE_COLUMNS, *PREPAID_COLUMNS, *curves.key_columns))
            batches, hazards = [], []
            for customers in customers_with_covariates(
                connection, day, candidate.version_id, columns, hazard.key_columns
            ):
                batches.append(prepaid.revalue(customer_value(customers, hazard, parameters, spread), customers))
                hazards.append(retention_hazards(hazard, customers[customers["is_open"] & ~is_prepaid(customers)]))
            valued = pd.concat(batches, ignore_index=True)
            ranked = valued.join(assign_deciles(valued).drop(columns="customer_id"))
            cutoffs = cutoffs_of(connection, candidate, ranked, settings.currency, parameters)
            ranked["value_decile_fixed"] = assign_fixed_deciles(ranked, cutoffs)
            drift = drift_of(connection, candidate, ranked, settings.value)
            drifts[candidate.version_id] = drift
            frames = {
                "customer_value": ranked,
                "value_cutoffs": cutoffs,
                "value_curve": value_curve_frame(ranked),
                "value_concentration": concentration_frame(ranked, rank_by=parameters.rank_by),
                "value_drift": drift,
                "retention_cohorts": curves.parameters_frame(),
                "retention_curves": curves.curves_frame(),
                "retention_hazards": pd.concat(hazards, ignore_index=True),
                "retention_quality": hazard.quality_frame(),
            }
            with transaction(connection):
                for table, frame in frames.items():
                    rows[table] += write_segment(connection, table, candidate.version_id, candidate.as_of_date, frame)
            latest = {"version_id": candidate.version_id, "margins_compared": spread.customers_} | _summary(ranked)
            latest_quality = {"decision": hazard.decision_} | _measures(frames["retention_quality"])
    for table, count in rows.items():
        more = {"customer_value": latest, "retention_quality": latest_quality}
        metadata = {"rows_written": count} | more.get(table, {})
        yield dg.MaterializeResult(asset_key=["segments", table], metadata=metadata)
    yield _drift_check(drifts)


def _drift_check(drifts: dict[str, pd.DataFrame]) -> dg.AssetCheckResult:
    """Warn where hazard or value of any month has drifted; the numbers of every month are in the metadata."""
    return dg.AssetCheckResult(
        check_name=DRIFT_CHECK,
        asset_key=["segments", "value_drift"],
        passed=not any((drift["drift_status"] == ACT).any() for drift in drifts.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={version_id: drift_words(drift) for version_id, drift in drifts.items()},
    )


def _measures(quality: pd.DataFrame) -> dict[str, float]:
    """What the held-out months say of the model that is used."""
    rows = quality[quality["part"].isna() & quality["is_used"] & (quality["measure"] != "is_used")]
    return {str(name): float(found) for name, found in zip(rows["measure"], rows["value"], strict=True)}


def _summary(ranked: pd.DataFrame) -> dict[str, Any]:
    by_decile = ranked.groupby("value_decile")["total_value"].sum()
    return {
        "total_value": float(ranked["total_value"].sum()),
        "future_value": float(ranked["future_value"].sum()),
        "future_value_36m": float(ranked["future_value_36m"].sum()),
        "deciles": bar_plot(
            [f"{decile:.0f}" for decile in by_decile.index],
            list(by_decile),
            "Total value by decile (1 = best)",
            "reporting currency",
        ),
    }
