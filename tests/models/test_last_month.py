"""Customers who cancel to the end of their term: the peak is found in its month, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from models.retention.curves import RetentionCurves
from tests.models.planted_terms import MONTHS, commitments, open_customer, planted_exposures

ENDS = commitments(ended=300, renewed=300, is_later=(False, True))


def exposures(at_the_end: float, seed: int = 0, within: float = 0.001) -> pd.DataFrame:
    """A cohort on terms of twelve months that are always renewed or ended, and a free one at 1% a month."""
    return planted_exposures(
        lambda tenure: np.full(len(tenure), 0.01),
        lambda tenure: np.where(tenure % 12 == 0, at_the_end, within),
        committed_months=MONTHS,
        seed=seed,
        at_risk=600,
    )


def ahead(curves: RetentionCurves, spell_months: int, left: int, term: str = "12") -> np.ndarray:
    return curves.hazard(open_customer(spell_months, left, term), 30)[0]


@pytest.fixture(scope="module")
def curves() -> RetentionCurves:
    return RetentionCurves().fit(exposures(0.45), commitment_ends=ENDS)


def test_customers_leave_in_the_last_month_of_this_commitment_and_of_the_next_ones(curves):
    hazard = ahead(curves, spell_months=2, left=10)
    is_last = np.isin(np.arange(1, 31), (10, 22))
    assert hazard[is_last] == pytest.approx(0.45, abs=0.03)
    assert (hazard[~is_last] < 0.005).all()
    assert 1.0 - np.prod(1.0 - hazard[:12]) == pytest.approx(0.45, abs=0.03)


def test_on_the_last_day_of_a_term_the_decision_lies_ahead(curves):
    assert ahead(curves, spell_months=11, left=1)[:2] == pytest.approx([0.45, 0.001], abs=0.03)


def test_customers_without_a_term_have_no_peak(curves):
    assert ahead(curves, spell_months=11, left=0, term="none") == pytest.approx(0.01, abs=0.003)


def test_the_evidence_expects_what_was_seen(curves):
    evidence = curves.parameters_frame().set_index("retention_cohort")
    for cohort in ("consumer/consumer/internet/12/committed", "all"):
        assert evidence.loc[cohort, "fitted_hazard"] == pytest.approx(evidence.loc[cohort, "observed_hazard"], rel=0.05)
    shown = curves.curves_frame().set_index(["retention_cohort", "tenure_months"])["fitted_hazard"]
    of_term = shown.loc["consumer/consumer/internet/12/committed"]
    assert of_term.loc[[11, 12, 13, 24]].tolist() == pytest.approx([0.001, 0.45, 0.001, 0.45], abs=0.03)


def test_without_a_peak_none_is_found_in_most_bases():
    found = [
        bool(RetentionCurves().fit(exposures(0.01, seed, within=0.01), commitment_ends=ENDS).last_month_.hazards_)
        for seed in range(8)
    ]
    assert sum(found) <= 2


def test_fewer_endings_in_the_last_month_than_before_are_no_peak():
    curves = RetentionCurves().fit(exposures(0.002, within=0.02), commitment_ends=ENDS)
    assert curves.last_month_.hazards_ == {}


def test_one_rate_for_all_has_no_peak():
    curves = RetentionCurves().fit(exposures(0.45), commitment_ends=ENDS)
    curves.use_one_for_all("constant_retention")
    assert np.ptp(ahead(curves, spell_months=2, left=10)) == 0
