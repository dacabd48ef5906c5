"""What must hold for a candidate before it may be published, as SQL that returns what is found and expected.

dbt's tests cover keys, types and accepted values; these cover a version as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.segments.candidate import Candidate
from orchestration.segments.registry import versioned_tables

# Tables with one row for every customer; the others contain only some customers.
CUSTOMER_TABLES = ("customer_value", "customer_behavior", "customer_market", "customer_lifecycle", "customer_segments")


@dataclass(frozen=True)
class Check:
    """A statement about a candidate.

    ``sql`` takes the version and the as-of date as ``$version`` and ``$as_of``, and returns one row:
    the number found, the number expected. The check passes when both are equal.
    """

    name: str
    description: str
    sql: str


def _complete(table: str) -> Check:
    return Check(
        name=f"{table}_has_every_customer_once",
        description=f"segments.{table} has exactly the customers of the month's features, each one once.",
        sql=f"""
            select
                (select count(*) || ' rows, ' || count(distinct customer_id) || ' customers'
                 from segments.{table} where version_id = $version),
                (select count(*) || ' rows, ' || count(distinct customer_id) || ' customers'
                 from features.customer_features where as_of_date = $as_of)
        """,
    )


def _has_every_company(table: str) -> Check:
    return Check(
        name=f"{table}_has_every_mid_size_company_once",
        description=f"segments.{table} has exactly the companies of the month's mid-band features, each one once.",
        sql=f"""
            select
                (select concat_ws(' ', count(*), count(distinct customer_id), sum(hash(customer_id)))
                 from segments.{table} where version_id = $version),
                (select concat_ws(' ', count(*), count(distinct customer_id), sum(hash(customer_id)))
                 from features.mid_band_features where as_of_date = $as_of)
        """,
    )


# Exhaustive ways to divide customers, and the condition that a customer has its place.
SCHEMES = {
    "market_segment": "market_segment is not null",
    "lifecycle_stage": "lifecycle_stage is not null",
    "value_decile": "value_decile is not null or not is_ranked",
    "value_decile_fixed": "value_decile_fixed is not null or not is_ranked",
}


def _adds_up(scheme: str, has_place: str) -> Check:
    """Compare the sum over a scheme's segments with the company's total, which comes from the valuation itself."""
    totals = ", ".join(f"sum({value})" for value in ("past_value", "future_value", "total_value"))
    return Check(
        name=f"{scheme}_values_add_up_to_the_company",
        description=f"Past, future and total value over all segments of {scheme} equal the company's, to the cent.",
        sql=f"""
            select
                (select concat_ws(' ', count(*), {totals})
                 from segments.customer_segments where version_id = $version and ({has_place})),
                (select concat_ws(' ', count(*), {totals}) from segments.customer_value where version_id = $version)
        """,
    )


CANDIDATE_CHECKS: tuple[Check, ...] = (
    *(_complete(table) for table in CUSTOMER_TABLES),
    Check(
        name="deciles_are_even",
        description="Sizes of the value deciles differ by at most one, and every ranked customer has one.",
        sql="""
            select
                coalesce(max(customers) - min(customers) <= 1 and count(*) = count(value_decile), true),
                true
            from (
                select value_decile, count(*) as customers
                from segments.customer_value where version_id = $version and is_ranked
                group by value_decile
            )
        """,
    ),
    Check(
        name="revenue_reconciles_to_invoices",
        description="Recognized revenue of every customer is exactly the net amount of its invoices to date whose"
        " periods are over, plus between nothing and all of those whose periods continue.",
        sql="""
            select
                (select count(*) from (
                    select customer_id, sum(net_invoiced - credited) as booked
                    from features.customer_margin_monthly where month_end_date <= $as_of
                    group by customer_id
                ) as ledger
                full join (
                    select
                        customer_id,
                        coalesce(sum(net_amount) filter (period_end <= $as_of or net_amount < 0), 0) as least_amount,
                        coalesce(sum(net_amount) filter (period_end <= $as_of or net_amount > 0), 0) as most_amount
                    from staging.stg_invoices where invoice_date <= $as_of
                    group by customer_id
                ) as invoices on ledger.customer_id = invoices.customer_id
                where coalesce(booked, 0) not between coalesce(least_amount, 0) and coalesce(most_amount, 0)),
                0
        """,
    ),
    Check(
        name="margin_is_revenue_less_costs",
        description="Margin is net revenue minus credits, write-offs and all costs, month by month.",
        sql="""
            select count(*), 0 from features.customer_margin_monthly
            where month_end_date <= $as_of
                and margin is distinct from
                    net_invoiced - credited - written_off - product_cost - usage_cost - care_cost - payment_cost
        """,
    ),
    Check(
        name="past_value_reconciles_to_margin",
        description="Past value of every customer is its total margin to date, to the cent.",
        sql="""
            select
                (select count(*) from (
                    select coalesce(v.past_value, 0) as valued, coalesce(m.margin, 0) as earned
                    from (select * from segments.customer_value where version_id = $version) as v
                    full join (
                        select customer_id, sum(margin) as margin
                        from features.customer_margin_monthly where month_end_date <= $as_of
                        group by customer_id
                    ) as m on v.customer_id = m.customer_id
                ) where abs(valued - earned) > 0.005),
                0
        """,
    ),
    Check(
        name="total_value_is_past_plus_future",
        description="Total value is past plus future value, row by row.",
        sql="""
            select count(*), 0 from segments.customer_value
            where version_id = $version
                and coalesce(total_value, 0) <> coalesce(past_value, 0) + coalesce(future_value, 0)
        """,
    ),
    *(_adds_up(scheme, condition) for scheme, condition in SCHEMES.items()),
    Check(
        name="stocks_and_flows_agree",
        description="In every lifecycle stage, the customers of the month before plus inflow minus outflow are the"
        " customers of the month.",
        sql="""
            with moves as (select * from segments.lifecycle_transitions where version_id = $version),
            changes as (
                select lifecycle_stage, count(*) as customers from segments.customer_lifecycle
                where version_id = (select max(previous_version_id) from moves)
                group by lifecycle_stage
                union all
                select to_stage, customers from moves where from_stage is distinct from to_stage
                union all
                select from_stage, -customers from moves where from_stage is distinct from to_stage
                union all
                select lifecycle_stage, -count(*) from segments.customer_lifecycle
                where version_id = $version and exists (select * from moves)
                group by lifecycle_stage
            )
            select count(*), 0 from (
                select lifecycle_stage from changes where lifecycle_stage is not null
                group by lifecycle_stage having sum(customers) <> 0
            )
        """,
    ),
    *(_has_every_company(table) for table in ("mid_band_needs", "b2b_mid_band")),
    Check(
        name="headroom_adds_up_over_product_families",
        description="The headroom of every mid-size company is the sum over its product families, to the cent.",
        sql="""
            select count(*), 0
            from (select * from segments.b2b_mid_band where version_id = $version) as companies
            full join (
                select customer_id, sum(headroom) as headroom
                from segments.mid_band_headroom where version_id = $version
                group by customer_id
            ) as families on companies.customer_id = families.customer_id
            where companies.headroom is distinct from families.headroom
        """,
    ),
    Check(
        name="wholesale_customers_has_every_customer_once",
        description="segments.wholesale_customers has exactly the wholesale customers, each once, with their value.",
        sql="""
            select
                (select concat_ws(' ', count(*), count(distinct customer_id), sum(total_value))
                 from segments.wholesale_customers where version_id = $version),
                (select concat_ws(' ', count(*), count(distinct customer_id), sum(total_value))
                 from segments.customer_segments where version_id = $version and population = 'wholesale')
        """,
    ),
)  # fmt: skip


def run_check(connection: duckdb.DuckDBPyConnection, check: Check, candidate: Candidate) -> dict[str, Any]:
    """Run one check on a candidate; the result contains what was found and what was expected."""
    parameters = {"version": candidate.version_id, "as_of": candidate.as_of_date}
    used = {name: value for name, value in parameters.items() if f"${name}" in check.sql}
    row = connection.execute(check.sql, used).fetchone()
    found, expected = row if row else (None, None)
    return {"name": check.name, "passed": found == expected, "found": str(found), "expected": str(expected)}


def count_rows(connection: duckdb.DuckDBPyConnection, version_id: str) -> Mapping[str, int]:
    """Count a version's rows in each segment table."""
    counts = " union all ".join(
        f"select '{table}', count(*) from segments.{table} where version_id = $version" for table in versioned_tables()
    )
    return dict(connection.execute(counts, {"version": version_id}).fetchall())
