"""The backtest of customer value, which decides the basis of the version's values."""

import duckdb
import pandas as pd

from models.backtest.cutoff import KnownAtCutoff, measure_cutoff
from models.backtest.findings import FAILED, backtest_outcome
from models.backtest.measures import MEASURE_COLUMNS, Verdict, backtest_frame, verdict
from models.value.basis import value_basis
from orchestration.lake.frames import read_frame
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
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import SegmentMonth
from orchestration.segments.observation import Observed, observed
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Predict from past cut-offs, compare with actual figures, and choose the champion."""
    window = observed(connection, candidate.version_id, candidate.as_of_date)
    cutoffs = cutoffs_of(
        connection,
        candidate.as_of_date,
        window,
        settings.backtest,
        settings.hazard.training_months,
        settings.observation,
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
    judged = backtest_outcome(every, outcome, settings.value.interval_coverage, settings.backtest)
    evidence = pd.DataFrame(
        {
            "value_basis": [value_basis(window.is_learnable, settings.value)],
            "observation_decision": [window.decision],
            "backtest_status": [judged.status],
            "backtest_findings": [judged.text],
        }
    )
    return SegmentMonth(
        tables={"value_backtest": frame, "value_evidence": evidence},
        decision=f"{outcome.decision} {made} of {len(cutoffs)} cut-offs measured again.",
        facts={
            "value_backtest": {
                "decision": outcome.decision,
                "cutoffs": len(cutoffs),
                "cutoffs_measured_anew": made,
            }
        },
        passed=judged.status != FAILED,
        finding=judged.text or judged.status,
    )


def _measure(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, window: Observed, cutoff: Cutoff, settings: Settings
) -> pd.DataFrame:
    as_of, ahead = candidate.as_of_date, cutoff.horizon_months
    known = KnownAtCutoff(
        exposures=exposures_by(connection, as_of, window, cutoff),
        commitment_ends=ends_by(connection, as_of, window, cutoff),
        sample=sample_by(connection, as_of, window, cutoff, settings.hazard.sample_rows),
        customers=customers_at(
            connection, as_of, window, cutoff, settings.backtest.sample_customers, settings.value.annual_discount_rate
        ),
        spread=spread_before(connection, as_of, window, cutoff.day, settings, min(ahead, settings.value.spread_months)),
    )
    return measure_cutoff(known, cutoff.day, ahead, settings.retention, settings.hazard, settings.value)


def _measured_before(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, cutoff: Cutoff, found: str
) -> pd.DataFrame:
    """Measures of the same cut-off from the same rows by the same code and settings; otherwise empty."""
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
