"""The exact expectation of what each customer's months ahead will bring.

A future month counts if the customer is still there at its end. It brings what it bills, less its costs, less what of
the bill is written off later: of all bills a few are never paid (`Billing.never_paid`), and who is cut off for debt
leaves the last ones open. A loss is weighed at the month in which it comes of age, `Costs.write_off_after_days` past
due.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from simulator.billing import DEBT_DAYS_BEFORE_SUSPENSION
from simulator.care import contact_rate
from simulator.contracts import Contracts, PriceList, by_customer
from simulator.hazards import TERMS, hazard, months_until_steady
from simulator.lifetimes import CUT_OFF_FROM_SPELL_MONTH, END_DAYS, SUSPENSION_DAYS_BEFORE_CUT_OFF, Lifetimes
from simulator.months import Window, first_day, month_of
from simulator.parameters import SimulationParameters
from simulator.population import METHODS, Customers
from simulator.randomness import Draws, Flags, Floats, Integers
from simulator.usage import Profiles, expected_gb

# After this many months every commitment, expiry month, discount and price round lies behind: margins no longer change.
EXPLICIT_MONTHS = 36
_CALENDAR = range(48)  # four years, one of them a leap year


@dataclass(frozen=True)
class MarginAhead:
    """What the contracts of a month end bill and cost per month, as long as the customer stays.

    `fees` are those of the months t = 0 (the month itself) to `EXPLICIT_MONTHS`, shape (customers, months + 1), less
    the discounts in force and at the prices that are scheduled; `charges` are for calls and for volume beyond the cap,
    billed a month later.
    """

    fees: Floats
    charges: Floats
    cost: Floats

    @property
    def now(self) -> Floats:
        """Margin of the month itself, before anything is written off."""
        return self.fees[:, 0] + self.charges - self.cost


def expected_overage(gb: Floats, cap: Floats, price: Floats, spread: float) -> Floats:
    """Return the expected charge for volume beyond a cap, per month.

    Volume is log-normal with mean `gb` and standard deviation `spread` of its log; the expectation of its excess over
    the cap is Black's formula. NaN caps mean none.
    """
    limit = np.where(np.isnan(cap), np.inf, cap)
    with np.errstate(divide="ignore"):
        upper = (np.log(gb / limit) + spread**2 / 2) / spread
    excess = gb * ndtr(upper) - np.where(np.isinf(limit), 0.0, cap * ndtr(upper - spread))
    return np.asarray(np.maximum(excess, 0.0) * price)


def margin_ahead(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    contracts: Contracts,
    profiles: Profiles,
    prices: PriceList,
    window: Window,
    month: int,
) -> MarginAhead:
    """Return what the contracts open at the end of the month bill and cost, that month and in those after it.

    They stay on their plans. Fees follow the price round that is planted, and nothing beyond it.
    """
    costs, size = parameters.costs, len(customers)
    held = contracts.take(contracts.open_at_end_of(month))
    plan = held.plan_in(month)
    fees = np.empty((size, EXPLICIT_MONTHS + 1))
    for t in range(EXPLICIT_MONTHS + 1):
        net = held.fee_of(plan, month + t, prices, parameters) - held.discount_in(month + t)
        fees[:, t] = by_customer(held.row, net, size)
    calls = np.where(prices.family[plan] == "fixed_voice", parameters.billing.voice_charge, 0.0)

    running = profiles.contracts.open_at_end_of(month)
    gb = np.where(running, expected_gb(parameters, window, profiles, month), 1e-12)
    line_plan = profiles.contracts.plan_in(month)
    # The month's sum varies with its own level and, a little, with its days.
    spread = float(np.hypot(parameters.usage.month_sd, 0.08))
    overage = expected_overage(gb, prices.cap_gb[line_plan], prices.overage[line_plan], spread)
    lines = profiles.contracts.row
    failure = np.array([parameters.billing.failure[name] for name in METHODS])[customers.method]
    return MarginAhead(
        fees=fees,
        charges=by_customer(held.row, calls, size) + by_customer(lines, np.where(running, overage, 0.0), size),
        cost=by_customer(held.row, prices.cost[plan], size)
        + by_customer(lines, np.where(running, gb * costs.per_gb, 0.0), size)
        + contact_rate(parameters, draws, customers) * costs.per_contact
        + failure * costs.per_payment_failure,
    )


@lru_cache(maxsize=1)
def open_bill_shares() -> Floats:
    """Return the chance that a bill of the first of a month is left open by who is cut off j = 0, 1, ... months later.

    The mean over the day of the end and over the calendar; the last one is above 0.
    """
    debt_days = DEBT_DAYS_BEFORE_SUSPENSION + SUSPENSION_DAYS_BEFORE_CUT_OFF
    day = np.arange(END_DAYS[0], END_DAYS[1] + 1)
    month = np.array(_CALENDAR)
    shares: list[float] = []
    while not shares or shares[-1] > 0:
        passed = (first_day(month + len(shares)) - first_day(month))[:, None] + day
        shares.append(float((passed < debt_days).mean()))
    return np.array(shares[:-1])


def months_to_write_off(parameters: SimulationParameters) -> int:
    """Return in which month after that of the bill it comes of age; bills are of the first of a month."""
    days = parameters.billing.due_days + parameters.costs.write_off_after_days
    return int((month_of(first_day(np.array(_CALENDAR)) + days) - np.array(_CALENDAR)).min())


def future_margin(
    parameters: SimulationParameters,
    lifetimes: Lifetimes,
    ahead: MarginAhead,
    spell_month: Integers,
    term: Integers,
    renews: Flags,
    month_now: int = 0,
) -> Floats:
    """Return the expected discounted margin over each horizon, shape (customers, horizons).

    The sum over t = 1..H of (m_t x S(t) - v^a x b_t x U(t)) x v^t, with v = (1 + d)^(-1/12), d the annual rate, S(t)
    the chance to be there at the end of month t, m_t the margin then, b_t what is billed, U(t) the chance to be there
    and never to pay the bill, and a the months until it is written off. The first 36 months are summed, the rest,
    where hazard and margin are constant, is a geometric series; where hazards go on changing, all months are summed.
    `month_now` is the calendar month that t counts from, since 1970.
    """
    costs = parameters.costs
    factor = (1 + costs.annual_discount_rate) ** (-1 / 12)
    open_bills = open_bill_shares()
    explicit = months_until_steady(parameters, EXPLICIT_MONTHS)
    months = np.arange(1, explicit + len(open_bills) + 1)
    rates = np.stack(
        [
            hazard(parameters, lifetimes.theta, lifetimes.behavior, spell_month + t, term, renews, month_now + t)
            for t in months
        ],
        axis=1,
    )
    alive = np.cumprod(1 - rates, axis=1)
    # Who is cut off in month t; in the first months of a spell nobody is.
    reasons = parameters.hazards.reasons
    leaves = np.concatenate([np.ones((len(rates), 1)), alive[:, :-1]], axis=1) * rates
    cut_off = leaves * (reasons["involuntary"] / sum(reasons.values()))
    cut_off *= spell_month[:, None] + months >= CUT_OFF_FROM_SPELL_MONTH

    def never_pays(months_until_billed: int) -> Floats:
        """Return U(t) of what month t bills so many months later."""
        in_debt = np.zeros((len(rates), explicit))
        for j, share in enumerate(open_bills):
            later = months_until_billed + j  # who leaves in month t is not there at its end
            if later > 0:
                in_debt += share * cut_off[:, later : later + explicit]
        never = parameters.billing.never_paid
        return never * alive[:, :explicit] + (1 - never) * in_debt

    # What is billed in the last of the months that margins are known of goes on.
    fees = ahead.fees[:, np.minimum(months[:explicit], EXPLICIT_MONTHS)]
    charges = ahead.charges[:, None]
    lost = factor ** months_to_write_off(parameters) * (fees * never_pays(0) + charges * factor * never_pays(1))
    margin = (fees + charges - ahead.cost[:, None]) * alive[:, :explicit]
    worth = (margin - lost) * factor ** months[:explicit]
    total = np.cumsum(worth, axis=1)
    ratio = (1 - rates[:, -1]) * factor
    results = np.empty((len(rates), len(costs.horizons)))
    for column, horizon in enumerate(costs.horizons):
        beyond = max(horizon - explicit, 0)
        tail = worth[:, -1] * ratio * (1 - ratio**beyond) / (1 - ratio)
        results[:, column] = total[:, min(horizon, explicit) - 1] + tail
    return results


assert max(TERMS) + 1 <= EXPLICIT_MONTHS
