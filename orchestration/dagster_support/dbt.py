"""How dbt is called: where its project lies, the variables and the environment of every invocation."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestration.errors import SegmentationError
from orchestration.lake.warehouse import Warehouse, install_extensions
from orchestration.masking import dbt_secrets, masked
from orchestration.paths import PROJECT_DIR, ROOT
from orchestration.settings import Settings
from orchestration.settings.ordered_rules import render

DBT = str(Path(sys.executable).with_name("dbt"))
MID_BAND_VARIABLES = (
    *("market_segments", "reseller_sales_channels"),
    *("minimum_employees", "maximum_employees", "minimum_revenue", "maximum_revenue"),
)
_SOURCE_SUFFIXES = {".sql", ".yml", ".csv"}


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """Return the variables that the models read: the settings' costs, rules and thresholds, never a date."""
    return {
        "currency": settings.currency,
        "exchange_rate_max_age_days": settings.exchange_rates.max_age_days,
        "costs": settings.costs.model_dump(mode="json"),
        "features": settings.features.model_dump(mode="json"),
        "market_rules": render(settings.market.rules, settings.market.thresholds),
        "size_schemes": settings.market.rendered_size_schemes(),
        "size_scheme": settings.market.size_scheme,
        "size_precedence": settings.market.size_precedence,
        "age_bands": settings.market.age_bands,
        "lifecycle_rules": render(settings.lifecycle.rules_in_use(), settings.lifecycle.thresholds),
        "lifecycle": settings.lifecycle.thresholds,
        "household": settings.household.model_dump(mode="json"),
        "mid_band": {name: getattr(settings.mid_band, name) for name in MID_BAND_VARIABLES},
        "held_months": [{"stage": stage, "months": held} for stage, held in settings.lifecycle.held_months.items()],
        "hazard": {"training_months": settings.hazard.training_months},
        "minimum_cell_size": settings.report.minimum_cell_size,
        "plan_fit": settings.plan_fit.model_dump(mode="json"),
        "actions": settings.actions.facts.model_dump(mode="json"),
    }


def dbt_arguments(command: str, settings: Settings) -> list[str]:
    """Return the arguments of a dbt command, variables included.

    The graph is built in two invocations, before and after the Python models. A test belongs to the one in which the
    last of its tables is built (``buildable``). Unit tests are of the code and not of the data: CI runs them.
    """
    variables = json.dumps(dbt_variables(settings), sort_keys=True)
    selection = ["--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"]
    selection = selection if command == "build" else []
    return [command, "--vars", variables, *selection]


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """Return the environment that dbt's profile reads; secrets go this way and not on a command line."""
    return {
        "DBT_ENV_SECRET_LAKE_URI": warehouse.uri,
        "SEGMENTATION_LAKE_PATH": str(warehouse.path),
        "SEGMENTATION_LAKE_DATA_PATH": warehouse.data_path,
        "SEGMENTATION_THREADS": str(warehouse.threads),
        "DBT_TARGET": "sqlite_catalog" if warehouse.is_sqlite else "postgres_catalog",
        "DO_NOT_TRACK": "1",
    }


def run_environment(run_id: str) -> dict[str, str]:
    """Return what our plugin in dbt reads: the run whose scope is built, and the process that dbt must not outlive."""
    return {"SEGMENTATION_RUN_ID": run_id, "SEGMENTATION_STARTED_BY": str(os.getpid())}


def prepare_for_dbt(settings: Settings, run_id: str) -> Path:
    """Hand dbt its environment, and return the folder that the artifacts of a run go to."""
    install_extensions()
    os.environ.update(dbt_environment(Warehouse(settings.warehouse)) | dbt_secrets() | run_environment(run_id))
    target = _target(settings)
    # Where dagster-dbt looks for a parsed project to start from.
    os.environ["DBT_TARGET_PATH"] = str(target)
    return target / "run"


def ensure_manifest(settings: Settings) -> Path:
    """Parse the dbt project if its sources changed since the last manifest, and return the manifest's path.

    Parsing opens neither the lake nor the network. dbt parses everything again when variables or profile differ, so
    each deployment keeps a parsed project of its own.
    """
    target = _target(settings)
    manifest, stamp = target / "manifest.json", target / "sources.sha256"
    sources = _digest(_project_files())
    if not manifest.exists() or not stamp.exists() or stamp.read_text() != sources:
        finished = subprocess.run(
            [
                DBT, *dbt_arguments("parse", settings),
                "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
                "--target-path", str(target), "--log-path", str(target),
            ],
            env=os.environ | dbt_environment(Warehouse(settings.warehouse)) | dbt_secrets(),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if finished.returncode:
            raise SegmentationError(masked(f"dbt cannot parse {PROJECT_DIR}:\n{finished.stdout}{finished.stderr}"))
        stamp.write_text(sources)
    return manifest


def _target(settings: Settings) -> Path:
    parsed_for = {"vars": dbt_variables(settings), "profile": dbt_environment(Warehouse(settings.warehouse))}
    key = hashlib.sha256(json.dumps(parsed_for, sort_keys=True).encode()).hexdigest()[:12]
    return PROJECT_DIR / "target" / f"{settings.name}-{key}"


def code_version() -> str:
    """Return a short hash of the code that decides segments: the Python models and the dbt project."""
    models = {str(file.relative_to(ROOT)): file.read_bytes() for file in sorted((ROOT / "models").rglob("*.py"))}
    return _digest({**models, **dict(_project_files())})[:12]


def _project_files() -> Mapping[str, bytes]:
    def sources() -> Iterator[Path]:
        yield PROJECT_DIR / "dbt_project.yml"
        for folder in ("models", "macros", "seeds", "tests"):
            yield from (file for file in (PROJECT_DIR / folder).rglob("*") if file.suffix in _SOURCE_SUFFIXES)

    return {str(file.relative_to(ROOT)): file.read_bytes() for file in sorted(sources())}


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()
