"""What must hold on a candidate before it may be published, as SQL that returns what is wrong.

dbt's tests hold keys, types and accepted values; these hold what is true of a version as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.lib.versions import DBT_SEGMENT_TABLES, Candidate

CUSTOMER_TABLES = ("customer_value", "customer_behavior", *DBT_SEGMENT_TABLES)


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
        description=f"segments.{table} has exactly the customers of the month's features, each once.",
        sql=f"""
            select
                (select count(*) || ' rows, ' || count(distinct customer_id) || ' customers'
                 from segments.{table} where version_id = $version),
                (select count(*) || ' rows, ' || count(distinct customer_id) || ' customers'
                 from features.customer_features where as_of_date = $as_of)
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
        name="past_value_reconciles_to_margin",
        description="Past value of all customers equals all margin to date, to the cent a customer.",
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
                ) where abs(valued - earned) > 0.01),
                0
        """,
    ),
    Check(
        name="total_value_is_past_plus_future",
        description="Total value is past plus future value, row by row.",
        sql="""
            select count(*), 0 from segments.customer_value
            where version_id = $version
                and abs(total_value - coalesce(past_value, 0) - coalesce(future_value, 0)) > 0.01
        """,
    ),
)  # fmt: skip


def run_check(connection: duckdb.DuckDBPyConnection, check: Check, candidate: Candidate) -> dict[str, Any]:
    """Run one check on a candidate; the result says what was found and what was expected."""
    parameters = {"version": candidate.version_id, "as_of": candidate.as_of_date}
    used = {name: value for name, value in parameters.items() if f"${name}" in check.sql}
    row = connection.execute(check.sql, used).fetchone()
    found, expected = row if row else (None, None)
    return {"name": check.name, "passed": found == expected, "found": str(found), "expected": str(expected)}


def count_rows(connection: duckdb.DuckDBPyConnection, version_id: str, tables: tuple[str, ...]) -> Mapping[str, int]:
    """Count a version's rows in each segment table."""
    return {
        table: connection.execute(
            f"select count(*) from segments.{table} where version_id = ?", [version_id]
        ).fetchall()[0][0]
        for table in tables
    }
