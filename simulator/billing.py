"""Invoices and payments of a month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.contracts import Contracts, PriceList, by_customer
from simulator.lifetimes import INVOLUNTARY, Lifetimes
from simulator.months import NEVER, Window, first_day, last_day, month_of
from simulator.parameters import SimulationParameters
from simulator.population import METHODS, Customers
from simulator.randomness import Draws, Floats, Integers
from simulator.write import dates, money, text_ids, texts

KINDS = ("recurring", "usage", "one_off", "credit")
RECURRING, USAGE, ONE_OFF, CREDIT = range(4)
# An invoice number is (customer x 200 + month) x 8 + slot; the slots past the kinds are a month's further credits.
_SLOTS, _GOODWILL_SLOT = 8, 4
STATUSES = ("settled", "failed", "refunded")
_SETTLED, _FAILED, _REFUNDED = range(3)
DEBT_DAYS_BEFORE_SUSPENSION = 50
"""Bills of this many days before a suspension are what it is for."""


@dataclass(frozen=True)
class Invoices:
    """Invoices of one month; `row` points into the chunk's customers."""

    row: Integers
    number: Integers
    kind: Integers
    date: Integers
    period_start: Integers
    period_end: Integers
    net: Floats
    contract: Integers

    def __len__(self) -> int:
        """Return the number of invoices."""
        return len(self.row)


def _concatenate(parts: list[Invoices]) -> Invoices:
    names = ("row", "number", "kind", "date", "period_start", "period_end", "net", "contract")
    return Invoices(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _invoices(
    customers: Customers,
    row: Integers,
    window: Window,
    month: int,
    slot: int,
    kind: int,
    date: Integers | int,
    period: tuple[Integers | int, Integers | int],
    net: Floats | float,
    contract: Integers | int = -1,
) -> Invoices:
    """Return invoices numbered by customer, month and slot; single values hold for every row."""

    def spread(value: Integers | int) -> Integers:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), row.shape)

    number = (customers.number[row] * 200 + (month - window.first)) * _SLOTS + slot
    amount = np.broadcast_to(np.asarray(net, dtype=np.float64), row.shape)
    start, end = period
    return Invoices(row, number, spread(kind), spread(date), spread(start), spread(end), amount, spread(contract))


def recurring(
    parameters: SimulationParameters,
    customers: Customers,
    contracts: Contracts,
    prices: PriceList,
    window: Window,
    month: int,
) -> Invoices:
    """Return a month's invoices in advance (one per customer), credits for days after the end, and set-up fees."""
    first, last = int(first_day(month)), int(last_day(month))
    days = last - first + 1
    begins = np.maximum(contracts.start_date, first)
    billed = np.flatnonzero((begins <= last) & (contracts.end_date > begins))
    some = contracts.take(billed)
    begins = begins[billed]
    monthly = some.fee_in(month, prices, parameters) - some.discount_in(month)
    size = len(customers)
    total = np.round(by_customer(some.row, monthly * (last - begins + 1) / days, size), 2)
    count = np.bincount(some.row, minlength=size)
    date = np.full(size, NEVER)
    np.minimum.at(date, some.row, begins)
    only = np.full(size, -1)
    only[some.row] = some.number
    row = np.flatnonzero((count > 0) & (total > 0))
    contract = np.where(count[row] == 1, only[row], -1)
    bills = _invoices(
        customers, row, window, month, RECURRING, RECURRING, date[row], (date[row], last), total[row], contract
    )

    ended = (some.end_month == month) & (some.end_date <= last)
    unused = np.where(ended, monthly * (last - some.end_date + 1) / days, 0.0)
    credit = np.round(by_customer(some.row, unused, size), 2)
    end_date = np.zeros(size, dtype=np.int64)
    end_date[some.row[ended]] = some.end_date[ended]
    row = np.flatnonzero(credit > 0)
    credits = _invoices(
        customers, row, window, month, CREDIT, CREDIT, end_date[row], (end_date[row], last), -credit[row]
    )

    lines = (some.start_month == month) & ~some.is_extra & (some.discount == 0)
    row = np.unique(some.row[lines])
    fee = parameters.plans.setup_fee
    fees = _invoices(customers, row, window, month, ONE_OFF, ONE_OFF, date[row], (date[row], date[row]), fee)
    return _concatenate([bills, credits, fees])


def call_charges(
    parameters: SimulationParameters, draws: Draws, contracts: Contracts, prices: PriceList, month: int
) -> Floats:
    """Return each contract's call charges of a month, 0 for what is not a telephone."""
    calls = (prices.family[contracts.plan] == "fixed_voice") & contracts.open_at_end_of(month)
    amount = parameters.billing.voice_charge * np.exp(0.8 * draws.normal("calls", contracts.number, month) - 0.32)
    return np.where(calls, amount, 0.0)


def usage_charges(customers: Customers, contracts: Contracts, charges: Floats, window: Window, month: int) -> Invoices:
    """Return the usage invoices for a month, issued on the first of the next one (`month` is the month used)."""
    total = np.round(by_customer(contracts.row, charges, len(customers)), 2)
    row = np.flatnonzero(total > 0)
    first, last = int(first_day(month)), int(last_day(month))
    return _invoices(customers, row, window, month + 1, USAGE, USAGE, last + 1, (first, last), total[row])


def goodwill(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    row: Integers,
    day: Integers,
    window: Window,
    month: int,
) -> Invoices:
    """Return a credit note for some of a month's complaints, at most one per customer."""
    row, position = np.unique(row, return_index=True)
    day = day[position] + 2
    keep = draws.flag("goodwill", customers.number[row], parameters.billing.goodwill_credit, step=month)
    keep &= day <= last_day(month)
    row, day = row[keep], day[keep]
    amount = -parameters.billing.goodwill_amount
    return _invoices(customers, row, window, month, _GOODWILL_SLOT, CREDIT, day, (day, day), amount)


