"""The shifted-beta-geometric curve and residual life: published figures, decided edge cases, planted parameters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.retention.curves import RetentionFitError, ShiftedBetaGeometric
from models.retention.residual_life import discounted_months, survival_ahead

# Fader & Hardie (2007), table 1: % of a cohort of 1,000 surviving at least t years.
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]

positive = st.floats(0.05, 500)


def exposures_of(survival_percent: list[float], years: int) -> pd.DataFrame:
    customers = np.round(np.array(survival_percent[: years + 1]) * 10)
    return pd.DataFrame(
        {"tenure": np.arange(1, years + 1), "at_risk": customers[:-1], "churned": customers[:-1] - customers[1:]}
    )


def curve_with(alpha: float, beta: float) -> ShiftedBetaGeometric:
    curve = ShiftedBetaGeometric()
    curve.alpha_, curve.beta_, curve.constant_hazard_, curve.status_ = alpha, beta, np.nan, "fitted"
    return curve


class TestPublishedFigures:
    @pytest.mark.parametrize(
        ("survival", "alpha", "beta", "log_likelihood", "year_12"),
        [(REGULAR, 0.704, 1.182, -1680.27, 17.0), (HIGH_END, 0.668, 3.806, -1611.16, 37.8)],
        ids=["regular", "high end"],
    )
    def test_seven_years_give_the_published_parameters_and_projection(
        self, survival, alpha, beta, log_likelihood, year_12
    ):
        curve = ShiftedBetaGeometric().fit(exposures_of(survival, 7))
        assert round(curve.alpha_, 3) == alpha
        assert round(curve.beta_, 3) == beta
        assert round(curve.log_likelihood_, 2) == log_likelihood
        assert round(100 * float(curve.survival(12)), 1) == year_12

    @pytest.mark.parametrize(("survival", "error"), [(REGULAR, 1.5), (HIGH_END, 2.8)], ids=["regular", "high end"])
    def test_projection_error_over_years_8_to_12(self, survival, error):
        curve = ShiftedBetaGeometric().fit(exposures_of(survival, 7))
        projected, observed = 100 * curve.survival(np.arange(8, 13)), np.array(survival[8:])
        assert round(100 * float(np.mean(np.abs(projected / observed - 1))), 1) == error

    def test_discounted_expected_residual_lifetime(self):
        curve = ShiftedBetaGeometric().fit(exposures_of(REGULAR, 4))
        assert (100 * curve.derl([1, 2, 5], 0.10)).round().tolist() == [288, 394, 568]

    def test_constant_retention_says_the_same_for_all(self):
        curve = ShiftedBetaGeometric().fit(
            pd.DataFrame({"tenure": [1, 2], "at_risk": [10_000, 8_330], "churned": [1_670, 1_391]})
        )
        assert curve.status_ == "constant_hazard"
        assert (100 * curve.derl([1, 2, 5], 0.10)).round().tolist() == [343, 343, 343]


class TestShiftedBetaGeometric:
    def test_hazard_is_one_less_the_published_retention_rate(self):
        # r_t = (beta + t - 1) / (alpha + beta + t - 1)
        assert curve_with(1.0, 3.0).hazard([1, 2, 7]) == pytest.approx([1 / 4, 1 / 5, 1 / 10])

    @given(alpha=positive, beta=positive)
    def test_survival_lies_in_0_1_falls_and_is_the_product_of_the_hazards(self, alpha, beta):
        curve, tenure = curve_with(alpha, beta), np.arange(0, 121)
        survival = curve.survival(tenure)
        assert survival[0] == 1
        assert ((survival >= 0) & (survival <= 1)).all()
        assert (np.diff(survival) <= 0).all()
        assert survival[1:] == pytest.approx(np.cumprod(1 - curve.hazard(tenure[1:])), rel=1e-6, abs=1e-12)

    @given(alpha=positive, beta=positive, tenure=st.integers(0, 300), horizon=st.integers(0, 60))
    def test_conditional_survival_is_the_ratio_of_survivals(self, alpha, beta, tenure, horizon):
        curve = curve_with(alpha, beta)
        product = np.prod(1 - curve.hazard(tenure + np.arange(1, horizon + 1)))
        assert float(curve.conditional_survival(tenure, horizon)) == pytest.approx(product, rel=1e-6)

    @given(alpha=positive, beta=positive)
    def test_residual_lifetime_does_not_fall_with_tenure(self, alpha, beta):
        lifetime = curve_with(alpha, beta).derl(np.arange(1, 60), 0.10, periods_per_year=12)
        assert (np.diff(lifetime) >= -1e-7 * lifetime[:-1]).all()

    @pytest.mark.parametrize(("alpha", "beta"), [(0.7, 1.2), (1.0, 50.0), (40.0, 1_000.0), (5.0, 1e5)], ids=str)
    def test_closed_form_of_the_residual_lifetime_is_the_sum_of_its_months(self, alpha, beta):
        curve, month = curve_with(alpha, beta), np.arange(10_000)
        weight = 1.1 ** (-month / 12)
        expected = (curve.conditional_survival(29, month + 1) * weight).sum()
        assert float(curve.derl(30, 0.10, periods_per_year=12)) == pytest.approx(expected, rel=1e-6)

    def test_a_lifetime_without_end_needs_a_discount(self):
        with pytest.raises(ValueError, match="annual_discount_rate"):
            curve_with(1, 1).derl(1, 0.0)

    def test_planted_parameters_come_back_from_left_truncated_and_censored_customers(self):
        random = np.random.default_rng(7)
        leaves_in = random.geometric(random.beta(1.2, 18.0, 400_000))
        seen_from = random.integers(1, 60, 400_000)  # tenure at which the data begin
        seen_until = seen_from + 17
        rows = []
        for tenure in range(1, 77):
            at_risk = (seen_from <= tenure) & (tenure <= seen_until) & (leaves_in >= tenure)
            rows.append((tenure, at_risk.sum(), (at_risk & (leaves_in == tenure)).sum()))
        curve = ShiftedBetaGeometric().fit(pd.DataFrame(rows, columns=["tenure", "at_risk", "churned"]))
        assert curve.alpha_ == pytest.approx(1.2, rel=0.06)
        assert curve.beta_ == pytest.approx(18.0, rel=0.06)
        ignoring_truncation = ShiftedBetaGeometric().fit(
            pd.DataFrame(rows, columns=["tenure", "at_risk", "churned"])
            .query("tenure > 30")
            .assign(tenure=lambda frame: frame["tenure"] - 30)
        )
        assert ignoring_truncation.beta_ > 40

    def test_a_base_without_churn_has_hazard_0(self):
        curve = ShiftedBetaGeometric().fit(pd.DataFrame({"tenure": [1, 2], "at_risk": [9, 8], "churned": [0, 0]}))
        assert (curve.status_, float(curve.hazard(5)), float(curve.survival(50))) == ("no_churn", 0.0, 1.0)
        assert curve.log_likelihood_ == 0

    def test_a_base_that_all_churned_has_hazard_1(self):
        curve = ShiftedBetaGeometric().fit(pd.DataFrame({"tenure": [1, 2], "at_risk": [9, 8], "churned": [9, 8]}))
        assert (curve.status_, float(curve.hazard(5)), float(curve.survival(1))) == ("all_churn", 1.0, 0.0)
        assert float(curve.derl(1, 0.1)) == 0

    @pytest.mark.parametrize("churned", [[10, 10, 10], [10, 20, 30]], ids=["level", "rising"])
    def test_hazards_that_do_not_fall_are_taken_as_constant(self, churned):
        curve = ShiftedBetaGeometric().fit(
            pd.DataFrame({"tenure": [1, 2, 3], "at_risk": [1_000, 1_000, 1_000], "churned": churned})
        )
        assert curve.status_ == "constant_hazard"
        assert curve.hazard([1, 9]) == pytest.approx([sum(churned) / 3_000] * 2)

    def test_one_tenure_alone_says_nothing_of_a_slope(self):
        curve = ShiftedBetaGeometric().fit(pd.DataFrame({"tenure": [4], "at_risk": [50], "churned": [5]}))
        assert (curve.status_, curve.constant_hazard_) == ("constant_hazard", 0.1)

    def test_a_fit_that_does_not_converge_says_so(self):
        with pytest.raises(RetentionFitError, match="1 iterations"):
            ShiftedBetaGeometric(max_iterations=1).fit(exposures_of(REGULAR, 7))

    def test_rows_of_one_tenure_add_up_in_any_order(self):
        whole = exposures_of(REGULAR, 7)
        halves = pd.concat([whole.assign(at_risk=whole["at_risk"] / 2, churned=whole["churned"] / 2)] * 2)
        curve = ShiftedBetaGeometric().fit(halves.sample(frac=1, random_state=1))
        assert curve.alpha_ == ShiftedBetaGeometric().fit(whole).alpha_

    @pytest.mark.parametrize(
        ("exposures", "message"),
        [
            ({"tenure": [1], "at_risk": [5]}, "churned"),
            ({"tenure": [], "at_risk": [], "churned": []}, "no customer at risk"),
            ({"tenure": [0], "at_risk": [5], "churned": [1]}, "counts from 1"),
            ({"tenure": [3], "at_risk": [5], "churned": [6]}, "tenure 3"),
            ({"tenure": [3], "at_risk": [5], "churned": [None]}, "nulls"),
        ],
    )
    def test_contradictions_are_named(self, exposures, message):
        with pytest.raises(ValueError, match=message):
            ShiftedBetaGeometric().fit(pd.DataFrame(exposures))


class TestResidualLife:
    @settings(max_examples=30)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
    def test_survival_ahead_lies_in_0_1_and_falls(self, hazards):
        survival = survival_ahead(np.array([hazards]))[0]
        assert survival[0] == 1
        assert ((survival >= 0) & (survival <= 1)).all()
        assert (np.diff(survival) <= 0).all()

    def test_discounted_months_agree_with_the_closed_form(self):
        curve = curve_with(1.3, 25.0)
        survival = survival_ahead(curve.hazard(30 + np.arange(1, 6_001))[None, :])
        months = discounted_months(survival, 0.10)[0, -1]
        # The closed form counts from the renewal that is due now; a month ahead weighs one month less.
        assert months == pytest.approx(float(curve.derl(31, 0.10, 12)) / 1.1 ** (1 / 12), rel=1e-6)
