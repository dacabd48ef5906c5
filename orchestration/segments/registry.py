"""Facts about every segment table, derived from its declaration: who writes it, and what versions are made from.

Tables are listed nowhere else. A versioned table is declared with a ``version_id``: a discarded candidate loses its
rows there, and a check counts them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.lake.declarations import DeclaredTable, declared_tables

_ROWS_OF_MONTH = "as_of_date = $as_of"


@dataclass(frozen=True)
class Input:
    """A table that segments are made from, and the SQL condition that selects the rows for one month."""

    key: str
    rows_of_month: str = _ROWS_OF_MONTH


def versioned_tables() -> Mapping[str, DeclaredTable]:
    """Return the tables of ``segments`` that hold the rows of every version, by name."""
    return {name: table for name, table in declared_tables("segments").items() if table.is_versioned}


def tables_written_by(asset: str) -> tuple[DeclaredTable, ...]:
    """Return the tables that a Python asset writes, in the order of their declaration.

    Raises:
        KeyError: no table declares the asset as its writer.
    """
    found = tuple(table for table in versioned_tables().values() if table.meta.get("written_by") == asset)
    if not found:
        raise KeyError(f"no table of segments is declared as written_by: {asset}")
    return found


def inputs_of_versions(manifest: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the inputs of a month's segments other than segment tables, by name.

    For tables that Python writes, their declaration lists what is read; for dbt's models, the manifest does.

    Args:
        manifest: parsed manifest of the dbt project.
    """
    read = {key for table in versioned_tables().values() for key in table.meta.get("reads", ())}
    for node in manifest["nodes"].values():
        if is_segment_model(node):
            read.update(_read_by(node, manifest))
    inputs = [key.split(".") for key in sorted(read) if not key.startswith(("segments.", "ops."))]
    return tuple(
        Input(f"{schema}.{name}", declared_tables(schema)[name].meta.get("rows_of_month", _ROWS_OF_MONTH))
        for schema, name in inputs
    )


def is_segment_model(node: Mapping[str, Any]) -> bool:
    """Whether a node of the manifest is a model in the folder of segments."""
    return bool(node["resource_type"] == "model" and node["fqn"][1] == "segments")


def _read_by(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tables outside the folder of segments that a model reads; seeds count as code."""
    for identifier in node["depends_on"]["nodes"]:
        if identifier in manifest["sources"]:
            source = manifest["sources"][identifier]
            yield f"{source['schema']}.{source['name']}"
        else:
            read = manifest["nodes"][identifier]
            if read["resource_type"] != "seed" and not is_segment_model(read):
                yield f"{read['schema']}.{read['alias']}"
