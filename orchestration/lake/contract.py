"""The source contract, read from its only declaration: the dbt source ``raw``.

No other place knows the columns of a source table. The types that ingestion casts to, the quarantine rules, and the
DDL of the schema ``raw`` are derived from it.
"""

import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from orchestration.paths import PROJECT_DIR

CONTRACT_FILE = PROJECT_DIR / "models" / "staging" / "_sources.yml"
LOAD_ID = "_load_id"
EXCHANGE_RATES = "exchange_rates"


class _Declared(BaseModel):
    """A frozen part of the contract."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str


class Reference(BaseModel):
    """The column of another table that must contain a value."""

    model_config = ConfigDict(frozen=True)

    table: str
    column: str


class Column(_Declared):
    """One column: its type and what a value must satisfy."""

    data_type: str
    is_required: bool = False
    is_identifier: bool = False
    accepted_values: tuple[str, ...] = ()
    references: Reference | None = None
    minimum: float | None = None
    minimum_when: str | None = None
    default: str | None = None
    pattern: str | None = None
    upper_case: bool = False
    free_text: bool = False
    currency_of_date: str | None = None
    refers_to: str | None = None
    groups: bool = False


class Table(_Declared):
    """One source table: its columns, its key, and whether a deployment must map it."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    is_required: bool
    time_column: str
    partition_by: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order, without ``_load_id``."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column called ``name``."""
        return next(column for column in self.columns if column.name == name)

    @property
    def key_date(self) -> str | None:
        """The date among the key columns, if any: rows of different days can never be the same row."""
        return next((name for name in self.key if self.column(name).data_type == "date"), None)

    @property
    def parents(self) -> frozenset[str]:
        """The tables that this one references."""
        return frozenset(column.references.table for column in self.columns if column.references)

    @property
    def currency(self) -> Column | None:
        """The column with the currency of a row's amounts, if they may be in a foreign currency."""
        return next((column for column in self.columns if column.currency_of_date), None)


@cache
def load_contract() -> Mapping[str, Table]:
    """Read the contract: tables by name, each after the tables that its rows are checked against."""
    (source,) = yaml.safe_load(CONTRACT_FILE.read_text(encoding="utf-8"))["sources"]
    tables = {declared["name"]: _table(declared) for declared in source["tables"]}
    needed = {name: table.parents | ({EXCHANGE_RATES} if table.currency else set()) for name, table in tables.items()}
    order = TopologicalSorter({name: sorted(tables) for name, tables in needed.items()}).static_order()
    return {name: tables[name] for name in order}


def _table(declared: Mapping[str, Any]) -> Table:
    meta = declared["config"]["meta"]
    return Table(
        name=declared["name"],
        description=" ".join(declared["description"].split()),
        columns=tuple(_column(column) for column in declared["columns"]),
        key=tuple(meta["key"]),
        is_required=meta["required"],
        time_column=meta["time_column"],
        partition_by=tuple(meta.get("partition_by", ())),
    )


def _column(declared: Mapping[str, Any]) -> Column:
    tests: dict[str, Any] = {}
    for test in declared.get("data_tests", []):
        tests |= {test: {}} if isinstance(test, str) else {name: body["arguments"] for name, body in test.items()}
    reference = tests.get("relationships")
    meta = dict(declared.get("config", {}).get("meta", {}))
    return Column(
        name=declared["name"],
        description=" ".join(declared["description"].split()),
        data_type=declared["data_type"],
        is_required="not_null" in tests,
        accepted_values=tuple(tests.get("accepted_values", {}).get("values", ())),
        references=reference and Reference(table=_referred_table(reference["to"]), column=reference["field"]),
        is_identifier=meta.pop("identifier", False),
        **meta,
    )


def _referred_table(expression: str) -> str:
    match = re.fullmatch(r"source\('raw', '(\w+)'\)", expression)
    if match is None:
        raise ValueError(f"{CONTRACT_FILE}: a reference must read source('raw', 'table'), found {expression!r}")
    return match.group(1)
