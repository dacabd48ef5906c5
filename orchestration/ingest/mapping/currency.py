"""Amounts in other currencies: which rows can be converted, and which loads wait for a rate.

Ingestion only ensures that a rate is known; staging converts. A rate is valid from its day until the next one of its
currency, but no longer than the settings allow.
"""

import duckdb

from orchestration.lake.contract import EXCHANGE_RATES, Table
from orchestration.settings import Settings

CONVERTIBLE_DAYS = "temp._convertible_days"
NO_RATE = "no_exchange_rate"


def show_convertible_days(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the view of the spans of days (currency, first_date, last_date) on which an amount can be converted.

    The reporting currency needs no rate on any day.
    """
    connection.execute(f"""
        create or replace temp view {CONVERTIBLE_DAYS.split(".")[1]} as
        select currency, rate_date as first_date, rate_date + {settings.exchange_rates.max_age_days} as last_date
        from raw.{EXCHANGE_RATES}
        union all
        select '{settings.currency}', date '0001-01-01', date '9999-12-31'
    """)


def loads_with_new_rates(connection: duckdb.DuckDBPyConnection, table: Table) -> set[int]:
    """Return the loads with rows in quarantine for lack of a rate that has come since.

    The row's date is read as it was mapped; a date that only the location's conventions can read counts as covered, so
    such a load is read again whenever its currency gets a new rate.
    """
    if table.currency is None:
        return set()
    date_column = table.column(table.currency.currency_of_date or "")
    dates = ", ".join(f"row_json ->> '{name}'" for name in (date_column.name, date_column.default) if name)
    return {
        load_id
        for (load_id,) in connection.execute(
            f"""
            with waiting as (
                select load_id, upper(trim(value)) as currency,
                    try_cast(left(coalesce({dates}), 10) as date) as day
                from ops.quarantine
                where source_table = ? and column_name = ? and reason = '{NO_RATE}'
            ),
            renewed as (select currency, max(_load_id) as load_id from raw.{EXCHANGE_RATES} group by currency)
            select distinct waiting.load_id
            from waiting
            inner join renewed on waiting.currency = renewed.currency and waiting.load_id < renewed.load_id
            where waiting.day is null or exists (
                select 1 from {CONVERTIBLE_DAYS} as span
                where span.currency = waiting.currency and waiting.day between span.first_date and span.last_date
            )
            """,
            [table.name, table.currency.name],
        ).fetchall()
    }
