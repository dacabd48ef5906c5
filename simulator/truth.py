"""The planted truth: who each customer is, its state at month ends, and what is expected of its future."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from simulator.contracts import Contracts, PriceList
from simulator.hazards import hazard
from simulator.lifetimes import Lifetimes
from simulator.margin_ahead import future_margin, margin_ahead
from simulator.months import NEVER, Window, last_day
from simulator.parameters import SimulationParameters
from simulator.population import DECOYS, HOME_BUSINESS, SEGMENTS, Customers, archetype_names
from simulator.randomness import Draws, Integers
from simulator.sources import true_addresses
from simulator.usage import Profiles
from simulator.write import dates, numbers_or_null, text_ids, texts

STATES = ("pending", "onboarding", "active", "suspended", "dormant", "churned", "won_back")
(_PENDING, _ONBOARDING, _ACTIVE, _SUSPENDED, _DORMANT, _CHURNED, _WON_BACK) = range(7)
NEW_DAYS = 90
STATE_MONTHS = 12


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
            "address_id": true_addresses(customers),
            "need": texts(np.where(customers.need < 0, len(needs), customers.need), (*needs, None)),
            "building_id": text_ids("B", customers.building, 6),
            "theta": lifetimes.theta,
            "behavior_multiplier": lifetimes.behavior,
            "term_months": lifetimes.first.term,
            "renews": lifetimes.first.renews,
            "collapses": lifetimes.collapses,
        }
    )


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
        ahead = margin_ahead(parameters, draws, customers, contracts, profiles, prices, window, month)
        future = future_margin(parameters, lifetimes, ahead, np.maximum(spell_month, 0), term, renews, month)
        rate = hazard(parameters, lifetimes.theta, lifetimes.behavior, spell_month + 1, term, renews, month + 1)
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
            "expected_monthly_margin": np.where(is_open, ahead.now, 0.0)[rows],
        }
        for column, name in enumerate(("12m", "36m", "total")):
            columns[f"expected_future_margin_{name}"] = np.where(is_open, future[:, column], 0.0)[rows]
        parts.append(pa.table(columns))
    table = pa.concat_tables(parts)
    return table.sort_by([("customer_id", "ascending"), ("as_of_date", "ascending")])
