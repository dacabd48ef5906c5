"""The backtest: measures with known answers, who wins and when nobody may, and forecasts on a planted hazard."""

import numpy as np
import pandas as pd
import pytest

from models.backtest.forecasts import BASELINES, forecast_hazards, forecast_margins
from models.backtest.measures import Verdict, backtest_frame, measures_at_cutoff, pooled_measures, verdict
from models.backtest.parameters import BacktestParameters
from models.hazard.parameters import HazardParameters
from models.retention.commitment_renewal import RENEWAL_COLUMNS
from models.retention.parameters import RetentionParameters
from models.retention.residual_life import discounted_months, survival_ahead
from models.value.parameters import ValueParameters
from tests.models.customer_months import FIRST_MONTH, exposures_of, simulate_months

NO_ENDS = pd.DataFrame(columns=list(RENEWAL_COLUMNS))
CUTOFFS = ("2026-03-31", "2026-06-30", "2026-09-30")


def value_of(frame: pd.DataFrame, forecast: str, measure: str, part: str | None = None) -> float:
    rows = frame[(frame["forecast"] == forecast) & (frame["measure"] == measure)]
    rows = rows[rows["part"].isna()] if part is None else rows[rows["part"] == part]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def measured(errors: dict[str, float], cutoffs: tuple[str, ...] = CUTOFFS, horizon: int = 6) -> pd.DataFrame:
    """Forecasts that are off by so much, of margin and of churn alike."""
    random = np.random.default_rng(1)
    actual, left = random.gamma(2.0, 50.0, 200), (random.random(200) < 0.2).astype(float)
    off = random.choice([-1.0, 1.0], 200)
    return pd.concat(
        measures_at_cutoff(
            horizon,
            cutoff,
            {name: actual + 100 * error * off for name, error in errors.items()},
            {name: np.abs(left - error) for name, error in errors.items() if name != "last_12_months"},
            actual,
            left,
        )
        for cutoff in cutoffs
    )


class TestMeasures:
    def test_a_perfect_forecast_has_no_error_and_the_whole_lift(self):
        actual, left = np.arange(1.0, 101.0), (np.arange(100) < 10).astype(float)
        frame = measures_at_cutoff(6, CUTOFFS[0], {"a": actual}, {"a": left}, actual, left)
        assert value_of(frame, "a", "total_error") == 0
        assert value_of(frame, "a", "root_mean_square_error") == 0
        assert value_of(frame, "a", "rank_correlation") == pytest.approx(1)
        assert value_of(frame, "a", "gini_lift") == pytest.approx(1)
        assert value_of(frame, "a", "brier") == 0
        assert value_of(frame, "a", "auc") == 1
        assert value_of(frame, "a", "top_decile_lift") == pytest.approx(10)
        assert value_of(frame, "a", "actual_margin", "1") == sum(range(91, 101))

    def test_squared_error_tells_how_much_of_it_five_customers_make(self):
        off = np.where(np.arange(100) < 5, 10.0, 1.0)
        frame = measures_at_cutoff(6, CUTOFFS[0], {"a": off, "b": np.zeros(100)}, {}, np.zeros(100), np.zeros(100))
        assert value_of(frame, "a", "five_largest_error_share") == pytest.approx(500 / 595)
        assert np.isnan(value_of(frame, "b", "five_largest_error_share"))

    def test_a_forecast_that_tells_nobody_apart_has_no_lift_whatever_the_order_of_rows(self):
        actual = np.arange(1.0, 101.0)
        left = (np.arange(100) < 10).astype(float)
        same = np.full(100, 50.0)
        for order in (np.arange(100), np.arange(100)[::-1]):
            frame = measures_at_cutoff(6, CUTOFFS[0], {"a": same}, {"a": same / 100}, actual[order], left[order])
            assert value_of(frame, "a", "gini_lift") == pytest.approx(0, abs=1e-12)
            assert value_of(frame, "a", "auc") == 0.5
            assert value_of(frame, "a", "top_decile_lift") == pytest.approx(1)
            assert np.isnan(value_of(frame, "a", "rank_correlation"))

    def test_where_nobody_left_there_is_no_auc_and_where_nothing_came_no_total_error(self):
        nothing = np.zeros(20)
        frame = measures_at_cutoff(6, CUTOFFS[0], {"a": nothing + 1}, {"a": nothing + 0.1}, nothing, nothing)
        assert "auc" not in set(frame["measure"])
        assert np.isnan(value_of(frame, "a", "total_error"))
        assert value_of(frame, "a", "brier") == pytest.approx(0.01)

    def test_pooling_adds_up_sums_and_pools_squares(self):
        first = measures_at_cutoff(6, CUTOFFS[0], {"a": np.array([2.0] * 10)}, {}, np.ones(10), np.zeros(10))
        second = measures_at_cutoff(6, CUTOFFS[1], {"a": np.array([4.0] * 30)}, {}, np.ones(30), np.zeros(30))
        pooled = pooled_measures(pd.concat([first, second]))
        assert value_of(pooled, "a", "predicted_margin") == 140
        assert value_of(pooled, "a", "actual_margin", "10") == 4
        assert value_of(pooled, "a", "total_error") == pytest.approx(140 / 40 - 1)
        assert value_of(pooled, "a", "root_mean_square_error") == pytest.approx(np.sqrt((10 * 1 + 30 * 9) / 40))


