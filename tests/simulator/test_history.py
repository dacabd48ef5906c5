"""Histories as real systems keep them: what is missing from the files, and that nothing else is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from simulator import SimulationParameters, simulate
from simulator.history import forget
from simulator.write import Writer

PLAIN = SimulationParameters(customers=1_000, months=7, end_month="2025-12", seed=3)
TABLES = ("customers", "contracts", "usage", "invoices", "payments", "interactions", "service_quality")
Database = duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Database]:
    """Simulate once; a call gives views of the whole files (`all_contracts`) and of what a history leaves of them."""
    whole = tmp_path_factory.mktemp("whole")
    simulate(PLAIN, whole)

    def record(**history: object) -> Database:
        folder = tmp_path_factory.mktemp("recorded")
        shutil.copytree(whole / "source", folder / "source")
        parameters = SimulationParameters.model_validate(PLAIN.model_dump() | {"history": history})
        connection = duckdb.connect()
        rows = forget(parameters, connection, Writer(folder / "source", "parquet"))
        for name in TABLES:
            pattern = f"{name}*" if name in ("customers", "contracts") else f"{name}/*"
            connection.execute(f"create view {name} as from read_parquet('{folder}/source/{pattern}')")
            connection.execute(f"create view all_{name} as from read_parquet('{whole}/source/{pattern}')")
            assert connection.execute(f"select count(*) from {name}").fetchall() == [(rows[name],)]
        return connection

    return record


def value(connection: Database, query: str) -> object:
    return connection.execute(query).fetchall()[0][0]


def test_who_left_before_a_purge_is_in_no_table_and_everybody_else_in_all_of_them(
    recorded: Callable[..., Database],
) -> None:
    isp = recorded(purged_before="2025-10-01")
    isp.execute(
        """
        create view gone as
        select customer_id
        from (select customer_id, contract_id, max(end_date) as ended from all_contracts group by all)
        group by customer_id
        having max(coalesce(ended, 'infinity')) < '2025-10-01'
        """
    )
    assert value(isp, "select count(*) from gone") > 20
    for table in ("customers", "contracts", "invoices", "payments", "interactions"):
        assert value(isp, f"select count(*) from {table} semi join gone using (customer_id)") == 0
        isp.execute(f"create view expected_{table} as select * from all_{table} anti join gone using (customer_id)")
        assert value(isp, f"select count(*) from {table}") == value(isp, f"select count(*) from expected_{table}")
    for table in ("usage", "service_quality"):
        assert value(isp, f"select count(*) from {table} anti join contracts using (contract_id)") == 0
    for link in ("parent_customer_id", "employer_customer_id"):
        dangling = f"select count(*) from customers where {link} not in (select customer_id from customers)"
        assert value(isp, dangling) == 0


def test_a_migration_makes_a_heap_of_starts_and_knows_nothing_older(recorded: Callable[..., Database]) -> None:
    isp = recorded(migrated_on="2025-09-01")
    assert value(isp, "select min(least(start_date, valid_from_date))::varchar from contracts") == "2025-09-01"
    assert value(isp, "select min(created_date)::varchar from customers") == "2025-09-01"
    taken_along = """
        select count(*) from (
            select contract_id from all_contracts group by contract_id
            having min(start_date) <= '2025-09-01' and coalesce(max(end_date), 'infinity') > '2025-09-01'
        )
    """
    heap = value(isp, "select count(distinct contract_id) from contracts where start_date = '2025-09-01'")
    assert heap == value(isp, taken_along)
    ended = "select distinct contract_id from all_contracts where end_date <= '2025-09-01'"
    assert value(isp, f"select count(*) from ({ended})") > 20
    assert value(isp, f"select count(*) from ({ended}) semi join contracts using (contract_id)") == 0
    assert value(isp, "select count(*) = count(distinct (contract_id, valid_from_date)) from contracts")


def test_the_state_in_force_at_a_migration_is_what_was_taken_along(recorded: Callable[..., Database]) -> None:
    isp = recorded(migrated_on="2025-09-01")
    differing = """
        with latest as (
            select * from all_contracts where valid_from_date <= '2025-09-01'
            qualify row_number() over (partition by contract_id order by valid_from_date desc) = 1
        )
        select count(*) from contracts semi join latest using (contract_id)
        anti join latest using (contract_id, status, monthly_fee, product_code)
        where contracts.valid_from_date = '2025-09-01'
    """
    assert value(isp, differing) == 0


def test_endings_before_they_were_recorded_leave_contracts_that_look_open(recorded: Callable[..., Database]) -> None:
    isp = recorded(endings_recorded_from="2025-10-01")
    assert value(isp, "select min(end_date) from contracts").isoformat() >= "2025-10-01"
    later = "select count(*) from all_contracts where end_date >= '2025-10-01'"
    assert value(isp, "select count(end_date) from contracts") == value(isp, later)
    assert value(isp, "select count(*) from customers") == 1_000


def test_endings_are_booked_late_by_the_mean_delay_and_under_their_true_date(recorded: Callable[..., Database]) -> None:
    isp = recorded(booking_delay_days=60)
    booked, month = "count(*) filter (where b.end_date is not null)", "date_trunc('month', a.end_date)"
    shares = dict(
        isp.execute(
            f"""
            select {month}::date, {booked} / count(*)
            from all_contracts as a left join contracts as b using (contract_id, end_date)
            where a.end_date is not null group by all
            """
        ).fetchall()
    )
    by_month = [share for _, share in sorted(shares.items())]
    # Half a month passes on the mean before the end of the last month: 1 - exp(-15 / 60).
    assert by_month[-1] == pytest.approx(0.22, abs=0.15)
    assert by_month[0] > 0.9
    assert value(isp, "select count(*) from usage") == value(isp, "select count(*) from all_usage")


def test_labels_are_known_only_of_those_who_were_there_when_recording_began(
    recorded: Callable[..., Database],
) -> None:
    isp = recorded(labels_recorded_from="2025-12-20")
    gone = "(select contract_id from all_contracts where end_date < '2025-12-20')"
    assert value(isp, f"select count(term_months) from contracts where contract_id in {gone}") == 0
    assert value(isp, f"select count(*) from contracts where term_months is null and contract_id not in {gone}") == 0
    lost = "all_customers as a join customers as b using (customer_id) where a.industry_code is not null"
    assert value(isp, f"select count(*) from {lost} and b.industry_code is null") > 0
    still_there = f"customer_id in (select customer_id from all_contracts where contract_id not in {gone})"
    assert value(isp, f"select count(*) from {lost} and b.industry_code is null and {still_there}") == 0


def test_truth_and_order_of_rows_do_not_depend_on_what_is_forgotten(tmp_path: Path) -> None:
    history = {"purged_before": "2025-12-01", "booking_delay_days": 30}
    short = PLAIN.model_copy(update={"months": 3})
    kept = SimulationParameters.model_validate(short.model_dump() | {"history": history})
    simulate(short, tmp_path / "whole")
    simulate(kept, tmp_path / "kept", file_format="csv")
    simulate(kept.model_copy(update={"chunk_customers": 400}), tmp_path / "chunked", file_format="csv")
    for name in ("customers", "states"):
        file = f"truth/{name}.parquet"
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "kept" / file).read_bytes()
    for path in (tmp_path / "kept" / "source").rglob("*.csv"):
        assert path.read_bytes() == (tmp_path / "chunked" / path.relative_to(tmp_path / "kept")).read_bytes()
