"""What cannot be learned is not published as if it could: past value alone, or a rate that was stated."""

import numpy as np
import pandas as pd
import pytest

from models.backtest.measures import Verdict
from models.hazard.parameters import HazardParameters
from models.retention.commitment_renewal import RENEWAL_COLUMNS
from models.retention.parameters import RetentionParameters
from models.value.basis import ASSUMED, LEARNED, PAST_ONLY, Evidence, fit_hazard, ranked_parameters, value_basis
from models.value.parameters import ValueParameters
from tests.models.test_planted_futures import NO_SAMPLE

CUSTOMERS = pd.DataFrame(
    {
        "retention_market": ["consumer", "business"], "market_segment": ["consumer", "small_business"],
        "retention_product": "internet", "retention_term": "none", "spell_months": [3, 40],
        "committed_month_ends": 0, "month_number": pd.array([None, None], dtype="Int64"),
    }
)  # fmt: skip


def hazards(is_learnable: bool, value: ValueParameters, champion: str | None = None) -> np.ndarray:
    keys = CUSTOMERS.drop(columns=["committed_month_ends", "month_number"]).assign(is_committed=False)
    exposures = keys.assign(customers_at_risk=10_000, customers_churned=[300, 100])
    evidence = Evidence(
        is_learnable,
        "Why.",
        exposures if is_learnable else exposures.head(0),
        pd.DataFrame(columns=list(RENEWAL_COLUMNS)),
        NO_SAMPLE,
        Verdict(champion, (), "Lost."),
    )
    return fit_hazard(evidence, RetentionParameters(), HazardParameters(), value).hazard(CUSTOMERS, 3)


def test_hazards_that_can_be_learned_differ_between_customers() -> None:
    learned = hazards(True, ValueParameters())
    assert learned[0, 0] > 2 * learned[1, 0]


def test_hazards_that_cannot_be_learned_are_unknown_by_default() -> None:
    assert value_basis(False, ValueParameters()) == PAST_ONLY
    assert np.isnan(hazards(False, ValueParameters())).all()


def test_without_a_future_customers_are_ranked_by_past_value_whatever_the_settings_say() -> None:
    by_36_months = ValueParameters(rank_by="36_months")
    assert ranked_parameters(False, by_36_months).rank_by == "past"
    assert ranked_parameters(True, by_36_months).rank_by == "36_months"
    stated = ValueParameters(rank_by="36_months", when_not_learnable="assume", assumed_monthly_churn=0.02)
    assert ranked_parameters(False, stated).rank_by == "36_months"


def test_a_stated_rate_is_everybodys() -> None:
    stated = ValueParameters(when_not_learnable="assume", assumed_monthly_churn=0.02)
    assert value_basis(False, stated) == ASSUMED
    assert hazards(False, stated) == pytest.approx(0.02)


def test_a_stated_rate_is_not_used_where_churn_can_be_learned() -> None:
    stated = ValueParameters(when_not_learnable="assume", assumed_monthly_churn=0.5)
    assert value_basis(True, stated) == LEARNED
    assert hazards(True, stated) == pytest.approx(hazards(True, ValueParameters()))


def test_a_champion_that_is_a_plain_rate_takes_over() -> None:
    assert hazards(True, ValueParameters(), champion="constant_retention") == pytest.approx(0.02, rel=0.01)


def test_an_assumption_without_its_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="needs assumed_monthly_churn"):
        ValueParameters(when_not_learnable="assume")
