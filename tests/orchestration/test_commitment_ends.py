"""Which commitments count as ended and which as renewed, from month ends that follow each other."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.retention.commitment_renewal import CommitmentRenewals
from orchestration.segments.hazard_rows import commitment_ends
from orchestration.segments.observation import months_within
from tests.orchestration.observed import observe

EVERY_MONTH = "features.customer_months_at_risk"
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
    "of unknown length": (None, [(10, 1), (11, 0), (12, 0), (13, 0)]),
}
TERMS = {12: "12", 1: "none", 0: "none", None: None}


@pytest.fixture
def lake():
    rows = [
        (AS_OF, name, FIRST + place, "consumer", "internet", TERMS[term], term, *state)
        for name, (term, states) in LIVES.items()
        for place, state in enumerate(states)
        if state is not None
    ]
    columns = ["as_of_date", "customer_id", "month_number", "retention_market", "retention_product", "retention_term"]
    columns += ["term_months", "spell_months", "committed_month_ends"]
    months = pd.DataFrame(rows, columns=columns).assign(months_followed=1, churned_after_months=pd.NA)
    months["term_months"] = months["term_months"].astype("Int64")
    with duckdb.connect() as connection:
        connection.register("months", months)
        connection.execute(
            "create schema features; create table features.customer_months_at_risk as"
            " select * replace (as_of_date::date as as_of_date), 'all' as source_system,"
            " 'consumer' as market_segment from months"
        )
        yield connection


def counts(frame: pd.DataFrame, term: str | None = "12") -> dict[bool, tuple[float, float, float]]:
    of_term = frame[frame["retention_term"].isna() if term is None else frame["retention_term"] == term]
    return {
        bool(row.is_later): (row.commitments_ended, row.commitments_renewed, row.term_months)
        for row in of_term.itertuples()
    }


def test_only_ends_that_the_customer_outlasts_count_and_early_renewals_are_renewals(lake):
    # First ones: one ran out, one was renewed in time, one early. Later ones: one, renewed.
    assert counts(commitment_ends(lake, AS_OF, EVERY_MONTH)) == {False: (3.0, 2.0, 12.0), True: (1.0, 1.0, 12.0)}


def test_what_binds_from_month_to_month_is_renewed_every_month(lake):
    ends = commitment_ends(lake, AS_OF, EVERY_MONTH)
    assert counts(ends, "none") == {True: (3.0, 3.0, 1.0)}
    model = CommitmentRenewals(prior_ends=1e-9).fit(ends)
    customer = pd.DataFrame(
        {
            "retention_market": ["consumer"],
            "retention_product": ["internet"],
            "retention_term": ["none"],
            "spell_months": [7],
        }
    )
    bound, free = np.full((1, 24), 0.02), np.full((1, 24), 0.5)
    assert model.hazard(customer, np.array([1.0]), bound, free) == pytest.approx(bound)


def test_a_length_that_is_not_known_is_no_error(lake):
    ended, renewed, months = counts(commitment_ends(lake, AS_OF, EVERY_MONTH), None)[False]
    assert (ended, renewed) == (1.0, 0.0)
    assert np.isnan(months)
    assert CommitmentRenewals().fit(commitment_ends(lake, AS_OF, EVERY_MONTH)).term(
        pd.DataFrame({"retention_term": ["unknown"]})
    ).tolist() == [12]


def test_at_a_cutoff_nothing_is_known_of_the_months_after_it(lake):
    before = months_within(observe(lake, AS_OF), FIRST + 1, FIRST)
    assert counts(commitment_ends(lake, AS_OF, before)) == {False: (1.0, 1.0, 12.0)}


def test_another_as_of_date_has_none(lake):
    assert commitment_ends(lake, date(2025, 5, 31), EVERY_MONTH).empty
