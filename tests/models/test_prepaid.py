"""Prepaid models: published fits, the closed forms, and what they must never be used on."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import beta as beta_function
from scipy.special import hyp2f1

from models.prepaid.activity import BetaGeometricBetaBinomial, fit_activity
from models.prepaid.spend import GammaGamma, fit_spend
from models.prepaid.valuation import PrepaidValuation
from models.value.parameters import ValueParameters
from tests.models import cdnow

# Fader, Hardie & Shang (2010), Table 1: donations of the 1995 cohort in the six years after, by repeats and last year.
DONATIONS = pd.DataFrame(
    [
        (6, 6, 1203), (5, 6, 728), (4, 6, 512), (3, 6, 357), (2, 6, 234), (1, 6, 129),
        (5, 5, 335), (4, 5, 284), (3, 5, 225), (2, 5, 173), (1, 5, 119),
        (4, 4, 240), (3, 4, 181), (2, 4, 155), (1, 4, 78),
        (3, 3, 322), (2, 3, 255), (1, 3, 129), (2, 2, 613), (1, 2, 277), (1, 1, 1091), (0, 0, 3464),
    ],
    columns=["repeats", "last_month", "customers"],
).assign(months=6)  # fmt: skip
PUBLISHED = BetaGeometricBetaBinomial(1.204, 0.750, 0.657, 2.783)


def history(repeats, last_month, months):
    return pd.DataFrame({"repeats": [repeats], "last_month": [last_month], "months": [months]})


@pytest.fixture(scope="module")
def donations() -> BetaGeometricBetaBinomial:
    return fit_activity(DONATIONS)


class TestPublishedFits:
    def test_donations(self, donations):
        assert DONATIONS["customers"].sum() == 11_104
        found = (donations.alpha, donations.beta, donations.gamma, donations.delta)
        assert [round(each, 3) for each in found] == [1.204, 0.750, 0.657, 2.783]
        assert round(donations.log_likelihood, 1) == -33_225.6
        assert donations.converged

    @pytest.mark.parametrize(
        ("repeats", "last_year", "donations_in_five_years"),
        [(0, 0, 0.07), (6, 6, 3.75)],
    )
    def test_expected_donations_of_the_next_five_years(self, donations, repeats, last_year, donations_in_five_years):
        expected = donations.expected_activity(history(repeats, last_year, 6), 5).sum()
        assert round(expected, 2) == donations_in_five_years

    def test_spend_of_cdnow(self):
        # Fader, Hardie & Lee (2005), "RFM and CLV": p 6.25, q 3.74, gamma 15.44 on the customers who came again.
        customers = cdnow.repeats()
        assert (customers["repeats"] > 0).sum() == 946
        found = fit_spend(customers["mean_repeat_spend"], customers["repeats"])
        assert round(found.p, 2) == 6.25
        assert round(found.q, 2) == 3.74
        assert found.gamma == pytest.approx(15.44, abs=0.02)
        assert found.converged


@st.composite
def histories(draw):
    months = draw(st.integers(1, 30))
    last = draw(st.integers(0, months))
    repeats = draw(st.integers(1, last)) if last else 0
    return history(repeats, last, months)


class TestActivity:
    @settings(max_examples=25)
    @given(histories())
    def test_discounted_activity_is_the_published_closed_form(self, past):
        model, d = PUBLISHED, 0.1
        x, _, n = past.iloc[0]
        a, b, c, e = model.alpha, model.beta, model.gamma, model.delta
        closed = (
            beta_function(a + x + 1, b + n - x) / beta_function(a, b)
            * beta_function(c, e + n + 1) / (beta_function(c, e) * (1 + d))
            * hyp2f1(1, e + n + 1, c + e + n + 1, 1 / (1 + d))
            / np.exp(model.log_likelihood_of(past)[0])
        )  # fmt: skip
        summed = (model.expected_activity(past, 400)[0] * (1 + d) ** -np.arange(1.0, 401)).sum()
        assert summed == pytest.approx(closed, rel=1e-6)

    @settings(max_examples=25)
    @given(histories())
    def test_the_chance_to_be_alive_lies_in_0_1_and_falls(self, past):
        alive = PUBLISHED.alive(past, 60)[0]
        assert ((alive >= 0) & (alive <= 1)).all()
        assert (np.diff(alive) < 0).all()
        assert (PUBLISHED.expected_activity(past, 60)[0] < alive).all()

    def test_all_histories_of_a_length_together_are_certain(self):
        every = pd.DataFrame(
            [(x, t, 6) for t in range(7) for x in range(1 if t else 0, t + 1)],
            columns=["repeats", "last_month", "months"],
        )
        # So many sequences of months share a history: its last one is fixed, the others before it are not.
        sequences = [1 if t == 0 else comb(t - 1, x - 1) for x, t, _ in every.itertuples(index=False)]
        assert (np.exp(PUBLISHED.log_likelihood_of(every)) * sequences).sum() == pytest.approx(1)

    def test_counts_weigh_as_their_rows_would(self):
        few = DONATIONS.assign(customers=DONATIONS["customers"] // 40)
        rows = few.loc[few.index.repeat(few["customers"])].drop(columns="customers").sample(frac=1, random_state=1)
        assert fit_activity(rows) == fit_activity(few)

    @pytest.mark.parametrize("past", [(3, 2, 6), (0, 1, 6), (1, 7, 6), (0, 0, 0)])
    def test_a_history_that_cannot_be_or_says_nothing_is_an_error(self, past):
        with pytest.raises(ValueError, match="history"):
            fit_activity(history(*past))


class TestSpend:
    def test_few_months_are_drawn_to_the_mean_of_all_and_many_are_not(self):
        model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
        found = model.expected_spend([np.nan, 100.0, 100.0], [0, 1, 1_000])
        assert found[0] == pytest.approx(model.population_mean)
        assert model.population_mean < found[1] < found[2] < 100

    def test_another_currency_is_another_scale(self):
        customers = cdnow.repeats().head(400)
        one = fit_spend(customers["mean_repeat_spend"], customers["repeats"])
        other = fit_spend(customers["mean_repeat_spend"] * 25, customers["repeats"])
        assert (other.p, other.q, other.gamma) == pytest.approx((one.p, one.q, one.gamma * 25), rel=1e-3)


class TestValuation:
    @staticmethod
    def base(count=300):
        random = np.random.default_rng(4)
        months = random.integers(1, 24, count)
        last = (months * random.uniform(0.3, 1, count)).astype(int)
        repeats = np.where(last > 0, np.maximum(1, (last * random.uniform(0.3, 1, count)).astype(int)), 0)
        customers = pd.DataFrame(
            {
                "customer_id": [f"C{number:03}" for number in range(count)],
                "is_prepaid": np.arange(count) % 3 == 0,
                "is_open": True,
                "prepaid_repeats": repeats,
                "prepaid_last_month": last,
                "prepaid_months": months,
                "notice_months_left": np.nan,
                "prepaid_mean_spend": np.where(repeats > 0, random.gamma(4, 5, count), np.nan),
                "margin_12m": 60.0,
                "net_revenue_12m": 100.0,
            }
        )
        valued = pd.DataFrame(
            {
                "customer_id": customers["customer_id"],
                "past_value": 50.0,
                "expected_monthly_margin": 7.0,
                "future_value_36m": 70.0,
                "future_value_horizon": 70.0,
                "future_value_tail": 30.0,
                "future_value": 100.0,
                "future_value_low": 40.0,
                "future_value_high": 160.0,
                "total_value": 150.0,
                "ranked_value": 150.0,
                "churn_probability_1m": 0.1,
                "churn_probability_3m": 0.2,
                "churn_probability_12m": 0.3,
                "expected_remaining_months": 40.0,
                "retention_cohort": "consumer/internet/none/free",
            }
        )
        return customers, valued

    def test_contracts_never_get_it(self):
        customers, valued = self.base()
        found = PrepaidValuation().fit(customers).revalue(valued, customers)
        contracts = ~customers["is_prepaid"]
        pd.testing.assert_frame_equal(found[contracts], valued[contracts])
        assert (found.loc[~contracts, "retention_cohort"] == "prepaid").all()
        # Nor does what contracts bring change what is learned.
        others = customers.assign(prepaid_mean_spend=customers["prepaid_mean_spend"].where(~contracts, 9_999.0))
        again = PrepaidValuation().fit(others).revalue(valued, others)
        pd.testing.assert_frame_equal(again, found)

    def test_under_notice_the_known_end_counts_and_not_top_ups(self):
        customers, valued = self.base()
        customers.loc[:5, "notice_months_left"] = 1
        found = PrepaidValuation().fit(customers).revalue(valued, customers)
        pd.testing.assert_frame_equal(found.loc[:5], valued.loc[:5])
        assert (found.loc[customers["is_prepaid"] & (customers.index > 5), "retention_cohort"] == "prepaid").all()

    def test_who_has_left_shows_how_long_the_others_stay(self):
        random = np.random.default_rng(5)
        count, months = 4_000, 24
        lasts = random.geometric(random.beta(2, 40, count))  # months until the customer leaves
        tops_up = random.random((count, months)) < random.beta(3, 2, count)[:, None]
        active = tops_up & (np.arange(1, months + 1) < lasts[:, None])
        customers, valued = (
            frame.sample(count, replace=True, random_state=1, ignore_index=True) for frame in self.base()
        )
        customers = customers.assign(
            is_prepaid=True,
            # A silent line is closed after half a year.
            is_open=lasts > months - 6,
            prepaid_months=months,
            prepaid_repeats=active.sum(axis=1),
            prepaid_last_month=np.max(active * np.arange(1, months + 1), axis=1),
            prepaid_mean_spend=np.where(active.any(axis=1), 20.0, np.nan),
        )
        stays = customers["is_open"]
        planted = (lasts[stays] <= months + 12).mean()

        def churn(learned_from):
            model = PrepaidValuation().fit(learned_from)
            return model.revalue(valued[stays], customers[stays])["churn_probability_12m"].mean()

        assert churn(customers) == pytest.approx(planted, rel=0.15)
        assert churn(customers[stays]) < 0.7 * planted

    def test_a_base_of_contracts_is_left_alone(self):
        customers, valued = self.base()
        customers["is_prepaid"] = False
        assert PrepaidValuation().fit(customers).revalue(valued, customers) is valued

    def test_past_and_future_make_the_total_and_the_future_its_parts(self):
        customers, valued = self.base()
        found = PrepaidValuation().fit(customers).revalue(valued, customers)
        assert (found["total_value"] == (found["past_value"] + found["future_value"]).round(2)).all()
        assert (found["future_value"] == (found["future_value_horizon"] + found["future_value_tail"]).round(2)).all()
        assert (found["future_value_36m"] == found["future_value_horizon"]).all(), "as long as that is the horizon"
        assert (found["ranked_value"] == found["total_value"]).all()
        prepaid = found[customers["is_prepaid"]]
        assert (prepaid["future_value"] > 0).all()
        assert (prepaid["future_value_low"] <= prepaid["future_value"]).all()
        assert (prepaid["future_value"] <= prepaid["future_value_high"]).all()
        assert (prepaid["future_value_low"] < prepaid["future_value_high"]).all()
        assert prepaid["churn_probability_12m"].gt(prepaid["churn_probability_1m"]).all()

    def test_value_is_activity_times_spend_times_what_is_left_of_it(self):
        customers, valued = self.base()
        parameters = ValueParameters(annual_discount_rate=0.0, horizon_months=12, tail_months=24)
        model = PrepaidValuation(parameters).fit(customers)
        row = customers.index[customers["is_prepaid"] & (customers["prepaid_repeats"] > 0)][0]
        one = customers.loc[row]
        past = history(one["prepaid_repeats"], one["prepaid_last_month"], one["prepaid_months"])
        spend = model.spend_.expected_spend([one["prepaid_mean_spend"]], [one["prepaid_repeats"]])[0]
        months = model.activity_.expected_activity(past, 24)[0].sum()
        future = model.revalue(valued, customers).loc[row, "future_value"]
        assert future == pytest.approx(months * spend * 0.6, abs=0.02)

    def test_without_any_history_nothing_is_expected_and_that_is_said(self):
        customers, valued = self.base(6)
        customers = customers.assign(
            prepaid_months=0, prepaid_last_month=0, prepaid_repeats=0, prepaid_mean_spend=np.nan
        )
        model = PrepaidValuation().fit(customers)
        found = model.revalue(valued, customers)[customers["is_prepaid"].to_numpy()]
        assert (found["future_value"] == 0).all()
        assert (found["total_value"] == 50).all()
        assert "nothing is expected" in model.decision_
