"""Months of the year in which customers leave, such as July where students do, and those in which they stay.

Each stretch of months is held against the same months of the other years: August to June of students is not compared
with July. Where no other year has them, a year's rhythm cannot be told from a record that begins or ends, and the
stretch is held against the quieter ones of the other months, of which there must be a few.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from models.retention.shifted_beta_geometric import Floats

_MONTHS_OF_YEAR = 12
_LEAST_EXPECTED = 5.0  # endings due by the same months of other years, from which these are compared
_LEAST_MONTHS = 3  # other months, where there are no same ones
_QUIET = 0.25  # the quantile of their rates that is taken
TESTED_RATE = 2.0  # times most_rate
IMPROBABLE = 0.01
_PULL = 5.0  # endings by which the factor of a month of the year is drawn to 1


def is_low_for_the_season(
    at_risk: Floats, churned: Floats, places: NDArray[np.int64], most_rate: float
) -> NDArray[np.bool_]:
    """Whether the months before each place have few endings for the season, by those from it on.

    At most ``most_rate`` times as many as these make due, and by more than chance less than twice that: by the
    conditional binomial where the same months of other years tell, else by a Poisson test of the quiet months' rate.

    Args:
        at_risk, churned: customers and endings of consecutive months, arrays (months,).
        places: numbers of months, each at least 1 and below that of all.
        most_rate: see ``ObservationParameters``.
    """
    tested = min(TESTED_RATE * most_rate, 1.0)
    observed, expected, same_after = _by_same_months(at_risk, churned, places)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = tested * expected / (tested * expected + same_after)
        chance = binom.cdf(observed, observed + same_after, share)
    is_low = (observed <= most_rate * expected) & (chance <= IMPROBABLE)
    is_matched = expected >= _LEAST_EXPECTED
    rates, quiet = churned / np.maximum(at_risk, 1.0), np.zeros(len(places))
    for index in np.flatnonzero(~is_matched):
        quiet[index] = np.quantile(rates[places[index] :], _QUIET, method="lower")
    before, due = np.cumsum(churned)[places - 1], quiet * np.cumsum(at_risk)[places - 1]
    is_low_otherwise = (before <= most_rate * due) & (poisson.cdf(before, tested * due) <= IMPROBABLE)
    is_low_otherwise &= len(at_risk) - places >= _LEAST_MONTHS
    return np.where(is_matched, is_low, is_low_otherwise)


def season_factors(churned: Floats, expected: Floats, place: int) -> Floats:
    """By how much endings differ from those expected in each month of the year, from ``place`` on; 1 if under a year.

    Args:
        churned, expected: endings of consecutive months, arrays (months,).
        place: the first month that counts.
    """
    if len(churned) - place < _MONTHS_OF_YEAR:
        return np.ones(len(churned))
    of_year = np.arange(len(churned)) % _MONTHS_OF_YEAR
    seen, due = (
        np.bincount(of_year[place:], each[place:], minlength=_MONTHS_OF_YEAR) + _PULL for each in (churned, expected)
    )
    return (seen / due)[of_year]


def _by_same_months(at_risk: Floats, churned: Floats, places: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Of the months of the year that come after each place too: endings before it, how many were due, and those after.

    Arrays (places,), the endings rounded.
    """
    is_of_month = np.arange(len(at_risk)) % _MONTHS_OF_YEAR == np.arange(_MONTHS_OF_YEAR)[:, None]
    risk_to_date, churned_to_date = (np.cumsum(np.where(is_of_month, each, 0.0), axis=1) for each in (at_risk, churned))
    risk_before, churned_before = risk_to_date[:, places - 1], churned_to_date[:, places - 1]
    risk_after, churned_after = risk_to_date[:, -1:] - risk_before, churned_to_date[:, -1:] - churned_before
    is_same = (risk_after > 0) & (risk_before > 0)
    rate = np.divide(churned_after, risk_after, out=np.zeros_like(churned_after), where=is_same)
    observed, after = (np.where(is_same, each, 0.0).sum(axis=0) for each in (churned_before, churned_after))
    return np.round(observed), (rate * risk_before).sum(axis=0), np.round(after)
