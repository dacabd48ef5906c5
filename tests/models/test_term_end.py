"""The bump of churn after commitments: found where there is one, nowhere else, and then in the hazards ahead."""

import numpy as np
import pandas as pd
import pytest

from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters
from models.retention.term_end import TermEnd

MONTHS = 36


def exposures(ratio: float, seed: int = 0, at_risk: int = 600) -> pd.DataFrame:
    """A free cohort without a term and one that was on twelve months, months 13 and 14 ``ratio`` times as risky."""
    random, spell = np.random.default_rng(seed), np.arange(MONTHS)
    frames = []
    for term in ("none", "12"):
        tenure = spell + 1
        hazard = 1.0 / (50.0 + tenure)
        hazard = np.where((term == "12") & np.isin(tenure, (13, 14)), ratio * hazard, hazard)
        rows = pd.DataFrame(
            {
                "retention_market": "consumer",
                "market_segment": "consumer",
                "retention_product": "internet",
                "retention_term": term,
                "is_committed": (term == "12") & (spell < 12),
                "spell_months": spell,
                "customers_at_risk": at_risk,
                "customers_churned": random.binomial(at_risk, hazard),
            }
        )
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


ENDS = pd.DataFrame(
    {
        "retention_market": ["consumer"],
        "retention_product": ["internet"],
        "retention_term": ["12"],
        "is_later": [False],
        "commitments_ended": [200],
        "commitments_renewed": [0],
        "term_months": [12.0],
    }
)


def customer(spell_months: int, left: int, term: str = "12") -> pd.DataFrame:
    known = {"retention_market": "consumer", "market_segment": "consumer", "retention_product": "internet"}
    return pd.DataFrame([{**known, "retention_term": term, "spell_months": spell_months, "committed_month_ends": left}])


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
    for asked, raised in ((customer(7, 5), [5, 6]), (customer(12, 0), [0, 1]), (customer(13, 0), [0])):
        ratio = curves.hazard(asked, 12)[0] / plain.hazard(asked, 12)[0]
        free = np.arange(12) >= asked["committed_month_ends"].iloc[0]
        is_raised = np.isin(np.arange(12), raised)
        assert ratio[is_raised] == pytest.approx(4.0, rel=0.25)
        assert ratio[free & ~is_raised] == pytest.approx(1.0, abs=0.15)
    never = customer(12, 0, term="none")
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
    assert np.isfinite(curves.hazard(customer(7, 5), 12)).all()


def test_one_rate_for_all_has_no_bump():
    curves = RetentionCurves().fit(exposures(4.0), commitment_ends=ENDS)
    curves.use_one_for_all("constant_retention")
    assert np.ptp(curves.hazard(customer(12, 0), 12)) == 0
