"""How dbt is called: the place of its project, and the variables and environment of every invocation."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from orchestration.dagster_support.dbt_runner import parse
from orchestration.lake.warehouse import Warehouse, install_extensions
from orchestration.masking import dbt_secrets
from orchestration.paths import PROJECT_DIR, ROOT
from orchestration.settings import Settings
from orchestration.settings.ordered_rules import render

TARGET = PROJECT_DIR / "target"
PARSED = TARGET / "parsed"
DBT = str(Path(sys.executable).with_name("dbt"))
MID_BAND_VARIABLES = (
    *("market_segments", "reseller_sales_channels"),
    *("minimum_employees", "maximum_employees", "minimum_revenue", "maximum_revenue"),
)
_STAMP = "sources.sha256"
_SOURCE_SUFFIXES = {".sql", ".yml", ".csv"}


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """Return the variables that the models read: costs, rules and thresholds of the settings, never a date."""
    return {
        "currency": settings.currency,
        "exchange_rate_max_age_days": settings.exchange_rates.max_age_days,
        "costs": settings.costs.model_dump(mode="json"),
        "billing": settings.billing.model_dump(mode="json"),
        "features": settings.features.model_dump(mode="json"),
        "market_rules": render(settings.market.rules, settings.market.thresholds),
        "size_schemes": settings.market.rendered_size_schemes(),
        "size_scheme": settings.market.size_scheme,
        "size_precedence": settings.market.size_precedence,
        "most_of_unknown_customer": settings.market.most_of_unknown_customer,
        "age_bands": settings.market.age_bands,
        "lifecycle_rules": render(settings.lifecycle.rules_in_use(), settings.lifecycle.thresholds),
        "lifecycle": settings.lifecycle.thresholds,
        "household": settings.household.model_dump(mode="json"),
        "mid_band": {name: getattr(settings.mid_band, name) for name in MID_BAND_VARIABLES},
        "held_months": [{"stage": stage, "months": held} for stage, held in settings.lifecycle.held_months.items()],
        "hazard": {"training_months": settings.hazard.training_months},
        "minimum_cell_size": settings.report.minimum_cell_size,
        "most_attribute_values": settings.report.most_attribute_values,
        "organizations": settings.organizations.model_dump(mode="json"),
        "plan_fit": settings.plan_fit.model_dump(mode="json"),
        "treatments": [
            {"scheme": scheme, "segment": segment, "treatment": each.treatment, "channel": each.channel}
            for scheme, segments in sorted(settings.treatments.items())
            for segment, each in sorted(segments.items())
        ],
        "actions": settings.actions.facts.model_dump(mode="json"),
    }


def dbt_arguments(command: str, settings: Settings) -> list[str]:
    """Return the arguments of a dbt command, including variables.

    The graph is built in two invocations, before and after the Python models. A test runs with the invocation that
    builds the last of its tables (``buildable``). Unit tests test the code and not the data, so only CI runs them.
    """
    variables = json.dumps(dbt_variables(settings), sort_keys=True)
    selection = ["--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"]
    selection = selection if command == "build" else []
    return [command, "--vars", variables, *selection]


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """Return the environment that dbt's profile reads; secrets are passed here and not on a command line."""
    return {
        "DBT_ENV_SECRET_LAKE_URI": warehouse.uri,
        "SEGMENTATION_LAKE_PATH": str(warehouse.path),
        "SEGMENTATION_LAKE_DATA_PATH": warehouse.data_path,
        "SEGMENTATION_WORKSPACE": str(warehouse.workspace_file),
        "SEGMENTATION_SPILL": str(warehouse.workspace_file.parent),
        "SEGMENTATION_THREADS": str(warehouse.threads),
        "DBT_TARGET": "sqlite_catalog" if warehouse.is_sqlite else "postgres_catalog",
        "DO_NOT_TRACK": "1",
    }


def run_environment(run_id: str) -> dict[str, str]:
    """Return what our dbt plugin reads: the run whose scope is built, and the process that dbt must not outlive."""
    return {"SEGMENTATION_RUN_ID": run_id, "SEGMENTATION_STARTED_BY": str(os.getpid())}


def prepare_for_dbt(settings: Settings, run_id: str) -> Path:
    """Set dbt's environment, and return the folder for the artifacts of a run."""
    install_extensions()
    warehouse = Warehouse(settings.warehouse)
    warehouse.workspace_file.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(dbt_environment(warehouse) | dbt_secrets() | run_environment(run_id))
    return TARGET / f"{settings.name}-{warehouse.identity}"


def ensure_manifest(settings: Settings) -> Path:
    """Parse the dbt project if its sources changed since the last manifest, and return the manifest's path.

    Parsing opens neither the lake nor the network. Its result depends neither on the place of the lake nor on the
    variables, which are read when a model is compiled, so all deployments share it.
    """
    manifest, stamp = PARSED / "manifest.json", PARSED / _STAMP
    # One release of dbt may not be able to read what another has written.
    releases = {package: version(package).encode() for package in ("dbt-core", "dbt-duckdb")}
    sources = _digest({**releases, **_project_files()})
    if _says(stamp, sources):
        return manifest
    PARSED.mkdir(parents=True, exist_ok=True)
    with FileLock(PARSED / "parse.lock"):
        if not _says(stamp, sources):
            os.environ.update(dbt_environment(Warehouse(settings.warehouse)) | dbt_secrets())
            stamp.unlink(missing_ok=True)  # if the parse is killed, no stamp declares a partial result valid
            parse(dbt_arguments("parse", Settings()), PARSED)
            stamp.write_text(sources)
    return manifest


@cache
def _parsed(manifest: Path, _modified_ns: int) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return parsed


def _says(stamp: Path, sources: str) -> bool:
    return stamp.exists() and stamp.read_text() == sources


def sources_hash(settings: Settings) -> str:
    """Return the hash of what the manifest was parsed from, and of the variables that views are built with."""
    parsed_from = ensure_manifest(settings).with_name(_STAMP).read_text()
    variables = json.dumps(dbt_variables(settings), sort_keys=True)
    return hashlib.sha256(f"{parsed_from} {variables}".encode()).hexdigest()


def parsed_manifest(settings: Settings) -> Mapping[str, Any]:
    """Return the content of the manifest, read once per process until it changes."""
    manifest = ensure_manifest(settings)
    return _parsed(manifest, manifest.stat().st_mtime_ns)


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
