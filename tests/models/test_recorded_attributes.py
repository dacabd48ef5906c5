"""An attribute that was recorded only of those still there does not make its cohort look loyal."""

import numpy as np
import pandas as pd
import pytest

from models.observation.recorded_attributes import NOT_RECORDED, recorded_attributes, without_unrecorded
from models.retention.curves import RetentionCurves

FIRST, LENGTH, RECORDED = 24_000, 48, 24


def exposures(seed: int = 0, *, is_recorded_late: bool = True, rate: float = 0.015) -> pd.DataFrame:
    """A thousand customers of a 24-month term and as many without, all lost alike.

    Where the term is recorded late, whoever left before month RECORDED has none on record.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number, month in enumerate(range(FIRST, FIRST + LENGTH)):
        left = dict(zip(("24", "none"), random.binomial(1_000, rate, 2), strict=True))
        if is_recorded_late and number < RECORDED:
            left = {"24": 0, "none": sum(left.values())}
        rows += [
            {
                "source_system": "all", "retention_market": "consumer", "market_segment": "consumer",
                "retention_product": "internet", "retention_term": term, "is_committed": False, "tenure_band": 3,
                "spell_months": number % 12, "month_number": month,
                "customers_at_risk": 1_000, "customers_churned": churned,
            }
            for term, churned in left.items()
        ]  # fmt: skip
    return pd.DataFrame(rows)


def hazard_of_term(frame: pd.DataFrame, term: str) -> float:
    customer = pd.DataFrame(
        {
            "retention_market": ["consumer"], "market_segment": ["consumer"], "retention_product": ["internet"],
            "retention_term": [term], "spell_months": [4], "committed_month_ends": [0],
        }
    )  # fmt: skip
    return float(RetentionCurves().fit(frame).hazard(customer, 12).mean())


def test_a_term_recorded_only_of_those_still_there_is_found_in_its_month() -> None:
    (found,) = recorded_attributes(exposures()).to_dict("records")
    assert (found["retention_market"], found["attribute"], found["value"]) == ("consumer", "retention_term", "24")
    assert found["first_month"] == FIRST + RECORDED
    assert "recorded only for those still there" in found["evidence"]


def test_attributes_recorded_all_along_are_left_alone_in_95_of_100() -> None:
    found = [len(recorded_attributes(exposures(seed, is_recorded_late=False))) for seed in range(100)]
    assert found.count(0) >= 95


def test_a_term_that_was_first_sold_later_is_not_taken_for_one_recorded_later() -> None:
    frame = exposures(is_recorded_late=False)
    sold_later = frame[(frame["retention_term"] == "none") | (frame["month_number"] >= FIRST + RECORDED)]
    assert recorded_attributes(sold_later).empty


def test_its_cohort_is_as_loyal_as_the_months_in_which_it_was_recorded_say() -> None:
    frame = exposures()
    apart = without_unrecorded(frame, recorded_attributes(frame))
    assert hazard_of_term(apart, "24") == pytest.approx(0.015, rel=0.15)
    assert hazard_of_term(frame, "24") < 0.6 * hazard_of_term(apart, "24")


def test_what_customers_lose_together_before_it_was_recorded_is_kept() -> None:
    frame = exposures()
    apart = without_unrecorded(frame, recorded_attributes(frame))
    counts = ["customers_at_risk", "customers_churned"]
    assert apart[counts].sum().equals(frame[counts].sum())
    assert set(apart.loc[apart["month_number"] < FIRST + RECORDED, "retention_term"]) == {NOT_RECORDED}


def test_months_in_which_commitments_were_not_recorded_are_left_out() -> None:
    frame = exposures().assign(is_committed=lambda rows: rows["retention_term"] == "24", retention_term="none")
    found = recorded_attributes(frame)
    assert found["attribute"].tolist() == ["is_committed"]
    assert without_unrecorded(frame, found)["month_number"].min() == FIRST + RECORDED


def test_without_any_exposure_nothing_is_found() -> None:
    assert recorded_attributes(exposures().head(0)).empty
