"""Contacts and outages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from simulator.contracts import Contracts
from simulator.lifetimes import INVOLUNTARY, Lifetimes
from simulator.months import Window, first_day, last_day
from simulator.parameters import SimulationParameters
from simulator.population import REGIONS, Customers
from simulator.randomness import Draws, Floats, Integers
from simulator.write import text_ids, texts, timestamps

_MOST_CONTACTS = 4


def contact_rate(parameters: SimulationParameters, draws: Draws, customers: Customers) -> Floats:
    """Return each customer's mean contacts a month while nothing is wrong."""
    care = parameters.care
    spread = np.exp(care.contacts_sd * draws.normal("contact rate", customers.number) - care.contacts_sd**2 / 2)
    return np.asarray(care.contacts * spread)


def interactions(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    window: Window,
    month: int,
) -> tuple[pa.Table, Integers, Integers]:
    """Return a month's interactions, and the customers (rows) and days of its complaints."""
    care = parameters.care
    rate = contact_rate(parameters, draws, customers)
    first = np.full(len(customers), last_day(month) + 1)
    last = np.zeros(len(customers), dtype=np.int64)
    leaving = np.zeros(len(customers), dtype=bool)
    for spell in lifetimes.spells:
        begins = np.maximum(spell.start_date, first_day(month))
        ends = np.minimum(spell.end_date - 1, last_day(month))
        runs = begins <= ends
        first, last = np.where(runs, begins, first), np.where(runs, ends, last)
        ahead = spell.end_month - month
        leaving |= runs & (ahead >= 0) & (ahead <= 2) & (spell.reason != INVOLUNTARY)
    served = first <= last
    mean = np.where(served, rate + np.where(leaving, care.leaving_extra, 0.0), 0.0)
    count = draws.poisson("contacts", customers.number, mean, step=month, most=_MOST_CONTACTS)
    row = np.repeat(np.arange(len(customers)), count)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    number = (customers.number[row] * 200 + (month - window.first)) * _MOST_CONTACTS + turn
    day = draws.integer("contact day", number, first[row], last[row])
    second = day * 86_400 + draws.integer("contact second", number, 8 * 3600, 20 * 3600 - 1)
    names = tuple(care.categories)
    ordinary = draws.pick("category", number, list(care.categories.values()))
    complains = leaving[row] & draws.flag("leaving complaint", number, care.leaving_complaint)
    category = np.where(complains, names.index("complaint"), ordinary)
    channels = tuple(care.channels)
    resolved = second + (3600 * 20 * -np.log(draws.uniform("resolution", number))).astype(np.int64) + 120
    unresolved = resolved >= (window.last_day + 1) * 86_400
    is_complaint = category == names.index("complaint")
    satisfaction = np.clip(np.round(4.1 - 1.5 * is_complaint + draws.normal("satisfaction", number)), 1, 5)
    silent = unresolved | draws.flag("no survey", number, 0.7)
    table = pa.table(
        {
            "interaction_id": text_ids("T", number, 11),
            "customer_id": text_ids("C", customers.number[row], 8),
            "occurred_at": timestamps(second),
            "channel": texts(draws.pick("channel", number, list(care.channels.values())), channels),
            "category": texts(category, names),
            "resolved_at": timestamps(np.where(unresolved, 0, resolved), unresolved),
            "satisfaction_score": pa.array(satisfaction, mask=silent).cast(pa.int32()),
            "severity": texts(
                np.where(is_complaint, draws.pick("severity", number, (0.3, 0.5, 0.2)), 0), ("low", "medium", "high")
            ),
        }
    )
    return table, row[is_complaint], day[is_complaint]


def outages(
    parameters: SimulationParameters, draws: Draws, customers: Customers, lines: Contracts, month: int
) -> pa.Table:
    """Return the line-days with an outage of a month; `lines` are the internet contracts."""
    care = parameters.care
    start, last = int(first_day(month)), int(last_day(month) - first_day(month))
    parts: list[tuple[Integers, Integers]] = []
    for turn in range(2):
        chance = care.outages * (1.0 if turn == 0 else 0.15)
        hit = np.flatnonzero(draws.flag("outage", lines.number, chance, step=month * 2 + turn))
        parts.append((hit, start + draws.integer("outage day", lines.number[hit], 0, last, step=month * 2 + turn)))
    for region in range(len(REGIONS)):
        if draws.flag("regional outage", region, care.regional_outages, step=month):
            there = (customers.region[lines.row] == region) & draws.flag(
                "reached", lines.number, care.regional_reach, step=month
            )
            hit = np.flatnonzero(there)
            when = start + int(draws.integer("regional outage day", region, 0, last, step=month))
            parts.append((hit, np.full(len(hit), when)))
    line = np.concatenate([hit for hit, _ in parts])
    day = np.concatenate([days for _, days in parts])
    served = (lines.start_date[line] <= day) & (day < lines.end_date[line])
    key = np.unique(line[served] * np.int64(1_000_000) + day[served])
    line, day = key // 1_000_000, key % 1_000_000
    number = lines.number[line]
    minutes = np.clip(np.round(55 * np.exp(1.0 * draws.normal("outage minutes", number, day))), 5, 1440)
    return pa.table(
        {
            "contract_id": text_ids("K", number, 10),
            "date": pa.array(day.astype(np.int32)).cast(pa.date32()),
            "outage_minutes": minutes.astype(np.int32),
            "median_latency_ms": np.round(18 * np.exp(0.5 * draws.normal("latency", number, day)), 1),
            "packet_loss_ratio": np.round(0.01 * np.exp(0.8 * draws.normal("loss", number, day)), 5),
            "truck_rolls": draws.flag("truck roll", number, np.where(minutes > 240, 0.25, 0.02), step=day).astype(
                np.int32
            ),
        }
    )
