"""The difference between two versions: which customers moved, from where to where, with how much value, and why.

Versions of any status can be compared, so a withdrawn one can be investigated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.errors import VersionError
from orchestration.segments.versions import version

# The ways to divide customers that bi.segment_migrations uses.
SCHEMES: Mapping[str, str] = {
    "market_segment": "market_segment",
    "lifecycle_stage": "lifecycle_stage",
    "value_decile": "value_decile",
    "behavior_cluster": "cluster_id",
}
_CAUSES = {"input_hash": "data", "settings_hash": "settings", "code_version": "code"}
_MODELS = "select population, model_id from segments.behavior_models where version_id = ?"


@dataclass(frozen=True)
class VersionDiff:
    """The moves between two versions.

    Attributes:
        causes: what differs in the making of the versions: data, settings, code, model of a population.
        moves: scheme, segment in the first and in the second version (None if the customer has none or is absent),
            customers, and the change of their total value.
    """

    causes: tuple[str, ...]
    moves: tuple[tuple[str, str | None, str | None, int, Any], ...]


def diff(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> VersionDiff:
    """Compare two versions customer by customer.

    Raises:
        VersionError: a version does not exist or was pruned.
    """
    one, other = _made_from(connection, first), _made_from(connection, second)
    causes = [cause for name, cause in _CAUSES.items() if one[name] != other[name]]
    before = dict(connection.execute(_MODELS, [first]).fetchall())
    after = dict(connection.execute(_MODELS, [second]).fetchall())
    causes += [
        f"model of {population}"
        for population in sorted(before.keys() | after.keys())
        if before.get(population) != after.get(population)
    ]
    return VersionDiff(tuple(causes), tuple(_moves(connection, first, second)))


def _made_from(connection: duckdb.DuckDBPyConnection, version_id: str) -> dict[str, Any]:
    row = version(connection, version_id)
    if row["status"] == "pruned":
        raise VersionError(f"Version {version_id} was pruned: its rows are deleted, so it cannot be compared.")
    return {cause: row[cause] for cause in _CAUSES}


def _moves(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> list[Any]:
    """Count the customers of each move in one pass over both versions."""
    pairs = ", ".join(
        f"{{'scheme': '{scheme}', 'before': cast(one.{column} as varchar), 'after': cast(other.{column} as varchar)}}"
        for scheme, column in SCHEMES.items()
    )
    return connection.execute(
        f"""
        with moved as (
            select
                unnest([{pairs}]) as move,
                coalesce(other.total_value, 0) - coalesce(one.total_value, 0) as value_change
            from (from segments.customer_segments where version_id = ?) as one
            full join (from segments.customer_segments where version_id = ?) as other using (customer_id)
        )
        select move.scheme, move.before, move.after, count(*), sum(value_change)
        from moved
        where move.before is distinct from move.after
        group by all
        order by 1, 4 desc, 2, 3
        """,
        [first, second],
    ).fetchall()
