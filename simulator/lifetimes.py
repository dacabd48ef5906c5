"""When customers arrive, leave, return, are suspended and fall silent, under the planted hazard.

Months are counted as the pipeline counts them: a spell that starts in month s is first at risk in month s + 1 (its
spell month 1), and a churn in month m means open at the end of m - 1 and not at the end of m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.hazards import TERMS, cohort_key, hazard, survival, theta_at
from simulator.months import NEVER, Window, first_day
from simulator.parameters import MAXIMUM_TENURE_MONTHS, SimulationParameters
from simulator.population import MARKETS, METHODS, Customers, archetype_names
from simulator.randomness import Draws, Flags, Floats, Integers

REASONS = ("voluntary", "moved", "involuntary", "other")
VOLUNTARY, MOVED, INVOLUNTARY, OTHER = range(4)
END_DAYS = (1, 27)
"""Days into its month that service ends, first and last."""
CUT_OFF_FROM_SPELL_MONTH = 4
"""Nobody is cut off for debt before: dunning takes time."""
SUSPENSION_DAYS_BEFORE_CUT_OFF = 45
# The base is drawn by rejection; after this many rounds a handful of very loose customers keep their last draw.
_REJECTION_ROUNDS = 400
_AHEAD = 3


@dataclass(frozen=True)
class Spell:
    """One run of service of each customer of a chunk; `start_month` is NEVER where there is none."""

    start_month: Integers
    start_date: Integers
    end_month: Integers
    end_date: Integers
    reason: Integers
    term: Integers
    renews: Flags

    @property
    def exists(self) -> Flags:
        """Whether the customer has this spell."""
        return self.start_month < NEVER

    def open_at_end_of(self, month: int) -> Flags:
        """Whether service runs on the last day of a month."""
        return (self.start_month <= month) & (self.end_month > month)


@dataclass(frozen=True)
class Lifetimes:
    """The spells and interruptions of a chunk, dated beyond the window's end where the future is planted."""

    theta: Floats
    behavior: Floats
    first: Spell
    second: Spell
    order_date: Integers
    suspended_from: Integers
    suspended_to: Integers
    dormant_from: Integers
    dormant_to: Integers
    collapses: Flags

    @property
    def spells(self) -> tuple[Spell, Spell]:
        """Both spells."""
        return self.first, self.second


def _theta(parameters: SimulationParameters, customers: Customers, term: Integers, uniform: Floats) -> Floats:
    betas = parameters.hazards.beta
    theta = np.empty(len(uniform))
    for market, name in enumerate(MARKETS):
        for is_line in (True, False):
            for months in TERMS:
                rows = (customers.market == market) & ((customers.main_family == 0) == is_line) & (term == months)
                if rows.any():
                    key = cohort_key(name, "internet" if is_line else "other", months, betas)
                    theta[rows] = theta_at(parameters.hazards, key, uniform[rows])
    return theta


def _terms(parameters: SimulationParameters, draws: Draws, customers: Customers, stream: str) -> Integers:
    term = np.zeros(len(customers), dtype=np.int64)
    for market, name in enumerate(MARKETS):
        drawn = draws.pick(stream, customers.number, parameters.plans.term_shares[name])
        term = np.where(customers.market == market, np.array(TERMS)[drawn], term)
    return term


def _behavior(parameters: SimulationParameters, customers: Customers) -> Floats:
    hazards = parameters.hazards
    factors = np.array([hazards.behavior.get(name, 1.0) for name in archetype_names(parameters)])
    autopay = np.isin(customers.method, (METHODS.index("direct_debit"), METHODS.index("card")))
    return np.asarray(factors[customers.archetype] * np.where(autopay, hazards.autopay_multiplier, 1.0))


def _arrivals(
    parameters: SimulationParameters, draws: Draws, customers: Customers, window: Window, behavior: Floats
) -> tuple[Integers, Floats, Integers, Flags]:
    """Return start month, theta, term and renewal; those older than the window are the survivors of their cohort."""
    number = customers.number
    hazards = parameters.hazards
    term = _terms(parameters, draws, customers, "term")
    renews = (term > 0) & draws.flag("renews", number, parameters.plans.renewal_share)
    expected = hazards.monthly_arrivals * parameters.months
    # Employers and parents are there before the persons and firms that name them.
    is_new = draws.flag("arrives", number, expected / (1 + expected)) & ~np.isin(customers.segment, (3, 4))
    start = draws.integer("arrival month", number, window.first, window.last)
    start = np.where(
        draws.flag("pending", number, hazards.pending_share / max(expected / (1 + expected), 1e-9)),
        window.last + 1,
        start,
    )
    theta = _theta(parameters, customers, term, draws.uniform("theta", number))

    waiting = np.flatnonzero(~is_new)
    for attempt in range(1, _REJECTION_ROUNDS + 1):
        if not len(waiting):
            break
        ids = number[waiting]
        age = draws.integer("age", ids, 1, MAXIMUM_TENURE_MONTHS, step=attempt)
        part = _Subset(customers, waiting)
        trial = _theta(parameters, part, term[waiting], draws.uniform("theta", ids, step=attempt))  # type: ignore[arg-type]
        start[waiting], theta[waiting] = window.first - age, trial
        # A base that starts in month first - age has survived age - 1 months when the window opens.
        kept = survival(parameters, trial, behavior[waiting], age - 1, term[waiting], renews[waiting], start[waiting])
        waiting = waiting[draws.uniform("kept", ids, step=attempt) >= kept]
    return start, theta, term, renews


@dataclass(frozen=True)
class _Subset:
    """The two attributes that theta depends on, for some rows."""

    customers: Customers
    rows: Integers

    @property
    def market(self) -> Integers:
        return self.customers.market[self.rows]

    @property
    def main_family(self) -> Integers:
        return self.customers.main_family[self.rows]


