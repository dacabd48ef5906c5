"""The rows that the hazard model is fitted on: a bounded sample of customer-months, and ends of commitments."""

from datetime import date

import duckdb
import pandas as pd

from models.hazard.covariates import COVARIATES
from models.retention.cohorts import COHORT_COLUMNS
from orchestration.lake.frames import read_frame

_OUTCOMES = ("customer_id", "month_number", "months_followed", "churned_after_months")
# Who leaves next month, who leaves later, who stays: leavers are a hundred times fewer and carry most information.
_OUTCOME_GROUP = "case when churned_next_month then 0 when churned_after_months is not null then 1 else 2 end"


def sample_customer_months(connection: duckdb.DuckDBPyConnection, as_of: date, rows: int, months: str) -> pd.DataFrame:
    """Read at most about ``rows`` customer-months with a known outcome, with their sample weights.

    ``months`` is a subquery, as returned by ``observation.months_within``.

    Months before a churn event are all taken if those before the next month's and those before later ones each fit into
    a quarter of the rows; the rest is sampled by a hash of customer and month and read in their order, so that the
    layout of files does not matter.
    """
    sizes = dict(
        connection.execute(
            f"select {_OUTCOME_GROUP}, count(*) from {months} where as_of_date = ? and months_followed > 0 group by 1",
            [as_of],
        ).fetchall()
    )
    leaving = {group: min(sizes.get(group, 0), rows // 4) for group in (0, 1)}
    wanted = leaving | {2: min(sizes.get(2, 0), rows - sum(leaving.values()))}
    shares = " ".join(f"when {group} then {wanted[group] / size:.9f}" for group, size in sorted(sizes.items()))
    columns = ", ".join(dict.fromkeys((*_OUTCOMES, *COHORT_COLUMNS, *COVARIATES)))
    sample = read_frame(
        connection,
        f"select {columns}, {_OUTCOME_GROUP} as outcome_group from {months}"
        " where as_of_date = ? and months_followed > 0 and"
        f" hash(customer_id, month_number) % 1000000 < 1000000 * case {_OUTCOME_GROUP} {shares or 'when 0 then 0'} end"
        " order by customer_id, month_number",
        [as_of],
    )
    counted = sample["outcome_group"].map(sample["outcome_group"].value_counts())
    sample["sample_weight"] = sample["outcome_group"].map(sizes).astype("float64") / counted
    return sample.drop(columns="outcome_group")


def commitment_ends(connection: duckdb.DuckDBPyConnection, as_of: date, months: str) -> pd.DataFrame:
    """Count commitments that ended while the customer stayed, as for ``CommitmentRenewals.fit``.

    Between consecutive month ends, a commitment that now extends further was renewed, early or in time; one that had a
    month left and is gone was not. It is a later one if it ends after a first one of its length would have; if the
    length is unknown it counts as a first one. A month-to-month commitment is renewed every month. ``months`` is a
    subquery, as returned by ``observation.months_within``.
    """
    return read_frame(
        connection,
        f"""
        with followed as (
            select
                retention_market, retention_product, retention_term, spell_months, month_number, term_months,
                committed_month_ends as months_left,
                lead(month_number) over next_month as next_month_number,
                coalesce(lead(committed_month_ends) over next_month, 0) as next_months_left
            from {months}
            where as_of_date = ?
            window next_month as (partition by customer_id order by month_number)
        )
        select
            retention_market, retention_product, retention_term,
            coalesce(spell_months + months_left > term_months + 1, false) as is_later,
            count(*)::double as commitments_ended,
            sum((next_months_left >= months_left)::integer)::double as commitments_renewed,
            avg(term_months)::double as term_months
        from followed
        where months_left >= 1 and next_month_number = month_number + 1
            and (next_months_left >= months_left or (months_left = 1 and next_months_left = 0))
        group by all
        order by all
        """,
        [as_of],
    )
