"""Contracts: lines and extra products of each spell, and their dated states."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from simulator.lifetimes import Lifetimes, Spell
from simulator.months import NEVER, Window, add_months, first_day, last_day, month_of
from simulator.parameters import Plan, SimulationParameters
from simulator.population import EDUCATION, ENTERPRISE, GOVERNMENT, MEDIUM, WHOLESALE, Customers
from simulator.randomness import Draws, Flags, Floats, Integers

MOST_CONTRACTS = 100
"""Contract numbers are customer number x 100 + slot: lines from 0, extras from 60, the line after a return at 80."""
_EXTRA_SLOT, _RETURN_SLOT, _MOST_LINES = 60, 80, 40
EXTRA_FAMILIES = ("tv", "fixed_voice", "mobile", "security", "cloud")
SALES_CHANNELS = ("online", "phone", "shop", "field", "reseller")


@dataclass(frozen=True)
class PriceList:
    """The plans as vectors, in the order of `Plans.price_list`."""

    plans: tuple[Plan, ...]
    fee: Floats
    cost: Floats
    cap_gb: Floats
    overage: Floats
    download: Floats
    family: NDArray[np.str_]

    @classmethod
    def of(cls, parameters: SimulationParameters) -> PriceList:
        """Read the price list."""
        plans = parameters.plans.price_list

        def vector(values: list[float | None]) -> Floats:
            return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

        return cls(
            plans=plans,
            fee=vector([plan.fee for plan in plans]),
            cost=vector([plan.cost for plan in plans]),
            cap_gb=vector([plan.cap_gb for plan in plans]),
            overage=vector([plan.overage_per_gb for plan in plans]),
            download=vector([plan.download_mbps for plan in plans]),
            family=np.array([plan.family for plan in plans]),
        )

    def position(self, code: str) -> int:
        """Return a plan's position."""
        return [plan.code for plan in self.plans].index(code)


