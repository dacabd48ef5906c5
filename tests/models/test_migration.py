"""Customers taken along in a migration are not taken for newcomers, and newcomers not for old hands."""

import pandas as pd
import pytest

from benchmarks.planted_histories import COMPLETE, TRUTHS, Recording, plant_history
from models.observation.migration import heaps
from models.observation.parameters import ObservationParameters

FIRST = 24_000


def starts(of_heap: int, usual: int, *, before: int = 0, months: int = 36, source: str = "all") -> pd.DataFrame:
    customers = [before, of_heap, *[usual] * months]
    return pd.DataFrame(
        {"source_system": source, "month_number": range(FIRST, FIRST + len(customers)), "customers_started": customers}
    )


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_month_of_a_migration_is_found(truth: str) -> None:
    planted = plant_history(truth, 1, customers=2_000, months=60, recording=Recording(migrated_months=30))
    begun = planted.months_by_segment().assign(source_system="all")
    (heap,) = heaps(begun)
    assert heap.month == planted.first_complete_month - 1


@pytest.mark.parametrize("truth", TRUTHS)
def test_no_heap_is_seen_in_a_history_that_was_not_migrated(truth: str) -> None:
    planted = plant_history(truth, 1, customers=2_000, months=60, recording=COMPLETE)
    assert heaps(planted.months_by_segment().assign(source_system="all")) == []


@pytest.mark.parametrize(
    ("begun", "is_heap"),
    [
        (starts(1_000, 20), True),
        (starts(1_000, 101), False),  # a growing operator that began with a good month
        (starts(99, 2), False),  # too few to tell from a launch
        (starts(1_000, 99, months=60), False),  # less than a fifth of all
        (starts(1_000, 20, before=100), False),  # a takeover: others were there before
        (starts(1_000, 20, months=0), False),  # nothing to compare with
        (starts(0, 0), False),
    ],
)
def test_a_heap_is_large_and_next_to_nobody_begins_before_it(begun: pd.DataFrame, is_heap: bool) -> None:
    assert bool(heaps(begun)) == is_heap


def test_each_system_has_its_own_migration() -> None:
    both = pd.concat([starts(1_000, 20, source="old"), starts(10, 10, source="new")])
    assert [(heap.source_system, heap.month) for heap in heaps(both)] == [("old", FIRST + 1)]
    assert heaps(both, ObservationParameters(least_heap_customers=2_000)) == []
