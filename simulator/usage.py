"""Usage: what each line does in a month (NumPy), and the days of that month (DuckDB, both cores, straight to files)."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from simulator.archetypes import MOBILE
from simulator.contracts import Contracts, PriceList
from simulator.lifetimes import VOLUNTARY, Lifetimes
from simulator.months import NEVER, Window, first_day, last_day
from simulator.parameters import SimulationParameters
from simulator.population import Customers
from simulator.randomness import Draws, Flags, Floats, Integers
from simulator.write import text_ids

DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class Profiles:
    """How each metered contract of a chunk is used, before anything happens to it."""

    contracts: Contracts
    monthly_gb: Floats
    growth: Floats
    upload: Floats
    business_hours: Floats
    evening: Floats
    night: Floats
    weekend: Floats
    daily_sd: Floats
    idle_days: Floats
    devices: Floats
    sessions: Floats
    dormant_from: Integers
    dormant_to: Integers
    collapses: Flags


def _logit_shift(share: Floats, shift: Floats) -> Floats:
    return np.asarray(1 / (1 + (1 / share - 1) * np.exp(-shift)))


def profile(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    contracts: Contracts,
    prices: PriceList,
) -> Profiles:
    """Return the usage profile of every internet and mobile contract."""
    usage = parameters.usage
    family = prices.family[contracts.plan]
    metered = np.flatnonzero((family == "internet") | (family == "mobile"))
    contracts, family = contracts.take(metered), family[metered]
    row, number = contracts.row, contracts.number
    kinds = [*usage.consumer.values(), *usage.business.values(), MOBILE]
    mobile = family == "mobile"
    kind = np.where(mobile, len(kinds) - 1, customers.archetype[row])

    def of(name: str) -> Floats:
        return np.array([getattr(archetype, name) for archetype in kinds], dtype=np.float64)[kind]

    level = of("monthly_gb") * np.exp(of("level_sd") * draws.normal("level", number))
    level = np.where(mobile, usage.mobile_gb * np.exp(usage.mobile_sd * draws.normal("level", number)), level)
    customer = customers.number[row]
    nano = customers.home_business[row] == 1
    student = customers.decoy[row] == 1

    def share(name: str, spread: Floats | float, shift: Floats | float = 0.0) -> Floats:
        return _logit_shift(of(name), spread * draws.normal(name, customer) + shift)

    return Profiles(
        contracts=contracts,
        monthly_gb=level,
        growth=usage.growth_annual + usage.growth_sd * draws.normal("growth", number),
        # A business at home serves its customers: more upload, fewer weekends. A student's weekend is like any day.
        upload=share("upload", of("upload_sd"), np.where(nano, 0.30, 0.0)),
        business_hours=share("business_hours", usage.shape_sd, np.where(student, -0.20, 0.0)),
        evening=share("evening", usage.shape_sd),
        night=share("night", usage.shape_sd, np.where(student, 0.30, 0.0)),
        weekend=of("weekend")
        * np.exp(0.12 * draws.normal("weekend", customer) + np.where(nano, -0.15, np.where(student, 0.25, 0.0))),
        daily_sd=of("daily_sd") * np.exp(0.10 * draws.normal("daily sd", number)),
        idle_days=of("idle_days"),
        devices=np.maximum(of("devices") * np.exp(0.30 * draws.normal("devices", number)), 1.0),
        sessions=np.maximum(of("sessions") * np.exp(0.25 * draws.normal("sessions", number)), 1.0),
        dormant_from=lifetimes.dormant_from[row],
        dormant_to=lifetimes.dormant_to[row],
        collapses=lifetimes.collapses[row],
    )


def expected_gb(parameters: SimulationParameters, window: Window, profiles: Profiles, month: int) -> Floats:
    """Return each contract's expected GB of a full month: level, growth and season, without chance or collapse."""
    usage = parameters.usage
    season = 1 + usage.seasonality * np.cos(2 * np.pi * (month % 12) / 12)
    return np.asarray(profiles.monthly_gb * (1 + profiles.growth) ** ((month - window.last) / 12) * season)


def month_parameters(
    parameters: SimulationParameters, draws: Draws, window: Window, profiles: Profiles, prices: PriceList, month: int
) -> pa.Table:
    """Return one row per contract used in the month: the parameters of its days."""
    contracts = profiles.contracts
    first = np.maximum(contracts.start_date, first_day(month))
    last = np.minimum(contracts.end_date - 1, last_day(month))
    dormant = (profiles.dormant_from <= month) & (month < profiles.dormant_to)
    used = np.flatnonzero((first <= last) & ~dormant)
    ahead = contracts.end_month[used] - month
    falling = profiles.collapses[used] & (contracts.reason[used] == VOLUNTARY) & (ahead >= 0) & (ahead <= 2)
    factors = np.array(parameters.usage.collapse)[2 - np.clip(ahead, 0, 2)]
    number = contracts.number[used]
    spread = parameters.usage.month_sd
    noise = np.exp(spread * draws.normal("month level", number, month) - spread**2 / 2)
    monthly = expected_gb(parameters, window, profiles, month)[used] * noise * np.where(falling, factors, 1.0)
    week = (5 + 2 * profiles.weekend[used]) / 7
    active = 1 - profiles.idle_days[used]
    return pa.table(
        {
            "contract": number,
            "contract_id": text_ids("K", number, 10),
            "first_day": first[used].astype(np.int32),
            "last_day": last[used].astype(np.int32),
            "suspended_from": contracts.suspended_from[used].astype(np.int32),
            "suspended_to": contracts.suspended_to[used].astype(np.int32),
            "weekday_bytes": monthly * 1e9 / DAYS_PER_MONTH / week / active,
            "upload": profiles.upload[used].astype(np.float32),
            "business_hours": profiles.business_hours[used].astype(np.float32),
            "evening": profiles.evening[used].astype(np.float32),
            "night": profiles.night[used].astype(np.float32),
            "weekend": profiles.weekend[used].astype(np.float32),
            "daily_sd": profiles.daily_sd[used].astype(np.float32),
            "idle_days": profiles.idle_days[used].astype(np.float32),
            "devices": profiles.devices[used].astype(np.float32),
            "sessions": profiles.sessions[used].astype(np.float32),
            "mbps": prices.download[contracts.plan_in(month)[used]].astype(np.float32),
        }
    )


