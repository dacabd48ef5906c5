"""What customers owe on a day, where settled bills are left out, against the settlement of every bill by the month."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.actions.tables import columns_of
from orchestration.lake.contract import LOAD_ID, load_contract
from orchestration.lake.declarations import REGISTRY, declared_tables
from tests.dbt.in_memory import connect, create_views
from tests.dbt.lakes import RUN

FIRST_DAY = date(2025, 1, 1)
TABLES = ("customers", "contracts", "invoices", "payments", "exchange_rates")


def ledgers(customers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bills and credit notes; payments that name a bill, a credit note, none or an unknown one, early, twice, back."""
    random = np.random.default_rng(19)
    invoices, payments = [], []
    for number in range(customers):
        customer, currency = f"c{number}", "USD" if number % 10 == 0 else "EUR"
        # Every other customer pays each bill once and in full, as most do; half of them get credit notes all the same.
        is_plain, known = number % 2 == 0, []
        for place in range(random.integers(1, 7)):
            issued = FIRST_DAY + timedelta(30 * place + int(random.integers(0, 3)))
            is_credit = number % 4 > 0 and random.random() < 0.2
            amount = int(random.integers(0, 60)) * (-1 if is_credit else 1)
            invoice = f"{customer}-{place}"
            known.append((invoice, issued, amount))
            invoices.append((invoice, customer, issued, issued + timedelta(14), amount, currency,
                             "credit" if is_credit else None))  # fmt: skip
        for invoice, issued, amount in known:
            if is_plain:
                if amount > 0 and random.random() < 0.9:
                    payments.append((customer, invoice, issued + timedelta(int(random.integers(-9, 40))), amount,
                                     currency, "settled"))  # fmt: skip
                continue
            for _ in range(random.integers(0, 4)):
                name = random.choice([invoice, invoice, known[0][0], "unknown", None])
                status = random.choice(["settled", "settled", "settled", "refunded", "failed"])
                paid = random.choice([abs(amount), int(random.integers(1, 90))])
                payments.append((f"c{random.integers(customers)}" if name == "unknown" else customer, name,
                                 issued + timedelta(int(random.integers(-20, 60))), int(paid),
                                 random.choice([currency, "EUR"]), status))  # fmt: skip
    return (
        pd.DataFrame(invoices, columns=["invoice_id", "customer_id", "invoice_date", "due_date", "net_amount",
                                        "currency", "kind"]).assign(tax_amount=0),
        pd.DataFrame(payments, columns=["customer_id", "invoice_id", "paid_date", "amount", "currency", "status"])
        .assign(payment_id=lambda frame: frame.index.astype(str)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lake(compiled: Path) -> duckdb.DuckDBPyConnection:
    """The ledgers as raw tables, and the models that settle them."""
    connection = connect()
    contract = load_contract()
    tables = {f"raw.{name}": {c.name: c.data_type for c in contract[name].columns} | {LOAD_ID: "bigint"}
              for name in TABLES}  # fmt: skip
    tables |= {
        "ops.action_days": columns_of("action_days"),
        "intermediate.service_addresses": dict(declared_tables("intermediate")["service_addresses"].types),
        "segments.versions": dict(declared_tables("segments")[REGISTRY].types),
    }
    for name, columns in tables.items():
        connection.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    create_views(connection, compiled, "bills_on_day", given=set())
    create_views(
        connection, compiled, "bill_settlements", given={"bill_amounts", "credit_notes", "stg_invoices", "stg_payments"}
    )
    invoices, payments = ledgers(400)
    rates = pd.DataFrame({"currency": "USD", "rate_date": [FIRST_DAY + timedelta(30 * each - 30) for each in range(10)],
                          "rate": np.linspace(0.8, 1.1, 10)})  # fmt: skip
    customers = invoices[["customer_id"]].drop_duplicates()
    for name, frame in (
        ("customers", customers),
        ("invoices", invoices),
        ("payments", payments),
        ("exchange_rates", rates),
    ):
        connection.register("given", frame)
        connection.execute(f"insert into raw.{name} by name from given")
    connection.execute("set variable segmentation_run_id = ?", [RUN])
    return connection


# The month's settlements know no day: what was open on one is what had not been settled by then.
_OPEN_BY_THE_MONTH = """
with settled as (
    select invoice_id, max_by(settled_to_date, settled_date) as amount
    from result.bill_settlements where settled_date <= $day group by invoice_id
),
bills as (
    select bills.customer_id, bills.due_date, bills.gross_amount - coalesce(settled.amount, 0) as open_amount
    from workspace.intermediate.bills as bills left join settled using (invoice_id)
    where bills.invoice_date <= $day and bills.is_judged and bills.write_off_date > $day
)
select customer_id, min(case when due_date >= $day then due_date end),
    sum(case when due_date >= $day then open_amount else 0 end), min(case when due_date < $day then due_date end),
    sum(case when due_date < $day then open_amount else 0 end)
from bills where open_amount >= 0.01 group by customer_id order by customer_id
"""
_OPEN_ON_DAY = """
select customer_id, next_due_date, due_amount, overdue_since_date, overdue_amount
from result.bills_on_day where action_date = $day order by customer_id
"""


@pytest.mark.parametrize("first", [20, 75, 140, 230])
def test_what_is_owed_on_the_days_of_a_run_is_what_the_settlement_of_all_bills_leaves_open(
    lake: duckdb.DuckDBPyConnection, first: int
) -> None:
    days = [FIRST_DAY + timedelta(first + more) for more in range(3)]
    lake.execute("delete from ops.action_days")
    lake.execute("insert into ops.action_days select ?, unnest(?::date[])", [RUN, days])
    for day in days:
        by_month = lake.execute(_OPEN_BY_THE_MONTH, {"day": day}).fetchall()
        assert len(by_month) > 20
        assert lake.execute(_OPEN_ON_DAY, {"day": day}).fetchall() == by_month


def test_bills_that_were_paid_in_full_are_not_looked_at(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute("delete from ops.action_days")
    lake.execute("insert into ops.action_days values (?, ?)", [RUN, FIRST_DAY + timedelta(300)])
    counts = "select (select count(*) from workspace.intermediate.{}), (select count(*) from workspace.intermediate.{})"
    looked_at, bills = lake.execute(counts.format("bills_to_settle", "bill_amounts")).fetchone() or (0, 0)
    assert 0 < looked_at < 0.7 * bills
