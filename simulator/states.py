"""The dated states of contracts: what a provider's systems kept of each change, on the day of the change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.contracts import Contracts
from simulator.months import NEVER, Window, add_months, first_day, month_of
from simulator.randomness import Integers

STATUSES = ("active", "suspended", "pending", "ended")
_ACTIVE, _SUSPENDED, _PENDING, _ENDED = range(4)


@dataclass(frozen=True)
class DatedStates:
    """One row for each contract and day on which something about it changed, up to the window's end."""

    contract: Integers
    valid_from: Integers
    status: Integers
    committed_until: Integers
    month: Integers


def dated_states(contracts: Contracts, window: Window) -> DatedStates:
    """Return the dated states: order, start, renewals, price and plan changes, suspension and end."""
    index = np.arange(len(contracts))
    events: list[tuple[Integers, Integers]] = [
        # Orders from before the window are not in the systems any more.
        (index, np.where(contracts.start_month >= window.first, contracts.order_date, contracts.start_date)),
        (index, contracts.start_date),
        (index, contracts.suspended_from),
        (index, contracts.suspended_to),
        (index, contracts.end_date),
    ]
    for month in (contracts.plan_change_month, contracts.price_month):
        dated = np.flatnonzero((month < NEVER) & (month > contracts.start_month))
        events.append((dated, first_day(month[dated])))
    renewing = np.flatnonzero(contracts.renews)
    run = contracts.term[renewing]
    while len(renewing):
        day = add_months(contracts.start_date[renewing], run)
        events.append((renewing, day))
        still = day <= window.last_day
        renewing, run = renewing[still], (run + contracts.term[renewing])[still]

    contract = np.concatenate([rows for rows, _ in events])
    day = np.concatenate([days for _, days in events])
    known = (day <= window.last_day) & (day <= contracts.end_date[contract])
    key = np.unique(contract[known] * np.int64(NEVER) + day[known])
    contract, day = key // NEVER, key % NEVER
    rows = contracts.take(contract)
    status = np.full(len(contract), _ACTIVE)
    status[(rows.suspended_from <= day) & (day < rows.suspended_to)] = _SUSPENDED
    status[day < rows.start_date] = _PENDING
    status[day >= rows.end_date] = _ENDED
    # Before the start the first month's price applies; on the last day the last one's.
    month = np.maximum(month_of(day), rows.start_month)
    return DatedStates(contract, day, status, rows.committed_until(day), month)
