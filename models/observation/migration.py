"""Contracts that begin in a heap: a migration, or a start date that stands for none.

When a system is replaced, contracts are often taken along with the day of the migration as their start. Customers of
many years then look like newcomers, and newcomers look loyal, because most of those who share their tenure are old
hands. The heap is told from a launch by its size alone, which is why it is said wherever it is found.
"""

from dataclasses import dataclass

import pandas as pd

from models.observation.parameters import ObservationParameters
from models.observation.window import month_name


@dataclass(frozen=True)
class Heap:
    """Customers of one source system whose first contracts begin in one month.

    Attributes:
        source_system: whose they are.
        month: the month end by which they have begun, year * 12 + month.
        customers: how many.
        share: of all customers of the system who have ever begun.
    """

    source_system: str
    month: int
    customers: int
    share: float

    @property
    def evidence(self) -> str:
        """What was found, in a sentence."""
        return (
            f"{self.share:.0%} of all customers begin in {month_name(self.month)} and hardly anybody before, as after a"
            " migration: how long they have been customers is not known, and is assumed when churn is learned."
        )


def heaps(starts: pd.DataFrame, parameters: ObservationParameters | None = None) -> list[Heap]:
    """Find the heap of each source system that has one.

    A heap holds at least ``least_heap_share`` of the system's customers and ``least_heap_customers``, is
    ``heap_to_usual`` times as large as the median month after it, and next to nobody begins before it.

    Args:
        starts: ``source_system``, ``month_number`` and ``customers_started``, one row per system and month or more.
        parameters: the defaults where None.
    """
    parameters = parameters or ObservationParameters()
    found = []
    for source, rows in starts.groupby("source_system", sort=True):
        by_month = rows.groupby("month_number")["customers_started"].sum()
        by_month = by_month[by_month > 0].sort_index()
        if by_month.empty:
            continue
        month = int(str(by_month.idxmax()))
        customers, total = float(by_month.loc[month]), float(by_month.sum())
        before, after = by_month[by_month.index < month].sum(), by_month[by_month.index > month]
        usual = float(after.median()) if len(after) else 0.0
        is_heap = (
            customers >= max(parameters.least_heap_customers, parameters.least_heap_share * total)
            and customers >= parameters.heap_to_usual * usual
            and before <= parameters.most_before_heap * total
            and len(after) > 0
        )
        if is_heap:
            found.append(Heap(str(source), month, int(customers), customers / total))
    return found
