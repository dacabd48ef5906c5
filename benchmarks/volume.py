"""Usage by the hundred million rows: monthly Parquet files as an accounting system exports them, and a day more."""

from pathlib import Path

import duckdb

from benchmarks.deployment import END_MONTH

MONTHS = 24
DAYS = 731
TABLES = ("customers", "contracts", "usage")


def write_volume(folder: Path, rows: int) -> None:
    """Write about ``rows`` rows of usage over the 24 months to END_MONTH, by day, and the contracts they are of."""
    contracts = max(1, round(rows / DAYS))
    with duckdb.connect() as connection:
        _write(connection, folder / "customers" / "customers.parquet", f"""
            select 'C' || lpad(i::varchar, 8, '0') as customer_id, 'person' as customer_type,
                date '2020-01-01' + (i % 1000)::integer as created_date
            from range({contracts}) as numbers(i)
        """)  # fmt: skip
        _write(connection, folder / "contracts" / "contracts.parquet", f"""
            select 'K' || lpad(i::varchar, 8, '0') as contract_id, 'C' || lpad(i::varchar, 8, '0') as customer_id,
                'NET' as product_code, 'internet' as product_family,
                date '2020-01-01' + (i % 1000)::integer as start_date, 29.90::decimal(18, 4) as monthly_fee
            from range({contracts}) as numbers(i)
        """)  # fmt: skip
        for month in range(MONTHS):
            first = f"(date '{END_MONTH}-01' - interval ({MONTHS - 1 - month}) month)"
            days = f"generate_series({first}, last_day({first}), interval 1 day)"
            _write(connection, folder / "usage" / f"usage_{month:02}.parquet", _usage(days, contracts))


def write_next_day(folder: Path, rows: int) -> None:
    """Write the day after END_MONTH."""
    day = f"last_day(date '{END_MONTH}-01') + interval 1 day"
    with duckdb.connect() as connection:
        days = f"generate_series({day}, {day}, interval 1 day)"
        contracts = max(1, round(rows / DAYS))
        _write(connection, folder / "usage" / "usage_next_day.parquet", _usage(days, contracts))


def _usage(days: str, contracts: int) -> str:
    return f"""
        select 'K' || lpad(i::varchar, 8, '0') as contract_id, day::date as usage_date,
            down as bytes_down, down // 9 as bytes_up, (1 + seed % 5)::integer as sessions,
            (600 + seed % 80000)::bigint as session_seconds,
            down // 3 as bytes_down_business_hours, down // 31 as bytes_up_business_hours,
            down // 2 as bytes_down_evening, down // 20 as bytes_up_evening,
            down // 11 as bytes_down_night, down // 90 as bytes_up_night,
            (seed % 3000) / 10.0::double as peak_mbps, (1 + seed % 12)::integer as devices
        from (
            select i, day, seed, (seed % 30000000000)::bigint as down
            from (
                select i, day, hash(i * 100000 + epoch(day)::bigint // 86400) as seed
                from unnest({days}) as days(day), range({contracts}) as numbers(i)
            )
        )
    """


def _write(connection: duckdb.DuckDBPyConnection, file: Path, query: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to '{file}' (format parquet, compression zstd)")
