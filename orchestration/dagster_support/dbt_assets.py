"""How dbt's models look as Dagster assets: keys as schema and table, groups as layers, owners from the settings."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, stream
from orchestration.dagster_support.deployment import OWNERS
from orchestration.settings import Settings

# What must be built before a version is opened: features, and all that segments are made of. dbt builds the rest after.
# Sources are left out, and so are their tests: ingestion has judged every row by the same contract, once.
FEATURES = " ".join(
    f"+fqn:segmentation.{layer}.*,resource_type:{kind}"
    for layer in ("intermediate", "features")
    for kind in ("model", "seed")
)


class LayerTranslator(DagsterDbtTranslator):
    """Names the group of a model after its folder: staging, intermediate, features, segments, bi."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Return dagster-dbt's spec with this project's group, kinds, owners and code version."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        return spec.replace_attributes(
            key=dg.AssetKey([node["schema"], node["alias"]]),
            group_name=node["fqn"][1] if node["resource_type"] == "model" else "seeds",
            kinds={"dbt", "duckdb", "view" if node["config"].get("materialized") == "view" else "table"},
            owners=OWNERS,
            code_version=node["checksum"]["checksum"][:12],
        )


def build(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Any]:
    """Build those of the step's models that the run selects, and yield dbt's results as Dagster's events.

    dagster-dbt starts dbt as a process, asks it for its version in another and opens an adapter beside it.
    """
    project = ensure_manifest(settings).with_name(PARSED_PROJECT)
    target = prepare_for_dbt(settings, context.run.run_id)
    selected = get_updated_cli_invocation_params_for_context(context, {}, LayerTranslator())
    for event in stream([*dbt_arguments("build", settings), *selected.selection_args], project, target):
        # The step's log in the UI, and the status line in a terminal.
        sys.stdout.write(event["info"]["msg"] + "\n")
        message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
        yield from message.to_default_asset_events(selected.manifest, selected.dagster_dbt_translator, context, target)
