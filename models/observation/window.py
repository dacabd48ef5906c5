"""The observation window of endings: from when on, and through when, customers who leave are on record.

Only months of the window count as exposure. A customer who came before it enters at its first month with the tenure
she has by then (left truncation: Klein & Moeschberger, Survival Analysis, 4.6; Linoff, Data Analysis Using SQL and
Excel, 8 and 9): the years before, in which nobody could be seen to leave, would make churn look a fraction of what it
is (immortal time). Tenure and past value are not touched.

The window is found by source system and market segment where their data say enough, else by the group above:

    all customers → source system → population within it → market segment within that.

A group takes the window of the group above it, which rests on more endings, unless its own endings speak against that:
a window of its own that is far more likely, or clearly more endings before it than a window allows, which is a longer
history. Where the
endings of all customers are too few for the test, the window begins with the first bill, or with the first recorded
ending if that is earlier.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.observation.parameters import ObservationParameters
from models.observation.right_edge import last_complete_month
from models.observation.unrecorded_months import (
    Counts,
    Stretch,
    is_recorded,
    latest_hole,
    speaks_against,
    unrecorded_stretch,
)

STRATUM_COLUMNS = ("source_system", "retention_market", "market_segment")
MONTH_COLUMNS = (*STRATUM_COLUMNS, "is_committed", "tenure_band", "month_number", "customers_at_risk",
                 "customers_churned")  # fmt: skip
WINDOW_COLUMNS = (
    *STRATUM_COLUMNS,
    "first_month",
    "last_month",
    "basis",
    "found_for",
    "endings_before",
    "expected_before",
    "monthly_rate",
    "p_value",
    "evidence",
)
ONLY_PREPAID = "Every open customer is prepaid: no contract ends, and top-ups tell who stays."
_GROUPS_NAMED = 3
AUTO, GIVEN, BILLS, COMPLETE = "found", "given", "first_bill", "complete"
_LEVELS: tuple[tuple[str, ...], ...] = tuple(STRATUM_COLUMNS[:length] for length in range(len(STRATUM_COLUMNS) + 1))


@dataclass(frozen=True)
class Window:
    """From which month on customers are at risk with their endings on record; months are year * 12 + month.

    Attributes:
        first_month: the first month end from which an ending in the month after it is on record; None: all of them.
        basis: ``found``, ``given``, ``first_bill`` or ``complete`` (nothing says that any are missing).
        found_for: the group whose endings tell, as ``all`` or ``billing/consumer``.
        stretch: the evidence where it was found.
    """

    first_month: int | None
    basis: str
    found_for: str
    stretch: Stretch | None = None

    @property
    def begins(self) -> int | None:
        """The first month of the stretch that it follows, None where it follows none."""
        return self.first_month - self.stretch.months if self.stretch and self.first_month is not None else None


class EndingsWindow(BaseEstimator):
    """The observation window of endings of each source system and market segment.

    Attributes:
        windows_: one row per stratum, ``WINDOW_COLUMNS``; ``first_month`` is null where nothing limits it.
        last_month_: the last month end whose following month is complete.
        is_learnable_: whether hazards can be learned from what the window holds.
        decision_: what was found, in a sentence.
    """

    windows_: pd.DataFrame
    last_month_: int
    is_learnable_: bool
    decision_: str

    def __init__(self, parameters: ObservationParameters | None = None) -> None:
        """Args: parameters: the defaults where None."""
        self.parameters = parameters

    def fit(
        self,
        months: pd.DataFrame,
        y: None = None,
        last_month: int | None = None,
        complete_through: int | None = None,
        first_bill_month: int | None = None,
        given: pd.DataFrame | None = None,
    ) -> Self:
        """Find the windows.

        Args:
            months: ``MONTH_COLUMNS``: customers open at the end of ``month_number`` and how many of them were gone by
                the end of the month after; all months that contracts reach back to.
            y: ignored, for scikit-learn.
            last_month: the last month end whose following month is known; that of ``months`` where None.
            complete_through: the last such month end that delays of booking leave complete; where None, the endings of
                the last months are tested against those before them.
            first_bill_month: the month of the first bill; None without bills.
            given: ``STRATUM_COLUMNS`` and ``first_month``, null where it is to be found.
        """
        parameters = self.parameters or ObservationParameters()
        months = months.astype({"customers_at_risk": "float64", "customers_churned": "float64"})
        last = last_month if last_month is not None else int(months["month_number"].max() if len(months) else 0)
        seen = months[months["month_number"] <= last]
        strata = seen[list(STRATUM_COLUMNS)].drop_duplicates().sort_values(list(STRATUM_COLUMNS)).reset_index(drop=True)
        self.last_month_ = last_complete_month(seen, last, complete_through, parameters)
        found = self._windows_by_group(seen[seen["month_number"] <= self.last_month_], first_bill_month, parameters)
        chosen = [found[tuple(stratum)] for stratum in strata.itertuples(index=False)]
        chosen = [_given_or(window, stratum, given) for window, stratum in zip(chosen, _keys(strata), strict=True)]
        self.windows_ = _windows_frame(strata, chosen, self.last_month_)
        self._learnable(self.within(seen), last, parameters, found[()])
        return self

    def without_contracts(self, months: pd.DataFrame, *, is_prepaid: bool) -> Self:
        """Say that there is nothing to learn, and no need to, where nobody is at risk because everybody is prepaid.

        Args:
            months: what the window was fitted on.
            is_prepaid: whether every open customer is.
        """
        check_is_fitted(self)
        if is_prepaid and months.empty:
            self.is_learnable_, self.decision_ = True, ONLY_PREPAID
        return self

    def within(self, months: pd.DataFrame) -> pd.DataFrame:
        """The rows of ``months`` (``STRATUM_COLUMNS``, ``month_number``) that lie within their window."""
        check_is_fitted(self)
        edges = self.windows_[[*STRATUM_COLUMNS, "first_month"]]
        joined = months[[*STRATUM_COLUMNS, "month_number"]].merge(edges, on=list(STRATUM_COLUMNS), how="left")
        first = joined["first_month"].astype("float64").fillna(-np.inf).to_numpy()
        number = months["month_number"].to_numpy()
        return months[(number >= first) & (number <= self.last_month_)]

    def _windows_by_group(
        self, months: pd.DataFrame, first_bill_month: int | None, parameters: ObservationParameters
    ) -> dict[tuple[object, ...], Window]:
        """The window of every group of every level, each beside the one above it."""
        windows: dict[tuple[object, ...], Window] = {}
        for level in _LEVELS:
            groups = months.groupby(list(level), dropna=False, sort=True) if level else [((), months)]
            for key, rows in groups:
                counts = Counts.of(rows)
                name = "/".join(map(str, key)) or "all"
                own = _own_window(counts, name, parameters)
                above = windows[key[:-1]] if key else _without_evidence(counts, first_bill_month, parameters)
                windows[key] = _beside(own, above, counts, name, parameters)
        return windows

    def _words_of_groups(self) -> str:
        """Name the groups whose window was found by their own endings."""
        own = self.windows_[~self.windows_["found_for"].isin(["all", "settings"])]
        own = own.drop_duplicates("found_for").sort_values("found_for")
        said = [
            f"{name}: {'as far back as contracts reach' if pd.isna(month) else f'from {month_name(int(month) + 1)}'}"
            for name, month in own[["found_for", "first_month"]].head(_GROUPS_NAMED).itertuples(index=False)
        ]
        if not said:
            return ""
        more = len(own) - len(said)
        others = f"; and of {more} more groups from months of their own" if more else ""
        return f"Of {'; of '.join(said)}{others}. "

    def _late_words(self, last_month: int) -> str:
        if self.last_month_ == last_month:
            return ""
        after = month_name(self.last_month_ + 1)
        return f"Endings after {after} are still being booked, so they do not count. "

    def _learnable(self, months: pd.DataFrame, last: int, parameters: ObservationParameters, overall: Window) -> None:
        by_month = months.groupby("month_number")["customers_churned"].sum()
        endings = by_month.sum()
        self.is_learnable_ = False
        if not endings:
            self.decision_ = "No customer who left is on record, so churn cannot be learned."
        elif endings < parameters.least_endings:
            self.decision_ = f"Only {endings:.0f} customers who left are on record: too few to learn churn from."
        elif by_month.max() > parameters.most_in_one_month * endings:
            month = month_name(int(str(by_month.idxmax())) + 1)
            self.decision_ = (
                f"{by_month.max():,.0f} of the {endings:,.0f} recorded endings fall in {month}: the data tell who left,"
                " not when, so churn cannot be learned."
            )
        else:
            self.is_learnable_ = True
            self.decision_ = (
                f"{_window_words(overall)} {self._words_of_groups()}{self._late_words(last)}"
                f"Churn is learned from {endings:,.0f} endings."
            )


def month_name(month_number: int) -> str:
    """A month number (year * 12 + month) as ``2025-03``."""
    return f"{(month_number - 1) // 12}-{(month_number - 1) % 12 + 1:02d}"


def _own_window(counts: Counts, name: str, parameters: ObservationParameters) -> Window | None:
    found: Window | None = None
    limits = (parameters.significance, parameters.least_expected)
    for seen, most_rate in (
        (counts, parameters.most_rate_before),
        (latest_hole(counts, parameters.most_rate_within, *limits), parameters.most_rate_within),
    ):
        stretch = unrecorded_stretch(seen, most_rate, *limits) if seen else None
        if seen and stretch and (found is None or int(seen.months[stretch.months]) > (found.first_month or 0)):
            found = Window(int(seen.months[stretch.months]), AUTO, name, stretch)
    return found


def _without_evidence(counts: Counts, first_bill_month: int | None, parameters: ObservationParameters) -> Window:
    """The window of all customers where the test finds none."""
    churned = counts.churned.sum(axis=0) if counts.at_risk.size else np.empty(0)
    if first_bill_month is None or not churned.any():
        return Window(None, COMPLETE, "all")
    first_ending = int(counts.months[np.flatnonzero(churned)[0]])
    if first_bill_month <= counts.months[0] or first_ending < first_bill_month:
        return Window(None, COMPLETE, "all")
    before = int(first_bill_month - counts.months[0])
    at_risk = counts.at_risk[:, :before].sum()
    rate = churned[before:].sum() / max(counts.at_risk[:, before:].sum(), 1.0)
    # With enough endings the test has spoken: then none were due before the first bill.
    is_tested = rate * at_risk >= parameters.least_expected
    return Window(None, COMPLETE, "all") if is_tested else Window(first_bill_month, BILLS, "all")


def _beside(own: Window | None, above: Window, counts: Counts, name: str, parameters: ObservationParameters) -> Window:
    """The window of a group: its own, or that of the group above."""
    told = [window for window in (own, above) if window is not None and window.begins is not None]
    if not told or not len(counts.months):
        return above
    # What counts is from the beginning of the stretch on: endings before a hole were recorded.
    since = counts.since(min(window.begins for window in told if window.begins is not None))
    if own is not None and own.stretch is not None:
        if above.stretch is None or above.first_month is None:
            return own
        places = (int(window.first_month - since.months[0]) for window in (above, own) if window.first_month)
        return own if speaks_against(since, *places) else above
    if above.stretch is not None and above.first_month is not None and len(since.months):
        before = int(above.first_month - since.months[0])
        if is_recorded(since, before, parameters.most_rate_before, above.stretch.rate_after):
            return Window(None, COMPLETE, name)
    return above


def _given_or(window: Window, stratum: tuple[object, ...], given: pd.DataFrame | None) -> Window:
    if given is None or given.empty:
        return window
    rows = given[np.logical_and.reduce([given[c] == v for c, v in zip(STRATUM_COLUMNS, stratum, strict=True)])]
    rows = rows[rows["first_month"].notna()]
    return window if rows.empty else Window(int(rows["first_month"].iloc[0]), GIVEN, "settings")


def _keys(strata: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(row) for row in strata.itertuples(index=False)]


def _windows_frame(strata: pd.DataFrame, windows: list[Window], last_month: int) -> pd.DataFrame:
    rows = [
        {
            "first_month": window.first_month,
            "last_month": last_month,
            "basis": window.basis,
            "found_for": window.found_for,
            "endings_before": window.stretch.churned if window.stretch else None,
            "expected_before": window.stretch.expected if window.stretch else None,
            "monthly_rate": window.stretch.rate_after if window.stretch else None,
            "p_value": window.stretch.p_value if window.stretch else None,
            "evidence": _window_words(window),
        }
        for window in windows
    ]
    frame = pd.DataFrame(rows, columns=list(WINDOW_COLUMNS[len(STRATUM_COLUMNS) :]))
    frame["first_month"] = frame["first_month"].astype("Int64")
    return pd.concat([strata, frame], axis=1)[list(WINDOW_COLUMNS)]


def _window_words(window: Window) -> str:
    if window.first_month is None:
        return "Endings are on record as far back as contracts reach."
    start = month_name(window.first_month + 1)
    if window.basis == GIVEN:
        return f"Endings count from {start}, as the settings say."
    if window.basis == BILLS or window.stretch is None:
        return f"Endings count from {start}, the first bill, because there are too few to test when recording began."
    stretch = window.stretch
    return (
        f"Endings are on record from {start}. The {stretch.months} months before have {stretch.churned:,.0f}, where"
        f" {stretch.expected:,.0f} would be expected at the later rate ({stretch.rate_after:.2%} a month)."
    )
