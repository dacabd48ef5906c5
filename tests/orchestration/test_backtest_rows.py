"""Rows of the backtest: quarter ends with a known outcome, and nothing from after a cut-off in what is learned."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import duckdb
import pandas as pd
import pytest

from models.backtest.parameters import BacktestParameters
from models.hazard.parameters import HazardParameters
from models.retention.cohorts import COHORT_COLUMNS as COHORT
from orchestration.segments.backtest_rows import Cutoff, customers_at, cutoffs_of, exposures_by, fingerprint, sample_by
from orchestration.segments.observation import Observed, observed
from orchestration.settings.observation import ObservationSettings
from tests.models.customer_months import FIRST_MONTH, simulate_months
from tests.orchestration.observed import observe

Lake = duckdb.DuckDBPyConnection
MONTHS = 18
AS_OF = (pd.Period("2025-01", "M") + MONTHS - 1).end_time.date()  # FIRST_MONTH is January 2025
CUTOFF = Cutoff(date(2025, 12, 31), 6, FIRST_MONTH)


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    assert FIRST_MONTH == 2025 * 12 + 1
    months = simulate_months(200, MONTHS, base=0.05)
    months["month_end_date"] = [
        (pd.Period("2025-01", "M") + number - FIRST_MONTH).end_time.date() for number in months["month_number"]
    ]
    left = months["churned_after_months"]
    months = months.drop(columns="sample_weight").assign(
        as_of_date=AS_OF, churned_next_month=(left == 1).fillna(False).where(months["months_followed"] > 0)
    )
    margins = months[["customer_id", "month_end_date"]].assign(margin=10.0, net_invoiced=30.0, written_off=3.0)
    with duckdb.connect() as connection:
        connection.register("months", months)
        connection.register("margins", margins)
        connection.execute(
            "create schema features;"
            "create table features.customer_months_at_risk as select * replace (as_of_date::date as as_of_date,"
            " month_end_date::date as month_end_date), 'all' as source_system from months;"
            "create table features.retention_exposures as select as_of_date, source_system, market_segment,"
            f" {', '.join(COHORT)}, month_number, spell_months, count(*) as customers_at_risk,"
            " sum(churned_next_month::integer) as customers_churned from features.customer_months_at_risk"
            " where months_followed > 0 group by all;"
            "create table features.customer_margin_monthly as select customer_id,"
            " month_end_date::date as month_end_date, margin::decimal(18, 2) as margin,"
            " net_invoiced::decimal(18, 2) as net_invoiced, 0::decimal(18, 2) as credited,"
            " written_off::decimal(18, 2) as written_off from margins;"
            "create table features.customer_margin_outlook as select as_of_date::date as as_of_date, customer_id,"
            " month_number, 10.0 as expected_monthly_margin, 0.0 as monthly_discount, 0.0 as suspended_contracts"
            " from months"
        )
        yield connection


@pytest.fixture(scope="module")
def window(lake: duckdb.DuckDBPyConnection) -> Observed:
    return observe(lake, AS_OF)


def test_cutoffs_are_quarter_ends_whose_outcome_is_known_and_that_have_history(
    lake: duckdb.DuckDBPyConnection, window: Observed
) -> None:
    found = cutoffs_of(lake, AS_OF, window, BacktestParameters(), 24, ObservationSettings())
    assert [(cutoff.day, cutoff.horizon_months) for cutoff in found] == [
        (date(2025, 6, 30), 6),
        (date(2025, 9, 30), 6),
        (date(2025, 12, 31), 6),
        (date(2025, 6, 30), 12),
    ]


def test_history_begins_when_endings_are_on_record(lake: Lake) -> None:
    with lake.cursor() as other:
        other.execute("begin")
        late = observe(other, AS_OF, endings_from=date(2025, 6, 1))
        found = cutoffs_of(other, AS_OF, late, BacktestParameters(), 24, ObservationSettings())
        assert {cutoff.day for cutoff in found} == {date(2025, 12, 31)}
        sample = sample_by(other, AS_OF, late, CUTOFF, 1_000_000)
        assert sample["month_number"].min() == FIRST_MONTH + 4
        other.execute("rollback")


def test_tenure_of_who_was_taken_along_in_a_migration_is_what_it_is_taken_to_be(lake: Lake) -> None:
    with lake.cursor() as other:
        other.execute("begin")
        window = observe(other, AS_OF)
        plain = sample_by(other, AS_OF, window, CUTOFF, 1_000_000)
        begun = int((plain["month_number"] - plain["spell_months"]).min())
        day = date((begun - 1) // 12, (begun - 1) % 12 + 1, 1)
        other.execute("update segments.observation_windows set migrated_on = ?", [day])
        moved = sample_by(other, AS_OF, window, CUTOFF, 1_000_000)
        keys = ["customer_id", "month_number"]
        both = plain.merge(moved, on=keys, suffixes=("", "_moved"))
        taken_along = both["month_number"] - both["spell_months"] == begun
        assert 0 < taken_along.sum() < len(both)
        assert (both["spell_months_moved"] - both["spell_months"] == taken_along * 36).all()
        other.execute("rollback")


def test_without_anything_to_learn_from_there_is_no_cutoff(lake: Lake, window: Observed) -> None:
    unknown = replace(window, is_learnable=False)
    assert cutoffs_of(lake, AS_OF, unknown, BacktestParameters(), 24, ObservationSettings()) == []
    # Prepaid customers have months, and no window: there is no contract whose end could have been predicted.
    prepaid = replace(window, version_id="without windows")
    assert cutoffs_of(lake, AS_OF, prepaid, BacktestParameters(), 24, ObservationSettings()) == []


@pytest.mark.parametrize(
    ("prepaid", "is_learnable", "said"),
    [([True, True], True, "Every open customer is prepaid"), ([True, False], False, "No customer is at risk"),
     ([], False, "No customer is at risk")],
)  # fmt: skip
def test_without_a_contract_that_could_end_nothing_is_missing(
    prepaid: list[bool], is_learnable: bool, said: str
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema features; create schema segments; create schema intermediate;"
            "create table features.customer_features (as_of_date date, is_open boolean, is_prepaid boolean);"
            "create table features.customer_months_at_risk (as_of_date date, month_end_date date,"
            " source_system varchar, market_segment varchar);"
            "create table segments.observation_windows (version_id varchar, source_system varchar,"
            " market_segment varchar, endings_from date);"
            "create table segments.recorded_attributes (version_id varchar, retention_market varchar,"
            " attribute varchar, attribute_value varchar, recorded_from date)"
        )
        for each in prepaid:
            connection.execute("insert into features.customer_features values (?, true, ?)", [AS_OF, each])
        found = observed(connection, "v", AS_OF)
    assert found.is_learnable == is_learnable
    assert found.decision.startswith(said)


def test_where_the_window_moves_learning_begins_with_a_quarter_end(
    lake: duckdb.DuckDBPyConnection, window: Observed
) -> None:
    found = cutoffs_of(lake, AS_OF, window, BacktestParameters(), MONTHS, ObservationSettings())
    assert {cutoff.first_month_number for cutoff in found} == {FIRST_MONTH + 2}


@pytest.mark.parametrize("as_of", ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"])
def test_the_window_is_long_enough_for_the_hazard_model_at_every_cutoff(as_of: str) -> None:
    parameters, hazard = BacktestParameters(), HazardParameters()
    assert hazard.training_months >= parameters.months_to_judge(hazard.min_history_months)
    months = pd.period_range(end=pd.Period(as_of, "M"), periods=hazard.training_months, freq="M")
    rows = pd.DataFrame({"month_number": months.year * 12 + months.month, "month_end_date": months.end_time.date})
    rows = rows.assign(as_of_date=date.fromisoformat(as_of), source_system="all", market_segment="consumer")
    with duckdb.connect() as connection:
        connection.register("months", rows)
        connection.execute(
            "create schema features; create table features.customer_months_at_risk as from months;"
            "create table features.retention_exposures as select *, 'consumer' as retention_market, 'internet' as"
            " retention_product, 'none' as retention_term, false as is_committed, 9 as spell_months,"
            " 1 as customers_at_risk, 0 as customers_churned from months"
        )
        whole = observe(connection, rows["as_of_date"].iloc[0])
        found = cutoffs_of(
            connection, date.fromisoformat(as_of), whole, parameters, hazard.training_months, ObservationSettings()
        )
    nearest = [cutoff for cutoff in found if cutoff.horizon_months == 6]
    assert len(nearest) == parameters.cutoffs
    assert all(each.month_number - each.first_month_number >= hazard.min_history_months for each in nearest)


def test_what_is_learned_from_holds_no_outcome_from_after_the_cutoff(
    lake: duckdb.DuckDBPyConnection, window: Observed
) -> None:
    sample = sample_by(lake, AS_OF, window, CUTOFF, 1_000_000)
    assert (sample["month_number"] + sample["months_followed"] <= CUTOFF.month_number).all()
    left = sample["month_number"] + sample["churned_after_months"]
    assert left.max() == CUTOFF.month_number
    everything = lake.execute("select * from features.customer_months_at_risk where month_number < 24312").df()
    assert len(sample) == len(everything)
    events = (everything["month_number"] + everything["churned_after_months"] <= CUTOFF.month_number).sum()
    assert sample["churned_after_months"].notna().sum() == events
    # Curves are fitted on every month before it, as a run fits them, though the hazard model learns from later ones.
    exposures = exposures_by(lake, AS_OF, window, replace(CUTOFF, first_month_number=FIRST_MONTH + 6))
    assert exposures["customers_at_risk"].sum() == len(everything)
    assert exposures["customers_churned"].sum() == (everything["churned_after_months"] == 1).sum()


def test_a_cutoff_leaves_out_the_last_months_whose_endings_would_not_have_been_booked_then(lake: Lake) -> None:
    with lake.cursor() as other:
        window = observe(other, AS_OF)
        assert all(each.known_month == each.month_number for each in _cutoffs(other, window))
        given = ObservationSettings(endings_booked_within_days=40)
        assert all(each.known_month == each.month_number - 2 for each in _cutoffs(other, window, given))
        # Of endings on record, one in two was booked two months late.
        other.execute("begin")
        other.execute(
            "insert into intermediate.ending_bookings values"
            " ('2025-03-10', '2025-03-10', 30), ('2025-03-10', '2025-05-09', 30)"
        )
        cutoffs = _cutoffs(other, window)
        assert all(each.known_month == each.month_number - 2 for each in cutoffs)
        exposures = exposures_by(other, AS_OF, window, cutoffs[-1])
        whole = exposures_by(other, AS_OF, window, replace(cutoffs[-1], known_month=None))
        assert exposures["customers_at_risk"].sum() < whole["customers_at_risk"].sum()
        sample = sample_by(other, AS_OF, window, cutoffs[-1], 1_000_000)
        assert (sample["month_number"] + sample["months_followed"]).max() == cutoffs[-1].known_month
        other.execute("rollback")


def _cutoffs(lake: Lake, window: Observed, settings: ObservationSettings | None = None) -> list[Cutoff]:
    return cutoffs_of(lake, AS_OF, window, BacktestParameters(), 24, settings or ObservationSettings())


def test_customers_at_a_cutoff_have_their_margin_before_and_after_it(
    lake: duckdb.DuckDBPyConnection, window: Observed
) -> None:
    customers = customers_at(lake, AS_OF, window, CUTOFF, 50_000, annual_discount_rate=0.0)
    assert len(customers) == 200
    assert customers["expected_monthly_margin"].to_numpy() == pytest.approx(10)
    assert (customers["margin_12m_mean"] == 10).all()
    stayed = customers["has_churned"] == 0
    assert 0 < stayed.sum() < 200
    assert (customers.loc[stayed, "actual_margin"] == 60).all()
    assert (customers.loc[~stayed, "actual_margin"] < 60).all()


def test_a_late_fact_changes_the_fingerprint_of_the_cutoffs_it_belongs_to(
    lake: duckdb.DuckDBPyConnection, window: Observed
) -> None:
    earlier = Cutoff(date(2025, 6, 30), 6, FIRST_MONTH)
    before = [fingerprint(lake, AS_OF, window, cutoff) for cutoff in (earlier, CUTOFF)]
    assert before == [fingerprint(lake, AS_OF, window, cutoff) for cutoff in (earlier, CUTOFF)]
    lake.execute("begin")
    lake.execute(
        "update features.customer_margin_monthly set margin = 11 where month_end_date = '2026-03-31'"
        " and customer_id = (select min(customer_id) from features.customer_margin_monthly"
        " where month_end_date = '2026-03-31')"
    )
    after = [fingerprint(lake, AS_OF, window, cutoff) for cutoff in (earlier, CUTOFF)]
    lake.execute("rollback")
    assert after[0] == before[0]
    assert after[1] != before[1]
