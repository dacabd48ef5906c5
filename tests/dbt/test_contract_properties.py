"""What a contract's states mean over time, against the same rule said plainly, day by day, on random histories."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

MODELS = ("contract_states", "contracts_as_of", "service_months", "contract_months", "customer_spans")
FIRST_MONTH, MONTHS = date(2024, 1, 1), 6
# Firsts and lasts of months, a leap day, days next to each other, and what systems write for "always" and "never".
DAYS = [
    *(date(1900, 1, 1), date(2023, 12, 15), date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 31)),
    *(date(2024, 2, 1), date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 15), date(2024, 4, 1)),
    *(date(2024, 4, 30), date(2024, 5, 1), date(2024, 5, 31), date(2024, 6, 30), date(9999, 12, 31)),
]
_GIVEN = f"""
attach ':memory:' as lake; create schema lake.intermediate;
attach ':memory:' as workspace; create schema workspace.intermediate; create schema workspace.staging;
use workspace.intermediate;
create table workspace.staging.stg_customers (customer_id varchar, postal_code varchar, country varchar);
create table lake.intermediate.service_addresses (service_address varchar, postal_code varchar, country varchar,
    unit varchar, building_id varchar, address_id varchar);
create table months as
select last_day(first_day) as month_end_date, first_day as month_start_date,
    year(first_day) * 12 + month(first_day) as month_number, day(last_day(first_day)) as days_in_month,
    true as is_run_month, true as is_in_books
from (select cast(date '{FIRST_MONTH}' + to_months(cast(i as integer)) as date) as first_day from range({MONTHS}) t(i));
create table workspace.staging.stg_contracts (contract_id varchar, customer_id varchar, valid_from_date date,
    start_date date, end_date date, status varchar, term_months integer, committed_until_date date,
    monthly_fee decimal(18, 4) default 30, monthly_cost decimal(18, 4) default 10, product_family varchar default 'tv');
