"""The expected future margin is exact: against arithmetic, against chance, against the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orchestration.settings import CostSettings
from simulator import SimulationParameters
from simulator.billing import RECURRING, pay, recurring
from simulator.contracts import Contracts, PriceList, sign
from simulator.hazards import hazard
from simulator.lifetimes import Lifetimes, Spell, live
from simulator.margin_ahead import EXPLICIT_MONTHS, MarginAhead, expected_overage, future_margin, margin_ahead
from simulator.months import NEVER, Window, first_day
from simulator.population import Customers, archetype_names, populate
from simulator.randomness import Draws, Flags
from simulator.usage import Profiles, profile

if TYPE_CHECKING:
    from tests.simulator.conftest import Isp

PARAMETERS = SimulationParameters()
FACTOR = 1.1 ** (-1 / 12)
EVERYBODY_PAYS = SimulationParameters.model_validate(
    {"billing": {"never_paid": 0.0}, "hazards": {"reasons": {"voluntary": 1.0, "involuntary": 0.0}}}
)


def _lifetimes(theta: list[float], behavior: list[float]) -> Lifetimes:
    size = len(theta)
    never, no = np.full(size, NEVER), np.zeros(size, dtype=bool)
    spell = Spell(never, never, never, never, never, never, no)
    return Lifetimes(np.array(theta), np.array(behavior), spell, spell, never, never, never, never, never, no)


def _ahead(fees: list[float], charges: list[float], cost: list[float]) -> MarginAhead:
    constant = np.repeat(np.array(fees)[:, None], EXPLICIT_MONTHS + 1, axis=1)
    return MarginAhead(constant, np.array(charges), np.array(cost))


def test_a_constant_hazard_is_a_geometric_series() -> None:
    lifetimes, nothing = _lifetimes([0.02], [1.0]), np.zeros(1, dtype=int)
    found = future_margin(EVERYBODY_PAYS, lifetimes, _ahead([25.0], [0.0], [15.0]), nothing + 5, nothing, nothing > 0)
    ratio = 0.98 * FACTOR
    expected = [10 * ratio * (1 - ratio**months) / (1 - ratio) for months in (12, 36, 240)]
    assert found[0] == pytest.approx(expected)


def test_bills_that_are_never_paid_are_lost_when_they_come_of_age() -> None:
    """120 days past due, so in the fourth month after the bill's; charges are billed a month later than fees."""
    lifetimes, nothing = _lifetimes([0.02], [1.0]), np.zeros(1, dtype=int)
    some = SimulationParameters.model_validate(
        {"billing": {"never_paid": 0.01}, "hazards": {"reasons": {"voluntary": 1.0, "involuntary": 0.0}}}
    )
    found = future_margin(some, lifetimes, _ahead([25.0], [5.0], [15.0]), nothing + 5, nothing, nothing > 0)
    ratio, a_month = 0.98 * FACTOR, 25 + 5 - 15 - 0.01 * (25 * FACTOR**4 + 5 * FACTOR**5)
    expected = [a_month * ratio * (1 - ratio**months) / (1 - ratio) for months in (12, 36, 240)]
    assert found[0] == pytest.approx(expected)


def test_age_of_a_write_off_is_that_of_the_pipelines_settings() -> None:
    assert PARAMETERS.costs.write_off_after_days == CostSettings().write_off_after_days


