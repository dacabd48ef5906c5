"""Which commitments count as ended and which as renewed, from month ends that follow each other."""

from datetime import date

import duckdb
import pandas as pd
import pytest

from orchestration.lib.hazard_rows import commitment_ends, months_known_by

AS_OF, FIRST = date(2025, 6, 30), 24_301

# Customer, term, then months behind and months of commitment left at one month end after the other (None: not there).
LIVES = {
    "runs out": (12, [(10, 2), (11, 1), (12, 0), (13, 0)]),
    "renews in time": (12, [(10, 2), (11, 1), (12, 12), (13, 11)]),
    "renews early": (12, [(8, 4), (9, 12), (10, 11), (11, 10)]),
    "renews again": (12, [(22, 2), (23, 1), (24, 12), (25, 11)]),
    "leaves in its last month": (12, [(10, 2), (11, 1)]),
    "loses its main contract": (12, [(4, 8), (5, 0), (6, 0), (7, 0)]),
    "was away": (12, [(10, 2), (11, 1), None, (0, 12)]),
    "free": (0, [(10, 0), (11, 0), (12, 0), (13, 0)]),
    "from month to month": (1, [(3, 1), (4, 1), (5, 1), (6, 1)]),
}


@pytest.fixture
def lake():
    rows = [
        (AS_OF, name, FIRST + place, "consumer", "internet", str(term), term, *state)
        for name, (term, states) in LIVES.items()
        for place, state in enumerate(states)
        if state is not None
    ]
    columns = ["as_of_date", "customer_id", "month_number", "retention_market", "retention_product", "retention_term"]
    columns += ["term_months", "spell_months", "commitment_months_left"]
    months = pd.DataFrame(rows, columns=columns).assign(months_followed=1, churned_after_months=pd.NA)
    with duckdb.connect() as connection:
        connection.register("months", months)
        connection.execute(
            "create schema features; create table features.customer_months_at_risk as"
            " select * replace (as_of_date::date as as_of_date) from months"
        )
        yield connection


def counts(frame: pd.DataFrame) -> dict[bool, tuple[float, float, float]]:
    return {
        bool(row.is_later): (row.commitments_ended, row.commitments_renewed, row.term_months)
        for row in frame.itertuples()
    }


def test_only_ends_that_the_customer_outlasts_count_and_early_renewals_are_renewals(lake):
    # First ones: one ran out, one was renewed in time, one early. Later ones: one, renewed.
    assert counts(commitment_ends(lake, AS_OF)) == {False: (3.0, 2.0, 12.0), True: (1.0, 1.0, 12.0)}


def test_at_a_cutoff_nothing_is_known_of_the_months_after_it(lake):
    before = months_known_by(FIRST + 2, FIRST)
    assert counts(commitment_ends(lake, AS_OF, before)) == {False: (1.0, 1.0, 12.0)}


def test_another_as_of_date_has_none(lake):
    assert commitment_ends(lake, date(2025, 5, 31)).empty
