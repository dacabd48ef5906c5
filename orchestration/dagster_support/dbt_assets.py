"""dbt's models as Dagster assets: keys are schema and table, groups are layers, owners come from the settings."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, parsed_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, stream
from orchestration.dagster_support.deployment import OWNERS
from orchestration.lake.declarations import tables_of_days
from orchestration.lake.warehouse import ALIAS, WORKSPACE
from orchestration.settings import Settings

# What must be built before a version is opened: features, and all inputs of segments. dbt builds the rest afterwards.
# Sources and their tests are left out: ingestion has already checked every row against the same contract.
FEATURES = " ".join(
    [
        "+fqn:segmentation.staging.*,resource_type:model",
        *(
            f"+fqn:segmentation.{layer}.*,resource_type:{kind}"
            for layer in ("intermediate", "features")
            for kind in ("model", "seed")
        ),
    ]
)

# Built per day instead of per month.
ACTIONS = "fqn:segmentation.actions.*"


_OF_DAYS = {dg.AssetKey(table.key.split(".")) for table in tables_of_days().values()}


class LayerTranslator(DagsterDbtTranslator):
    """Sets the group of a model to its folder: staging, intermediate, features, segments, bi."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Return dagster-dbt's spec with this project's group, kinds, owners and code version."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        return spec.replace_attributes(
            # Views over tables of days are built per month: as dependencies these tables would close a cycle (months,
            # facts of a day, actions, views), and Dagster would split the step of the months into pieces.
            deps=[each for each in spec.deps if each.asset_key not in _OF_DAYS],
            key=dg.AssetKey([node["schema"], node["alias"]]),
            group_name=node["fqn"][1] if node["resource_type"] == "model" else "seeds",
            kinds={"dbt", "duckdb", "view" if node["config"].get("materialized") == "view" else "table"},
            owners=OWNERS,
            # Without the SQL that dagster-dbt appends: lists show the first lines, and the SQL is in the repository.
            description=node["description"],
            code_version=node["checksum"]["checksum"][:12],
        )


def tables_of_the_workspace(manifest: Path) -> set[tuple[str, str]]:
    """Return schema and name of everything that dbt makes in the workspace of a run."""
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    return {(node["schema"], node["alias"]) for node in nodes if node["database"] == WORKSPACE}


def of_the_workspace(manifest: Mapping[str, Any], selection: str) -> list[str]:
    """Return the names of a folder's models and of their upstream models in the workspace; the lake has the others."""
    nodes = manifest["nodes"]
    waiting = [name for name, node in nodes.items() if node["resource_type"] == "model" and node["fqn"][1] == selection]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [
            each
            for each in nodes[name]["depends_on"]["nodes"]
            if each in nodes and nodes[each]["database"] == WORKSPACE
        ]
    return sorted(nodes[name]["name"] for name in found)


def unchanged(context: dg.AssetExecutionContext, but: Collection[dg.AssetKey] = ()) -> Iterator[dg.MaterializeResult]:
    """Report every table as unchanged, so that later steps run too: a report may be missing."""
    for key in TopologicalSorter(context.assets_def.asset_deps).static_order():
        if key in context.selected_asset_keys and key not in but:
            yield dg.MaterializeResult(key, metadata={"unchanged": True})


def build_views(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Any]:
    """Build the views in the lake after an upgrade that has changed no month."""
    nodes = parsed_manifest(settings)["nodes"].values()
    views = [
        node for node in nodes
        if (node["resource_type"], node["database"], node["config"]["materialized"]) == ("model", ALIAS, "view")
    ]  # fmt: skip
    yield from unchanged(context, but=[dg.AssetKey([node["schema"], node["alias"]]) for node in views])
    yield from build(context, settings, ["--select", " ".join(node["name"] for node in views)])


def build(
    context: dg.AssetExecutionContext, settings: Settings, selection: Sequence[str] | None = None
) -> Iterator[Any]:
    """Build the step's models that the run selects, and yield dbt's results as Dagster events.

    dagster-dbt would start dbt as a process, ask it for its version in another one and open an adapter besides. If only
    some models are selected, their upstream models are built too, because the workspace keeps nothing of other runs.
    """
    project = ensure_manifest(settings).with_name(PARSED_PROJECT)
    target = prepare_for_dbt(settings, context.run.run_id)
    selected = get_updated_cli_invocation_params_for_context(context, {}, LayerTranslator())
    selection = selection or [
        " ".join(f"+{each}" for each in argument.split()) if argument.startswith("fqn:") else argument
        for argument in selected.selection_args
    ]
    outputs = {key.to_python_identifier() for key in context.selected_asset_keys}
    for event in stream([*dbt_arguments("build", settings), *selection], project, target):
        # Goes to the step's log in the UI, and to the status line in a terminal.
        sys.stdout.write(event["info"]["msg"] + "\n")
        message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
        for result in message.to_default_asset_events(
            selected.manifest, selected.dagster_dbt_translator, context, target
        ):
            if not isinstance(result, dg.Output) or result.output_name in outputs:
                yield result
