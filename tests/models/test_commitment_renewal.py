"""Commitments that are renewed: shares with known answers, closed forms of what is left, planted lifetimes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.retention.commitment_renewal import RENEWAL_COLUMNS, CommitmentRenewals
from models.retention.curves import RetentionCurves
from models.retention.residual_life import discounted_months, survival_ahead
from models.value.customer_value import customer_value
from tests.models.planted_lifetimes import lived_months, plant

share = st.floats(0, 1)
small_hazard = st.floats(0, 0.2)


def ended(first: tuple[int, int], later: tuple[int, int], term: str = "12", market: str = "consumer") -> pd.DataFrame:
    """So many ends and renewals of first and of later commitments in one cohort."""
    counts = [(market, "internet", term, is_later, *pair, float(term)) for is_later, pair in enumerate((first, later))]
    return pd.DataFrame(counts, columns=list(RENEWAL_COLUMNS)).astype({"is_later": bool})


def customers(spell_months: list[int], market: str = "consumer", term: str = "12") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "retention_market": market,
            "retention_product": "internet",
            "retention_term": term,
            "spell_months": spell_months,
        }
    )


def survival(
    first: float, later: float, spell_months: int, left: int, committed: float, free: float, months: int
) -> np.ndarray:
    model = CommitmentRenewals()
    model.shares_, model.terms_ = {(None, None, None, False): first, (None, None, None, True): later}, {"12": 12.0}
    hazards = (np.full((1, months), hazard) for hazard in (committed, free))
    return survival_ahead(model.hazard(customers([spell_months]), np.array([float(left)]), *hazards))[0]


class TestShares:
    def test_a_cohort_seen_often_has_its_own_share_and_one_seen_seldom_that_of_its_group(self):
        seen = pd.concat([ended((10_000, 1_500), (8_000, 7_600)), ended((3, 3), (0, 0), market="wholesale")])
        model = CommitmentRenewals(prior_ends=10).fit(seen)
        assert model.share(customers([5]), is_later=False) == pytest.approx([0.15], abs=0.001)
        assert model.share(customers([5]), is_later=True) == pytest.approx([0.95], abs=0.001)
        of_all = (1_503 + 10 * model.shares_[(None,) * 4]) / 10_013
        at_market = (3 + 10 * of_all) / 13
        at_product = (3 + 10 * at_market) / 13
        few = model.share(customers([5], market="wholesale"), is_later=False)
        assert few == pytest.approx([(3 + 10 * at_product) / 13])
        assert model.share(customers([5], market="never seen"), is_later=True) == pytest.approx([0.95], abs=0.001)

    def test_without_any_end_nobody_renews(self):
        model = CommitmentRenewals().fit(pd.DataFrame(columns=list(RENEWAL_COLUMNS)))
        committed, free = np.full((1, 30), 0.01), np.full((1, 30), 0.05)
        hazard = model.hazard(customers([2]), np.array([10.0]), committed, free)
        assert hazard[0].tolist() == [0.01] * 10 + [0.05] * 20

    def test_a_term_of_no_name_has_the_mean_months_that_were_seen(self):
        model = CommitmentRenewals().fit(ended((10, 5), (0, 0)).assign(retention_term="other", term_months=35.6))
        assert model.term(customers([1, 1], term="other")).tolist() == [36, 36]

    def test_what_is_missing_is_named(self):
        with pytest.raises(ValueError, match="term_months"):
            CommitmentRenewals().fit(ended((1, 1), (1, 1)).drop(columns="term_months"))


class TestHazardsAhead:
    @given(first=share, committed=small_hazard, free=small_hazard, left=st.integers(1, 12))
    def test_who_always_renews_and_who_never_does_are_a_mixture_of_two_closed_forms(self, first, committed, free, left):
        found = survival(first, 1.0, 12 - left, left, committed, free, months=60)
        after = np.arange(61 - left)
        mixture = first * (1 - committed) ** after + (1 - first) * (1 - free) ** after
        assert found[left:] == pytest.approx((1 - committed) ** left * mixture, abs=1e-9)

    @given(first=share, later=share, committed=small_hazard, free=small_hazard)
    def test_every_end_is_another_parting_of_ways(self, first, later, committed, free):
        # Terms end after months 5, 17 and 29: the sum over when, if ever, the customer becomes free.
        found = survival(first, later, 7, 5, committed, free, months=35)[35]
        held = first * later * later * (1 - committed) ** 35
        parted = [(1 - first, 5), (first * (1 - later), 17), (first * later * (1 - later), 29)]
        freed = sum(chance * (1 - committed) ** end * (1 - free) ** (35 - end) for chance, end in parted)
        assert found == pytest.approx(held + freed, abs=1e-9)

    def test_a_later_commitment_is_renewed_as_later_ones_are(self):
        model = CommitmentRenewals(prior_ends=1e-9).fit(ended((100, 0), (100, 100)))
        committed, free = np.full((3, 40), 0.01), np.full((3, 40), 0.05)
        hazard = model.hazard(customers([3, 27, 60]), np.array([9.0, 9.0, 0.0]), committed, free)
        assert hazard[0].tolist() == pytest.approx([0.01] * 9 + [0.05] * 31)
        assert hazard[1].tolist() == pytest.approx([0.01] * 40)
        assert hazard[2].tolist() == [0.05] * 40

    def test_survival_falls_and_nobody_survives_a_hazard_of_1(self):
        model = CommitmentRenewals().fit(ended((10, 5), (10, 5)))
        ones = np.ones((1, 24))
        assert (survival_ahead(model.hazard(customers([0]), np.array([12.0]), ones, ones))[0, 1:] == 0).all()


class TestPlantedLifetimes:
    """An ISP whose cohorts are mixtures of geometrics and of which a seventh commits again at every end."""

    @pytest.fixture(scope="class")
    def planted(self) -> tuple[RetentionCurves, pd.DataFrame]:
        exposures, ends, people = plant(customers=20_000, months=24, seed=5)
        curves = RetentionCurves().fit(exposures, commitment_ends=ends)
        months = discounted_months(survival_ahead(curves.hazard(people, 240)), 0.10)[:, -1]
        return curves, people.assign(predicted_months=months)

    def test_discounted_months_to_come_are_those_planted(self, planted):
        people = planted[1]
        ratio = people["predicted_months"].sum() / people["true_months"].sum()
        print(f"all: {ratio:.3f}")
        assert ratio == pytest.approx(1, abs=0.04)

    def test_who_has_renewed_is_not_written_off_at_the_next_end(self, planted):
        renewed = planted[1][planted[1]["has_renewed"]]
        ratio = renewed["predicted_months"].sum() / renewed["true_months"].sum()
        print(f"renewed: {ratio:.3f} of {len(renewed)}")
        assert ratio == pytest.approx(1, abs=0.10)

    def test_one_customer_in_ten_stays_for_less_than_the_low_end_of_its_value(self, planted):
        curves, people = planted
        features = people.assign(
            customer_id=people.index.astype(str), market_segment="consumer", population="consumer", is_open=True,
            open_contracts=1, suspended_contracts=0, monthly_discount=0, discount_months_left=None,
            notice_months_left=None, past_value=0,
            expected_monthly_margin=100,
        )  # fmt: skip
        value, came = customer_value(features, curves), 100 * lived_months(people, seed=1)
        below = (came < value["future_value_low"] - 0.01).mean()
        print(f"below the low end: {below:.3f}")
        assert below == pytest.approx(0.10, abs=0.02)
        # Who is there after 20 years has brought all that counts: many do, so nobody brings more.
        assert (came <= value["future_value_high"] + 0.01).mean() > 0.98

    def test_segments_of_a_market_differ_as_was_planted(self, planted):
        people = planted[1]
        # Businesses leave three times as often as schools and offices; pooled with them these would be worth 12% less.
        is_public = people["market_segment"].isin(["education", "government"])
        for name, segment in (
            ("public", people[is_public]),
            ("business", people[(people["retention_market"] == "business") & ~is_public]),
        ):
            ratio = segment["predicted_months"].sum() / segment["true_months"].sum()
            print(f"{name}: {ratio:.3f} of {len(segment)}")
            assert ratio == pytest.approx(1, abs=0.07)

    def test_a_population_of_few_customers_has_a_level_of_its_own(self, planted):
        curves, people = planted
        wholesale = people[people["retention_market"] == "wholesale"]
        ratio = wholesale["predicted_months"].sum() / wholesale["true_months"].sum()
        print(f"wholesale: {ratio:.3f} of {len(wholesale)}")
        assert ratio == pytest.approx(1, abs=0.15)
        frame = curves.parameters_frame().set_index("retention_cohort")
        assert frame.loc["wholesale/wholesale/other/24/free", "pooled_from"] is not None
        assert frame.loc["wholesale/wholesale/other/24/free", "level"] < 0.6
