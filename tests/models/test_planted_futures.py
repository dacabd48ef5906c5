"""Futures are predicted better than by any baseline: held against what is planted, not against one draw of it."""

import pandas as pd
import pytest

from models.backtest.forecasts import BASELINES, forecast_hazards, forecast_margins
from models.hazard.covariates import COVARIATES
from models.hazard.parameters import HazardParameters
from models.retention.parameters import RetentionParameters
from models.value.parameters import ValueParameters
from tests.forecast_errors import forecast_errors
from tests.models.planted_lifetimes import HORIZONS, plant

SEEDS = range(4)
NO_SAMPLE = pd.DataFrame(
    columns=["customer_id", "month_number", "months_followed", "churned_after_months", "is_committed",
             "sample_weight", "market_segment", *COVARIATES]
)  # fmt: skip


@pytest.fixture(scope="module")
def errors() -> pd.DataFrame:
    """Errors of every forecast of 3,000 customers after 18 months: index horizon, seed and forecast."""
    rows = []
    for seed in SEEDS:
        exposures, ends, people = plant(customers=3_000, months=18, seed=seed)
        customers = people.assign(
            customer_id=people.index.astype(str), expected_monthly_margin=people["monthly_margin"],
            margin_12m_mean=people["monthly_margin"], open_contracts=1, suspended_contracts=0, monthly_discount=0,
            discount_months_left=None,
            notice_months_left=None,
        )  # fmt: skip
        parameters = RetentionParameters(), HazardParameters()
        hazards = forecast_hazards(exposures, ends, NO_SAMPLE, customers, HORIZONS[-1], *parameters).hazards
        for months, planted in zip(HORIZONS, (people["true_months_36"], people["true_months"]), strict=True):
            planted_margin = (planted * people["monthly_margin"]).to_numpy()
            for name, predicted in forecast_margins(customers, hazards, months, ValueParameters()).items():
                rows.append({"months": months, "seed": seed, "forecast": name})
                rows[-1] |= forecast_errors(predicted, planted_margin)
    return pd.DataFrame(rows).set_index(["months", "seed", "forecast"])


@pytest.mark.parametrize("months", HORIZONS)
@pytest.mark.parametrize("baseline", BASELINES)
def test_on_the_mean_over_bases_the_curves_err_less_than_every_baseline(errors, months, baseline):
    mean = errors.loc[months].abs().groupby("forecast").mean()
    assert (mean.loc["cohort_curves"] < mean.loc[baseline]).all()


@pytest.mark.parametrize("months", HORIZONS)
@pytest.mark.parametrize("baseline", BASELINES)
def test_in_every_base_the_curves_err_less_customer_by_customer_and_rank_them_better(errors, months, baseline):
    customers = errors.loc[months, ["absolute_error", "rank_error"]]
    own, other = (customers.xs(name, level="forecast") for name in ("cohort_curves", baseline))
    assert len(own) == len(SEEDS)
    assert (own < other).all(axis=None)
