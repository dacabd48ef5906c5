"""Checks of customer attributes: whether the rows match the attributes that the settings use as features."""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.settings import Settings
from orchestration.source_checks.check import Check

_MOST_NAMED = 5


def _unlike_settings(
    connection: duckdb.DuckDBPyConnection, settings: Settings, _parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    """Count the configured attributes that no row has, that are not numbers, or that have unlisted values."""
    named = {**settings.mid_band.clusters.attributes, **settings.behavior.attributes}
    if not named:
        return None, "No attribute is a feature (behavior.attributes); profiles show them all."
    foreseen = [(name, text) for name, values in named.items() if not isinstance(values, str) for text in values]
    rows: list[tuple[str, bool, list[str]]] = connection.execute(
        f"""
        with foreseen as (select unnest($names::varchar[]) as name, unnest($texts::varchar[]) as text)
        select
            name, count(*) = count(try_cast(text as double)),
            list(text order by text) filter (where is_other and rank_of_others <= {_MOST_NAMED + 1})
        from (
            select *, row_number() over (partition by name, is_other order by text) as rank_of_others
            from (
                select distinct
                    lower(trim(attribute)) as name, trim(attribute_value) as text,
                    name in (select name from foreseen) and (name, text) not in (from foreseen) as is_other
                from raw.customer_attributes where attribute_value is not null
            )
        )
        group by name
        """,
        {"names": [name for name, _ in foreseen], "texts": [text for _, text in foreseen]},
    ).fetchall()
    found = {name: (is_number, others or []) for name, is_number, others in rows}
    faults = []
    for name, values in named.items():
        is_number, others = found.get(name, (False, []))
        if name not in found:
            faults.append(f"no row has {name!r}")
        elif isinstance(values, str):
            faults += [] if is_number else [f"{name!r} is not a number in every row"]
        elif others:
            shown = ", ".join(map(repr, others[:_MOST_NAMED])) + (" …" if len(others) > _MOST_NAMED else "")
            faults.append(f"{name!r} has values that the settings do not name: {shown}")
    known = f" Attributes there are: {', '.join(sorted(found))}." if faults else ""
    said = "; ".join(faults) if faults else f"{len(named)} attributes are as the settings say"
    return float(len(faults)), f"{said[0].upper()}{said[1:]}.{known}"


ATTRIBUTES: tuple[Check, ...] = (
    Check(
        name="attributes_unlike_settings",
        tables=("customer_attributes",),
        description="Attributes in behavior.attributes that no row has, that are not numbers although declared as "
        "such, or that have other values.",
        find=_unlike_settings,
        remedy="Change behavior.attributes to the names and values that there are, or the mapping. A value that is not"
        " named is none of the others to the clusters; an attribute without rows is left out.",
    ),
)
