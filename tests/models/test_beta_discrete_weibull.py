"""The beta-discrete-Weibull: published figures, its sBG special case, recovery, and when it is preferred."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.retention.beta_discrete_weibull import BetaDiscreteWeibull, log_survival
from models.retention.curves import RetentionCurves, RetentionFitError
from models.retention.shifted_beta_geometric import ShiftedBetaGeometric

# Fader & Hardie (2007), table 1: % of a cohort of 1,000 surviving at least t years.
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]


def followed(survival_percent: list[float], years: int) -> pd.DataFrame:
    customers = np.round(np.array(survival_percent[: years + 1]) * 10)
    return pd.DataFrame(
        {"tenure": np.arange(1, years + 1), "at_risk": customers[:-1], "churned": customers[:-1] - customers[1:]}
    )


def expected_exposures(gamma: float, delta: float, shape: float, first: int, last: int) -> pd.DataFrame:
    """What a large stock seen from tenure ``first`` on loses in expectation."""
    tenure = np.arange(first, last + 1)
    hazard = -np.expm1(np.diff(log_survival(gamma, delta, shape, np.arange(first - 1, last + 1))))
    return pd.DataFrame({"tenure": tenure, "at_risk": 1e6, "churned": 1e6 * hazard})


@pytest.mark.parametrize(
    ("survival", "gamma", "delta", "shape", "log_likelihood"),
    [(REGULAR, 0.523, 0.894, 1.196, -1401.38), (HIGH_END, 0.259, 1.722, 1.584, -1222.75)],
    ids=["regular", "high end"],
)
def test_four_years_give_the_published_parameters(survival, gamma, delta, shape, log_likelihood):
    model = BetaDiscreteWeibull().fit(followed(survival, 4))
    found = (model.gamma_, model.delta_, model.shape_)
    # The peak of the High End likelihood lies at delta 1.72255; the paper prints 1.722.
    assert found == pytest.approx([gamma, delta, shape], abs=0.0006)
    assert round(model.log_likelihood_, 2) == log_likelihood


@pytest.mark.parametrize(("survival", "error"), [(REGULAR, 1.4), (HIGH_END, 1.3)], ids=["regular", "high end"])
def test_projection_error_over_years_8_to_12_is_the_published_one(survival, error):
    model = BetaDiscreteWeibull().fit(followed(survival, 7))
    projected, observed = 100 * model.survival(np.arange(8, 13)), np.array(survival[8:])
    assert round(100 * float(np.mean(np.abs(projected / observed - 1))), 1) == error


def test_survival_of_zero_periods_is_all_and_falls_with_the_hazards():
    model = BetaDiscreteWeibull().fit(followed(HIGH_END, 12))
    tenure = np.arange(0, 241)
    survival = model.survival(tenure)
    assert survival[0] == 1
    assert (np.diff(survival) < 0).all()
    assert survival[1:] == pytest.approx(np.cumprod(1 - model.hazard(tenure[1:])), rel=1e-9)


@settings(max_examples=25)
@given(alpha=st.floats(0.2, 5), beta=st.floats(0.5, 50))
def test_exposures_of_an_sbg_are_fitted_as_one(alpha, beta):
    exposures = expected_exposures(alpha, beta, 1.0, first=1, last=60)
    assert BetaDiscreteWeibull().fit(exposures).shape_ == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("first", [1, 25])
@pytest.mark.parametrize("shape", [0.7, 1.5])
def test_planted_hazards_are_found_again_also_when_the_first_years_were_not_seen(shape, first):
    exposures = expected_exposures(0.8, 20.0, shape, first, last=first + 59)
    model = BetaDiscreteWeibull().fit(exposures)
    assert model.hazard(exposures["tenure"]) == pytest.approx(exposures["churned"] / 1e6, rel=0.01)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(st.integers(1, 2_000), st.floats(0, 1)), min_size=3, max_size=40),
)
def test_it_never_fits_worse_than_its_special_case(rows):
    at_risk = np.array([count for count, _ in rows], dtype=float)
    churned = np.floor(at_risk * np.array([share for _, share in rows]))
    exposures = pd.DataFrame({"tenure": np.arange(1, len(rows) + 1), "at_risk": at_risk, "churned": churned})
    if not 0 < churned.sum() < at_risk.sum():
        with pytest.raises(RetentionFitError, match="needs some churn, some retention"):
            BetaDiscreteWeibull().fit(exposures)
        return
    simpler = ShiftedBetaGeometric().fit(exposures)
    # Beyond its bounds the sBG is at a limit of its own: everyone alike, or everyone gone at once.
    if (
        simpler.status_ == "fitted"
        and 1e-3 < min(simpler.alpha_, simpler.beta_) < max(simpler.alpha_, simpler.beta_) < 5_000
    ):
        assert BetaDiscreteWeibull().fit(exposures).log_likelihood_ >= simpler.log_likelihood_ - 1e-6


def test_too_few_tenures_are_refused_in_words():
    with pytest.raises(RetentionFitError, match="3 tenures; found 5 churn events among 20 over 2 tenures"):
        BetaDiscreteWeibull().fit(pd.DataFrame({"tenure": [1, 2], "at_risk": [10, 10], "churned": [2, 3]}))


def cohort_exposures(exposures: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "retention_market": "consumer",
            "market_segment": "consumer",
            "retention_product": "internet",
            "retention_term": "none",
            "is_committed": False,
            "spell_months": exposures["tenure"] - 1,
            "customers_at_risk": exposures["at_risk"],
            "customers_churned": exposures["churned"].round(),
        }
    )


@pytest.mark.parametrize(
    ("shape", "model"), [(1.0, "shifted_beta_geometric"), (1.8, "beta_discrete_weibull")], ids=["sBG", "BdW"]
)
def test_a_cohort_gets_the_model_that_its_exposures_speak_for(shape, model):
    curves = RetentionCurves().fit(cohort_exposures(expected_exposures(0.8, 60.0, shape, first=1, last=60)))
    row = curves.parameters_frame().set_index("retention_cohort").loc["consumer/consumer/internet/none/free"]
    assert row["retention_model"] == model
    assert row["shape"] == pytest.approx(shape, abs=0.05)


def test_hazards_of_customers_follow_the_chosen_curve_at_their_own_tenure():
    exposures = expected_exposures(0.8, 60.0, 1.8, first=1, last=60)
    curves = RetentionCurves().fit(cohort_exposures(exposures))
    customers = pd.DataFrame(
        {
            "retention_market": "consumer",
            "market_segment": "consumer",
            "retention_product": "internet",
            "retention_term": "none",
            "spell_months": [0, 30],
            "committed_month_ends": pd.array([None, None], dtype="Int64"),
        }
    )
    hazard = curves.hazard(customers, 12)
    assert hazard[0] == pytest.approx(exposures["churned"].to_numpy()[:12] / 1e6, rel=0.02)
    assert hazard[1] == pytest.approx(exposures["churned"].to_numpy()[30:42] / 1e6, rel=0.02)


def test_published_curves_show_the_data_and_stop_estimating_where_there_are_none():
    exposures = pd.DataFrame({"tenure": [1, 2, 4], "at_risk": [100, 80, 50], "churned": [20, 16, 5]})
    frame = RetentionCurves().fit(cohort_exposures(exposures)).curves_frame()
    rows = frame[frame["retention_cohort"] == "consumer/consumer/internet/none/free"].set_index("tenure_months")
    assert len(rows) == 120
    assert rows.loc[1:4, "customers_at_risk"].tolist() == [100, 80, 0, 50]
    assert rows.loc[1:2, "observed_survival"].tolist() == pytest.approx([0.8, 0.64])
    assert rows.loc[3:, "observed_survival"].isna().all()
    assert rows.loc[4, "observed_hazard"] == pytest.approx(0.1)
    assert (np.diff(rows["fitted_survival"]) < 0).all()
