"""The planted truth: who each customer is, its state at month ends, and the exact expectation of its future margin."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.special import ndtr

from simulator.care import contact_rate
from simulator.contracts import Contracts, PriceList, by_customer
from simulator.lifetimes import TERMS, Lifetimes, hazard
from simulator.months import NEVER, Window, last_day, month_of
from simulator.parameters import SimulationParameters
from simulator.population import DECOYS, HOME_BUSINESS, METHODS, SEGMENTS, Customers, archetype_names
from simulator.randomness import Draws, Flags, Floats, Integers
from simulator.usage import Profiles, expected_gb
from simulator.write import dates, numbers_or_null, text_ids, texts

STATES = ("pending", "onboarding", "active", "suspended", "dormant", "churned", "won_back")
(_PENDING, _ONBOARDING, _ACTIVE, _SUSPENDED, _DORMANT, _CHURNED, _WON_BACK) = range(7)
NEW_DAYS = 90
STATE_MONTHS = 12
# After this many months every commitment, expiry month and discount lies behind, so hazard and margin are constant.
_EXPLICIT_MONTHS = 36


def customer_table(parameters: SimulationParameters, customers: Customers, lifetimes: Lifetimes) -> pa.Table:
    """Return one row per customer: labels, links and the parameters of its hazard."""
    needs = tuple(parameters.mid_band.needs)
    return pa.table(
        {
            "customer_id": text_ids("C", customers.number, 8),
            "market_segment": texts(customers.segment, SEGMENTS),
            "archetype": texts(customers.archetype, archetype_names(parameters)),
            "home_business_label": texts(customers.home_business, HOME_BUSINESS),
            "decoy": texts(customers.decoy, DECOYS),
            "household_id": text_ids("H", customers.household, 8),
            "need": texts(np.where(customers.need < 0, len(needs), customers.need), (*needs, None)),
            "building_id": text_ids("B", customers.building, 6),
            "theta": lifetimes.theta,
            "behavior_multiplier": lifetimes.behavior,
            "term_months": lifetimes.first.term,
            "renews": lifetimes.first.renews,
            "collapses": lifetimes.collapses,
        }
    )


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


def monthly_margin(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    contracts: Contracts,
    profiles: Profiles,
    prices: PriceList,
    window: Window,
    month: int,
) -> tuple[Floats, Floats]:
    """Return the margin before discounts, and the discounts in force t months on.

    Both are for the contracts open at the end of the month, at that month's prices; the discounts have a column for
    each of t = 0 (the month itself) to the longest promotion.
    """
    costs, size = parameters.costs, len(customers)
    held = contracts.take(contracts.open_at_end_of(month))
    plan = held.plan_in(month)
    value = held.fee_in(month, prices, parameters) - prices.cost[plan]
    value += np.where(prices.family[plan] == "fixed_voice", parameters.billing.voice_charge, 0.0)
    margin = by_customer(held.row, value, size)

    running = profiles.contracts.open_at_end_of(month)
    gb = np.where(running, expected_gb(parameters, window, profiles, month), 1e-12)
    plan = profiles.contracts.plan_in(month)
    # The month's sum varies with its own level and, a little, with its days.
    spread = float(np.hypot(parameters.usage.month_sd, 0.08))
    overage = expected_overage(gb, prices.cap_gb[plan], prices.overage[plan], spread)
    margin += by_customer(profiles.contracts.row, np.where(running, overage - gb * costs.per_gb, 0.0), size)

    failure = np.array([parameters.billing.failure[name] for name in METHODS])[customers.method]
    margin -= contact_rate(parameters, draws, customers) * costs.per_contact + failure * costs.per_payment_failure
    most = max(parameters.plans.promotion_months)
    left = month_of(held.discount_until) - month
    discounts = np.stack(
        [by_customer(held.row, np.where(left >= t, held.discount, 0.0), size) for t in range(most + 1)], axis=1
    )
    return margin, discounts


def future_margin(
    parameters: SimulationParameters,
    lifetimes: Lifetimes,
    margin: Floats,
    discounts: Floats,
    spell_month: Integers,
    term: Integers,
    renews: Flags,
) -> Floats:
    """Return the expected discounted margin over each horizon, shape (customers, horizons).

    Sum over t = 1..H of m_t x S(tau + t) / S(tau) x (1 + d)^(-t/12), tau = `spell_month`, d = the annual rate: a month
    counts if the customer is still there at its end. The first 36 months are summed, the rest, where hazard and margin
    are constant, is a geometric series.
    """
    costs = parameters.costs
    factor = (1 + costs.annual_discount_rate) ** (-1 / 12)
    alive = np.ones(len(margin))
    total = np.zeros(len(margin))
    results = np.empty((len(margin), len(costs.horizons)))
    rate = alive
    for t in range(1, _EXPLICIT_MONTHS + 1):
        rate = hazard(parameters, lifetimes.theta, lifetimes.behavior, spell_month + t, term, renews)
        alive = alive * (1 - rate)
        worth = margin - (discounts[:, t] if t < discounts.shape[1] else 0.0)
        total = total + worth * alive * factor**t
        for column, horizon in enumerate(costs.horizons):
            if horizon == t:
                results[:, column] = total
    ratio = (1 - rate) * factor
    last = margin * alive * factor**_EXPLICIT_MONTHS
    for column, horizon in enumerate(costs.horizons):
        if horizon > _EXPLICIT_MONTHS:
            months = horizon - _EXPLICIT_MONTHS
            results[:, column] = total + last * ratio * (1 - ratio**months) / (1 - ratio)
    return results


def _states(customers: Customers, lifetimes: Lifetimes, month: int) -> Integers:
    day = int(last_day(month))
    first, second = lifetimes.spells
    is_open = first.open_at_end_of(month) | second.open_at_end_of(month)
    has_line = customers.main_family <= 1
    dormant = has_line & (lifetimes.dormant_from <= month) & (month < lifetimes.dormant_to)
    suspended = (lifetimes.suspended_from <= day) & (day < lifetimes.suspended_to)
    return np.select(
        [
            first.start_month > month,
            ~is_open,
            suspended,
            dormant,
            second.open_at_end_of(month) & (day - second.start_date <= NEW_DAYS),
            first.open_at_end_of(month) & (day - first.start_date <= NEW_DAYS),
        ],
        [_PENDING, _CHURNED, _SUSPENDED, _DORMANT, _WON_BACK, _ONBOARDING],
        _ACTIVE,
    )


def state_table(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    contracts: Contracts,
    profiles: Profiles,
    prices: PriceList,
    window: Window,
) -> pa.Table:
    """Return one row per customer and month end, for the last twelve: state, hazard, expected margins.

    Pending and churned customers have no future margin, as the pipeline's values have none. `is_leaving` says that the
    customer leaves within two months; hazard and expectations do not use it.
    """
    parts: list[pa.Table] = []
    first, second = lifetimes.spells
    for month in range(max(window.first, window.last - STATE_MONTHS + 1), window.last + 1):
        returned = second.start_month <= month
        spell_month = month - np.where(returned, second.start_month, first.start_month)
        term = np.where(returned, second.term, first.term)
        renews = np.where(returned, second.renews, first.renews)
        end_month = np.where(returned, second.end_month, first.end_month)
        is_open = first.open_at_end_of(month) | second.open_at_end_of(month)
        margin, discounts = monthly_margin(parameters, draws, customers, contracts, profiles, prices, window, month)
        future = future_margin(parameters, lifetimes, margin, discounts, np.maximum(spell_month, 0), term, renews)
        rate = hazard(parameters, lifetimes.theta, lifetimes.behavior, spell_month + 1, term, renews)
        known = lifetimes.order_date <= last_day(month)
        rows = np.flatnonzero(known)
        committed = is_open & ((spell_month + 1 <= term) | (renews & (term > 0)))
        columns = {
            "customer_id": text_ids("C", customers.number[rows], 8),
            "as_of_date": dates(np.full(len(rows), last_day(month))),
            "state": texts(_states(customers, lifetimes, month)[rows], STATES),
            "spell_months": pa.array(spell_month[rows], mask=~is_open[rows]),
            "term_months": pa.array(term[rows], mask=~is_open[rows]),
            "is_committed": committed[rows],
            "is_leaving": (is_open & (end_month < NEVER) & (end_month - month <= 2))[rows],
            "true_monthly_hazard": numbers_or_null(np.where(is_open, rate, np.nan)[rows], pa.float64()),
            "expected_monthly_margin": np.where(is_open, margin - discounts[:, 0], 0.0)[rows],
        }
        for column, name in enumerate(("12m", "36m", "total")):
            columns[f"expected_future_margin_{name}"] = np.where(is_open, future[:, column], 0.0)[rows]
        parts.append(pa.table(columns))
    table = pa.concat_tables(parts)
    return table.sort_by([("customer_id", "ascending"), ("as_of_date", "ascending")])


assert max(TERMS) + 1 <= _EXPLICIT_MONTHS
