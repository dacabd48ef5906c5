"""Which published tables the sources fill, and what each missing thing costs."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from orchestration.lake.contract import Table
from orchestration.lake.declarations import declared_tables
from orchestration.lake.missing_sources import ALTERNATIVES, WITHOUT
from orchestration.onboarding.preview.findings import Availability, Missing, OutputCheck, TableCheck

_FILE = Path(__file__).with_name("missing_columns.yaml")
# What says nothing of a person.
_OF_ORGANIZATIONS = {
    "customers.has_tax_number", "customers.parent_customer_id", "customers.employee_count", "customers.annual_revenue",
    "customers.industry_code", "customers.industry_scheme", "customers.legal_form", "customers.is_public_sector",
    "customers.is_education", "customers.is_reseller", "contracts.sales_channel", "contracts.reseller_customer_id",
}  # fmt: skip


@cache
def costs_of_missing_columns() -> Mapping[str, str]:
    """Read what is lost without a column, by table.column."""
    costs: Mapping[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return costs


def without(table: str) -> str:
    """Return what the segments lack without a table."""
    return WITHOUT.get(table, "what it tells is not known")


def missing_tables(checks: Sequence[TableCheck]) -> dict[str, str]:
    """Return the tables that nothing fills, nor another in their place, and what the segments lack for it."""
    filled = {check.table for check in checks if check.is_mapped and check.accepted}
    return {
        check.table: without(check.table)
        for check in checks
        if check.table not in filled and ALTERNATIVES.get(check.table) not in filled
    }


def missing_columns(table: Table, filled: Sequence[str]) -> list[Missing]:
    """Return the columns of a table that nothing fills, those that something needs first."""
    costs = costs_of_missing_columns()
    found = [
        Missing(column.name, costs.get(f"{table.name}.{column.name}"))
        for column in table.columns
        if column.name not in filled and (column.default is None or column.default not in filled)
    ]
    return sorted(found, key=lambda each: each.costs is None)


def leave_out_organizations(checks: Sequence[TableCheck]) -> None:
    """Drop missing columns that say nothing where all customers are persons."""
    for check in checks:
        check.missing = [each for each in check.missing if f"{check.table}.{each.column}" not in _OF_ORGANIZATIONS]


def check_outputs(checks: Sequence[TableCheck]) -> list[OutputCheck]:
    """Say of each published table whether the sources fill it, and why not or not wholly."""
    given = {check.table: check for check in checks}
    loaded = {check.table for check in checks if check.is_mapped and check.accepted and not check.error}

    def lacks(need: str) -> str | None:
        table, _, column = need.partition(".")
        if table not in loaded and ALTERNATIVES.get(table) in loaded:
            return None
        check = given.get(table)
        if check is None or not check.is_mapped or check.error or not check.accepted:
            state = "cannot be loaded" if check and (check.error or check.sampled) else "has no source"
            return None if column else f"{table} {state}: {without(table)}"
        if column and column not in check.mapped_columns:
            return f"no {need}: {costs_of_missing_columns()[need]}"
        if column and check.accepted and not check.mapped_columns[column]:
            return f"{need} is empty in the sample: {costs_of_missing_columns()[need]}"
        return None

    outputs = []
    for table in declared_tables("bi").values():
        blocking = [reason for need in table.meta["needs"] if (reason := lacks(need))]
        poorer = [reason for need in table.meta.get("poorer", ()) if (reason := lacks(need))]
        availability: Availability = "none" if blocking else "partial" if poorer else "full"
        outputs.append(OutputCheck(table.key, availability, tuple(blocking or poorer)))
    return outputs
