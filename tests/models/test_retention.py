"""Retention curves of cohorts: pooling, commitments, levels, decided edge cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.retention.cohorts import ALL, Exposures
from models.retention.curve import RetentionCurve
from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters


def cohort(
    product: str = "internet",
    term: str = "none",
    is_committed: bool = False,
    market: str = "consumer",
    segment: str | None = None,
    *,
    at_risk: list[int],
    churned: list[int],
    first: int = 0,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "retention_market": market,
            "market_segment": segment or market,
            "retention_product": product,
            "retention_term": term,
            "is_committed": is_committed,
            "spell_months": np.arange(first, first + len(at_risk)),
            "customers_at_risk": at_risk,
            "customers_churned": churned,
        }
    )


def customer(
    spell_months: int, committed_month_ends: int | None, product: str = "internet", term: str = "none"
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "retention_market": ["consumer"],
            "market_segment": ["consumer"],
            "retention_product": [product],
            "retention_term": [term],
            "spell_months": [spell_months],
            "committed_month_ends": pd.array([committed_month_ends], dtype="Int64"),
        }
    )


class TestRetentionCurves:
    FREE = cohort(at_risk=[10_000] * 24, churned=[400 - 10 * month for month in range(24)])
    COMMITTED = cohort(term="24", is_committed=True, at_risk=[10_000] * 24, churned=[20] * 24)
    AFTER = cohort(term="24", at_risk=[10_000] * 24, churned=[300 - 5 * month for month in range(24)], first=24)
    RARE = cohort("other", at_risk=[40] * 3, churned=[1, 0, 0])

    @pytest.fixture(scope="class")
    def curves(self) -> RetentionCurves:
        exposures = pd.concat([self.FREE, self.COMMITTED, self.AFTER, self.RARE])
        return RetentionCurves().fit(exposures)

    def test_commitment_holds_the_hazard_down_until_the_month_it_ends(self, curves):
        hazard = curves.hazard(customer(20, 4, term="24"), 8)[0]
        assert hazard[:4] == pytest.approx([0.002] * 4, rel=0.01)
        assert (hazard[4:] > 0.02).all()

    @pytest.mark.parametrize(("left", "committed_months"), [(0, 0), (1, 1), (2, 2), (None, 0), (-3, 0)])
    def test_committed_months_are_counted_from_the_next_one(self, curves, left, committed_months):
        hazard = curves.hazard(customer(24, left, term="24"), 5)[0]
        assert (hazard < 0.01).sum() == committed_months

    def test_hazard_goes_on_at_the_customers_own_tenure(self, curves):
        young, old = curves.hazard(customer(0, 0), 10)[0], curves.hazard(customer(6, 0), 4)[0]
        assert young[6:] == pytest.approx(old)
        # The hazard of the next month is the one seen of customers with the same spell_months.
        assert young[0] == pytest.approx(400 / 10_000, rel=0.1)

    def test_a_cohort_with_few_events_has_the_shape_of_the_group_above_it_at_a_level_of_its_own(self, curves):
        parameters = curves.parameters_frame().set_index("retention_cohort")
        rare = parameters.loc["consumer/consumer/other/none/free"]
        # All that are free are consumers here, so the group of consumers is that of all free ones.
        assert rare["pooled_from"] == "*/*/*/*/free"
        assert rare["alpha"] == parameters.loc["*/*/*/*/free", "alpha"]
        assert rare["observed_hazard"] == pytest.approx(1 / 120)
        of_group = curves.hazard(customer(0, 0, product="never seen", term="99"), 24)[0]
        expected = 40 * of_group[:3].sum()
        assert rare["level"] == pytest.approx((1 + 2) / (expected + 2))
        of_rare = curves.hazard(customer(0, 0, product="other"), 24)[0]
        assert 40 * of_rare[:3].sum() == pytest.approx(rare["level"] * expected)
        # Their hazards fall more slowly: fewer of them are loose.
        assert (np.diff(of_rare / of_group) > 0).all()

    def test_a_small_segment_is_drawn_to_its_market_and_lends_nobody_its_luck(self):
        market = cohort(market="business", segment="small_business", at_risk=[9_000] * 3, churned=[180] * 3)
        school = cohort(market="business", segment="education", at_risk=[200] * 3, churned=[1, 0, 0])
        curves = RetentionCurves().fit(pd.concat([self.FREE, market, school]))
        frame = curves.parameters_frame().set_index("retention_cohort")
        group = curves.curves_["business", None, None, None, False]
        expected = group.expected_churned(curves.exposures_["business", "education", None, None, False])
        assert 10 < expected < 13
        of_school = frame.loc["business/education/internet/none/free", "fitted_hazard"]
        assert of_school * 600 == pytest.approx((1 + 2) / (expected + 2) * expected, rel=1e-6)
        # One never seen is like its market.
        never = customer(1, 0).assign(retention_market="business", market_segment="enterprise")
        assert curves.hazard(never, 1)[0, 0] == pytest.approx(float(group.hazard(np.array([2.0]))[0]))

    def test_the_level_of_a_market_is_told_by_its_committed_and_its_free_together(self):
        few = [
            cohort(market="wholesale", at_risk=[100] * 3, churned=[0, 0, 1]),
            cohort(market="wholesale", term="24", is_committed=True, at_risk=[500] * 3, churned=[0] * 3),
        ]
        together = RetentionCurves().fit(pd.concat([self.FREE, self.COMMITTED, *few]))
        alone = RetentionCurves().fit(pd.concat([self.FREE, self.COMMITTED, few[0]]))
        asked = customer(1, 0).assign(retention_market="wholesale", market_segment="wholesale")
        levels = [
            curves.hazard(asked, 1)[0, 0] / curves.hazard(customer(1, 0), 1)[0, 0] for curves in (alone, together)
        ]
        # Ten losses of the free were due and one came; of the committed three were due and none came.
        assert levels[0] == pytest.approx(1.5 / 12, rel=0.1)
        assert levels[1] < 0.8 * levels[0]

    def test_a_cohort_that_should_have_churned_by_now_keeps_its_own_low_hazard(self):
        loyal = cohort("mobile", at_risk=[10_000] * 3, churned=[1, 1, 1])
        curves = RetentionCurves().fit(pd.concat([self.FREE, loyal]))
        own = curves.hazard(customer(1, 0, product="mobile"), 1)[0, 0]
        assert 1e-4 <= own < 2e-4 < 0.01 * curves.hazard(customer(1, 0), 1)[0, 0]

    @pytest.mark.parametrize(
        ("market", "prior"), [("consumer", 2.0), ("wholesale", 0.5)], ids=["cohort of a market", "market"]
    )
    @pytest.mark.parametrize(("months", "churned"), [(40, 0), (400, 4), (4_000, 40)])
    def test_the_more_a_cohort_has_shown_the_less_its_level_is_that_of_its_group(self, months, churned, market, prior):
        # A hazard of 1% among customers who otherwise leave at 2.5%: 3, 30 and 300 churn events were due.
        others = cohort(at_risk=[40_000] * 3, churned=[1_000] * 3)
        loyal = cohort("mobile", market=market, segment="few", at_risk=[months] * 3, churned=[churned] * 3)
        curves = RetentionCurves().fit(pd.concat([others, loyal]))
        asked = customer(1, 0, product="mobile").assign(retention_market=market, market_segment="few")
        level = curves.hazard(asked, 1)[0, 0] / curves.hazard(customer(1, 0), 1)[0, 0]
        assert level == pytest.approx((3 * churned + prior) / (3 * months * 0.025 + prior), rel=0.08)
        assert curves.level_variance(asked)[0] == pytest.approx(1 / (3 * churned + prior), rel=0.05)

    def test_cohorts_with_events_enough_fit_what_was_observed(self, curves):
        parameters = curves.parameters_frame().set_index("retention_cohort")
        own = parameters[parameters["pooled_from"].isna()]
        assert {"all", "consumer/consumer/internet/none/free", "*/*/*/*/committed"} <= set(own.index)
        assert own["fitted_hazard"].to_numpy() == pytest.approx(own["observed_hazard"].to_numpy(), rel=0.01)
        assert np.isnan(own.loc["*/*/*/*/committed", "alpha"])
        assert parameters.loc["all", "customer_months"] == 3 * 240_000 + 120

    def test_labels_of_customers_are_those_of_the_parameters(self, curves):
        customers = pd.concat([customer(3, 0), customer(3, 5, term="24"), customer(30, 0, term="24")])
        labels = curves.cohort_labels(customers).tolist()
        assert labels == [
            "consumer/consumer/internet/none/free",
            "consumer/consumer/internet/24/committed",
            "consumer/consumer/internet/24/free",
        ]
        assert set(labels) <= set(curves.parameters_frame()["retention_cohort"])

    def test_unknown_cohort_values_are_a_cohort_of_their_own(self, curves):
        unknown = customer(3, 0).assign(retention_product=None)
        assert curves.cohort_labels(unknown).tolist() == ["consumer/consumer/unknown/none/free"]
        assert np.isfinite(curves.hazard(unknown, 3)).all()

    def test_a_base_without_any_churn_is_loyal_not_immortal(self):
        curves = RetentionCurves().fit(cohort(at_risk=[500, 499], churned=[0, 0]))
        assert curves.hazard(customer(1, 0), 1)[0, 0] == pytest.approx(0.5 / 1_000)

    def test_no_exposures_mean_that_nothing_is_known(self):
        curves = RetentionCurves().fit(cohort(at_risk=[], churned=[]))
        assert np.isnan(curves.hazard(customer(1, 0), 3)).all()
        parameters = curves.parameters_frame()
        assert parameters["retention_cohort"].tolist() == ["all"]
        assert parameters["customer_months"].tolist() == [0]

    def test_row_order_changes_nothing(self, curves):
        exposures = pd.concat([self.FREE, self.COMMITTED, self.AFTER, self.RARE])
        shuffled = RetentionCurves().fit(exposures.sample(frac=1, random_state=3))
        pd.testing.assert_frame_equal(shuffled.parameters_frame(), curves.parameters_frame(), check_exact=True)

    def test_counting_spells_from_1_gives_the_same_hazards(self, curves):
        exposures = pd.concat([self.FREE, self.COMMITTED, self.AFTER, self.RARE])
        exposures["spell_months"] += 1
        from_one = RetentionCurves(RetentionParameters(first_spell_months=1)).fit(exposures)
        assert (from_one.hazard(customer(7, 0), 5) == curves.hazard(customer(6, 0), 5)).all()
        with pytest.raises(ValueError, match="first_spell_months"):
            RetentionCurves(RetentionParameters(first_spell_months=2)).fit(exposures)

    def test_what_cannot_be_used_is_named(self, curves):
        with pytest.raises(ValueError, match="min_churned"):
            RetentionParameters(min_churned=0)
        with pytest.raises(ValueError, match="customers_churned"):
            RetentionCurves().fit(self.FREE.drop(columns="customers_churned"))
        with pytest.raises(ValueError, match="1 open customers have no spell_months"):
            curves.hazard(customer(1, 0).assign(spell_months=np.nan), 2)


class TestLevels:
    EXPOSURES = Exposures(np.arange(1.0, 61.0), np.full(60, 500.0), np.zeros(60))
    CURVES = (
        RetentionCurve(ALL, "shifted_beta_geometric", 0.9, 30.0, shape=1.0),
        RetentionCurve(ALL, "beta_discrete_weibull", 0.9, 30.0, shape=1.3),
        RetentionCurve(ALL, "constant", constant=0.01),
    )

    @pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.model)
    @given(level=st.floats(0.05, 1.5))
    @settings(max_examples=25)
    def test_a_curve_at_a_level_expects_so_many_times_the_churn(self, curve, level):
        moved = curve.at_level(level, self.EXPOSURES)
        ratio = moved.expected_churned(self.EXPOSURES) / curve.expected_churned(self.EXPOSURES)
        assert ratio == pytest.approx(level, rel=0.02 if curve.model == "constant" else 1e-6)
        hazard = moved.hazard(self.EXPOSURES.tenure)
        assert ((hazard >= 0) & (hazard <= 1)).all()

    @pytest.mark.parametrize("curve", CURVES[:2], ids=lambda curve: curve.model)
    def test_the_hazard_of_the_loyal_falls_more_slowly_and_their_alpha_is_that_of_the_group(self, curve):
        loyal = curve.at_level(0.5, self.EXPOSURES)
        assert (loyal.alpha, loyal.shape) == (curve.alpha, curve.shape)
        ratio = loyal.hazard(self.EXPOSURES.tenure) / curve.hazard(self.EXPOSURES.tenure)
        assert (np.diff(ratio) > 0).all()

    def test_a_level_that_no_beta_reaches_multiplies_the_hazard(self):
        late = Exposures(np.array([100.0]), np.array([500.0]), np.array([20.0]))
        moved = self.CURVES[0].at_level(3.0, late)
        assert moved.beta == 30.0
        assert moved.expected_churned(late) == pytest.approx(3 * self.CURVES[0].expected_churned(late), rel=0.02)
