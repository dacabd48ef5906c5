"""The backtest of customer value, which decides what the values of the version rest on."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from models.backtest.findings import FAILED, BacktestOutcome, backtest_outcome
from models.backtest.forecasts import forecast_hazards, forecast_intervals, forecast_margins
from models.backtest.measures import MEASURE_COLUMNS, Verdict, backtest_frame, measures_at_cutoff, verdict
from models.retention.residual_life import survival_ahead
from models.value.basis import value_basis
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.lake.frames import read_frame
from orchestration.lake.warehouse import transaction
from orchestration.segments.backtest_rows import (
    Cutoff,
    customers_at,
    cutoffs_of,
    ends_by,
    exposures_by,
    fingerprint,
    sample_by,
    spread_before,
)
from orchestration.segments.observation import Observed, observed
from orchestration.segments.tables import write_segment
from orchestration.segments.versions import Candidate
from orchestration.settings import Settings

BACKTEST_CHECK = "backtest_agrees_with_what_came"
_DEPS = [
    ["segments", "versions"],
    ["segments", "observation_windows"],
    ["features", "customer_months_at_risk"],
    ["features", "customer_margin_monthly"],
]


@dg.multi_asset(
    name="value_backtest",
    specs=[
        segment_spec(
            "value_backtest",
            "One row per horizon, cut-off (null: all of them), forecast, measure, part and version: what was predicted"
            " from past dates beside what came.",
            _DEPS,
        ),
        segment_spec(
            "value_evidence",
            "One row per version: what its values rest on, and what the backtest says against them.",
            _DEPS,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            BACKTEST_CHECK,
            asset=["segments", "value_evidence"],
            blocking=True,
            description="Past predictions rank and size churn and margin as they came; backtest.when_failed decides"
            " whether a failure warns or blocks.",
            partitions_def=MONTHS,
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def value_backtest(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Predict from past cut-offs, measure against what came, decide who is the champion."""
    settings = deployment.settings
    rows, latest = 0, dict[str, Any]()
    outcomes: dict[str, BacktestOutcome] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            window = observed(connection, candidate.version_id, candidate.as_of_date)
            cutoffs = cutoffs_of(
                connection, candidate.as_of_date, window, settings.backtest, settings.hazard.training_months
            )
            measured, made = [], 0
            for cutoff in cutoffs:
                found = fingerprint(connection, candidate.as_of_date, window, cutoff)
                known = _measured_before(connection, candidate, cutoff, found)
                made += known.empty
                measures = _measure(connection, candidate, window, cutoff, settings) if known.empty else known
                measured.append(measures.assign(fingerprint=found))
            every = pd.concat(measured, ignore_index=True) if measured else pd.DataFrame()
            outcome = verdict(every, settings.backtest, settings.hazard)
            if not window.is_learnable:
                outcome = Verdict(None, (), window.decision)
            frame = backtest_frame(every.drop(columns="fingerprint", errors="ignore"), outcome)
            frame["fingerprint"] = every["fingerprint"].reindex(frame.index) if measured else None
            tell(context, f"{outcome.decision} {made} of {len(cutoffs)} cut-offs measured anew.")
            judged = backtest_outcome(every, outcome, settings.value.interval_coverage, settings.backtest)
            outcomes[candidate.version_id] = judged
            evidence = pd.DataFrame(
                {
                    "value_basis": [value_basis(window.is_learnable, settings.value)],
                    "observation_decision": [window.decision],
                    "backtest_status": [judged.status],
                    "backtest_findings": [judged.text],
                }
            )
            with transaction(connection):
                rows += write_segment(connection, "value_backtest", candidate.version_id, candidate.as_of_date, frame)
                write_segment(connection, "value_evidence", candidate.version_id, candidate.as_of_date, evidence)
            latest = {"decision": outcome.decision, "cutoffs": len(cutoffs), "cutoffs_measured_anew": made}
    yield dg.MaterializeResult(asset_key=["segments", "value_backtest"], metadata={"rows_written": rows} | latest)
    yield dg.MaterializeResult(asset_key=["segments", "value_evidence"], metadata={"rows_written": len(outcomes)})
    yield backtest_check(outcomes, settings)


def backtest_check(outcomes: dict[str, BacktestOutcome], settings: Settings) -> dg.AssetCheckResult:
    """Warn or block where the backtest of any month speaks against its values."""
    blocks = settings.backtest.when_failed == "block"
    return dg.AssetCheckResult(
        check_name=BACKTEST_CHECK,
        asset_key=["segments", "value_evidence"],
        passed=not any(outcome.status == FAILED for outcome in outcomes.values()),
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={version_id: outcome.text or outcome.status for version_id, outcome in outcomes.items()},
    )


def _measure(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, window: Observed, cutoff: Cutoff, settings: Settings
) -> pd.DataFrame:
    as_of, ahead = candidate.as_of_date, cutoff.horizon_months
    customers = customers_at(
        connection, as_of, window, cutoff, settings.backtest.sample_customers, settings.value.annual_discount_rate
    )
    forecasts = forecast_hazards(
        exposures_by(connection, as_of, window, cutoff),
        ends_by(connection, as_of, window, cutoff),
        sample_by(connection, as_of, window, cutoff, settings.hazard.sample_rows),
        customers,
        ahead,
        settings.retention,
        settings.hazard,
    )
    margins = forecast_margins(customers, forecasts.hazards, ahead, settings.value)
    spread = spread_before(connection, as_of, window, cutoff.day, settings, min(ahead, settings.value.spread_months))
    return measures_at_cutoff(
        ahead,
        cutoff.day,
        margins,
        {name: 1.0 - survival_ahead(hazard)[:, -1] for name, hazard in forecasts.hazards.items()},
        customers["actual_margin"].to_numpy(dtype=float),
        customers["has_churned"].to_numpy(dtype=float),
        forecast_intervals(customers, forecasts, margins, ahead, settings.value, spread),
    )


def _measured_before(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, cutoff: Cutoff, found: str
) -> pd.DataFrame:
    """Measures of the same cut-off, made from the same rows by the same code and settings; else no rows."""
    return read_frame(
        connection,
        f"select {', '.join(f'measured.{name}' for name in MEASURE_COLUMNS)}"
        " from segments.value_backtest as measured"
        " where cutoff_date = ? and horizon_months = ? and fingerprint = ? and version_id = ("
        "  select max_by(earlier.version_id, earlier.created_at) from segments.versions as earlier"
        "  inner join segments.versions as own on own.version_id = ? and earlier.version_id <> own.version_id"
        "   and earlier.settings_hash = own.settings_hash and earlier.code_version = own.code_version"
        "  where earlier.version_id in ("
        "   select version_id from segments.value_backtest"
        "   where cutoff_date = ? and horizon_months = ? and fingerprint = ?))",
        [cutoff.day, cutoff.horizon_months, found, candidate.version_id, cutoff.day, cutoff.horizon_months, found],
    )