class TestVerdict:
    def test_the_hazard_model_wins_where_it_beats_all(self):
        baselines = dict.fromkeys(BASELINES, 0.3)
        found = verdict(measured({"hazard_model": 0.1, "cohort_curves": 0.2} | baselines))
        assert found == Verdict(
            "hazard_model", (), "No other forecast is better than the hazard model by more than noise, 6 months ahead."
        )

    def test_a_rival_that_is_better_by_more_than_noise_is_enough_to_fall_back(self):
        errors = {"hazard_model": 0.2, "cohort_curves": 0.1} | dict.fromkeys(BASELINES, 0.3)
        found = verdict(measured(errors))
        assert (found.champion, found.refused) == ("cohort_curves", ("hazard_model",))
        frame = backtest_frame(measured(errors), found)
        assert set(frame.loc[frame["is_refused"], "forecast"]) == {"hazard_model"}
        assert "the hazard model lost to cohort curves (margin, 6 months)" in found.decision.lower()

    def test_a_rival_that_is_better_by_chance_is_not(self):
        random = np.random.default_rng(2)
        actual, left = random.gamma(2.0, 50.0, 400), (random.random(400) < 0.2).astype(float)
        forecasts = ("hazard_model", "cohort_curves", *BASELINES)
        margins = {name: actual + random.normal(0, 30, 400) for name in forecasts}
        churn = {name: np.clip(0.2 + random.normal(0, 0.02, 400), 0, 1) for name in forecasts[:-1]}
        rows = pd.concat(measures_at_cutoff(6, cutoff, margins, churn, actual, left) for cutoff in CUTOFFS)
        assert verdict(rows, BacktestParameters(min_z_score=4.0)).champion == "hazard_model"
        assert verdict(rows, BacktestParameters(min_z_score=0.0)).champion != "hazard_model"

    def test_where_both_models_lose_values_rest_on_the_best_baseline_that_beat_them(self):
        errors = {"hazard_model": 0.4, "cohort_curves": 0.4} | dict.fromkeys(BASELINES, 0.3)
        found = verdict(measured(errors | {"constant_retention": 0.2}))
        assert (found.champion, found.refused) == ("constant_retention", ("hazard_model", "cohort_curves"))
        assert found.decision.endswith("values rest on constant retention.")

    def test_margins_that_came_lower_for_everybody_speak_for_no_forecast_that_loses_too_many_customers(self):
        random = np.random.default_rng(3)
        risk, expected = random.beta(1.0, 9.0, 4_000), random.gamma(4.0, 25.0, 4_000)
        left = (random.random(4_000) < risk).astype(float)
        actual = 0.85 * expected * (1 - left)
        churn = {"cohort_curves": risk} | {name: np.full(4_000, 0.25) for name in BASELINES}
        margins = {name: expected * (1 - chance) for name, chance in churn.items()}
        found = [
            verdict(
                pd.concat(
                    measures_at_cutoff(6, cutoff, margins, churn, actual, left, margin_level=level)
                    for cutoff in CUTOFFS
                )
            )
            for level in (1.0, 0.85)
        ]
        assert [each.champion == "cohort_curves" for each in found] == [False, True]

    def test_a_baseline_that_cannot_value_a_lifetime_takes_nobodys_place(self):
        errors = {"hazard_model": 0.4, "cohort_curves": 0.4} | dict.fromkeys(BASELINES, 0.5)
        found = verdict(measured(errors | {"last_12_months": 0.3}))
        assert found.champion == "cohort_curves"
        assert found.decision.endswith("so the cohort curves stay.")

    def test_winning_at_one_horizon_and_losing_at_the_other_is_losing(self):
        good = {"cohort_curves": 0.1} | dict.fromkeys(BASELINES, 0.3)
        bad = {"cohort_curves": 0.4} | dict.fromkeys(BASELINES, 0.3)
        assert verdict(pd.concat([measured(good), measured(bad, horizon=12)])).champion != "cohort_curves"

    def test_too_few_cutoffs_are_no_verdict_and_no_refusal(self):
        errors = {"hazard_model": 0.1, "cohort_curves": 0.2} | dict.fromkeys(BASELINES, 0.3)
        found = verdict(measured(errors, CUTOFFS[:2]))
        assert (found.champion, found.refused) == (None, ())
        assert found.decision == (
            "The hazard model cannot be judged yet (usable at 2 of 3 cut-offs; all of them take 27 months of"
            " history, and a model that is better than the curves on held-out months); the cohort curves cannot be"
            " judged yet (usable at 2 of 3 cut-offs; all of them take 21 months of history)."
        )

    def test_a_model_that_needs_more_history_is_said_to(self):
        nothing, longer = pd.DataFrame(), HazardParameters(min_history_months=14, training_months=40)
        found = verdict(nothing, BacktestParameters(cutoffs=4, horizons_months=(12,)), longer)
        assert "(usable at 0 of 4 cut-offs; all of them take 39 months of history," in found.decision

    def test_no_history_is_said_in_a_row(self):
        nothing = pd.DataFrame()
        frame = backtest_frame(nothing, verdict(nothing))
        assert list(frame["measure"]) == ["not_enough_history"]
        assert not frame["is_champion"].any()

    def test_only_the_champion_is_marked(self):
        rows = measured({"hazard_model": 0.1, "cohort_curves": 0.2} | dict.fromkeys(BASELINES, 0.3))
        frame = backtest_frame(rows, verdict(rows))
        assert set(frame.loc[frame["is_champion"], "forecast"]) == {"hazard_model"}
        assert not frame["is_refused"].any()
        assert frame["cutoff_date"].isna().sum() == len(rows) / 3


