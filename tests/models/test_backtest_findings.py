"""A backtest that fails is never silent, and one that passes says nothing."""

import numpy as np
import pandas as pd
import pytest

from models.backtest.findings import FAILED, NOT_JUDGED, PASSED, backtest_outcome
from models.backtest.measures import Verdict, measures_at_cutoff

CURVES = Verdict("cohort_curves", (), "")


def measures(
    predicted_churn: float = 0.1,
    *,
    is_ranked: bool = True,
    covered: float = 0.8,
    margin: float = 1.0,
    size: int = 2_000,
) -> pd.DataFrame:
    """A cut-off at which a tenth of the customers left; predictions with the faults that are asked for."""
    random = np.random.default_rng(1)
    risk = np.linspace(0.0, 2.0, size)
    left = (random.random(size) < 0.1 * risk).astype(float)
    churn = np.clip(predicted_churn * (risk if is_ranked else 2.0 - risk), 0.0, 1.0)
    actual = 100.0 * (1.0 - left)
    within = random.random(size) < covered
    bounds = np.stack([np.where(within, actual - 5, actual + 5), np.where(within, actual + 5, actual + 9)], axis=1)
    predicted = np.full(size, margin * actual.mean())
    return measures_at_cutoff(
        6, "2025-06-30", {"cohort_curves": predicted}, {"cohort_curves": churn}, actual, left, {"cohort_curves": bounds}
    )


def test_a_forecast_that_agrees_with_what_came_passes() -> None:
    outcome = backtest_outcome(measures(), CURVES, 0.8)
    assert (outcome.status, outcome.findings, outcome.text) == (PASSED, (), None)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"is_ranked": False}, "Customers who left over 6 months had been given a lower churn probability"),
        ({"predicted_churn": 0.03}, "Predicted churn over 6 months was 3.0%"),
        ({"predicted_churn": 0.3}, "Predicted churn over 6 months was"),
        ({"covered": 0.5}, "Intervals over 6 months contained the actual margin of 5"),
        ({"margin": 1.7}, "Predicted margin over 6 months was 1.70 times the actual figure."),
    ],
)
def test_each_way_to_be_wrong_is_said(faults: dict[str, float], said: str) -> None:
    outcome = backtest_outcome(measures(**faults), CURVES, 0.8)
    assert outcome.status == FAILED
    assert any(sentence.startswith(said) for sentence in outcome.findings), outcome.findings


def test_values_that_rest_on_a_plain_rate_say_so() -> None:
    rows = measures().replace({"forecast": {"cohort_curves": "constant_retention"}})
    outcome = backtest_outcome(rows, Verdict("constant_retention", ("cohort_curves",), ""), 0.8)
    assert outcome.findings == ("A constant rate for all customers predicts better than the models.",)


def test_what_chance_can_do_to_a_few_customers_is_no_finding() -> None:
    findings = backtest_outcome(measures(is_ranked=False, size=30), CURVES, 0.8).findings
    assert not any("lower churn probability" in sentence for sentence in findings)


def test_without_a_cut_off_nothing_is_judged() -> None:
    assert backtest_outcome(pd.DataFrame(), Verdict(None, (), ""), 0.8).status == NOT_JUDGED
