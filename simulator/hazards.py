"""The planted hazard of each customer, by family, and what is left of a cohort under it.

A customer in spell month t (1, 2, ...) has a rate of its own, theta x behavior, which commitment and its end move by a
factor. In the family ``beta`` that rate, a beta draw, is the chance to leave, the same in every month: a cohort is a
shifted-beta-geometric mixture (Fader and Hardie 2007). In the other families it is the rate of a proportional hazard

    1 - exp(-theta x behavior x factor x g(t) x season(month)),

theta a gamma frailty of the same mean as that beta (Vaupel, Manton and Stallard 1979), and everybody's own hazard
changes with tenure: g(t) = t^c - (t - 1)^c for ``weibull`` and e^(-d t / 12) for ``gompertz``, each with a mean of 1
over the first year. Nothing of this is a beta of any kind.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, gammaincinv

from simulator.parameters import MAXIMUM_TENURE_MONTHS, Hazards, SimulationParameters
from simulator.randomness import Flags, Floats, Integers

TERMS = (0, 12, 24)
_PROBABILITIES = np.linspace(0.0, 1.0, 4097)
# Longer than any tenure and horizon together; beyond, the hazard stays where it is.
_BASELINE_MONTHS = 600
_MOST_LIKELY = 0.95


def cohort_key(market: str, family: str, term: int, betas: dict[str, tuple[float, float]]) -> str:
    """Return the key of the cohort's beta: market/product/term, or the market alone."""
    key = f"{market}/{'internet' if family == 'internet' else 'other'}/{term}"
    return key if key in betas else market


def theta_at(hazards: Hazards, cohort: str, probability: Floats) -> Floats:
    """Return quantiles of a cohort's theta."""
    alpha, beta = hazards.beta[cohort]
    if hazards.family == "beta":
        return np.asarray(np.interp(probability, _PROBABILITIES, _beta_quantiles(alpha, beta)))
    shape = 1.0 / hazards.frailty_variance
    return np.asarray(alpha / (alpha + beta) * gammaincinv(shape, probability) / shape)


@lru_cache(maxsize=64)
def _beta_quantiles(alpha: float, beta: float) -> Floats:
    return np.asarray(betaincinv(alpha, beta, _PROBABILITIES))


def hazard(
    parameters: SimulationParameters,
    theta: Floats,
    behavior: Floats,
    spell_month: Integers,
    term: Integers,
    renews: Flags,
    month: ArrayLike = 0,
) -> Floats:
    """Return the true chance to leave in each spell month (1, 2, ...), given service until then.

    `month` is the calendar month of it, since 1970; without seasons it does not matter.
    """
    hazards = parameters.hazards
    factor = _factor(hazards, spell_month, term, renews)
    if hazards.family == "beta":
        return np.minimum(theta * behavior * factor, _MOST_LIKELY)
    passed = np.clip(spell_month, 1, _BASELINE_MONTHS) - 1
    return -np.expm1(-theta * behavior * factor * _baseline(hazards)[passed] * _season(hazards, np.asarray(month)))


def survival(
    parameters: SimulationParameters,
    theta: Floats,
    behavior: Floats,
    months: Integers,
    term: Integers,
    renews: Flags,
    start_month: ArrayLike = 0,
) -> Floats:
    """Return the chance to survive the first `months` spell months (at most MAXIMUM_TENURE_MONTHS), in closed form."""
    rates = parameters.hazards
    raw = theta * behavior
    if rates.family != "beta":
        by_start = _cumulative(rates)
        start = np.asarray(start_month) % 12
        return np.exp(-raw * by_start[start, np.searchsorted(TERMS, term), renews.astype(np.int64), months])
    committed = np.where(renews & (term > 0), months, np.minimum(months, term))
    is_freed = (term > 0) & ~renews
    spike = np.where(is_freed, np.clip(months - term, 0, rates.expiry_months), 0)
    free = months - committed - spike
    kept = (1 - np.minimum(raw * rates.committed_multiplier, _MOST_LIKELY)) ** committed
    kept *= (1 - np.minimum(raw * rates.expiry_multiplier, _MOST_LIKELY)) ** spike
    return np.asarray(kept * (1 - np.minimum(raw, _MOST_LIKELY)) ** free)


def months_until_steady(parameters: SimulationParameters, explicit: int) -> int:
    """Return after how many months ahead a hazard stays what it is: `explicit` for a family whose own never changes."""
    return explicit if parameters.hazards.family == "beta" else max(*parameters.costs.horizons, explicit)


def _factor(hazards: Hazards, spell_month: Integers, term: Integers, renews: Flags) -> Floats:
    committed = (spell_month <= term) | (renews & (term > 0))
    expired = (spell_month > term) & (spell_month <= term + hazards.expiry_months) & (term > 0) & ~renews
    return np.where(committed, hazards.committed_multiplier, np.where(expired, hazards.expiry_multiplier, 1.0))


def _season(hazards: Hazards, month: Integers) -> Floats:
    return 1.0 + hazards.seasonality * np.cos(2 * np.pi * (month % 12 - (hazards.busiest_month - 1)) / 12)


def _baseline(hazards: Hazards) -> Floats:
    return _baseline_of(hazards.family, hazards.duration_shape, hazards.annual_decline)


@lru_cache(maxsize=64)
def _baseline_of(family: str, shape: float, annual_decline: float) -> Floats:
    month = np.arange(1.0, _BASELINE_MONTHS + 1)
    weibull, gompertz = month**shape - (month - 1) ** shape, np.exp(-annual_decline * month / 12)
    baseline = weibull if family == "weibull" else gompertz
    return np.asarray(baseline / baseline[:12].mean())


def _cumulative(hazards: Hazards) -> Floats:
    """Return the sum of all factors over the first 0, 1, ... spell months, by month of the start, term and renewal."""
    start, term = np.arange(12)[:, None, None, None], np.array(TERMS)[:, None, None]
    renews, passed = np.array([False, True])[:, None], np.arange(1, MAXIMUM_TENURE_MONTHS + 1)
    monthly = _factor(hazards, passed, term, renews) * _baseline(hazards)[passed - 1] * _season(hazards, start + passed)
    return np.concatenate([np.zeros((*monthly.shape[:-1], 1)), np.cumsum(monthly, axis=-1)], axis=-1)
