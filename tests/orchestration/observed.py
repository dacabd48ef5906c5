"""A version all of whose history is observed, beside customer-months that a test made."""

from datetime import date

import duckdb
import pandas as pd

from orchestration.months import month_number
from orchestration.segments.observation import Observed

VERSION = "whole"


def observe(connection: duckdb.DuckDBPyConnection, as_of: date, endings_from: date | None = None) -> Observed:
    """Store a window over every stratum of ``features.customer_months_at_risk``, and return it."""
    since = f"date '{endings_from}'" if endings_from else "null::date"
    connection.execute(
        "create schema if not exists segments;"
        "create or replace table segments.observation_windows as"
        f" select distinct '{VERSION}' as version_id, source_system, market_segment,"
        f" {since} as endings_from, null::date as migrated_on, 36 as tenure_at_migration"
        " from features.customer_months_at_risk"
    )
    connection.execute(
        "create schema if not exists intermediate; create or replace table intermediate.ending_bookings"
        " (end_date date, booked_date date, endings bigint)"
    )
    first = month_number(endings_from) - 1 if endings_from else 0
    return Observed(VERSION, first, month_number(as_of), 0, pd.DataFrame(), True, "")
