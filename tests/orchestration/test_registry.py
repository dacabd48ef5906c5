"""The declaration of the segment tables against the code that reads and writes them."""

import ast
import json
import re
from typing import get_args

import pytest

from models.business.features import FAMILIES
from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.lake.contract import load_contract
from orchestration.lake.declarations import declared_tables
from orchestration.paths import PROJECT_DIR
from orchestration.segments.code_version import modules_imported, steps
from orchestration.segments.registry import inputs_of_versions, tables_written_by, versioned_tables
from orchestration.settings import Settings
from orchestration.settings.sections import ProductFamily

_TABLE = re.compile(r"\b(?:raw|staging|intermediate|features|segments|bi)\.[a-z][a-z0-9_]*\b")


def named_in_sql(step: str) -> set[str]:
    """Return the tables that strings in a step's modules name, docstrings aside."""
    found: set[str] = set()
    for path in modules_imported([step]).values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
                found.update(_TABLE.findall(node.value))
    return {key for key in found if key.split(".")[1] in declared_tables(key.split(".")[0])}


@pytest.mark.parametrize("step", steps())
def test_a_step_reads_what_its_tables_are_declared_to_read_and_nothing_else(step: str) -> None:
    tables = tables_written_by(step.rsplit(".", 1)[-1])
    own = {table.key for table in tables}
    declared = {key for table in tables for key in table.meta["reads"]}
    assert "segments.versions" in declared, "a step needs the candidate that it fills"
    assert named_in_sql(step) - own - {"segments.versions"} == declared - {"segments.versions"}


def test_every_table_of_python_has_a_step_and_a_grain() -> None:
    written = {name: table for name, table in versioned_tables().items() if not table.is_model}
    assert {table.meta["written_by"] for table in written.values()} == {step.rsplit(".", 1)[-1] for step in steps()}
    assert [
        name for name, table in written.items() if not set(table.grain) <= table.types.keys() or not table.grain
    ] == []


def test_a_version_rests_on_all_that_segments_read_and_only_on_what_has_a_month() -> None:
    manifest = json.loads(ensure_manifest(Settings()).read_text(encoding="utf-8"))
    inputs = {each.key: each.rows_of_month for each in inputs_of_versions(manifest)}
    assert {"features.customer_margin_monthly", "intermediate.contract_months", "features.customer_features"} <= set(
        inputs
    )
    assert {key.split(".")[0] for key in inputs} == {"features", "intermediate"}
    assert all("$as_of" in condition for condition in inputs.values())


def test_product_families_are_the_same_wherever_they_are_listed() -> None:
    macro = (PROJECT_DIR / "macros" / "product_families.sql").read_text(encoding="utf-8")
    families = set(re.findall(r"'(\w+)'", macro))
    assert families == set(get_args(ProductFamily)) == set(FAMILIES)
    accepted = load_contract()["contracts"].column("product_family").accepted_values
    assert set(accepted) == families | {"wholesale", "other"}
