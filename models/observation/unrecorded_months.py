"""The test for months in which endings were not recorded: too few of them to believe.

A history begins with survivors where customers who left were purged, or where a system began to record endings only on
some day: customers are there, and hardly any of them ends. Whether a leading stretch of months is such a one is a
one-sided test of two Poisson rates by the conditional binomial (Przyborowski & Wilenski 1940, Biometrika 31): given all
endings, those of the stretch are binomial under the ratio of the rates. Expected endings are standardized: customers
alike (market, commitment, band of tenure) are compared with one another, so that a young base, still committed, is not
taken for one whose endings are missing. Kinds of customers that are not seen afterwards say nothing.

A stretch counts as not recorded where its rate is at most ``most_rate`` times the later one, and below twice that by
more than chance: the test of this is made at ``significance`` divided by the number of months that the window could
begin with (Bonferroni). The first month is then the maximum-likelihood change point of the rate.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import binom, poisson

from models.observation.seasons import IMPROBABLE, TESTED_RATE, is_low_for_the_season, season_factors
from models.retention.shifted_beta_geometric import Floats

CELL_COLUMNS = ("retention_market", "is_committed", "tenure_band")
_PULL = 1.0  # endings by which the rate of a kind of customers is drawn to that of all
_SEEN = 1.0  # endings expected afterwards, from which a kind of customers is compared
_LEAST_AFTER = 3  # endings afterwards, from which there is a rate to compare with
_ROUNDS = 5
_MOST_LIKELIHOOD_RATIO = 10.0  # twice its logarithm; 0.16% of a chi-squared of one degree of freedom lie beyond
_MOST_PARTS = 3
_MASS_ENDINGS = 1e-6  # chance of so many endings in one month, times the months looked at


@dataclass(frozen=True)
class Counts:
    """Customers at risk and endings, arrays (kinds of customers, months); ``months`` are consecutive month numbers."""

    months: NDArray[np.int64]
    at_risk: Floats
    churned: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Counts":
        """Add up rows of ``CELL_COLUMNS``, ``month_number``, ``customers_at_risk`` and ``customers_churned``."""
        cell = frame.groupby(list(CELL_COLUMNS), dropna=False, sort=True).ngroup().to_numpy()
        month = frame["month_number"].to_numpy(dtype=np.int64)
        if not len(month):
            return cls(np.empty(0, dtype=np.int64), np.empty((0, 0)), np.empty((0, 0)))
        first, shape = month.min(), (cell.max() + 1, month.max() - month.min() + 1)
        place = cell * shape[1] + month - first
        at_risk, churned = (
            np.bincount(place, frame[name].to_numpy(dtype=np.float64), minlength=shape[0] * shape[1]).reshape(shape)
            for name in ("customers_at_risk", "customers_churned")
        )
        return cls(np.arange(first, first + shape[1]), at_risk, churned)

    def since(self, month: int) -> "Counts":
        """What there is from a month number on."""
        is_kept = self.months >= month
        return Counts(self.months[is_kept], self.at_risk[:, is_kept], self.churned[:, is_kept])

    def reversed(self) -> "Counts":
        """Time turned round; the months are numbered from 0."""
        return Counts(np.arange(len(self.months)), self.at_risk[:, ::-1], self.churned[:, ::-1])


@dataclass(frozen=True)
class Stretch:
    """A stretch of months in which endings were not recorded.

    Attributes:
        months: how many months it has.
        churned, expected: endings in it, and how many alike customers would have had at the later rate.
        rate_after: monthly rate of endings afterwards.
        p_value: chance of so few endings at twice ``most_rate`` times the later rate, times the months tried.
    """

    months: int
    churned: float
    expected: float
    rate_after: float
    p_value: float


def unrecorded_stretch(
    counts: Counts, most_rate: float, significance: float, least_expected: float, most_months: int | None = None
) -> Stretch | None:
    """Find the leading stretch of months whose endings are too few to believe; None where there is none.

    Customers who left together, such as those of a reseller, are one event and not a rate: what is found must still be
    low beside the later months without those in which far more left than in the others.
    """
    found = _leading_stretch(counts, most_rate, significance, least_expected, most_months)
    if found is None:
        return None
    usual = _without_mass_endings(counts, found.months)
    if usual is None or _is_still_low(usual, found.months, most_rate):
        return found
    return unrecorded_stretch(usual, most_rate, significance, least_expected, most_months)


def _leading_stretch(
    counts: Counts, most_rate: float, significance: float, least_expected: float, most_months: int | None
) -> Stretch | None:
    months = counts.at_risk.shape[1] if counts.at_risk.size else 0
    tried = np.arange(1, months if most_months is None else min(months, most_months + 1))
    if not len(tried):
        return None
    before, expected, after, expected_after = _compared(counts, tried)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = _share_of_stretch(expected, expected_after, most_rate)
        p_value = np.minimum(binom.cdf(before, before + after, share) * len(tried), 1.0)
        is_low = before / expected <= most_rate * after / expected_after
    if is_low.any():
        is_low &= is_low_for_the_season(counts.at_risk.sum(axis=0), counts.churned.sum(axis=0), tried, most_rate)
    is_found = (expected >= least_expected) & (after >= _LEAST_AFTER) & is_low & (p_value <= significance)
    if not is_found.any():
        return None
    gain = np.where(is_found, _likelihood(before, expected) + _likelihood(after, expected_after), -np.inf)
    place = _change_point(counts, int(tried[np.argmax(gain)]), is_low)
    before, expected, after, expected_after = (values[0] for values in _compared(counts, np.array([place])))
    share = _share_of_stretch(expected, expected_after, most_rate)
    return Stretch(
        months=place,
        churned=float(before),
        expected=float(expected),
        rate_after=float(counts.churned[:, place:].sum() / max(counts.at_risk[:, place:].sum(), 1.0)),
        p_value=float(min(binom.cdf(before, before + after, share) * len(tried), 1.0)),
    )


def _without_mass_endings(counts: Counts, place: int) -> Counts | None:
    """Without the months from ``place`` on whose endings are improbable at the rate of the others; None for no such."""
    at_risk, churned = counts.at_risk.sum(axis=0), counts.churned.sum(axis=0)
    kept = np.flatnonzero((np.arange(len(churned)) >= place) & (at_risk > 0))
    is_dropped = np.zeros(len(churned), dtype=bool)
    while len(kept) > 1:
        fullest = kept[np.argmax(churned[kept] / at_risk[kept])]
        others = kept[kept != fullest]
        usual = churned[others].sum() / at_risk[others].sum() * at_risk[fullest]
        if poisson.sf(churned[fullest] - 1, usual) * len(kept) > _MASS_ENDINGS:
            break
        is_dropped[fullest] = True
        kept = others
    if not is_dropped.any():
        return None
    return Counts(counts.months, np.where(is_dropped, 0.0, counts.at_risk), np.where(is_dropped, 0.0, counts.churned))


def _is_still_low(counts: Counts, months: int, most_rate: float) -> bool:
    before, expected, after, expected_after = (values[0] for values in _compared(counts, np.array([months])))
    if after < _LEAST_AFTER or expected <= 0:
        return False
    return bool(before / expected <= TESTED_RATE * most_rate * after / expected_after)


def latest_hole(counts: Counts, most_rate: float, significance: float, least_expected: float) -> Counts | None:
    """What there is from the beginning of the latest stretch with hardly an ending that is not the first; else None.

    A year whose leavers were deleted, or nobody recorded, between years in which they were. Each month without an
    ending worth speaking of is tried as its beginning, so that the test is made at ``significance`` divided by them.
    """
    churned, at_risk = counts.churned.sum(axis=0), counts.at_risk.sum(axis=0)
    usual = churned.sum() / max(at_risk.sum(), 1.0)
    is_quiet = churned <= most_rate * usual * at_risk
    tried = np.flatnonzero(is_quiet[1:] & ~is_quiet[:-1]) + 1
    for start in reversed(tried):
        rest = counts.since(int(counts.months[start]))
        if unrecorded_stretch(rest, most_rate, significance / len(tried), least_expected):
            return rest
    return None


def is_recorded(counts: Counts, months: int, most_rate: float, rate_after: float) -> bool:
    """Whether the first ``months`` have too many endings for a stretch in which they were not recorded.

    Beyond ``most_rate`` times the later rate, by the same test; of a group that hardly loses anybody afterwards, times
    ``rate_after``, that of the group above it.
    """
    if not 0 < months < counts.at_risk.shape[1]:
        return False
    before, expected, after, expected_after = (values[0] for values in _compared(counts, np.array([months])))
    if after >= _LEAST_AFTER and expected > 0:
        share = most_rate * expected / (most_rate * expected + expected_after)
        return bool(binom.sf(before - 1, before + after, share) <= IMPROBABLE)
    before, at_risk = counts.churned[:, :months].sum(), counts.at_risk[:, :months].sum()
    return bool(poisson.sf(before - 1, most_rate * rate_after * at_risk) <= IMPROBABLE)


def speaks_against(counts: Counts, months: int, own_months: int) -> bool:
    """Whether a stretch of ``months`` is far less likely than ``own_months``, by the ratio of their likelihoods."""
    latest = max(months, own_months)
    if not 0 < min(months, own_months) <= latest < counts.at_risk.shape[1]:
        return months != own_months
    churned, expected = _by_month(counts, latest)
    own, other = (
        float(sum(_likelihood(part.sum(), due.sum()) for part, due in _halves(churned, expected, place)))
        for place in (own_months, months)
    )
    return 2.0 * (own - other) > _MOST_LIKELIHOOD_RATIO


def _halves(churned: Floats, expected: Floats, place: int) -> tuple[tuple[Floats, Floats], ...]:
    return (churned[:place], expected[:place]), (churned[place:], expected[place:])


def _by_month(counts: Counts, place: int) -> tuple[Floats, Floats]:
    """Endings and expected endings by month, of the kinds of customers seen from a place on, at their rates there."""
    rate, is_seen = (values[:, 0] for values in _rates(counts, np.array([place])))
    return counts.churned[is_seen].sum(axis=0), rate[is_seen] @ counts.at_risk[is_seen]


def _share_of_stretch(expected: Floats, expected_after: Floats, most_rate: float) -> Floats:
    """Share of all endings that fall in the stretch under H0."""
    at_least = min(TESTED_RATE * most_rate, 1.0) * expected
    return at_least / (at_least + expected_after)


def _rates(counts: Counts, places: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Rate of each kind of customers from each place on, and whether it is seen there, arrays (kinds, places)."""
    at_risk, churned = (
        np.cumsum(values[:, ::-1], axis=1)[:, ::-1][:, places] for values in (counts.at_risk, counts.churned)
    )
    overall = churned.sum(axis=0) / np.maximum(at_risk.sum(axis=0), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (churned + _PULL) / (at_risk + _PULL / overall)
    return np.where(overall > 0, rate, 0.0), at_risk * overall >= _SEEN


def _compared(counts: Counts, places: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Endings and expected endings before each place, then from it on, of the kinds of customers seen from it on."""
    rate, is_seen = _rates(counts, places)
    at_risk_before, churned_before = (
        np.cumsum(values, axis=1)[:, places - 1] for values in (counts.at_risk, counts.churned)
    )
    at_risk_all, churned_all = (values.sum(axis=1)[:, None] for values in (counts.at_risk, counts.churned))
    sums = (
        churned_before,
        rate * at_risk_before,
        churned_all - churned_before,
        rate * (at_risk_all - at_risk_before),
    )
    before, expected, after, expected_after = ((np.where(is_seen, each, 0.0)).sum(axis=0) for each in sums)
    return np.round(before), expected, np.round(after), expected_after


def _likelihood(churned: Floats, expected: Floats) -> Floats:
    """Poisson log-likelihood at its own rate, up to what does not depend on where the change is."""
    return np.asarray(xlogy(churned, churned / np.where(expected > 0, expected, 1.0)))


def _change_point(counts: Counts, place: int, is_low: NDArray[np.bool_]) -> int:
    """Where the rate changes, by likelihood, at the rates that kinds of customers and seasons have from there on.

    ``is_low`` says of each number of months from 1 on whether the rate before is a low one; only there it may change.
    """
    most = len(is_low)
    for _ in range(_ROUNDS):
        churned, expected = _by_month(counts, place)
        expected = expected * season_factors(churned, expected, place)
        before, expected_before = np.cumsum(churned)[:most], np.cumsum(expected)[:most]
        likelihood = _likelihood(before, expected_before) + _likelihood(
            churned.sum() - before, expected.sum() - expected_before
        )
        found = int(np.argmax(np.where(is_low, likelihood, -np.inf))) + 1
        if found == place:
            break
        place = found
    # The month that the recording began in is a part of one.
    level = churned[place:].sum() / max(expected[place:].sum(), 1e-300)
    for _ in range(_MOST_PARTS):
        # A month with so few endings right after the change was recorded in part.
        if place >= most or not is_low[place] or poisson.cdf(churned[place], expected[place] * level) > IMPROBABLE:
            break
        place += 1
    return place
