"""How dbt's models look as Dagster assets: keys as schema and table, groups as layers, owners from the settings."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from orchestration.dagster_support.deployment import OWNERS

# What must be built before a version is opened: features, and all that segments are made of. dbt builds the rest after.
# Sources are left out, and so are their tests: ingestion has judged every row by the same contract, once.
FEATURES = " ".join(
    f"+fqn:segmentation.{layer}.*,resource_type:{kind}"
    for layer in ("intermediate", "features")
    for kind in ("model", "seed")
)

# Built by the day, not by the month.
ACTIONS = "fqn:segmentation.actions.*"


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
