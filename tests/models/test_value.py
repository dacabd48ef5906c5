"""Customer value and deciles: the formula by hand, the rules beside it, order, batches and ties."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deciles import assign_fixed_deciles, decile_cutoffs
from models.retention import RetentionCurves
from models.value import VALUE_COLUMNS, assign_deciles, customer_value
from models.value_parameters import ValueParameters

MONTHLY = 1.10 ** (-1 / 12)
DECILES = ["value_decile", "value_decile_in_market", "value_percentile", "value_permille", "value_share_decile"]


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
        "past_value": 100.0,
        "expected_monthly_margin": 10.0,
        "retention_market": "consumer",
        "retention_product": "internet",
        "retention_term": "none",
        "spell_months": 12,
        "commitment_months_left": 0,
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
    rows["commitment_months_left"] = random.integers(0, 13, customers)
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
        row = features({"spell_months": 6, "commitment_months_left": 5, "monthly_discount": 4.0})
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

    def test_a_commitment_is_worth_its_months(self, curves):
        free, bound = customer_value(features({}, {"commitment_months_left": 12}), curves)["future_value"]
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


class TestRules:
    def test_not_open_has_no_future(self, curves):
        value = customer_value(features({"is_open": False}, {"is_open": None}), curves)
        assert (value[["future_value_horizon", "future_value_tail", "future_value"]] == 0).all(axis=None)
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
                *("retention_market", "retention_product", "retention_term", "is_committed", "spell_months"),
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
        with pytest.raises(ValueError, match="commitment_months_left"):
            customer_value(features({}).drop(columns="commitment_months_left"), curves)
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


def values(amounts: list[float | None], market: str | list | None = "consumer", **columns) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" for number in range(len(amounts))],
            "market_segment": market,
            "total_value": pd.Series(amounts, dtype="float64"),
            **columns,
        }
    )


class TestDeciles:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(-500, 500), min_size=1, max_size=250), st.randoms())
    def test_sizes_differ_by_at_most_one_and_better_is_never_lower(self, amounts, random):
        frame = values([float(amount) for amount in amounts])
        ranked = assign_deciles(frame)
        for column, groups in (("value_decile", 10), ("value_percentile", 100), ("value_permille", 1_000)):
            sizes = ranked[column].value_counts().reindex(range(1, groups + 1), fill_value=0)
            assert sizes.max() - sizes.min() <= 1
            ordered = frame.assign(group=ranked[column]).sort_values("total_value", ascending=False, kind="stable")
            assert ordered["group"].is_monotonic_increasing
            assert ordered["group"].iloc[0] == 1
        assert (ranked["value_decile"] == (ranked["value_percentile"] + 9) // 10).all() or len(amounts) < 50

        shuffled = frame.sample(frac=1, random_state=random.randrange(1_000))
        pd.testing.assert_frame_equal(assign_deciles(shuffled).sort_index(), ranked)
        scaled = assign_deciles(frame.assign(total_value=frame["total_value"] * 8))
        pd.testing.assert_frame_equal(scaled, ranked)

    def test_decile_1_is_the_most_valuable_tenth(self):
        ranked = assign_deciles(values([float(amount) for amount in range(100)]))
        assert ranked["value_decile"].tolist() == [10 - amount // 10 for amount in range(100)]
        assert ranked["value_percentile"].tolist() == [100 - amount for amount in range(100)]

    def test_ties_are_broken_by_customer_id(self):
        ranked = assign_deciles(values([7.0] * 20))
        assert ranked["value_decile"].tolist() == [1 + number // 2 for number in range(20)]

    def test_float_noise_below_a_cent_breaks_no_tie(self):
        ranked = assign_deciles(values([0.3, 0.1 + 0.2]))
        assert ranked["value_decile"].tolist() == assign_deciles(values([0.3, 0.3]))["value_decile"].tolist()

    @pytest.mark.parametrize(("customers", "deciles"), [(1, [1]), (2, [1, 8]), (3, [1, 5, 9])])
    def test_fewer_customers_than_deciles_stand_at_their_place_in_the_order(self, customers, deciles):
        assert assign_deciles(values([5.0, 4.0, 3.0][:customers]))["value_decile"].tolist() == deciles

    def test_deciles_within_a_market_segment_are_its_own(self):
        market = ["consumer"] * 10 + ["small_business"] * 10
        ranked = assign_deciles(values([float(20 - number) for number in range(20)], market))
        assert ranked["value_decile"].tolist() == [1 + number // 2 for number in range(20)]
        assert ranked["value_decile_in_market"].tolist() == [*range(1, 11), *range(1, 11)]

    def test_not_ranked_or_not_known_has_no_decile_and_moves_nobody(self):
        amounts = [float(100 - number) for number in range(10)]
        plain = assign_deciles(values(amounts))
        more = assign_deciles(values([*amounts, 1_000.0, None], "consumer", is_ranked=[True] * 10 + [False, True]))
        assert more[DECILES].iloc[10:].isna().all(axis=None)
        pd.testing.assert_frame_equal(more.iloc[:10], plain)

    def test_an_unknown_market_segment_has_an_overall_decile_only(self):
        ranked = assign_deciles(values([3.0, 2.0], [None, "consumer"]))
        assert ranked["value_decile_in_market"].isna().tolist() == [True, False]
        assert ranked["value_decile"].notna().all()

    def test_tenths_of_equal_value(self):
        # 50 % of the value with one customer: the next begins in tenth 6. Those without value are in the last.
        ranked = assign_deciles(values([50.0, 20.0, 20.0, 10.0, 0.0, -5.0]))
        assert ranked["value_share_decile"].tolist() == [1, 6, 8, 10, 10, 10]
        assert assign_deciles(values([0.0, -1.0]))["value_share_decile"].tolist() == [10, 10]

    def test_deciles_of_profit_at_a_retailer_come_out_of_its_customers(self):
        # Fader, Hardie & Ross (2022): share of profit by decile.
        by_decile = [39.7, 17.7, 12.1, 9.1, 6.9, 5.2, 3.9, 2.8, 1.9, 0.7]
        customers = values([amount for amount in by_decile for _ in range(10)]).sample(frac=1, random_state=3)
        profit = customers.join(assign_deciles(customers)["value_decile"]).groupby("value_decile")["total_value"].sum()
        assert (profit / profit.sum() * 100).round(1).tolist() == by_decile

    def test_index_and_order_of_the_input_are_kept(self):
        frame = values([1.0, 2.0, 3.0]).set_axis([30, 10, 20])
        ranked = assign_deciles(frame)
        assert ranked.index.tolist() == [30, 10, 20]
        assert ranked["customer_id"].tolist() == ["C0000", "C0001", "C0002"]

    def test_a_customer_twice_is_an_error(self):
        with pytest.raises(ValueError, match="not unique"):
            assign_deciles(pd.concat([values([1.0]), values([2.0])]))


class TestFixedDeciles:
    @staticmethod
    def ranked(amounts):
        customers = values(amounts)
        return customers.join(assign_deciles(customers)["value_decile"])

    def test_a_reference_without_ties_is_cut_into_its_own_deciles(self):
        reference = self.ranked([float(amount) for amount in range(95)])
        fixed = assign_fixed_deciles(reference, decile_cutoffs(reference))
        assert fixed.tolist() == reference["value_decile"].tolist()

    def test_a_later_month_is_divided_by_the_values_of_the_reference(self):
        cutoffs = decile_cutoffs(self.ranked([float(amount) for amount in range(100)]))
        assert cutoffs["min_total_value"].tolist() == [90, 80, 70, 60, 50, 40, 30, 20, 10]
        later = self.ranked([500.0, 90.0, 89.99, 10.0, 9.99, -5.0])
        assert assign_fixed_deciles(later, cutoffs).tolist() == [1, 1, 2, 9, 10, 10]

    def test_customers_of_equal_value_are_never_parted(self):
        reference = self.ranked([7.0] * 20)
        assert assign_fixed_deciles(reference, decile_cutoffs(reference)).tolist() == [1] * 20

    def test_an_empty_decile_begins_where_the_better_one_does(self):
        reference = self.ranked([5.0, 3.0])
        assert decile_cutoffs(reference)["min_total_value"].tolist() == [5.0] * 7 + [3.0] * 2
        assert assign_fixed_deciles(reference, decile_cutoffs(reference)).tolist() == [1, 8]

    def test_without_anybody_ranked_there_are_no_cutoffs_and_no_fixed_deciles(self):
        nobody = self.ranked([None])
        assert decile_cutoffs(nobody).empty
        assert assign_fixed_deciles(self.ranked([1.0]), decile_cutoffs(nobody)).isna().all()

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(-500, 5_000), min_size=1, max_size=60), st.sampled_from([1, 4, 100]))
    def test_fixed_deciles_fall_with_value_and_know_no_currency(self, amounts, rate):
        reference = self.ranked([float(amount) for amount in amounts])
        fixed = assign_fixed_deciles(reference, decile_cutoffs(reference))
        assert fixed.iloc[np.argsort([-amount for amount in amounts])].is_monotonic_increasing
        assert (fixed <= reference["value_decile"]).all()
        other = self.ranked([float(amount * rate) for amount in amounts])
        assert assign_fixed_deciles(other, decile_cutoffs(other)).tolist() == fixed.tolist()