alter table workspace.staging.stg_contracts add column postal_code varchar;
"""
_UNUSED = {
    "product_code": "varchar", "end_reason": "varchar", "discount_amount": "decimal(18, 4)",
    "discount_until_date": "date", "service_address_id": "varchar", "service_address": "varchar",
    "access_technology": "varchar", "download_mbps": "double", "data_cap_gb": "double", "has_static_ip": "boolean",
    "sales_channel": "varchar", "reseller_customer_id": "varchar", "is_prepaid": "boolean",
}  # fmt: skip


class State(NamedTuple):
    """A dated state as a source delivers it."""

    valid_from: date
    customer: str
    start: date
    end: date | None
    status: str | None
    term_months: int | None

    @property
    def stops(self) -> date | None:
        """First day without service; one that has ended without a date ended when that became known."""
        return self.valid_from if self.end is None and self.status == "ended" else self.end


days = st.sampled_from(DAYS)
states = st.builds(
    State,
    valid_from=st.sampled_from(DAYS[:-1]),
    customer=st.sampled_from(["c1", "c2"]),
    start=days,
    end=st.none() | days,
    status=st.sampled_from([None, "active", "active", "suspended", "pending", "ended"]),
    term_months=st.sampled_from([None, 0, 1, 12, 24]),
)
histories = st.lists(
    st.lists(states, min_size=1, max_size=4, unique_by=lambda state: state.valid_from).map(sorted),
    min_size=5,
    max_size=25,
)
Read = Callable[[list[list[State]]], dict[str, pd.DataFrame]]


@pytest.fixture(scope="module")
def read(compiled: Path) -> Iterator[Read]:
    """Run the compiled models on histories, contract by contract numbered from 0."""
    sql = {model: (compiled / "intermediate" / "contracts" / f"{model}.sql").read_text() for model in MODELS}
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(_GIVEN)
        for name, sql_type in _UNUSED.items():
            connection.execute(f"alter table workspace.staging.stg_contracts add column {name} {sql_type}")

        def run(contracts: list[list[State]]) -> dict[str, pd.DataFrame]:
            connection.execute("delete from workspace.staging.stg_contracts")
            rows = [
                [f"k{number}", s.customer, s.valid_from, s.start, s.end, s.status, s.term_months]
                for number, history in enumerate(contracts)
                for s in history
            ]
            connection.executemany(
                "insert into workspace.staging.stg_contracts"
                " (contract_id, customer_id, valid_from_date, start_date, end_date, status, term_months)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            for model, query in sql.items():
                connection.execute(f"create or replace table {model} as {query}")
            # As text and objects, because dates of the years 1900 and 9999 are more than pandas can tell by itself.
            return {
                model: connection.execute(f"select * from {model} order by all").to_arrow_table().to_pandas(
                    date_as_object=True
                )
                for model in MODELS
            }  # fmt: skip

        yield run


def month_ends() -> list[date]:
    firsts = [date(2024, 1 + number, 1) for number in range(1, MONTHS + 1)]
    return [first - timedelta(days=1) for first in firsts]


def served_plainly(history: list[State], day: date) -> State | None:
    """Return the state that serves a day, if any does."""
    first = next((state for state in history if state.status != "pending"), None)
    if first is None:
        return None
    before = [state for state in history if state.valid_from <= day]
    state = first if day < first.valid_from else before[-1]
    is_served = state.status != "pending" and state.start <= day and (state.stops is None or day < state.stops)
    return state if is_served else None


def services_plainly(history: list[State]) -> list[tuple[str, date, date | None]]:
    """Return who was served from when until before when, in order; a service without an end has none."""
    cuts = sorted({day for s in history for day in (s.valid_from, s.start, s.stops) if day})
    found: list[tuple[str, date, date | None]] = []
    for day, until in pairwise([*cuts, None]):
        state = served_plainly(history, day)
        if state is None:
            continue
        if found and found[-1][0] == state.customer and found[-1][2] == day:
            found[-1] = (state.customer, found[-1][1], until)
        else:
            found.append((state.customer, day, until))
    return found


def known_by(contracts: list[list[State]], day: date) -> list[list[State]]:
    return [[state for state in history if state.valid_from <= day] for history in contracts]


def has_late_end(history: list[State]) -> bool:
    return any(state.stops and state.stops < state.valid_from for state in history)


# A failure is read off the contract it names; making it smaller would take minutes.
quickly = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@quickly
@given(histories)
def test_services_are_the_runs_of_days_that_one_holder_was_served(read: Read, contracts: list[list[State]]) -> None:
    found = read(contracts)["contracts_as_of"]
    assert found["end_date"].isna().sum() + (found["end_date"] > found["start_date"]).sum() == len(found)
    for as_of in month_ends():
        rows = found[found["as_of_date"] == as_of]
        for number, history in enumerate(known_by(contracts, as_of)):
            expected = [(who, start) for who, start, _ in services_plainly(history) if start <= as_of]
            own = rows[rows["contract_id"] == f"k{number}"].sort_values("start_date")
            starts = list(zip(own["customer_id"], own["start_date"], strict=True))
            # An end that was recorded late takes back days, or the whole service.
            if has_late_end(history):
                assert set(starts) <= set(expected), history
                continue
            assert starts == expected, history
            ends = [end for _, start, end in services_plainly(history) if start <= as_of]
            ended = [end if end and end <= as_of else None for end in ends]
            assert [end if end and end <= as_of else None for end in own["end_date"]] == ended, history


@quickly
@given(histories)
def test_every_reader_of_the_history_agrees_on_who_is_open(read: Read, contracts: list[list[State]]) -> None:
    found = read(contracts)
    for as_of in month_ends():
        known = known_by(contracts, as_of)
        expected = {
            (f"k{number}", state.customer)
            for number, history in enumerate(known)
            if history and (state := served_plainly(history, as_of))
        }
        services, months = found["contracts_as_of"], found["contract_months"]
        is_open = (services["as_of_date"] == as_of) & (services["end_date"].isna() | (services["end_date"] > as_of))
        assert set(zip(services["contract_id"][is_open], services["customer_id"][is_open], strict=True)) == expected
        is_open = (months["month_end_date"] == as_of) & months["is_open"]
        assert set(zip(months["contract_id"][is_open], months["customer_id"][is_open], strict=True)) == expected
        spans, number = found["customer_spans"], as_of.year * 12 + as_of.month
        at_risk = spans[(spans["first_month"] <= number) & (spans["last_month"] >= number)]
        assert set(at_risk["customer_id"]) == {customer for _, customer in expected}
        if not any(map(has_late_end, known)):
            first_starts = services[services["as_of_date"] == as_of].groupby("customer_id")["start_date"].min()
            assert (at_risk["spell_start_date"] >= at_risk["customer_id"].map(first_starts)).all()
        assert (at_risk["spell_first_month"] <= at_risk["first_month"]).all()


@quickly
@given(histories)
def test_days_of_service_are_counted_once_each_and_cost_what_they_cost(
    read: Read, contracts: list[list[State]]
) -> None:
    found = read(contracts)["service_months"]
    days = found.set_index(["contract_id", "customer_id", "month_end_date"])["service_days"].to_dict()
    expected: dict[tuple[str, str, date], int] = {}
    for as_of in month_ends():
        for number, history in enumerate(known_by(contracts, as_of)):
            for day in (as_of - timedelta(days=back) for back in range(as_of.day)):
                state = served_plainly(history, day) if history else None
                taken_back = state and any(
                    later.stops and later.stops < later.valid_from and later.stops <= day
                    for later in history
                    if later.valid_from > state.valid_from
                )
                if state and not taken_back:
                    key = (f"k{number}", state.customer, as_of)
                    expected[key] = expected.get(key, 0) + 1
    assert days == expected
    assert (found["product_cost"] >= 0).all()


@quickly
@given(histories, st.sampled_from(month_ends()))
def test_no_later_state_changes_what_was_known_before(read: Read, contracts: list[list[State]], cut: date) -> None:
    whole, before = read(contracts), read(known_by(contracts, cut))
    number = cut.year * 12 + cut.month
    for model, column in (("contracts_as_of", "as_of_date"), ("service_months", "month_end_date")):
        rows = [frame[model][frame[model][column] <= cut].reset_index(drop=True) for frame in (whole, before)]
        # An end that lies ahead may still be put off.
        for frame in rows if model == "contracts_as_of" else []:
            frame["end_date"] = [end if end and end <= cut else None for end in frame["end_date"]]
        pd.testing.assert_frame_equal(*rows)
    spans = [frame["customer_spans"] for frame in (whole, before)]
    spans = [frame[frame["first_month"] <= number] for frame in spans]
    columns = ["customer_id", "first_month", "spell_first_month", "spell_start_date", "spell_number"]
    pd.testing.assert_frame_equal(*(frame[columns].reset_index(drop=True) for frame in spans))
    left = [set(frame["customer_id"][frame["ends_spell"] & (frame["last_month"] < number)]) for frame in spans]
    assert left[0] == left[1]


@quickly
@given(histories)
def test_a_commitment_never_ends_before_the_service_that_it_binds(read: Read, contracts: list[list[State]]) -> None:
    found = read(contracts)
    states, months = found["contract_states"], found["contract_months"]
    bound = states[states["term_months"] > 1]
    assert (bound["committed_until_date"] >= bound["start_date"]).all()
    assert states.loc[states["term_months"] <= 1, "committed_until_date"].isna().all()
    assert (months["commitment_months_left"] >= 0).all()
    assert (months["months_since_commitment"].dropna() >= 0).all()