# One hash gives three pieces of 24, 24 and 16 bits; Box and Muller's transform turns two of them into normals.
# hash() is part of the result: DuckDB is pinned, and the tests hold a checksum.
_DAILY = """
with days as (
    select *, unnest(range(first_day, last_day + 1))::integer as day from {source}
),
pieces as (
    select *, hash(contract, day, {key}::ubigint) as bits, hash(day, contract, {key}::ubigint) as more
    from days
    where day < suspended_from or day >= suspended_to
),
uniforms as (
    select *,
        sqrt(-2 * ln(((bits & 16777215) + 0.5e0) / 16777216e0)) as radius,
        6.283185307179586e0 * ((bits >> 24) & 16777215) / 16777216e0 as angle,
        (bits >> 48) / 65536e0 as idle_draw,
        sqrt(-2 * ln(((more & 16777215) + 0.5e0) / 16777216e0)) as share_radius,
        6.283185307179586e0 * ((more >> 24) & 16777215) / 16777216e0 as share_angle,
        (more >> 48) / 65536e0 as count_draw,
        (day + 3) % 7 >= 5 as is_weekend
    from pieces
),
volumes as (
    select *,
        weekday_bytes * exp(daily_sd * (radius * cos(angle)) - daily_sd * daily_sd / 2)
            * case when is_weekend then weekend else 1 end as volume,
        1 / (1 + (1 / upload - 1) * exp(0.25 * radius * sin(angle))) as up_share,
        exp(0.15 * share_radius * cos(share_angle)) as business_tilt,
        exp(0.15 * share_radius * sin(share_angle)) as evening_tilt
    from uniforms
    where idle_draw >= idle_days
),
parts as (
    select *,
        (volume * (1 - up_share) / 1000)::bigint * 1000 as bytes_down,
        (volume * up_share / 1000)::bigint * 1000 as bytes_up,
        business_hours * business_tilt + evening * evening_tilt + night
            + greatest(1 - business_hours - evening - night, 0.02) as whole
    from volumes
)
"""

_ROWS = """
select
    contract_id,
    date '1970-01-01' + day as usage_date,
    bytes_down,
    bytes_up,
    greatest(1, round(sessions * (0.5 + count_draw)))::integer as sessions,
    least(86400, 900 + sqrt(volume / 1e9) * 14000 * (0.7 + 0.6 * count_draw))::integer as session_seconds,
    case when is_weekend then 0 else (bytes_down * business_hours * business_tilt / whole)::bigint end
        as bytes_down_business_hours,
    case when is_weekend then 0 else (bytes_up * business_hours * business_tilt / whole)::bigint end
        as bytes_up_business_hours,
    (bytes_down * evening * evening_tilt / whole)::bigint as bytes_down_evening,
    (bytes_up * evening * evening_tilt / whole)::bigint as bytes_up_evening,
    (bytes_down * night / whole)::bigint as bytes_down_night,
    (bytes_up * night / whole)::bigint as bytes_up_night,
    round(least(mbps, mbps * (0.30 + 0.75 * count_draw)), 1)::double as peak_mbps,
    greatest(1, round(devices * (0.7 + 0.6 * count_draw)))::integer as devices
from parts
"""


def daily_sql(draws: Draws, source: str) -> str:
    """Return the query of the daily usage rows of a relation of month parameters."""
    return _DAILY.format(source=source, key=draws.key("daily usage")) + _ROWS


def metered_gb(connection: duckdb.DuckDBPyConnection, draws: Draws, month: pa.Table) -> dict[str, Integers | Floats]:
    """Return the contract numbers and the GB of a month, summed over the very days that are written out."""
    connection.register("metered_month", month)
    query = _DAILY.format(source="metered_month", key=draws.key("daily usage"))
    rows = connection.execute(
        query + "select contract, sum(bytes_down + bytes_up) / 1e9 as gb from parts group by contract order by contract"
    ).fetchnumpy()
    connection.unregister("metered_month")
    return {"contract": np.asarray(rows["contract"]), "gb": np.asarray(rows["gb"], dtype=np.float64)}


def capped(prices: PriceList, profiles: Profiles, month: int) -> Flags:
    """Return the contracts whose plan charges for volume beyond a cap in a month."""
    plan = profiles.contracts.plan_in(month)
    return np.asarray((prices.overage[plan] > 0) & (profiles.contracts.start_month < NEVER))