class TestForecasts:
    @pytest.fixture(scope="class")
    def planted(self):
        """A cut-off in a world of constant hazard, so that the closed form is known."""
        months = simulate_months(1_500, 13, base=0.03, warned=0.03)
        months = months.assign(retention_market="consumer", retention_product="internet")
        cutoff = FIRST_MONTH + 12
        customers = months[months["month_number"] == cutoff].reset_index(drop=True)
        exposures = exposures_of(months)
        found = forecast_hazards(
            exposures, NO_ENDS, months, customers, 12, RetentionParameters(), HazardParameters(min_history_months=20)
        )
        return customers, found.hazards, found.decision

    def test_on_a_constant_hazard_every_forecast_agrees_with_the_closed_form(self, planted):
        customers, hazards, _ = planted
        rate = 1.1 ** (1 / 12) - 1
        kept = 0.97 / (1 + rate)
        closed = kept * (1 - kept**12) / (1 - kept)
        for name, hazard in hazards.items():
            months = discounted_months(survival_ahead(hazard), 0.10)[:, 12].mean()
            assert months == pytest.approx(closed, rel=0.04), name
        assert len(customers) > 1_000

    def test_a_hazard_model_without_history_makes_no_forecast(self, planted):
        _, hazards, decision = planted
        assert decision.startswith("Cohort curves")
        assert set(hazards) == {"cohort_curves", *BASELINES} - {"last_12_months"}

    def test_margins_follow_survival_and_a_discount_that_ends(self):
        customers = pd.DataFrame(
            {
                "expected_monthly_margin": [10.0, 10.0, 10.0],
                "monthly_discount": [5.0, 5.0, 0.0],
                "discount_months_left": pd.array([2, None, None], dtype="Int64"),
                "open_contracts": 1,
                "suspended_contracts": 0,
                "margin_12m_mean": [7.0, np.nan, 7.0],
            }
        )
        margins = forecast_margins(customers, {"a": np.full((3, 4), 0.5)}, 4, ValueParameters(annual_discount_rate=0.0))
        assert margins["a"] == pytest.approx([10 * 0.9375 + 5 * (0.125 + 0.0625), 9.375, 9.375])
        assert margins["last_12_months"] == pytest.approx([28, 0, 28])


@pytest.mark.parametrize(
    "wrong", [{"cutoffs": 0}, {"horizons_months": ()}, {"horizons_months": (0,)}, {"min_z_score": -1}]
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BacktestParameters(**wrong)
