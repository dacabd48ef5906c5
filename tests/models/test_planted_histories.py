"""Curves on histories as real systems keep them, under hazards that the models do not assume; the window is given.

A part of ``benchmarks.retention``, whose figures over 24 bases a setting stand in docs/benchmarks.md.
"""

import pandas as pd
import pytest

from benchmarks.planted_histories import COMPLETE, TRUTHS, PlantedHistory, Recording, plant_history
from benchmarks.retention import SETTINGS, campaign

# Every truth and every way to keep a history at least once.
BASES = {
    "complete, 36 months": (0, 4),
    "11 years, purged 24 months ago": (1, 5),
    "complete, 12 months": (2, 3),
    "booked 45 days late, last 4 months left out": (6,),
    "migrated 30 months ago, taken for customers of 36 months": (4,),
    "11 years, purged 12 months ago": (2,),
}


@pytest.fixture(scope="module")
def errors() -> pd.DataFrame:
    found = {name: campaign(SETTINGS[name], seeds) for name, seeds in BASES.items()}
    return pd.concat(found, names=["history"])


def test_every_truth_and_every_right_way_to_read_a_history_is_looked_at(errors):
    assert set(errors["truth"]) == set(TRUTHS)
    assert set(BASES) == {name for name, setting in SETTINGS.items() if not setting.is_wrong}


def test_value_of_36_months_is_right_in_the_mean_and_in_every_base(errors):
    assert abs(errors["value_36"].mean()) < 0.02
    assert errors["value_36"].abs().max() < 0.05


def test_value_of_20_years_is_right_in_the_mean(errors):
    assert abs(errors["value_240"].mean()) < 0.05


def test_churn_of_12_months_is_right_in_the_mean(errors):
    assert abs(errors["churn_12"].mean()) < 0.05
    assert errors["churn_12"].abs().max() < 0.20


def test_survivors_years_taken_for_exposure_make_churn_look_a_fraction_of_what_it_is():
    found = campaign(SETTINGS["purged 12 months ago, without the window"], [1])
    assert found["churn_12"].iloc[0] < -0.5
    assert found["value_240"].iloc[0] > 0.2


def plant(recording: Recording = COMPLETE, months: int = 60) -> PlantedHistory:
    return plant_history("gompertz", 3, customers=3_000, months=months, recording=recording)


def by_month(history: PlantedHistory) -> pd.DataFrame:
    return history.months_by_segment().groupby("month_number").sum(numeric_only=True)


RECORDINGS = {
    "complete": COMPLETE,
    "purged": Recording(purged_months=24),
    "unrecorded": Recording(unrecorded_months=24),
    "migrated": Recording(migrated_months=24),
    "late": Recording(booking_delay_days=60),
}


@pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)
def test_months_by_segment_and_exposures_count_the_same_customers(recording):
    history = plant(recording)
    months = history.months_by_segment()
    months = months[months["month_number"] >= history.first_complete_month]
    exposures = history.exposures(history.first_complete_month)
    for column in ("customers_at_risk", "customers_churned"):
        of_months, of_exposures = (each.groupby("market_segment")[column].sum() for each in (months, exposures))
        pd.testing.assert_series_equal(of_months[of_months > 0], of_exposures[of_exposures > 0], check_dtype=False)


@pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)
def test_a_month_begins_with_those_the_month_before_ended_with(recording):
    months = by_month(plant(recording))
    moved = months["customers_at_risk"] - months["customers_churned"] + months["customers_started"]
    # Who starts and leaves in one month was never at risk, and is in neither count of the next month.
    assert (moved.iloc[:-1].to_numpy() == months["customers_at_risk"].iloc[1:].to_numpy()).all()


def test_before_a_purge_hardly_anybody_leaves_and_from_it_on_as_many_as_ever():
    complete, purged = by_month(plant()), by_month(plant(Recording(purged_months=24)))
    first = plant(Recording(purged_months=24)).first_complete_month
    books = plant().first_month
    before = slice(books, first - 1)
    assert purged.loc[before, "customers_churned"].sum() < 0.15 * complete.loc[before, "customers_churned"].sum()
    assert (purged.loc[first:, "customers_churned"] == complete.loc[first:, "customers_churned"]).all()
    assert (purged.loc[first:, "customers_at_risk"] == complete.loc[first:, "customers_at_risk"]).all()


def test_a_migration_is_a_heap_of_starts_and_the_history_begins_with_it():
    history = plant(Recording(migrated_months=24))
    months = by_month(history)
    assert months.index[0] == history.first_complete_month - 1
    assert months["customers_started"].iloc[0] > 20 * months["customers_started"].iloc[1:].max()


def test_of_those_booked_late_the_last_months_know_a_part_and_their_customers_have_no_future():
    history, complete = plant(Recording(booking_delay_days=60)), plant()
    ratio = by_month(history)["customers_churned"] / by_month(complete)["customers_churned"]
    assert ratio.iloc[-3:].mean() < 0.75
    assert ratio.loc[history.last_month - 24 : history.last_month - 12].mean() > 0.97
    gone = history.customers[history.customers["is_gone"]]
    assert len(history.customers) - len(complete.customers) == len(gone) > 0
    assert (gone["true_months_240"] == 0).all()


def test_terms_of_those_who_left_before_they_were_recorded_are_unknown():
    history = plant(Recording(terms_known_months=12))
    unknown = history.exposures()
    unknown = unknown[unknown["retention_term"] == "unknown"]
    since = history.exposures(history.last_month - 11)
    assert unknown["customers_churned"].sum() > 0
    assert "unknown" not in set(since["retention_term"])
