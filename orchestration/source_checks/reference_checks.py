"""Checks of references and groupings: references to unknown customers, and one value that would join strangers.

The source contract declares which columns refer to customers (``refers_to``) and which group rows (``groups``).
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.lake.contract import Column, load_contract
from orchestration.settings import Settings
from orchestration.source_checks.check import Check


def _tables(attribute: str) -> tuple[str, ...]:
    return tuple(
        name for name, table in load_contract().items() if any(getattr(each, attribute) for each in table.columns)
    )


def _of_each(table: str, attribute: str) -> list[Column]:
    return [column for column in load_contract()[table].columns if getattr(column, attribute)]


def _unknown(
    connection: duckdb.DuckDBPyConnection, _settings: Settings, parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    """Find the column whose references are most often unknown."""
    table: str = parameters["source_table"]
    worst: tuple[float | None, str] = (None, "No row refers to another.")
    for column in _of_each(table, "refers_to"):
        (key,) = load_contract()[str(column.refers_to)].key
        share, unknown, rows, example = connection.execute(f"""
            select
                count(*) filter (found.{key} is null) / nullif(count(*), 0), count(*) filter (found.{key} is null),
                count(*), mode(named) filter (found.{key} is null)
            from (select "{column.name}" as named from raw.{table} where "{column.name}" is not null)
            left join raw.{column.refers_to} as found on named = found.{key}
        """).fetchall()[0]
        if share is not None and share >= (worst[0] or 0):
            example = f", most often {example!r}" if unknown else ""
            worst = (
                share,
                f"{share:.1%} of the {column.name} of {table} are in no row of {column.refers_to}:"
                f" {unknown:,} of {rows:,}{example}.",
            )
    return worst


def _joins_strangers(
    connection: duckdb.DuckDBPyConnection, _settings: Settings, parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    """Find the most frequent value of a grouping column."""
    table: str = parameters["source_table"]
    worst: tuple[float | None, str] = (None, "No value groups rows.")
    for column in _of_each(table, "groups"):
        value, most, rows = connection.execute(f"""
            select arg_max(value, times), max(times), sum(times)
            from (select "{column.name}" as value, count(*) as times from raw.{table} group by all)
            where value is not null
        """).fetchall()[0]
        # With few rows, one value easily has the largest share.
        share = None if rows is None else most / rows if most >= parameters["least_rows"] else 0.0
        if share is not None and share >= (worst[0] or 0):
            worst = (
                float(share),
                f"{value!r} is the {column.name} of {most:,} of {rows:,} rows of {table} that have one.",
            )
    return worst


REFERENCES: tuple[Check, ...] = (
    Check(
        name="unknown_reference_share",
        tables=_tables("refers_to"),
        description="Share of references to a customer (parent, employer, reseller) who is not a customer, for "
        "the worst column of the table.",
        find=_unknown,
        remedy="Deliver who is referred to as a customer too, or map the same identifiers on both sides. One that"
        " many name and that is not a customer joins nobody (market.most_of_unknown_customer); a text that stands for"
        " none goes into null_references of the location.",
    ),
    Check(
        name="commonest_group_share",
        tables=_tables("groups"),
        description="Share of rows with the most common household, address, parent, employer or reseller, for the "
        "worst column of the table. One value shared by most rows would join strangers.",
        find=_joins_strangers,
        remedy="If it stands for 'none' or 'unknown', add it to null_references of the location.",
    ),
    Check(
        name="created_late_share",
        tables=("customers",),
        needs=("contracts",),
        description="Share of customers whose record was created after their first contract, bill, payment or contact.",
        sql="""
            with facts as (
                select customer_id, min(day) as day
                from (
                    select customer_id, valid_from_date as day from raw.contracts
                    union all select customer_id, invoice_date from raw.invoices
                    union all select customer_id, paid_date from raw.payments
                    union all select customer_id, cast(occurred_at as date) from raw.interactions
                )
                group by all
            )
            select
                count(*) filter (facts.day < customers.created_date) / nullif(count(*), 0) as value,
                count(*) filter (facts.day < customers.created_date) as late, count(*) as customers,
                coalesce(': ' || array_to_string(
                    (list(customers.customer_id || ', created ' || customers.created_date || ', first fact of '
                        || facts.day order by customers.customer_id) filter (facts.day < customers.created_date))[:3],
                    '; '
                ), '') as examples
            from raw.customers as customers left join facts using (customer_id)
        """,
        says="{late:,} of {customers:,} customers ({value:.1%}) were created after their own contracts or"
        " bills{examples}.",
        otherwise="There are no customers.",
        remedy="Their first fact counts, so no month loses them. If created_date is the day of a migration, map the day"
        " the customer was won.",
    ),
)