def test_recursion_agrees_with_brute_force_chance() -> None:
    """Simulate many lives of a few customers and their bills; what they bring must average to the recursion's."""
    rng = np.random.default_rng(0)
    theta, behavior = [0.05, 0.03, 0.08, 0.02], [1.0, 0.85, 1.25, 0.9]
    spell_month, term = np.array([3, 4, 20, 0]), np.array([0, 12, 24, 24])
    renews = np.array([False, False, False, True])
    ahead = _ahead([40.0, 70.0, 30.0, 90.0], [5.0, 0.0, 0.0, 10.0], [25.0, 35.0, 15.0, 50.0])
    ahead.fees[1, :7] -= 10.0
    ahead.fees[2, 9:] += 3.0
    lifetimes = _lifetimes(theta, behavior)
    parameters = SimulationParameters.model_validate(
        {"billing": {"never_paid": 0.02}, "hazards": {"reasons": {"voluntary": 0.6, "involuntary": 0.4}}}
    )
    exact = future_margin(parameters, lifetimes, ahead, spell_month, term, renews)
    lives, months = 40_000, 246
    leaves = np.full((lives, 4), NEVER)
    for t in range(1, months):
        rate = hazard(parameters, lifetimes.theta, lifetimes.behavior, spell_month + t, term, renews)
        leaves[(leaves == NEVER) & (rng.random((lives, 4)) < rate)] = t
    is_cut_off = (rng.random((lives, 4)) < 0.4) & (spell_month + leaves >= 4) & (leaves < NEVER)
    # Bills of the 95 days before a cut-off stay open; months are taken from any place in the calendar.
    month_now = rng.integers(0, 48, (lives, 4))
    end = first_day(month_now + np.minimum(leaves, months)) + rng.integers(1, 28, (lives, 4))
    worth = np.zeros((lives, 4))
    at = {}
    for t in range(1, 241):
        fee = ahead.fees[:, min(t, EXPLICIT_MONTHS)]
        margin = fee + ahead.charges - ahead.cost
        for billed, amount in ((0, fee), (1, ahead.charges)):
            is_open = rng.random((lives, 4)) < 0.02
            is_open |= is_cut_off & (end - first_day(month_now + t + billed) < 95)
            margin = margin - is_open * amount * FACTOR ** (4 + billed)
        worth += (leaves > t) * margin * FACTOR**t
        at[t] = worth.copy()
    for column, horizon in enumerate((12, 36, 240)):
        error = at[horizon].std(axis=0) / np.sqrt(lives)
        assert (np.abs(at[horizon].mean(axis=0) - exact[:, column]) < 4 * error).all(), horizon


def test_expected_overage_is_the_mean_of_the_excess() -> None:
    rng = np.random.default_rng(0)
    volume = 280 * np.exp(0.13 * rng.standard_normal(400_000) - 0.13**2 / 2)
    expected = np.maximum(volume - 300, 0).mean() * 0.05
    found = expected_overage(np.array([280.0, 280.0]), np.array([300.0, np.nan]), np.array([0.05, 0.0]), 0.13)
    assert found == pytest.approx([expected, 0.0], rel=0.02)


def test_states_agree_with_the_contracts(isp: Isp) -> None:
    """At each month end a customer is open by its dated contract rows if and only if the planted state says so."""
    disagreeing = isp.value(
        """
        with latest as (
            select s.as_of_date, c.*
            from (select distinct as_of_date from true_states) as s
            join contracts as c on c.valid_from_date <= s.as_of_date
            qualify row_number() over (partition by s.as_of_date, c.contract_id order by c.valid_from_date desc) = 1
        ),
        open_customers as (
            select as_of_date, customer_id, bool_or(status = 'suspended') as is_suspended
            from latest
            where start_date <= as_of_date and (end_date is null or end_date > as_of_date)
            group by as_of_date, customer_id
        )
        select count(*)
        from true_states as t left join open_customers as o using (as_of_date, customer_id)
        where (t.state in ('churned', 'pending')) <> (o.customer_id is null)
            or (t.state = 'suspended') <> coalesce(o.is_suspended, false)
        """
    )
    assert disagreeing == 0
    assert isp.value("select count(distinct state) from true_states") == 7
    assert isp.value("select count(distinct as_of_date) from true_states") == 12


