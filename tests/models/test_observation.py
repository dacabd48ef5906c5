"""From when on endings are on record is found where it is so, and nowhere else."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.planted_histories import TRUTHS, PlantedHistory, Recording, plant_history
from benchmarks.windows import begun_within
from models.observation.right_edge import complete_through
from models.observation.window import STRATUM_COLUMNS, EndingsWindow
from models.retention.curves import RetentionCurves

SEEDS = range(100)
FIRST = 24_000


def history(seed: int, **more) -> PlantedHistory:
    truth = list(TRUTHS)[seed % len(TRUTHS)]
    return plant_history(truth, seed, **({"customers": 2_000, "months": 48} | more))


def consumers(window: EndingsWindow) -> pd.Series:
    return window.windows_.set_index("market_segment").loc["consumer"]


def july(month: int) -> float:
    """The share that leaves after a month end: a fifth in July, as students do."""
    return 0.20 if (month + 1) % 12 == 7 else 0.004


def months(rate, *, customers: int = 1_000, first: int = FIRST, length: int = 48, seed: int = 0, **strata):
    """So many customers at risk in every month, of whom ``rate`` leave; one kind of them."""
    names = {"source_system": "all", "retention_market": "consumer", "market_segment": "consumer"} | strata
    rates = [rate(month) if callable(rate) else rate for month in range(first, first + length)]
    churned = np.random.default_rng(seed).binomial(customers, rates)
    return pd.DataFrame(
        {
            **names, "is_committed": False, "tenure_band": 0, "month_number": np.arange(first, first + length),
            "customers_at_risk": customers, "customers_churned": churned,
        }
    )  # fmt: skip


def test_a_purged_history_begins_when_the_purge_ended_within_a_month_in_95_of_100() -> None:
    off = []
    for seed in SEEDS:
        planted = history(seed, recording=Recording(purged_months=24))
        found = EndingsWindow().fit(planted.months_at_risk())
        off.append(abs(consumers(found)["first_month"] - (planted.first_complete_month - 1)))
    assert sum(months_off <= 1 for months_off in off) >= 95


def test_no_window_is_invented_in_95_of_100_histories_that_are_complete() -> None:
    complete = 0
    for seed in SEEDS:
        planted = begun_within(history(seed))
        found = EndingsWindow().fit(planted.months_at_risk())
        complete += found.windows_["first_month"].isna().all() and found.last_month_ == planted.last_month - 1
    assert complete >= 95


@pytest.mark.parametrize("seed", range(10))
def test_endings_recorded_in_the_last_four_months_alone_are_found(seed: int) -> None:
    planted = history(seed, customers=3_000, recording=Recording(unrecorded_months=4))
    found = EndingsWindow().fit(planted.months_at_risk())
    assert abs(consumers(found)["first_month"] - (planted.first_complete_month - 1)) <= 1
    assert found.is_learnable_


def test_without_the_window_churn_would_come_out_wrong_by_a_factor_of_two() -> None:
    """What this module is for: its window gives the right churn, the whole history does not."""
    predicted, unwindowed, true = [], [], []
    for seed in range(4):
        planted = history(seed, recording=Recording(purged_months=18), months=72)
        first = int(consumers(EndingsWindow().fit(planted.months_at_risk()))["first_month"]) + 1
        for start, into in ((first, predicted), (planted.first_month, unwindowed)):
            curves = RetentionCurves().fit(planted.exposures(start), commitment_ends=planted.commitment_ends(start))
            survival = np.prod(1.0 - curves.hazard(planted.customers, 12), axis=1)
            into.append(1.0 - survival.mean())
        true.append(planted.customers["true_churn_12"].mean())
    assert np.sum(predicted) / np.sum(true) == pytest.approx(1.0, abs=0.1)
    assert np.sum(unwindowed) / np.sum(true) < 0.6


def test_systems_that_began_on_different_days_have_windows_of_their_own() -> None:
    old, new = (months(0.01, source_system=name, seed=seed) for seed, name in enumerate(("old", "new")))
    old.loc[:11, "customers_churned"], new.loc[:29, "customers_churned"] = 0, 0
    found = EndingsWindow().fit(pd.concat([old, new])).windows_.set_index("source_system")["first_month"]
    assert found.to_dict() == {"old": FIRST + 12, "new": FIRST + 30}


def test_a_group_with_a_window_of_its_own_is_named_where_the_window_is_said() -> None:
    whole = months(0.01, source_system="whole", customers=5_000)
    purged = months(0.01, source_system="purged", seed=1)
    purged.loc[:23, "customers_churned"] = 0
    said = EndingsWindow().fit(pd.concat([whole, purged])).decision_
    assert re.search(r"as far back as contracts reach. Of purged: from 2002-0[12]. Churn is learned", said)


def test_a_market_that_is_complete_keeps_its_history_beside_one_that_was_purged() -> None:
    purged = months(0.01, seed=1)
    purged.loc[:23, "customers_churned"] = 0
    whole = months(0.01, seed=2, retention_market="business", market_segment="small_business")
    found = EndingsWindow().fit(pd.concat([purged, whole])).windows_.set_index("market_segment")
    assert found.loc["consumer", "first_month"] == FIRST + 24
    assert pd.isna(found.loc["small_business", "first_month"])


def test_a_market_too_small_to_tell_takes_the_window_of_all() -> None:
    purged = months(0.01)
    purged.loc[:23, "customers_churned"] = 0
    small = months(0.0, customers=12, retention_market="wholesale", market_segment="wholesale")
    found = EndingsWindow().fit(pd.concat([purged, small])).windows_.set_index("market_segment")
    assert found["first_month"].to_dict() == {"consumer": FIRST + 24, "wholesale": FIRST + 24}
    assert found.loc["wholesale", "found_for"] == "all"


def test_a_young_base_still_committed_is_not_taken_for_one_whose_endings_are_missing() -> None:
    committed, free = months(0.0005, length=24), months(0.02, first=FIRST + 24, length=24)
    both = pd.concat([committed.assign(is_committed=True), free])
    assert EndingsWindow().fit(both).windows_["first_month"].isna().all()


@pytest.mark.parametrize("left_together", [{44: 150}, {43: 90, 44: 150}, {20: 300, 44: 150}])
def test_a_reseller_who_leaves_with_all_customers_does_not_begin_the_record(left_together: dict[int, int]) -> None:
    rows = months(0.003)
    for month, customers in left_together.items():
        rows.loc[month, "customers_churned"] += customers
    assert EndingsWindow().fit(rows).windows_["first_month"].isna().all()


def test_a_purge_is_found_although_a_reseller_left_with_all_customers_since() -> None:
    rows = months(lambda month: 0.0 if month < FIRST + 24 else 0.01)
    rows.loc[44, "customers_churned"] += 150
    assert EndingsWindow().fit(rows).windows_["first_month"].iloc[0] == FIRST + 24


def test_what_the_settings_give_is_taken_whatever_the_data_say() -> None:
    rows = months(0.01)
    day = rows[list(STRATUM_COLUMNS)].drop_duplicates().assign(first_month=FIRST + 7)
    window = EndingsWindow().fit(rows, given=day).windows_.iloc[0]
    assert (window["first_month"], window["basis"]) == (FIRST + 7, "given")


@pytest.mark.parametrize(("first_ending", "expected"), [(30, FIRST + 24), (3, None)])
def test_with_too_few_endings_to_test_the_first_bill_decides_unless_endings_are_older(first_ending, expected) -> None:
    rows = months(0.0, customers=40)
    rows.loc[[first_ending, 40, 44], "customers_churned"] = 1
    found = EndingsWindow().fit(rows, first_bill_month=FIRST + 24).windows_["first_month"].iloc[0]
    assert (None if pd.isna(found) else found) == expected


def test_last_months_with_hardly_any_ending_do_not_count() -> None:
    rows = months(0.02)
    rows.loc[46:, "customers_churned"] = [5, 0]
    window = EndingsWindow().fit(rows)
    assert window.last_month_ == FIRST + 45
    assert "still being booked" in window.decision_


@pytest.mark.parametrize(
    ("delays", "months_ago"), [([0], 0), ([20], 1), ([45], 2), ([75], 3), ([0] * 99 + [300], 0), ([0] * 9 + [90], 3)]
)
def test_a_month_is_complete_once_nearly_all_of_its_endings_are_booked(delays: list[int], months_ago: int) -> None:
    frame = pd.DataFrame({"delay_days": delays, "endings": 1})
    assert complete_through(frame, FIRST, late_share=0.05) == FIRST - months_ago


@pytest.mark.parametrize(
    ("churned", "said"),
    [
        ({}, "No customer who left is on record"),
        ({10: 2}, "Only 2 customers who left are on record"),
        ({47: 400}, "400 of the 400 recorded endings fall in 2003-12"),
    ],
)
def test_what_cannot_be_learned_is_said(churned: dict[int, int], said: str) -> None:
    rows = months(0.0)
    rows.loc[list(churned), "customers_churned"] = list(churned.values())
    window = EndingsWindow().fit(rows)
    assert not window.is_learnable_
    assert window.decision_.startswith(said)


def test_no_customer_at_all_is_not_learned_from() -> None:
    window = EndingsWindow().fit(months(0.0).head(0), last_month=FIRST)
    assert not window.is_learnable_
    assert window.windows_.empty


@settings(max_examples=25)
@given(shift=st.integers(-5_000, 5_000), start=st.integers(0, 30), seed=st.integers(0, 99))
def test_the_window_moves_with_the_months_and_depends_on_no_order_of_rows(shift: int, start: int, seed: int) -> None:
    rows = months(0.02, seed=seed)
    rows.loc[: start - 1, "customers_churned"] = 0
    moved = rows.assign(month_number=rows["month_number"] + shift).sample(frac=1.0, random_state=seed)
    here, there = EndingsWindow().fit(rows), EndingsWindow().fit(moved)
    assert (there.windows_["first_month"] - shift).equals(here.windows_["first_month"])
    assert there.last_month_ - shift == here.last_month_
    assert len(here.within(rows)) == len(there.within(moved))


@pytest.mark.parametrize("length", [9, 11, 14, 20, 26, 38, 60])
def test_the_year_of_students_is_no_hole_wherever_it_begins_and_ends(length: int) -> None:
    for end in range(12):
        found = EndingsWindow().fit(months(july, first=FIRST + end, length=length, seed=end))
        assert found.windows_["first_month"].isna().all()
        assert found.last_month_ == FIRST + end + length - 1


@pytest.mark.parametrize("rate", [0.01, july])
@pytest.mark.parametrize(("start", "end"), [(0, 20), (0, 44), (24, 36), (30, 36), (50, 56)])
def test_endings_count_from_the_latest_stretch_without_any_on(rate, start: int, end: int) -> None:
    history = months(rate, length=72)
    history.loc[start : end - 1, "customers_churned"] = 0
    window = consumers(EndingsWindow().fit(history))
    assert window["first_month"] == FIRST + end
    assert window["endings_before"] <= 1  # a quiet month before it counts as its beginning


def test_a_system_that_recorded_on_is_not_cut_by_the_hole_of_another() -> None:
    holed, whole = (months(0.01, length=72, source_system=name) for name in ("holed", "whole"))
    holed.loc[24:35, "customers_churned"] = 0
    window = EndingsWindow().fit(pd.concat([holed, whole], ignore_index=True)).windows_.set_index("source_system")
    assert window["first_month"]["holed"] == FIRST + 36
    assert pd.isna(window["first_month"]["whole"])
