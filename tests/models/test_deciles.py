"""Deciles of value: sizes, order, ties, fixed cut-offs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deciles import assign_deciles, assign_fixed_deciles, decile_cutoffs

DECILES = ["value_decile", "value_decile_in_market", "value_percentile", "value_permille", "value_share_decile"]


def values(amounts: list[float | None], market: str | list | None = "consumer", **columns) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" for number in range(len(amounts))],
            "market_segment": market,
            "ranked_value": pd.Series(amounts, dtype="float64"),
            **columns,
        }
    )


class TestDeciles:
    @settings(max_examples=60)
    @given(st.lists(st.integers(-500, 500), min_size=1, max_size=250), st.randoms())
    def test_sizes_differ_by_at_most_one_and_better_is_never_lower(self, amounts, random):
        frame = values([float(amount) for amount in amounts])
        ranked = assign_deciles(frame)
        for column, groups in (("value_decile", 10), ("value_percentile", 100), ("value_permille", 1_000)):
            sizes = ranked[column].value_counts().reindex(range(1, groups + 1), fill_value=0)
            assert sizes.max() - sizes.min() <= 1
            ordered = frame.assign(group=ranked[column]).sort_values("ranked_value", ascending=False, kind="stable")
            assert ordered["group"].is_monotonic_increasing
            assert ordered["group"].iloc[0] == 1
        assert (ranked["value_decile"] == (ranked["value_percentile"] + 9) // 10).all() or len(amounts) < 50

        shuffled = frame.sample(frac=1, random_state=random.randrange(1_000))
        pd.testing.assert_frame_equal(assign_deciles(shuffled).sort_index(), ranked)
        scaled = assign_deciles(frame.assign(ranked_value=frame["ranked_value"] * 8))
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
        # 50% of the value with one customer: the next begins in tenth 6. Those without value are in the last.
        ranked = assign_deciles(values([50.0, 20.0, 20.0, 10.0, 0.0, -5.0]))
        assert ranked["value_share_decile"].tolist() == [1, 6, 8, 10, 10, 10]
        assert assign_deciles(values([0.0, -1.0]))["value_share_decile"].tolist() == [10, 10]

    def test_deciles_of_profit_at_a_retailer_come_out_of_its_customers(self):
        # Fader, Hardie & Ross (2022): share of profit by decile.
        by_decile = [39.7, 17.7, 12.1, 9.1, 6.9, 5.2, 3.9, 2.8, 1.9, 0.7]
        customers = values([amount for amount in by_decile for _ in range(10)]).sample(frac=1, random_state=3)
        profit = customers.join(assign_deciles(customers)["value_decile"]).groupby("value_decile")["ranked_value"].sum()
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
        assert cutoffs["min_ranked_value"].tolist() == [90, 80, 70, 60, 50, 40, 30, 20, 10]
        later = self.ranked([500.0, 90.0, 89.99, 10.0, 9.99, -5.0])
        assert assign_fixed_deciles(later, cutoffs).tolist() == [1, 1, 2, 9, 10, 10]

    def test_customers_of_equal_value_are_never_parted(self):
        reference = self.ranked([7.0] * 20)
        assert assign_fixed_deciles(reference, decile_cutoffs(reference)).tolist() == [1] * 20

    def test_an_empty_decile_begins_where_the_better_one_does(self):
        reference = self.ranked([5.0, 3.0])
        assert decile_cutoffs(reference)["min_ranked_value"].tolist() == [5.0] * 7 + [3.0] * 2
        assert assign_fixed_deciles(reference, decile_cutoffs(reference)).tolist() == [1, 8]

    def test_without_anybody_ranked_there_are_no_cutoffs_and_no_fixed_deciles(self):
        nobody = self.ranked([None])
        assert decile_cutoffs(nobody).empty
        assert assign_fixed_deciles(self.ranked([1.0]), decile_cutoffs(nobody)).isna().all()

    @settings(max_examples=30)
    @given(st.lists(st.integers(-500, 5_000), min_size=1, max_size=60), st.sampled_from([1, 4, 100]))
    def test_fixed_deciles_fall_with_value_and_know_no_currency(self, amounts, rate):
        reference = self.ranked([float(amount) for amount in amounts])
        fixed = assign_fixed_deciles(reference, decile_cutoffs(reference))
        assert fixed.iloc[np.argsort([-amount for amount in amounts])].is_monotonic_increasing
        assert (fixed <= reference["value_decile"]).all()
        other = self.ranked([float(amount * rate) for amount in amounts])
        assert assign_fixed_deciles(other, decile_cutoffs(other)).tolist() == fixed.tolist()