def test_every_created_customer_has_a_state_and_only_open_ones_a_future(isp: Isp) -> None:
    missing = """
        select count(*) from customers as c cross join (select distinct as_of_date from true_states) as m
        anti join true_states as t on t.customer_id = c.customer_id and t.as_of_date = m.as_of_date
        where c.created_date <= m.as_of_date
    """
    assert isp.value(missing) == 0
    closed = "state in ('churned', 'pending')"
    assert isp.value(f"select max(abs(expected_future_margin_total)) from true_states where {closed}") == 0
    assert isp.value(f"select min(true_monthly_hazard) from true_states where not {closed}") > 0
    grows = "count(*) filter (expected_future_margin_36m < expected_future_margin_12m and expected_monthly_margin > 1)"
    assert isp.value(f"select {grows} from true_states") == 0


@dataclass(frozen=True)
class Base:
    """A base of 40,000 customers at the end of its first month, and what is expected of its persons until the last."""

    parameters: SimulationParameters
    window: Window
    draws: Draws
    customers: Customers
    lifetimes: Lifetimes
    contracts: Contracts
    prices: PriceList
    profiles: Profiles

    @property
    def persons(self) -> Flags:
        return self.customers.is_person & self.lifetimes.first.open_at_end_of(self.window.first)

    def ahead(self, month: int) -> MarginAhead:
        return margin_ahead(
            self.parameters, self.draws, self.customers, self.contracts, self.profiles, self.prices, self.window, month
        )

    def expected(self, parameters: SimulationParameters) -> float:
        """Of twelve months, undiscounted."""
        first = self.lifetimes.first
        undiscounted = parameters.model_copy(
            update={"costs": parameters.costs.model_copy(update={"annual_discount_rate": 0.0})}
        )
        spell_month = self.window.first - first.start_month
        ahead = self.ahead(self.window.first)
        future = future_margin(undiscounted, self.lifetimes, ahead, spell_month, first.term, first.renews)
        return float(future[self.persons, 0].sum())


@pytest.fixture(scope="module")
def base() -> Base:
    parameters = SimulationParameters(customers=40_000, months=13)
    window, draws, prices = Window.of(parameters), Draws(5), PriceList.of(parameters)
    customers = populate(parameters, draws, 0, parameters.customers)
    lifetimes = live(parameters, draws, customers, window)
    light = archetype_names(parameters).index("light")
    contracts = sign(parameters, draws, customers, lifetimes, window, prices, light)
    profiles = profile(parameters, draws, customers, lifetimes, contracts, prices)
    return Base(parameters, window, draws, customers, lifetimes, contracts, prices, profiles)


def test_expected_margin_of_the_base_comes_true(base: Base) -> None:
    """The margins of the next twelve months, of those still there, sum to what was expected of them.

    The price round of the first January is expected, plans and products are as they were: upgrades and cross-selling
    make the outcome a little higher.
    """
    outcome = 0.0
    for month in range(base.window.first + 1, base.window.last + 1):
        still_there = base.persons & base.lifetimes.first.open_at_end_of(month)
        outcome += float(base.ahead(month).now[still_there].sum())
    assert outcome / base.expected(EVERYBODY_PAYS) == pytest.approx(1.01, abs=0.015)


def test_bills_of_the_base_stay_open_as_expected(base: Base) -> None:
    """Fees billed to those still there at the month's end and never paid, beside what was expected to be lost."""
    first, last = base.window.first, base.window.last
    later = Window(first, last + 12)
    lost = billed = 0.0
    for month in range(first + 1, last + 1):
        bills = recurring(base.parameters, base.customers, base.contracts, base.prices, base.window, month)
        payments = pay(base.parameters, base.draws, base.customers, base.lifetimes, bills, later)
        is_paid = np.zeros(len(bills), dtype=bool)
        is_paid[payments.invoice[payments.status == 0]] = True
        still_there = base.persons & base.lifetimes.first.open_at_end_of(month)
        counts = still_there[bills.row] & (bills.kind == RECURRING)
        billed += float(bills.net[counts].sum())
        lost += float(bills.net[counts & ~is_paid].sum())
    expected = base.expected(EVERYBODY_PAYS) - base.expected(base.parameters)
    # Some 900 customers are cut off, each with about two bills.
    assert lost / expected == pytest.approx(1, abs=0.12)
    assert 0.003 < lost / billed < 0.008
