"""The hazard model: identities, what it finds of a planted hazard, when it steps back, and its reasons."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.hazard.churn_hazard import ChurnHazard
from models.hazard.churn_reasons import REASONS, churn_reasons_frame
from models.hazard.pairs import make_pairs, sorted_months
from models.hazard.parameters import HazardParameters
from models.retention.curves import RetentionCurves
from models.retention.residual_life import survival_ahead
from tests.models.customer_months import exposures_of, open_customers, simulate_months

PARAMETERS = HazardParameters(max_iterations=60)
BASE, WARNED, WARNED_SHARE = 0.02, 0.25, 0.04
MEAN = BASE * (1 - WARNED_SHARE) + WARNED * WARNED_SHARE


def fit(months: pd.DataFrame, parameters: HazardParameters = PARAMETERS) -> ChurnHazard:
    return ChurnHazard(RetentionCurves().fit(exposures_of(months)), parameters).fit(months)


def measure(model: ChurnHazard, name: str, hazard_model: str = "hazard_model") -> float:
    rows = model.quality_frame()
    rows = rows[(rows["measure"] == name) & (rows["hazard_model"] == hazard_model) & rows["part"].isna()]
    return float(rows["value"].iloc[0])


@pytest.fixture(scope="module")
def months() -> pd.DataFrame:
    return simulate_months(base=BASE, warned=WARNED)


@pytest.fixture(scope="module")
def customers(months: pd.DataFrame) -> pd.DataFrame:
    return open_customers(months)


@pytest.fixture(scope="module")
def model(months: pd.DataFrame) -> ChurnHazard:
    return fit(months)


class TestPlantedHazard:
    def test_the_model_is_trusted_and_says_why(self, model):
        assert model.is_trusted_
        assert model.decision_.startswith("Hazard model: on 6 held-out months the model's log loss is 0.")

    def test_the_warning_is_found(self, model, customers):
        is_warned = (customers["usage_trend"] == 0.3).to_numpy()
        hazard = model.hazard(customers, 1)[:, 0]
        assert hazard[is_warned].mean() == pytest.approx(WARNED, rel=0.25)
        assert hazard[~is_warned].mean() == pytest.approx(BASE, rel=0.25)
        # Whom the truth gives twelve times the hazard of the rest is 1 in 25: an AUC of .66 is all there is.
        assert measure(model, "auc") == pytest.approx(0.66, abs=0.05)
        assert measure(model, "brier") < measure(model, "brier", "cohort_curves")

    def test_a_warning_that_lasts_a_month_says_little_of_the_months_after(self, model, customers):
        later = model.hazard(customers, 12)[:, 1:].mean(axis=1)
        is_warned = (customers["usage_trend"] == 0.3).to_numpy()
        assert later[is_warned].mean() == pytest.approx(later[~is_warned].mean(), rel=0.3)
        assert later.mean() == pytest.approx(MEAN, rel=0.15)

    def test_expected_and_observed_churn_agree_on_held_out_months(self, model):
        assert measure(model, "expected_churn") == pytest.approx(measure(model, "observed_churn"), rel=0.1)

    def test_on_a_constant_hazard_survival_is_that_of_the_closed_form(self):
        constant = simulate_months(base=0.03, warned=0.03, seed=3)
        model = fit(constant, replace(PARAMETERS, min_z_score=0.0))
        model.is_trusted_ = model.is_trusted_later_ = True  # no better than the curves, yet it must not be wrong
        survival = survival_ahead(model.hazard(open_customers(constant), 36))
        expected = 0.97 ** np.arange(37)
        # Months of life ahead within a tenth: the level of six held-out months is known no better than that.
        assert survival.sum(axis=1).mean() == pytest.approx(expected.sum(), rel=0.1)


class TestIdentities:
    def test_hazards_are_probabilities_and_survival_falls(self, model, customers):
        hazard = model.hazard(customers, 240)
        survival = survival_ahead(hazard)
        assert ((hazard >= 0) & (hazard <= 1)).all()
        assert ((survival >= 0) & (survival <= 1)).all()
        assert (np.diff(survival, axis=1) <= 0).all()

    def test_the_tail_starts_at_the_join_and_fades_into_the_cohort(self, model, customers, monkeypatch):
        monkeypatch.setattr(model, "is_trusted_later_", True)
        hazard, cohort = model.hazard(customers, 400), model.curves.hazard(customers, 400)
        near = PARAMETERS.near_months
        ratio = hazard / cohort
        fading = 0.5 ** (1 / PARAMETERS.half_life_months)
        np.testing.assert_allclose(ratio[:, near], ratio[:, near - 1] ** fading, rtol=1e-9)
        half_life = near - 1 + int(PARAMETERS.half_life_months)
        np.testing.assert_allclose(ratio[:, half_life], ratio[:, near - 1] ** 0.5, rtol=1e-9)
        assert np.abs(ratio[:, -1] - 1).max() < 0.01

    def test_batches_of_any_size_give_the_same_rows(self, model, customers):
        parts = [customers.iloc[start : start + 7] for start in range(0, 70, 7)]
        np.testing.assert_allclose(
            np.concatenate([model.hazard(part, 24) for part in parts]),
            model.hazard(customers.iloc[:70], 24),
            rtol=1e-12,
        )
        frames = pd.concat([churn_reasons_frame(model, part) for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(frames, churn_reasons_frame(model, customers.iloc[:70]))

    def test_neither_the_order_of_rows_nor_the_names_of_categories_matter(self, months, customers, model):
        names = {"consumer": "zz", "business": "aa", "internet": "Glasfaser", "mobile": "b", "tv": "a"}
        columns = ["retention_market", "retention_product"]
        other = months.sample(frac=1, random_state=5)
        other[columns] = other[columns].replace(names)
        renamed = customers.assign(**{column: customers[column].replace(names) for column in columns})
        np.testing.assert_allclose(fit(other).hazard(renamed, 24), model.hazard(customers, 24), rtol=1e-6)

    def test_pairs_stand_for_everyone_at_risk_that_many_months_ahead(self, months):
        pairs = make_pairs(sorted_months(months), 12)
        for ahead in (1, 2, 7, 12):
            is_ahead = pairs.months_ahead == ahead
            at_risk = (months["months_followed"] >= ahead).sum()
            churned = (months["churned_after_months"] == ahead).sum()
            assert pairs.churned[is_ahead].sum() == churned
            assert pairs.weight[is_ahead].sum() == pytest.approx(at_risk, rel=0.0 if ahead == 1 else 0.12)


class TestFallback:
    def test_random_outcomes_give_no_lift_and_the_curves_are_used(self, months):
        random = np.random.default_rng(1)
        shuffled = months.assign(usage_trend=random.permutation(months["usage_trend"]))
        model = fit(shuffled)
        assert not model.is_trusted_
        assert model.decision_.startswith("Cohort curves: on 6 held-out months")
        assert measure(model, "auc") == pytest.approx(0.5, abs=0.06)
        customers = open_customers(shuffled)
        np.testing.assert_array_equal(model.hazard(customers, 12), model.curves.hazard(customers, 12))
        assert model.key_columns == model.curves.key_columns
        rows = churn_reasons_frame(model, customers)
        assert set(rows["hazard_model"]) == {"cohort_curves"}
        assert rows["churn_reasons"].isna().all()

    @pytest.mark.parametrize(
        ("changed", "because"),
        [({"min_history_months": 20}, "17 months with a known outcome"), ({"min_churned": 10_000}, "churn events")],
    )
    def test_too_little_to_learn_from_is_said(self, months, changed, because):
        model = fit(months, replace(PARAMETERS, **changed))
        assert not model.is_trusted_
        assert because in model.decision_
        quality = model.quality_frame()
        assert list(quality["measure"]) == ["is_used", "is_used"]
        assert list(quality["value"]) == [0.0, 1.0]

    def test_nothing_at_all_to_learn_from_is_no_error(self, months):
        model = fit(months.head(0))
        assert not model.is_trusted_
        assert model.decision_.startswith("Cohort curves: 0 months")

    def test_a_customer_without_covariates_has_the_hazard_of_the_cohort(self, model, customers):
        unknown = customers.head(5).assign(month_number=np.nan)
        np.testing.assert_array_equal(model.hazard(unknown, 12), model.curves.hazard(unknown, 12))
        assert set(churn_reasons_frame(model, unknown)["hazard_model"]) == {"cohort_curves"}


class TestReasons:
    def test_the_planted_warning_is_the_first_reason_of_those_who_show_it(self, model, customers):
        rows = churn_reasons_frame(model, customers)
        is_warned = (customers["usage_trend"] == 0.3).to_numpy()
        first = rows.loc[is_warned, "churn_reasons"].map(lambda told: json.loads(told)[0])
        assert set(first) == {"usage down to 30% of before"}
        told = rows.loc[~is_warned, "churn_reasons"].dropna()
        assert not told.str.contains("usage down to 30%").any()

    def test_reasons_are_few_and_only_of_customers_above_their_cohort(self, model, customers):
        rows = churn_reasons_frame(model, customers)
        told = rows["churn_reasons"].dropna().map(json.loads)
        assert told.map(len).between(1, PARAMETERS.reasons).all()
        above = rows["hazard_1m"] > rows["cohort_hazard_1m"]
        assert above[rows["churn_reasons"].notna()].all()

    def test_every_reason_can_be_told_of_some_value(self):
        for reason in REASONS:
            assert {phrase.value for phrase in reason.phrases} <= set(reason.covariates), reason


@pytest.mark.parametrize(
    "wrong",
    [{"near_months": 0}, {"held_out_months": 12}, {"half_life_months": 0}, {"leaves": 1}, {"min_reason_log_odds": -1}],
)
def test_parameters_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HazardParameters(**wrong)
