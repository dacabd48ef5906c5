"""Months and days as whole numbers since 1970, so that calendars stay vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.parameters import SimulationParameters

Integers = NDArray[np.int64]

NEVER = 1_000_000
"""A month or day that does not come."""


def first_day(month: Any) -> Integers:
    """Return the day number of the first day of each month."""
    return np.asarray(month).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def last_day(month: Any) -> Integers:
    """Return the day number of the last day of each month."""
    return first_day(np.asarray(month) + 1) - 1


def month_of(day: Any) -> Integers:
    """Return the month number a day lies in."""
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def add_months(day: Any, months: Any) -> Integers:
    """Move a day by whole months; its day of the month must be 28 or less."""
    start = month_of(day)
    return np.asarray(first_day(start + np.asarray(months)) + (np.asarray(day) - first_day(start)), dtype=np.int64)


@dataclass(frozen=True)
class Window:
    """The months that the simulated history covers, both ends included."""

    first: int
    last: int

    @classmethod
    def of(cls, parameters: SimulationParameters) -> Window:
        """Return the window that ends with the parameters' last month."""
        year, month = (int(part) for part in parameters.end_month.split("-"))
        last = (year - 1970) * 12 + month - 1
        return cls(last - parameters.months + 1, last)

    @property
    def months(self) -> range:
        """Month numbers, first to last."""
        return range(self.first, self.last + 1)

    @property
    def last_day(self) -> int:
        """The day after which nothing is known."""
        return int(last_day(self.last))


def label(month: int) -> str:
    """Return YYYY-MM."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"
