"""The tables that are served, as dbt declares them in ``models/bi/_bi.yml``."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from orchestration.paths import PROJECT_DIR

VERSION = "version_id"
REGISTRY = "segmentation_versions"
"""The registry of versions: tables refer to it."""
CUSTOMERS = "customer_segment_history"
"""One row per customer and version: tables of customers refer to it."""
_PREFIX = "bi__"


@dataclass(frozen=True)
class ServedColumn:
    """A column; ``personal`` is "identifier" or "attribute" where it is about a person or a household."""

    name: str
    sql_type: str
    description: str
    personal: str | None = None


@dataclass(frozen=True)
class ServedTable:
    """A table: what a row is (``grain``, of which ``nullable_keys`` may be null), and what analysts filter by.

    ``is_history`` says whether it holds every published version and so grows by version, else it holds only what is
    current; ``is_of_persons`` whether a row is a single person, organization or household.
    """

    name: str
    description: str
    columns: tuple[ServedColumn, ...]
    grain: tuple[str, ...]
    nullable_keys: tuple[str, ...]
    filters: tuple[str, ...]
    is_history: bool
    is_of_persons: bool


@cache
def served_tables() -> dict[str, ServedTable]:
    """Return the tables of the schema ``bi`` by name."""
    file = PROJECT_DIR / "models" / "bi" / "_bi.yml"
    models = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    tables = [_table(model) for model in models]
    return {table.name: table for table in tables}


def _table(model: dict[str, Any]) -> ServedTable:
    meta = model["config"]["meta"]
    columns = tuple(
        ServedColumn(
            name=column["name"],
            sql_type=column["data_type"].replace(" ", ""),
            description=column["description"].strip(),
            personal=column.get("config", {}).get("meta", {}).get("personal"),
        )
        for column in model["columns"]
    )
    return ServedTable(
        name=model["name"].removeprefix(_PREFIX),
        description=model["description"].strip(),
        columns=columns,
        grain=tuple(meta["grain"]),
        nullable_keys=tuple(meta.get("nullable_keys", ())),
        filters=tuple(meta.get("filters", ())),
        is_history=VERSION in meta["grain"],
        is_of_persons=any(column.personal == "identifier" and column.name in meta["grain"] for column in columns),
    )
