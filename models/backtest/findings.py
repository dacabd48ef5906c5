"""What a backtest says against the values in use: a forecast that is off by more than chance, told in a sentence."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.backtest.forecasts import CONSTANT_RETENTION
from models.backtest.measures import Verdict, pooled_measures
from models.backtest.parameters import BacktestParameters
from models.hazard.churn_hazard import COHORT_CURVES

PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not_judged"


@dataclass(frozen=True)
class BacktestOutcome:
    """Whether the backtest speaks against the values of a version.

    Attributes:
        status: ``passed``, ``failed`` or ``not_judged``.
        findings: what speaks against them, a sentence each.
    """

    status: str
    findings: tuple[str, ...] = ()

    @property
    def text(self) -> str | None:
        """The findings as one text; None where there are none."""
        return " ".join(self.findings) or None


def backtest_outcome(
    measures: pd.DataFrame, verdict: Verdict, interval_coverage: float, parameters: BacktestParameters | None = None
) -> BacktestOutcome:
    """Judge the forecast that values rest on, over all cut-offs of each horizon.

    It fails where it ranks leavers below those who stay, where churn or margin is off by a factor, where its intervals
    hold far too few or too many customers, or where a plain rate predicts better. Each only by more than
    ``parameters.min_z_score`` standard errors where chance could do the same.

    Args:
        measures: of all cut-offs, as ``measures_at_cutoff`` gives them.
        verdict: of them.
        interval_coverage: the share of customers that intervals are made to hold.
        parameters: the defaults where None.
    """
    parameters = parameters or BacktestParameters()
    if measures.empty:
        return BacktestOutcome(NOT_JUDGED)
    used = verdict.champion or COHORT_CURVES
    pooled = pooled_measures(measures)
    own = pooled[(pooled["forecast"] == used) & pooled["part"].isna()]
    if own.empty:
        return BacktestOutcome(NOT_JUDGED)
    found: list[str] = []
    if used == CONSTANT_RETENTION:
        found.append("A constant rate for all customers predicts better than the models.")
    for months in sorted(set(own["horizon_months"])):
        rows = own[own["horizon_months"] == months]
        values = dict(zip(rows["measure"], rows["value"], strict=True))
        found += _findings(int(months), values, int(rows["customers"].max()), interval_coverage, parameters)
    return BacktestOutcome(FAILED if found else PASSED, tuple(found))


def _findings(
    months: int, values: dict[str, float], customers: int, interval_coverage: float, parameters: BacktestParameters
) -> list[str]:
    found = []
    ahead = f"over {months} months"
    expected, observed = values.get("expected_churn", np.nan), values.get("observed_churn", np.nan)
    left = observed * customers
    # Of a rank that says nothing; Mann & Whitney (1947).
    noise = parameters.min_z_score * np.sqrt((customers + 1.0) / (12.0 * max(left * (customers - left), 1e-9)))
    if values.get("auc", 1.0) < 0.5 - noise:
        found.append(
            f"Customers who left {ahead} had been given a lower churn probability than those who stayed"
            f" (AUC {values['auc']:.2f})."
        )
    if _is_off(expected, observed, parameters) and abs(expected - observed) * customers > parameters.min_z_score * (
        np.sqrt(max(expected, observed) * customers)
    ):
        found.append(f"Predicted churn {ahead} was {expected:.1%}, and actual churn {observed:.1%}.")
    margin, came = values.get("predicted_margin", np.nan), values.get("actual_margin", np.nan)
    if _is_off(margin, came, parameters):
        found.append(f"Predicted margin {ahead} was {margin / came:.2f} times the actual figure.")
    coverage = values.get("interval_coverage", np.nan)
    if abs(coverage - interval_coverage) > parameters.most_coverage_gap:
        found.append(
            f"Intervals {ahead} contained the actual margin of {coverage:.0%} of the customers instead of"
            f" {interval_coverage:.0%}."
        )
    return found


def _is_off(predicted: float, actual: float, parameters: BacktestParameters) -> bool:
    """Whether one is more than ``most_factor`` times the other; not known where either is."""
    if np.isnan(predicted) or np.isnan(actual) or actual <= 0:
        return False
    return not 1.0 / parameters.most_factor <= predicted / actual <= parameters.most_factor