def join(parts: list[Invoices]) -> Invoices:
    """Return the invoices of all parts in the order of their numbers."""
    joined = _concatenate(parts)
    order = np.argsort(joined.number, kind="stable")
    return Invoices(**{name: getattr(joined, name)[order] for name in joined.__dataclass_fields__})


def due_date(parameters: SimulationParameters, invoices: Invoices) -> Integers:
    """Return when each invoice is due; a credit is due at once."""
    return invoices.date + np.where(invoices.kind == CREDIT, 0, parameters.billing.due_days)


def tax(parameters: SimulationParameters, invoices: Invoices) -> Floats:
    """Return the tax on each invoice."""
    return np.asarray(np.round(invoices.net * parameters.plans.tax_rate, 2))


def invoice_table(parameters: SimulationParameters, customers: Customers, invoices: Invoices) -> pa.Table:
    """Return the source rows of invoices."""
    return pa.table(
        {
            "invoice_id": text_ids("I", invoices.number, 11),
            "customer_id": text_ids("C", customers.number[invoices.row], 8),
            "invoice_date": dates(invoices.date),
            "due_date": dates(due_date(parameters, invoices)),
            "period_start": dates(invoices.period_start),
            "period_end": dates(invoices.period_end),
            "net_amount": money(invoices.net),
            "tax_amount": money(tax(parameters, invoices)),
            "currency": texts(np.zeros(len(invoices), dtype=np.int64), (parameters.plans.currency,)),
            "contract_id": text_ids("K", invoices.contract, 10),
            "kind": texts(invoices.kind, KINDS),
        }
    )


@dataclass(frozen=True)
class Payments:
    """Payment attempts; `invoice` points into the invoices they belong to."""

    invoice: Integers
    attempt: Integers
    date: Integers
    status: Integers


def pay(
    parameters: SimulationParameters,
    draws: Draws,
    customers: Customers,
    lifetimes: Lifetimes,
    invoices: Invoices,
    window: Window,
) -> Payments:
    """Return what happens to each invoice: settled in time or late, failed and tried again, or nothing at all."""
    billing = parameters.billing
    row, number = invoices.row, invoices.number
    method = customers.method[row]
    automatic = method < 2
    due = due_date(parameters, invoices)
    fails = draws.flag("payment fails", number, np.array([billing.failure[name] for name in METHODS])[method])
    late = draws.flag("pays late", number, customers.late_chance[row])
    delay = np.where(
        late,
        2 + (12 * -np.log(draws.uniform("days late", number))).astype(np.int64),
        -draws.integer("days early", number, 0, billing.due_days - 2),
    )
    settled = np.where(automatic, due, due + delay)
    settled = np.where(fails, np.maximum(due + billing.retry_days, settled), settled)
    never = draws.flag("never paid", number, billing.never_paid)

    # Debt: before a cut-off nothing is paid any more; before a suspension that ends well, all of it when it ends.
    begins, until = lifetimes.suspended_from[row], lifetimes.suspended_to[row]
    in_debt = (invoices.date > begins - DEBT_DAYS_BEFORE_SUSPENSION) & (invoices.date < until)
    cut_off = np.zeros(len(row), dtype=bool)
    for spell in lifetimes.spells:
        cut_off |= (spell.end_date[row] == until) & (spell.reason[row] == INVOLUNTARY) & (until < NEVER)
    fails |= in_debt & automatic
    never |= in_debt & cut_off
    settled = np.where(in_debt & ~cut_off, np.maximum(until, due), settled)

    charge = invoices.kind != CREDIT
    every = np.arange(len(row))
    failed = every[fails & charge]
    paid = every[charge & ~never]
    refunded = every[~charge]
    return _known(
        Payments(
            np.r_[failed, paid, refunded],
            np.r_[np.zeros(len(failed), int), np.ones(len(paid), int), np.ones(len(refunded), int)],
            np.r_[due[failed], settled[paid], invoices.date[refunded] + 5],
            np.r_[np.full(len(failed), _FAILED), np.full(len(paid), _SETTLED), np.full(len(refunded), _REFUNDED)],
        ),
        window,
    )


def _known(payments: Payments, window: Window) -> Payments:
    """Drop what happens after the window, and order by invoice."""
    rows = np.flatnonzero(payments.date <= window.last_day)
    rows = rows[np.lexsort((payments.attempt[rows], payments.invoice[rows]))]
    return Payments(payments.invoice[rows], payments.attempt[rows], payments.date[rows], payments.status[rows])


def payment_tables(
    parameters: SimulationParameters, customers: Customers, invoices: Invoices, payments: Payments
) -> list[tuple[int, pa.Table]]:
    """Return the source rows of payments by month paid."""
    index = payments.invoice
    amount = np.abs(invoices.net + tax(parameters, invoices))[index]
    month = month_of(payments.date)
    table = pa.table(
        {
            "payment_id": text_ids("P", invoices.number[index] * 2 + payments.attempt, 12),
            "customer_id": text_ids("C", customers.number[invoices.row[index]], 8),
            "paid_date": dates(payments.date),
            "amount": money(amount),
            "status": texts(payments.status, STATUSES),
            "invoice_id": text_ids("I", invoices.number[index], 11),
            "method": texts(customers.method[invoices.row[index]], METHODS),
        }
    )
    return [(int(value), table.filter(pa.array(month == value))) for value in np.unique(month)]
