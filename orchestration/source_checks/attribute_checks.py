"""Checks of customer attributes: whether what the settings make features of is what the rows hold."""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.settings import Settings
from orchestration.source_checks.check import Check

_MOST_NAMED = 5


def _unlike_settings(
    connection: duckdb.DuckDBPyConnection, settings: Settings, _parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    """Count the attributes of the settings that no row has, and the values that they do not foresee."""
    named = {**settings.mid_band.clusters.attributes, **settings.behavior.attributes}
    if not named:
        return None, "No attribute is a feature (behavior.attributes); profiles show them all."
    rows: list[tuple[str, list[str], bool]] = connection.execute(
        """
        select
            lower(trim(attribute)), list(distinct trim(attribute_value) order by trim(attribute_value)),
            count(*) = count(try_cast(attribute_value as double))
        from raw.customer_attributes where attribute_value is not null group by all
        """
    ).fetchall()
    found = {name: (values, is_number) for name, values, is_number in rows}
    faults = []
    for name, foreseen in named.items():
        values, is_number = found.get(name, ([], False))
        if not values:
            faults.append(f"no row has {name!r}")
        elif isinstance(foreseen, str):
            faults += [] if is_number else [f"{name!r} is not a number in every row"]
        elif others := [value for value in values if value not in foreseen]:
            shown = ", ".join(map(repr, others[:_MOST_NAMED])) + (" …" if len(others) > _MOST_NAMED else "")
            faults.append(f"{name!r} has values that the settings do not name: {shown}")
    known = f" Attributes there are: {', '.join(sorted(found))}." if faults else ""
    said = "; ".join(faults) if faults else f"{len(named)} attributes are as the settings say"
    return float(len(faults)), f"{said[0].upper()}{said[1:]}.{known}"


ATTRIBUTES: tuple[Check, ...] = (
    Check(
        name="attributes_unlike_settings",
        tables=("customer_attributes",),
        description="Attributes that behavior.attributes names and no row has, that are not numbers where it says so,"
        " or that have other values.",
        find=_unlike_settings,
        remedy="Change behavior.attributes to the names and values that there are, or the mapping. A value that is not"
        " named is none of the others to the clusters; an attribute without rows is left out.",
    ),
)
