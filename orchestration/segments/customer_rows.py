"""The customers of a month for valuation: features, and the covariates of the hazard model."""

from collections.abc import Iterable, Iterator
from datetime import date

import duckdb
import pandas as pd

from orchestration.lake.declarations import declared_tables
from orchestration.lake.frames import read_batches
from orchestration.months import month_number
from orchestration.segments.observation import MIGRATED_MONTH


def customers_with_covariates(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    version_id: str,
    feature_columns: Iterable[str],
    key_columns: Iterable[str],
) -> Iterator[pd.DataFrame]:
    """Read customers in batches: feature columns, plus what the features lack from the month at risk.

    ``month_number`` is null for customers who are not at risk. ``spell_months`` of customers taken over in a migration
    is their assumed tenure (``orchestration.segments.observation``).
    """
    features = declared_tables("features")["customer_features"].types
    wanted = dict.fromkeys((*feature_columns, *key_columns))
    columns = ", ".join(
        "(features.spell_months + coalesce(heaps.tenure_at_migration, 0))::integer as spell_months"
        if name == "spell_months"
        else f"{'features' if name in features else 'at_risk'}.{name}"
        for name in wanted
    )
    return read_batches(
        connection,
        f"select {columns} from features.customer_features as features"
        " left join (select * from features.customer_months_at_risk"
        "  where as_of_date = $day and month_end_date = $day) as at_risk"
        " on features.customer_id = at_risk.customer_id"
        f" left join (select distinct source_system, {MIGRATED_MONTH} as migrated_month, tenure_at_migration"
        "  from segments.observation_windows as windows where version_id = $version) as heaps"
        " on features.source_system = heaps.source_system"
        " and $month - features.spell_months = heaps.migrated_month"
        " where features.as_of_date = $day",
        {"day": as_of, "version": version_id, "month": month_number(as_of)},
    )
