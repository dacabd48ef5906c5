"""The bump of churn after commitments: found where there is one, nowhere else, and then in the hazards ahead."""

import numpy as np
import pandas as pd
import pytest

from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters
from models.retention.term_end import TermEnd
from tests.models.planted_terms import MONTHS, commitments, open_customer, planted_exposures

ENDS = commitments(ended=200, renewed=0)


def exposures(ratio: float, seed: int = 0) -> pd.DataFrame:
    """A free cohort without a term and one that was on twelve months, months 13 and 14 ``ratio`` times as risky."""

    def usual(tenure: np.ndarray) -> np.ndarray:
        return 1.0 / (50.0 + tenure)

    def with_bump(tenure: np.ndarray) -> np.ndarray:
        return np.where(np.isin(tenure, (13, 14)), ratio, 1.0) * usual(tenure)

    return planted_exposures(usual, with_bump, committed_months=12, seed=seed, at_risk=600)


@pytest.fixture(scope="module")
def curves() -> RetentionCurves:
    return RetentionCurves().fit(exposures(4.0), commitment_ends=ENDS)


def test_the_ratio_of_a_bump_comes_back(curves):
    assert curves.term_end_.ratio == pytest.approx(4.0, rel=0.2)


def test_without_a_bump_none_is_found_in_most_bases():
    found = [RetentionCurves().fit(exposures(1.0, seed), commitment_ends=ENDS).term_end_.ratio for seed in range(8)]
    assert np.median(found) == 1.0
    assert max(found) < 1.7


def test_hazards_are_raised_in_the_two_months_after_the_commitment_and_in_no_others(curves):
    plain = RetentionCurves(RetentionParameters(term_end_months=0)).fit(exposures(1.0), commitment_ends=ENDS)
    for asked, raised in ((open_customer(7, 5), [5, 6]), (open_customer(12, 0), [0, 1]), (open_customer(13, 0), [0])):
        ratio = curves.hazard(asked, 12)[0] / plain.hazard(asked, 12)[0]
        free = np.arange(12) >= asked["committed_month_ends"].iloc[0]
        is_raised = np.isin(np.arange(12), raised)
        assert ratio[is_raised] == pytest.approx(4.0, rel=0.25)
        assert ratio[free & ~is_raised] == pytest.approx(1.0, abs=0.15)
    never = open_customer(12, 0, term="none")
    assert curves.hazard(never, 12)[0] == pytest.approx(plain.hazard(never, 12)[0], rel=0.15)


def test_the_published_curve_shows_the_bump_and_expects_what_was_seen(curves):
    shown = curves.curves_frame().set_index(["retention_cohort", "tenure_months"])["fitted_hazard"]
    cohort = shown.loc["consumer/consumer/internet/12/free"]
    assert cohort.loc[13] > 3 * cohort.loc[15]
    evidence = curves.parameters_frame().set_index("retention_cohort").loc["consumer/consumer/internet/12/free"]
    assert evidence["fitted_hazard"] == pytest.approx(evidence["observed_hazard"], rel=0.05)
    assert evidence["customer_months"] == (MONTHS - 12) * 600


def test_a_dip_and_a_few_chance_events_are_no_bump():
    plain = TermEnd({"12": 12.0}, months=2)
    assert plain.fit(expected=10.0, churned=4.0, prior_churned=2.0).ratio == 1.0
    assert plain.fit(expected=10.0, churned=13.0, prior_churned=2.0).ratio == 1.0
    assert plain.fit(expected=10.0, churned=22.0, prior_churned=2.0).ratio == 2.0
    assert plain.fit(expected=0.0, churned=0.0, prior_churned=2.0).ratio == 1.0


def test_a_term_whose_months_are_not_known_has_no_bump():
    curves = RetentionCurves().fit(exposures(4.0))
    assert curves.term_end_.ratio == 1.0
    assert np.isfinite(curves.hazard(open_customer(7, 5), 12)).all()


def test_one_rate_for_all_has_no_bump():
    curves = RetentionCurves().fit(exposures(4.0), commitment_ends=ENDS)
    curves.use_one_for_all("constant_retention")
    assert np.ptp(curves.hazard(open_customer(12, 0), 12)) == 0