def _churn(
    parameters: SimulationParameters,
    draws: Draws,
    number: Integers,
    window: Window,
    theta: Floats,
    behavior: Floats,
    spell: Spell,
    stream: str,
) -> Integers:
    """Return the month each spell ends in, drawn month by month to a little beyond the window."""
    end = np.full(len(number), NEVER, dtype=np.int64)
    for month in range(window.first, window.last + _AHEAD + 1):
        at_risk = (spell.start_month < month) & (end == NEVER)
        rate = hazard(parameters, theta, behavior, month - spell.start_month, spell.term, spell.renews, month)
        end[at_risk & draws.flag(stream, number, rate, step=month)] = month
    return end


def _end(
    parameters: SimulationParameters,
    draws: Draws,
    number: Integers,
    start_month: Integers,
    end_month: Integers,
    spell: int,
) -> tuple[Integers, Integers]:
    """Return end date (first day without service) and reason."""
    ends = end_month < NEVER
    day = draws.integer("end day", number, *END_DAYS, step=spell)
    end_date = np.where(ends, first_day(np.where(ends, end_month, 0)) + day, NEVER)
    shares = parameters.hazards.reasons
    reason = draws.pick("end reason", number, [shares[name] for name in REASONS], step=spell)
    is_early = end_month - start_month < CUT_OFF_FROM_SPELL_MONTH
    reason = np.where((reason == INVOLUNTARY) & is_early, VOLUNTARY, reason)
    return end_date, reason


def live(parameters: SimulationParameters, draws: Draws, customers: Customers, window: Window) -> Lifetimes:
    """Return the lifetimes of a chunk of customers."""
    number = customers.number
    behavior = _behavior(parameters, customers)
    start, theta, term, renews = _arrivals(parameters, draws, customers, window, behavior)
    start_date = first_day(start) + draws.integer("start day", number, 0, 27)
    lead = draws.integer("order lead", number, 0, 20)
    # A pending customer has ordered inside the window and starts after it.
    lead = np.where(start > window.last, start_date - window.last_day + draws.integer("order lead", number, 0, 9), lead)
    none = np.full(len(number), NEVER, dtype=np.int64)
    first = Spell(start, start_date, none, none, none, term, renews)
    end_month = _churn(parameters, draws, number, window, theta, behavior, first, "churn")
    end_date, reason = _end(parameters, draws, number, start, end_month, 1)
    first = Spell(start, start_date, end_month, end_date, reason, term, renews)

    hazards = parameters.hazards
    away = draws.integer("months away", number, *hazards.win_back_months)
    returns = (
        (end_month < NEVER) & (reason == VOLUNTARY) & draws.flag("returns", number, hazards.win_back_share)
        & (end_month + away <= window.last)
    )  # fmt: skip
    again = np.where(returns, end_month + away, NEVER)
    again_date = np.where(
        returns, first_day(np.where(returns, again, 0)) + draws.integer("return day", number, 0, 27), NEVER
    )
    second_term = np.where(draws.flag("return term", number, 0.5), 12, 0)
    second = Spell(again, again_date, none, none, none, second_term, np.zeros(len(number), dtype=bool))
    end_month = _churn(parameters, draws, number, window, theta, behavior, second, "churn again")
    end_date, reason = _end(parameters, draws, number, again, end_month, 2)
    second = Spell(again, again_date, end_month, end_date, reason, second_term, second.renews)

    suspended_from, suspended_to = _suspensions(parameters, draws, number, window, first, second)
    dormant_from, dormant_to = _dormancy(parameters, draws, number, window, first)
    return Lifetimes(
        theta=theta,
        behavior=behavior,
        first=first,
        second=second,
        order_date=start_date - lead,
        suspended_from=suspended_from,
        suspended_to=suspended_to,
        dormant_from=dormant_from,
        dormant_to=dormant_to,
        collapses=draws.flag("collapses", number, parameters.usage.collapse_share),
    )


def _suspensions(
    parameters: SimulationParameters, draws: Draws, number: Integers, window: Window, first: Spell, second: Spell
) -> tuple[Integers, Integers]:
    """Return one suspension per customer: before a cut-off for debt, or one that ends with payment."""
    begins = np.full(len(number), NEVER, dtype=np.int64)
    until = begins.copy()
    month = draws.integer("suspended month", number, window.first, window.last)
    episode = draws.flag("suspended", number, parameters.hazards.suspension_share * parameters.months / 12)
    episode &= (first.start_month < month - 2) & (first.end_month > month + 2)
    begins = np.where(episode, first_day(month) + 11, begins)
    until = np.where(episode, begins + draws.integer("suspended days", number, 8, 40), until)
    for spell in (first, second):
        cut_off = (spell.end_month < NEVER) & (spell.reason == INVOLUNTARY)
        begins = np.where(cut_off, spell.end_date - SUSPENSION_DAYS_BEFORE_CUT_OFF, begins)
        until = np.where(cut_off, spell.end_date, until)
    return begins, until


def _dormancy(
    parameters: SimulationParameters, draws: Draws, number: Integers, window: Window, spell: Spell
) -> tuple[Integers, Integers]:
    """Return months without any use, first and one past the last, NEVER for most."""
    silent = draws.flag("dormant", number, parameters.hazards.dormancy_share * parameters.months / 12)
    begins = draws.integer("dormant month", number, window.first, window.last - 1)
    until = begins + draws.integer("dormant months", number, 2, 12)
    silent &= (spell.start_month < begins - 3) & (spell.end_month > begins + 1)
    return np.where(silent, begins, NEVER), np.where(silent, np.minimum(until, spell.end_month), NEVER)