@dataclass(frozen=True)
class Contracts:
    """One chunk's contracts, a vector per attribute; `row` points into the chunk's customers."""

    row: Integers
    number: Integers
    plan: Integers
    next_plan: Integers
    plan_change_month: Integers
    price_month: Integers
    fee_factor: Floats
    start_date: Integers
    start_month: Integers
    end_date: Integers
    end_month: Integers
    reason: Integers
    term: Integers
    renews: Flags
    discount: Floats
    discount_until: Integers
    order_date: Integers
    suspended_from: Integers
    suspended_to: Integers
    has_static_ip: Flags
    channel: Integers

    def __len__(self) -> int:
        """Return the number of contracts."""
        return len(self.row)

    def take(self, rows: Integers | Flags) -> Contracts:
        """Return some of the contracts."""
        return Contracts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def is_extra(self) -> Flags:
        """Whether it is sold beside a line."""
        slot = self.number % MOST_CONTRACTS
        return (slot >= _EXTRA_SLOT) & (slot < _RETURN_SLOT)

    @property
    def is_line(self) -> Flags:
        """Whether it is a line of the first spell."""
        return self.number % MOST_CONTRACTS < _EXTRA_SLOT

    def open_at_end_of(self, month: int) -> Flags:
        """Whether service runs on the last day of a month."""
        return (self.start_month <= month) & (self.end_month > month)

    def plan_in(self, month: Integers | int) -> Integers:
        """Return the plan that is in force in a month."""
        return np.where(np.asarray(month) >= self.plan_change_month, self.next_plan, self.plan)

    def fee_in(self, month: Integers | int, prices: PriceList, parameters: SimulationParameters) -> Floats:
        """Return the monthly fee in a month, before discounts."""
        return self.fee_of(self.plan_in(month), month, prices, parameters)

    def fee_of(
        self, plan: Integers, month: Integers | int, prices: PriceList, parameters: SimulationParameters
    ) -> Floats:
        """Return the monthly fee of a plan at the prices of a month, before discounts."""
        raised = np.where(np.asarray(month) >= self.price_month, 1 + parameters.plans.price_increase, 1.0)
        return np.round(prices.fee[plan] * self.fee_factor * raised, 2)

    def discount_in(self, month: Integers | int) -> Floats:
        """Return the discount in a month; it ends with a calendar month."""
        return np.where(self.discount_until >= last_day(month), self.discount, 0.0)

    def committed_until(self, day: Integers) -> Integers:
        """Return the end of the commitment that is in force on a day, 0 without a term."""
        run = np.maximum(self.term, 1)
        passed = np.maximum(month_of(day) - self.start_month, 0)
        passed -= ((day - first_day(month_of(day))) < (self.start_date - first_day(self.start_month))) & (passed > 0)
        runs = np.where(self.renews, passed // run + 1, 1)
        return np.where(self.term > 0, add_months(self.start_date, runs * self.term), 0)


def by_customer(row: Integers, values: Floats, customers: int) -> Floats:
    """Return the sum of the values of each customer's rows."""
    return np.bincount(row, values, customers).astype(np.float64)


def _line_counts(parameters: SimulationParameters, draws: Draws, customers: Customers) -> Integers:
    """Return the number of lines: one, except for larger organizations."""
    number, segment = customers.number, customers.segment
    count = np.ones(len(number), dtype=np.int64)
    for code, (median, spread, most) in {
        MEDIUM: (2.5, 0.5, 8),
        ENTERPRISE: (12.0, 0.5, _MOST_LINES),
        EDUCATION: (2.0, 0.5, 6),
        GOVERNMENT: (2.5, 0.6, 10),
        WHOLESALE: (1.3, 0.5, 4),
    }.items():
        drawn = np.clip(np.round(median * np.exp(spread * draws.normal("lines", number))), 1, most).astype(np.int64)
        count = np.where(segment == code, drawn, count)
    for code, need in enumerate(parameters.mid_band.needs.values()):
        if need.sites != (1, 1):
            count = np.where(customers.need == code, draws.integer("sites", number, *need.sites), count)
    return count


def _line_plans(
    draws: Draws, customers: Customers, row: Integers, number: Integers, prices: PriceList, light: int
) -> Integers:
    """Return the plan of each line; light users choose the small ones."""
    consumer = draws.pick("consumer plan", number, (0.05, 0.13, 0.27, 0.27, 0.18, 0.10))
    frugal = draws.pick("consumer plan", number, (0.30, 0.32, 0.24, 0.09, 0.04, 0.01))
    business = prices.position("BIZ100") + draws.pick("business plan", number, (0.70, 0.22, 0.08))
    large = prices.position("BIZ500") + draws.pick("business plan", number, (0.35, 0.40, 0.25))
    segment, family = customers.segment[row], customers.main_family[row]
    plan = np.where(customers.archetype[row] == light, frugal, consumer)
    plan = np.where(customers.is_person[row], plan, business)
    plan = np.where(np.isin(segment, (MEDIUM, ENTERPRISE, EDUCATION, GOVERNMENT)), large, plan)
    mobile = np.where(draws.flag("mobile plan", number, 0.6), prices.position("MOB20"), prices.position("MOBMAX"))
    plan = np.where(family == 1, mobile, plan)
    plan = np.where(family == 2, prices.position("VOICE"), plan)
    return np.where(family == 3, prices.position("TRANSIT"), plan)


def _changes(
    parameters: SimulationParameters,
    draws: Draws,
    number: Integers,
    plan: Integers,
    start: Integers,
    window: Window,
    prices: PriceList,
) -> tuple[Integers, Integers, Integers]:
    """Return the plan after a change, its month, and the month of the price increase."""
    plans = parameters.plans
    fast, business = prices.position("NET1000"), prices.position("LEASED")
    step = np.where(draws.flag("upgrade", number, plans.upgrade_share), 1, -1)
    lowest = np.where(plan <= fast, 0, prices.position("BIZ100"))
    after = np.clip(plan + step, lowest, np.where(plan <= fast, fast, business))
    month = draws.integer("plan change month", number, window.first + 1, window.last)
    changes = draws.flag("plan change", number, plans.plan_change_annual * parameters.months / 12)
    changes &= (prices.family[plan] == "internet") & (month > start + 3) & (after != plan)
    # One price round in the window, in the January nearest to its middle.
    middle = (window.first + window.last) // 2
    january = middle - (middle % 12) if middle % 12 < 6 else middle + 12 - middle % 12
    raised = draws.flag("price increase", number, plans.price_increase_share)
    raised &= (january - start >= plans.price_increase_minimum_months) & (january > window.first)
    return np.where(changes, after, plan), np.where(changes, month, NEVER), np.where(raised, january, NEVER)


def _lines(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    window: Window,
    prices: PriceList,
    light: int,
) -> Contracts:
    """Return the main contracts of the first spell and the one of the second."""
    plans = parameters.plans
    count = _line_counts(parameters, draws, customers)
    row = np.repeat(np.arange(len(customers)), count)
    slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    back = np.flatnonzero(lifetimes.second.exists)
    spell_two = np.r_[np.zeros(len(row), dtype=bool), np.ones(len(back), dtype=bool)]
    row = np.r_[row, back]
    slot = np.r_[slot, np.full(len(back), _RETURN_SLOT)]
    number = customers.number[row] * MOST_CONTRACTS + slot

    def of_spell(name: str) -> NDArray[np.int64]:
        return np.where(spell_two, getattr(lifetimes.second, name)[row], getattr(lifetimes.first, name)[row])

    start_month, start_date = of_spell("start_month"), of_spell("start_date")
    plan = _line_plans(
        draws, customers, row, customers.number[row] * MOST_CONTRACTS + np.minimum(slot, _MOST_LINES), prices, light
    )
    next_plan, change_month, price_month = _changes(parameters, draws, number, plan, start_month, window, prices)
    organization = ~customers.is_person[row]
    negotiated = np.exp(np.where(organization, 0.12, 0.0) * draws.normal("negotiated fee", number))
    bulk = np.where(customers.segment[row] == ENTERPRISE, 0.85, 1.0)
    employee = np.where(customers.segment[row] == 1, 0.75, 1.0)
    promoted = draws.flag("promotion", number, plans.promotion_share)
    months = np.array(plans.promotion_months)[
        draws.integer("promotion months", number, 0, len(plans.promotion_months) - 1)
    ]
    static = parameters.home_business.static_ip
    chance = np.array([static["none"], static["nanobusiness"], static["home_worker"]])[customers.home_business[row]]
    on_line = prices.family[plan] == "internet"
    return Contracts(
        row=row,
        number=number,
        plan=plan,
        next_plan=next_plan,
        plan_change_month=change_month,
        price_month=price_month,
        fee_factor=negotiated * bulk * employee,
        start_date=start_date,
        start_month=start_month,
        end_date=of_spell("end_date"),
        end_month=of_spell("end_month"),
        reason=of_spell("reason"),
        term=of_spell("term"),
        renews=of_spell("renews").astype(bool),
        discount=np.where(promoted, np.round(prices.fee[plan] * plans.promotion_discount, 2), 0.0),
        discount_until=np.where(promoted, last_day(start_month + months - 1), 0),
        order_date=np.where(spell_two, start_date, lifetimes.order_date[row]),
        suspended_from=lifetimes.suspended_from[row],
        suspended_to=lifetimes.suspended_to[row],
        has_static_ip=on_line & draws.flag("static ip", number, np.where(organization, 0.4, chance)),
        channel=_channels(draws, number, customers.segment[row]),
    )


def _channels(draws: Draws, number: Integers, segment: Integers) -> Integers:
    person = draws.pick("sales channel", number, (0.45, 0.25, 0.25, 0.05, 0.0))
    firm = draws.pick("sales channel", number, (0.25, 0.25, 0.05, 0.25, 0.20))
    return np.where(segment <= 1, person, firm)


def _extras(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    window: Window,
    prices: PriceList,
) -> Contracts:
    """Return the extra products of the first spell: from its start, or added in the window."""
    plans = parameters.plans
    spell: Spell = lifetimes.first
    has_line = np.flatnonzero(customers.main_family == 0)
    codes = {
        "tv": ("TV", "TV"), "fixed_voice": ("VOICE", "BVOICE"), "mobile": ("MOBMAX", "MOBMAX"),
        "security": ("SEC", "BSEC"), "cloud": ("CLOUD", "BCLOUD"),
    }  # fmt: skip
    added = draws.integer("added product", customers.number, 0, len(EXTRA_FAMILIES) - 1)
    adds = draws.flag("cross-sell", customers.number, plans.cross_sell_annual * parameters.months / 12)
    added_month = draws.integer("added month", customers.number, window.first, window.last)
    parts: list[Contracts] = []
    for slot, family in enumerate(EXTRA_FAMILIES):
        person = customers.is_person[has_line]
        number = customers.number[has_line] * MOST_CONTRACTS + _EXTRA_SLOT + slot
        chance = np.where(person, plans.extras.get(family, 0.0), plans.business_extras.get(family, 0.0))
        by_need = [need.extras.get(family, 0.0) for need in parameters.mid_band.needs.values()]
        need = customers.need[has_line]
        chance = np.where(need >= 0, np.array([*by_need, 0.0])[need], chance)
        if family in ("mobile", "fixed_voice"):
            second = parameters.home_business.second_line
            by_label = np.array([0.0, second["nanobusiness"], second["home_worker"]])
            chance = chance + by_label[customers.home_business[has_line]] * (1 - chance)
        held = draws.flag("extra", number, chance)
        later = ~held & adds[has_line] & (added[has_line] == slot) & (person | (family != "tv"))
        month = added_month[has_line]
        later &= (spell.start_month[has_line] < month) & (spell.end_month[has_line] > month + 1)
        keep = held | later
        rows, number, late, month = has_line[keep], number[keep], later[keep], month[keep]
        start_month = np.where(late, month, spell.start_month[rows])
        end_month, end_date, reason = spell.end_month[rows], spell.end_date[rows], spell.reason[rows]
        drop_month = draws.integer("drop month", number, window.first, window.last)
        drops = draws.flag("drop", number, plans.drop_annual * parameters.months / 12)
        drops &= (start_month < drop_month - 2) & (end_month > drop_month)
        consumer_plan, business_plan = (prices.position(code) for code in codes[family])
        plan = np.where(customers.is_person[rows], consumer_plan, business_plan)
        if family == "mobile":
            plan = np.where(draws.flag("mobile plan", number, 0.6), prices.position("MOB20"), plan)
        nothing = np.zeros(len(rows), dtype=np.int64)
        parts.append(
            Contracts(
                row=rows,
                number=number,
                plan=plan,
                next_plan=plan,
                plan_change_month=nothing + NEVER,
                price_month=nothing + NEVER,
                fee_factor=np.ones(len(rows)),
                start_date=np.where(late, first_day(month), spell.start_date[rows]),
                start_month=start_month,
                end_date=np.where(drops, first_day(drop_month), end_date),
                # Given up on the first of a month: not open at that month's end.
                end_month=np.where(drops, drop_month, end_month),
                reason=np.where(drops, 0, reason),
                term=nothing,
                renews=nothing.astype(bool),
                discount=nothing.astype(np.float64),
                discount_until=nothing,
                order_date=np.where(late, first_day(month), lifetimes.order_date[rows]),
                suspended_from=lifetimes.suspended_from[rows],
                suspended_to=lifetimes.suspended_to[rows],
                has_static_ip=nothing.astype(bool),
                channel=_channels(draws, number, customers.segment[rows]),
            )
        )
    return _concatenate(parts)


def _concatenate(parts: list[Contracts]) -> Contracts:
    return Contracts(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Contracts)}
    )


def sign(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    window: Window,
    prices: PriceList,
    light: int,
) -> Contracts:
    """Return every contract of a chunk, sorted by contract number."""
    contracts = _concatenate(
        [
            _lines(parameters, draws, customers, lifetimes, window, prices, light),
            _extras(parameters, draws, customers, lifetimes, window, prices),
        ]
    )
    contracts = contracts.take(np.argsort(contracts.number, kind="stable"))
    # A suspension belongs to the contracts that are open when it begins; it ends with them at the latest.
    hit = (contracts.suspended_from > contracts.start_date) & (contracts.suspended_from < contracts.end_date)
    return replace(
        contracts,
        suspended_from=np.where(hit, contracts.suspended_from, NEVER),
        suspended_to=np.where(hit, np.minimum(contracts.suspended_to, contracts.end_date), NEVER),
    )
