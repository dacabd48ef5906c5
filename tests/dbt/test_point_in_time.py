"""Features use nothing dated after their as-of date, and nothing but the facts themselves."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from orchestration.lake.contract import load_contract
from tests.dbt.lakes import LAST_MONTH, RAW_TABLES, Lake, empty_lake

CUT = date(2025, 11, 30)
SOURCE = (
    "attach 'ducklake:sqlite:{0}/catalog.sqlite' as source (read_only, data_path '{0}/data/', override_data_path true)"
)
# What the source would have held on the day, in another order, and with some of the money in another currency.
KNOWN_BY_THEN = {
    "customers": "select * from source.raw.customers where created_date <= $cut",
    "contracts": """
        select * exclude (factor) replace (
            case when end_date <= $cut then end_date end as end_date,
            case when end_date <= $cut then end_reason end as end_reason,
            case when end_date > $cut and status = 'ended' then 'active' else status end as status,
            monthly_fee * factor as monthly_fee,
            discount_amount * factor as discount_amount,
            monthly_cost * factor as monthly_cost,
            if(factor = 4, 'USD', currency) as currency
        )
        from (select *, if(hash(contract_id) % 3 = 0, 4, 1) as factor from source.raw.contracts)
        where valid_from_date <= $cut
    """,
    "usage": "select * from source.raw.usage where usage_date <= $cut",
    "usage_sessions": "select * from source.raw.usage_sessions where reported_date <= $cut",
    "invoices": """
        select * exclude (factor) replace (
            net_amount * factor as net_amount,
            tax_amount * factor as tax_amount,
            if(factor = 4, 'USD', currency) as currency
        )
        from (select *, if(hash(invoice_id) % 3 = 0, 4, 1) as factor from source.raw.invoices)
        where invoice_date <= $cut
    """,
    "payments": """
        select * exclude (factor) replace (amount * factor as amount, if(factor = 4, 'USD', currency) as currency)
        from (select *, if(hash(payment_id) % 3 = 0, 4, 1) as factor from source.raw.payments)
        where paid_date <= $cut
    """,
    "interactions": "select * from source.raw.interactions where occurred_at < $cut + 1",
    "service_quality": "select * from source.raw.service_quality where date <= $cut",
    "balances": "select * from source.raw.balances where date <= $cut",
    "exchange_rates": """
        select 'USD' as currency, cast(date '2015-01-01' + month * interval 1 month as date) as rate_date, 0.25 as rate
        from range(200) as months(month) where rate_date <= $cut
    """,
}
FEATURES = {
    "customer_features": "select * from features.customer_features where as_of_date = ? order by customer_id",
    "retention_exposures": "select * from features.retention_exposures where as_of_date = ? order by all",
    "customer_months_at_risk": "select * from features.customer_months_at_risk where as_of_date = ? order by all",
    "home_business_features": "select * from features.home_business_features where as_of_date = ? order by customer_id",
    "mid_band_features": "select * from features.mid_band_features where as_of_date = ? order by customer_id",
    "customer_margin_monthly": "select * from features.customer_margin_monthly where month_end_date <= ? order by all",
}


def _known_by_then(table: str) -> str:
    """Return the query of what was known on the day; of a table without more to it, the rows dated by then."""
    dated = f"select * from source.raw.{table} where {load_contract()[table].time_column} < $cut + 1"
    return KNOWN_BY_THEN.get(table, dated)


def _features(lake: Lake) -> dict[str, pd.DataFrame]:
    return {table: lake.frame(query, [CUT]) for table, query in FEATURES.items()}


@pytest.fixture(scope="module")
def known_later(simulated_lake: Lake) -> dict[str, pd.DataFrame]:
    """The features of the day, made together with the next month's while everything is known."""
    simulated_lake.scope({CUT: None, LAST_MONTH: None})
    simulated_lake.build("--select", "+path:models/features")
    return _features(simulated_lake)


@pytest.fixture(scope="module")
def cut_lake(simulated_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = empty_lake(tmp_path_factory.mktemp("cut"))
    source = simulated_lake.settings.warehouse.path
    with lake.warehouse.writer() as connection:
        connection.execute(SOURCE.format(source))
        for table in RAW_TABLES:
            connection.execute(
                f"insert into raw.{table} by name select * from ({_known_by_then(table)}) as t order by hash(t)",
                {"cut": CUT},
            )
    lake.scope({CUT: None})
    lake.build_untested("--select", "+path:models/features")
    return lake


@pytest.mark.parametrize("table", FEATURES)
def test_cutting_the_sources_shuffling_rows_and_restating_money_in_another_currency_changes_nothing(
    known_later: dict[str, pd.DataFrame], cut_lake: Lake, table: str
) -> None:
    assert len(known_later[table]) > 0
    assert_frame_equal(_features(cut_lake)[table], known_later[table], check_exact=True)


def test_a_second_run_gives_the_same_rows(known_later: dict[str, pd.DataFrame], cut_lake: Lake) -> None:
    cut_lake.build_untested("--select", "+path:models/features")
    for table, rows in _features(cut_lake).items():
        assert_frame_equal(rows, known_later[table], check_exact=True)


def test_every_source_may_be_missing_but_customers_and_contracts(tmp_path: Path, simulated_lake: Lake) -> None:
    lake = empty_lake(tmp_path)
    source = simulated_lake.settings.warehouse.path
    with lake.warehouse.writer() as connection:
        connection.execute(SOURCE.format(source))
        for table in ("customers", "contracts"):
            connection.execute(f"insert into raw.{table} by name select * from source.raw.{table}")
    lake.scope({LAST_MONTH: None})
    lake.build("--select", "+path:models/features")
    unknown = lake.frame(
        "select count(*) as customers, count(gb_month_3m) as usage, count(past_value) as value, count(overdue_days) as"
        " payments, count(contacts_3m) as contacts, sum(is_open::int) as open_customers,"
        " count(*) filter (is_open and expected_monthly_margin is null) as unexpected from features.customer_features"
    ).iloc[0]
    assert unknown["customers"] > 0
    assert unknown["open_customers"] > 0
    assert list(unknown[["usage", "value", "payments", "contacts", "unexpected"]]) == [0, 0, 0, 0, 0]
