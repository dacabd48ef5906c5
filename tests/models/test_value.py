"""Customer value: the formula by hand, the rules beside it, order and batches."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models.deciles import assign_deciles
from models.retention.curves import RetentionCurves
from models.value.customer_value import VALUE_COLUMNS, customer_value
from models.value.notice import told_ahead
from models.value.parameters import ValueParameters

MONTHLY = 1.10 ** (-1 / 12)


class ConstantHazard:
    """A retention model with one hazard for all, so that values can be checked against the closed form."""

    key_columns = ("spell_months",)

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def hazard(self, customers: pd.DataFrame, months: int) -> np.ndarray:
        return np.full((len(customers), months), self.rate)

    def level_variance(self, customers: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(customers))

    def cohort_labels(self, customers: pd.DataFrame) -> pd.Series:
        return pd.Series("all", index=customers.index)


def features(*rows: dict) -> pd.DataFrame:
    known = {
        "market_segment": "consumer",
        "population": "consumer",
        "is_open": True,
        "open_contracts": 1,
        "suspended_contracts": 0,
        "monthly_discount": 0.0,
        "discount_months_left": 0,
        "notice_months_left": None,
        "past_value": 100.0,
        "expected_monthly_margin": 10.0,
        "retention_market": "consumer",
        "retention_product": "internet",
        "retention_term": "none",
        "spell_months": 12,
        "committed_month_ends": 0,
    }
    return pd.DataFrame([{"customer_id": f"C{number}", **known, **row} for number, row in enumerate(rows, 1)])


def base(customers: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = features(*[{}] * customers)
    rows["is_open"] = random.random(customers) < 0.8
    rows["past_value"] = random.normal(300, 200, customers).round(2)
    rows["expected_monthly_margin"] = random.normal(20, 15, customers).round(2)
    rows["monthly_discount"] = random.choice([0.0, 5.0], customers)
    rows["discount_months_left"] = pd.array(random.integers(0, 20, customers), dtype="Int64")
    rows["spell_months"] = random.integers(0, 90, customers)
    rows["committed_month_ends"] = random.integers(0, 13, customers)
    return rows


@pytest.fixture(scope="module")
def curves() -> RetentionCurves:
    months = np.arange(120)
    at_risk = np.full(120, 50_000)
    free = np.round(at_risk * 1.1 / (1.1 + 30 + months)).astype(int)
    exposures = [
        pd.DataFrame(
            {
                "retention_market": "consumer",
                "market_segment": "consumer",
                "retention_product": "internet",
                "retention_term": "none",
                "is_committed": is_committed,
                "spell_months": months,
                "customers_at_risk": at_risk,
                "customers_churned": churned,
            }
        )
        for is_committed, churned in ((False, free), (True, free // 5))
    ]
    return RetentionCurves().fit(pd.concat(exposures))


class TestFormula:
    def test_three_months_by_hand(self):
        parameters = ValueParameters(horizon_months=3, tail_months=12)
        value = customer_value(features({}), ConstantHazard(0.2), parameters).iloc[0]
        expected = 10 * (0.8 * MONTHLY + 0.64 * MONTHLY**2 + 0.512 * MONTHLY**3)
        assert value["future_value_horizon"] == round(expected, 2) == 19.24
        assert value["churn_probability_1m"] == pytest.approx(0.2)
        assert value["churn_probability_3m"] == pytest.approx(1 - 0.512)
        assert value["churn_probability_12m"] == pytest.approx(1 - 0.8**12)
        assert value["expected_remaining_months"] == pytest.approx(sum(0.8**t for t in range(1, 13)))

    def test_a_customer_who_never_leaves_is_an_annuity(self):
        value = customer_value(features({}), ConstantHazard(0.0)).iloc[0]
        assert value["future_value_horizon"] == round(sum(10 * MONTHLY**t for t in range(1, 37)), 2)
        whole = sum(10 * MONTHLY**t for t in range(1, 241))
        assert value["future_value"] == pytest.approx(whole, abs=0.01)  # the sum of two parts in whole cents

    def test_survival_counts(self):
        """Without the survivor term a customer who may leave would be worth as much as one who cannot."""
        loyal = customer_value(features({}), ConstantHazard(0.0)).iloc[0]["future_value"]
        leaving = customer_value(features({}), ConstantHazard(0.05)).iloc[0]["future_value"]
        kept = 0.95 * MONTHLY
        assert leaving == pytest.approx(10 * kept * (1 - kept**240) / (1 - kept), abs=0.01)
        assert leaving < 0.2 * loyal

    def test_survival_starts_from_the_customers_own_tenure(self, curves):
        young, old = customer_value(features({"spell_months": 1}, {"spell_months": 110}), curves)["future_value"]
        assert old > 1.3 * young

    def test_formula_term_by_term_on_a_fitted_cohort(self, curves):
        row = features({"spell_months": 6, "committed_month_ends": 5, "monthly_discount": 4.0})
        row["discount_months_left"] = 9
        hazard = curves.hazard(row, 240)[0]
        survival, horizon, total = 1.0, 0.0, 0.0
        for month in range(1, 241):
            survival *= 1 - hazard[month - 1]
            total += (10 + (4 if month > 9 else 0)) * survival * MONTHLY**month
            horizon = total if month == 36 else horizon
        value = customer_value(row, curves).iloc[0]
        assert value["future_value_horizon"] == round(horizon, 2)
        assert value["future_value_tail"] == round(total - horizon, 2)

    @pytest.mark.parametrize("months", [12, 36, 60])
    def test_the_36_month_value_is_that_of_36_months_whatever_the_horizon(self, curves, months):
        rows = base(50).assign(monthly_discount=4.0, discount_months_left=40)
        by_default = customer_value(rows, curves)
        value = customer_value(rows, curves, ValueParameters(horizon_months=months))
        assert value["future_value_36m"].tolist() == by_default["future_value_horizon"].tolist()
        assert (value["future_value_horizon"] == value["future_value_36m"]).all() == (months == 36)

    def test_the_36_month_value_ends_where_the_future_ends(self):
        parameters = ValueParameters(horizon_months=12, tail_months=24)
        value = customer_value(features({}), ConstantHazard(0.02), parameters).iloc[0]
        assert value["future_value_36m"] == value["future_value"]

    def test_a_commitment_is_worth_its_months(self, curves):
        free, bound = customer_value(features({}, {"committed_month_ends": 12}), curves)["future_value"]
        assert bound > free

    @pytest.mark.parametrize(("left", "full_months"), [(0, 12), (1, 11), (11, 1), (12, 0), (99, 0), (None, 0)])
    def test_a_discount_is_released_after_its_last_month(self, left, full_months):
        parameters = ValueParameters(annual_discount_rate=0.0, horizon_months=12, tail_months=12)
        row = features({"monthly_discount": 3.0}).assign(discount_months_left=pd.array([left], dtype="Int64"))
        value = customer_value(row, ConstantHazard(0.0), parameters).iloc[0]
        assert value["future_value"] == 12 * 10 + 3 * full_months

    def test_a_discount_that_outlasts_the_horizon_is_released_in_the_tail(self):
        parameters = ValueParameters(annual_discount_rate=0.0, horizon_months=12, tail_months=24)
        row = features({"monthly_discount": 3.0, "discount_months_left": 20})
        value = customer_value(row, ConstantHazard(0.0), parameters).iloc[0]
        assert value[["future_value_horizon", "future_value_tail"]].tolist() == [120, 120 + 3 * 4]


class TestNotice:
    @pytest.mark.parametrize(("left", "gone_3m", "gone_12m"), [(0, 1, 1), (2, 1, 1), (3, 0, 1), (12, 0, 0)])
    def test_who_has_given_notice_is_worth_the_months_until_the_end(self, left, gone_3m, gone_12m):
        parameters = ValueParameters(annual_discount_rate=0.0)
        value = customer_value(features({"notice_months_left": left}), ConstantHazard(0.02), parameters).iloc[0]
        assert value[["future_value", "future_value_low", "future_value_high"]].tolist() == pytest.approx(
            [10 * left] * 3, abs=0.05
        )
        assert value[["churn_probability_3m", "churn_probability_12m"]].tolist() == [gone_3m, gone_12m]
        assert value["expected_remaining_months"] == left

    def test_who_has_said_nothing_leaves_with_the_share_of_endings_that_comes_unannounced(self):
        told = told_ahead(pd.DataFrame({"lead_days": [0, 60], "endings": [30, 70]}), 13)
        assert told.tolist() == pytest.approx([0.7, 0.7] + [0.0] * 11)
        value = customer_value(features({}), ConstantHazard(0.1), told=told).iloc[0]
        assert value["churn_probability_3m"] == pytest.approx(1 - 0.97**2 * 0.9)

    def test_all_together_leave_as_often_as_hazards_say(self):
        """Endings are told two months ahead by seven in ten; the customers of a month end are followed for three."""
        random, hazard, people = np.random.default_rng(3), 0.05, 200_000
        month_of_end = random.geometric(hazard, people)  # 1: within the coming month
        is_told = (month_of_end <= 2) & (random.random(people) < 0.7)
        left = pd.Series(np.where(is_told, month_of_end - 1, np.nan)).astype("Int64")
        counts = left.value_counts(dropna=False)
        rows = features(*[{"notice_months_left": each} for each in counts.index])
        told = told_ahead(pd.DataFrame({"lead_days": [0, 60], "endings": [30, 70]}), 13)
        found = customer_value(rows, ConstantHazard(hazard), told=told)["churn_probability_3m"]
        assert np.average(found, weights=counts) == pytest.approx((month_of_end <= 3).mean(), abs=0.003)

    def test_where_no_ending_is_known_none_is_told_ahead(self):
        assert told_ahead(pd.DataFrame({"lead_days": [], "endings": []}), 3).tolist() == [0, 0, 0]


class TestRules:
    def test_not_open_has_no_future(self, curves):
        value = customer_value(features({"is_open": False}, {"is_open": None}), curves)
        future = ["future_value_36m", "future_value_horizon", "future_value_tail", "future_value"]
        assert (value[future] == 0).all(axis=None)
        assert (value["total_value"] == 100).all()
        unknown = ["churn_probability_1m", "churn_probability_12m", "expected_remaining_months", "retention_cohort"]
        assert value[unknown].isna().all(axis=None)

    @pytest.mark.parametrize(("contracts", "suspended", "factor"), [(1, 1, 0.5), (2, 1, 0.75), (2, 0, 1.0)])
    def test_a_suspended_contract_brings_part_of_its_margin(self, contracts, suspended, factor):
        rows = features({}, {"open_contracts": contracts, "suspended_contracts": suspended})
        plain, reduced = customer_value(rows, ConstantHazard(0.02))["future_value"]
        assert reduced == pytest.approx(plain * factor, abs=0.02)

    def test_a_customer_kept_at_a_loss_has_a_negative_future(self):
        value = customer_value(features({"expected_monthly_margin": -2.0}), ConstantHazard(0.02)).iloc[0]
        assert value["future_value"] < 0

    def test_wholesale_is_valued_and_not_ranked(self, curves):
        value = customer_value(features({}, {"population": "wholesale", "market_segment": "wholesale"}), curves)
        assert value["is_ranked"].tolist() == [True, False]
        assert value["future_value"].iloc[1] > 0

    def test_who_is_ranked_is_a_setting(self, curves):
        rows = features({}, {"is_open": False})
        assert customer_value(rows, curves)["is_ranked"].all()
        only_open = customer_value(rows, curves, ValueParameters(ranked_customers="open"))
        assert only_open["is_ranked"].tolist() == [True, False]

    @pytest.mark.parametrize(
        ("rank_by", "column", "best"),
        [("total", "total_value", "C1"), ("36_months", "future_value_36m", "C2"), ("past", "past_value", "C1")],
    )
    def test_what_customers_are_ranked_by_is_a_setting(self, rank_by, column, best):
        rows = features({"past_value": 5_000.0, "is_open": False}, {}, {})
        value = customer_value(rows, ConstantHazard(0.02), ValueParameters(rank_by=rank_by))
        assert value["ranked_value"].tolist() == value[column].tolist()
        deciles = assign_deciles(value).set_index("customer_id")["value_decile"]
        assert deciles.idxmin() == best
        assert deciles["C2"] < deciles["C3"], "equal values are ordered by customer_id"

    def test_who_lacks_the_value_that_is_ranked_by_is_not_ranked(self, curves):
        rows = features({"past_value": None}, {"expected_monthly_margin": None})
        by = {name: customer_value(rows, curves, ValueParameters(rank_by=name)) for name in ("past", "36_months")}
        assert by["past"]["is_ranked"].tolist() == [False, True]
        assert by["36_months"]["is_ranked"].tolist() == [True, False]

    def test_what_is_not_known_is_null_and_the_total_is_what_is_known(self, curves):
        rows = features({"past_value": None}, {"expected_monthly_margin": None}, {})
        rows.loc[2, ["past_value", "expected_monthly_margin"]] = None
        value = customer_value(rows, curves)
        assert value["past_value"].isna().tolist() == [True, False, True]
        assert value["future_value"].isna().tolist() == [False, True, True]
        assert value["total_value"].isna().tolist() == [False, False, True]
        assert value["total_value"].iloc[1] == 100
        assert value["is_ranked"].tolist() == [True, True, False]

    def test_without_any_history_of_churn_the_future_is_null(self, curves):
        empty = pd.DataFrame(
            columns=[
                *(
                    "retention_market",
                    "market_segment",
                    "retention_product",
                    "retention_term",
                    "is_committed",
                    "spell_months",
                ),
                *("customers_at_risk", "customers_churned"),
            ]
        )
        value = customer_value(features({}), RetentionCurves().fit(empty)).iloc[0]
        assert np.isnan(value["future_value"])
        assert value["total_value"] == 100

    def test_nobody(self, curves):
        value = customer_value(features({}).iloc[:0], curves)
        assert (len(value), tuple(value.columns)) == (0, VALUE_COLUMNS)
        assert len(assign_deciles(value)) == 0

    def test_what_is_missing_is_named(self, curves):
        with pytest.raises(ValueError, match="committed_month_ends"):
            customer_value(features({}).drop(columns="committed_month_ends"), curves)
        with pytest.raises(ValueError, match="no spell_months"):
            customer_value(features({"spell_months": None}), curves)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"annual_discount_rate": -0.1},
            {"horizon_months": 0},
            {"horizon_months": 300},
            {"tail_months": 6, "horizon_months": 6},
            {"suspended_margin_factor": 2.0},
            {"ranked_customers": "some"},
            {"rank_by": "36 months"},
            {"keys_per_block": 0},
        ],
    )
    def test_a_parameter_that_cannot_be_meant_is_refused(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ValueParameters(**wrong)


class TestIdentities:
    def test_past_and_future_are_the_total_to_the_cent(self, curves):
        value = customer_value(base(500), curves)
        assert ((value["past_value"] + value["future_value"]).round(2) == value["total_value"]).all()
        near_and_tail = value["future_value_horizon"] + value["future_value_tail"]
        assert (near_and_tail.round(2) == value["future_value"]).all()

    def test_the_36_month_value_is_the_first_part_of_the_future_of_who_brings_money(self, curves):
        value = customer_value(base(500), curves)
        brings = value["expected_monthly_margin"] >= 0
        assert (value["future_value_36m"] <= value["future_value"])[brings].all()

    def test_batches_of_any_size_and_block_give_the_same_rows(self, curves):
        rows = base(300)
        whole = customer_value(rows, curves)
        batches = [customer_value(rows.iloc[at : at + 37], curves) for at in range(0, 300, 37)]
        pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole, check_exact=True)
        blocks = customer_value(rows, curves, ValueParameters(keys_per_block=7))
        pd.testing.assert_frame_equal(blocks, whole, check_exact=True)

    def test_row_order_changes_nothing(self, curves):
        rows = base(300)
        shuffled = customer_value(rows.sample(frac=1, random_state=5), curves)
        whole = customer_value(rows, curves)
        shuffled = shuffled.set_index("customer_id").loc[whole["customer_id"]].reset_index()
        pd.testing.assert_frame_equal(shuffled, whole, check_exact=True)

    def test_another_currency_scales_every_value(self, curves):
        rows, money = base(200), ["past_value", "expected_monthly_margin", "monthly_discount"]
        value = customer_value(rows, curves)
        scaled = customer_value(rows.assign(**{column: rows[column] * 100 for column in money}), curves)
        assert scaled["total_value"].to_numpy() / 100 == pytest.approx(value["total_value"].to_numpy(), abs=0.02)
        assert (scaled["churn_probability_12m"].dropna() == value["churn_probability_12m"].dropna()).all()

    def test_money_may_come_as_decimals(self, curves):
        rows, money = base(50), ["past_value", "expected_monthly_margin", "monthly_discount"]
        as_objects, as_arrow = rows.copy(), rows.copy()
        for column in money:
            decimals = [Decimal(f"{amount:.4f}") for amount in rows[column]]
            decimals[3] = None
            rows.loc[3, column] = np.nan
            as_objects[column] = pd.Series(decimals, dtype=object)
            as_arrow[column] = pd.Series(pd.array(decimals, dtype=pd.ArrowDtype(pa.decimal128(18, 4))))
        expected = customer_value(rows, curves)
        pd.testing.assert_frame_equal(customer_value(as_objects, curves), expected)
        pd.testing.assert_frame_equal(customer_value(as_arrow, curves), expected)
