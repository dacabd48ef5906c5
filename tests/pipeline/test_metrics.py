"""Measures are defined once: MetricFlow, the report and the dashboards give the same figures."""

from typing import Any

import pandas as pd
import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.validation.data_warehouse_model_validator import DataWarehouseModelValidator
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.lake.warehouse import Warehouse
from orchestration.report.data import read_report_data
from orchestration.serving.measures import measures
from orchestration.settings.loading import load_settings
from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow


class DuckDb:
    """The dialect that MetricFlow writes; what it writes is run by the deployment's own connection."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


@pytest.fixture(scope="module")
def manifest(small: Deployment) -> PydanticSemanticManifest:
    file = ensure_manifest(load_settings(small.settings_file)).with_name("semantic_manifest.json")
    return parse_manifest_from_dbt_generated_manifest(file.read_text(encoding="utf-8"))


def _ask(
    small: Deployment, manifest: PydanticSemanticManifest, *metrics: str, by: str = "metric_time", **more: Any
) -> pd.DataFrame:
    engine = MetricFlowEngine(SemanticManifestLookup(manifest), DuckDb())  # type: ignore[arg-type]
    request = MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=[by], order_by_names=[by], **more)
    return small.frame(engine.explain(request).sql_statement.sql)


def test_the_metrics_are_valid_as_mf_validate_configs_says(manifest: PydanticSemanticManifest) -> None:
    found = SemanticManifestValidator[PydanticSemanticManifest]().validate_semantic_manifest(manifest)
    assert [issue.as_readable_str() for issue in found.all_issues] == []


def test_the_lake_answers_what_mf_validate_configs_asks_a_warehouse(
    small: Deployment, manifest: PydanticSemanticManifest
) -> None:
    class Lake(DuckDb):
        def dry_run(self, stmt: str, **_parameters: object) -> None:
            small.frame(f"explain {stmt}")

    validator = DataWarehouseModelValidator(Lake())  # type: ignore[arg-type]
    for part in ("semantic_models", "dimensions", "entities", "simple_metrics", "metrics"):
        found = getattr(validator, f"validate_{part}")(manifest)
        assert (part, [issue.as_readable_str() for issue in found.all_issues]) == (part, [])


def test_every_metric_can_be_asked(small: Deployment, manifest: PydanticSemanticManifest) -> None:
    for metric in manifest.metrics:
        assert len(_ask(small, manifest, metric.name)) > 0, metric.name


def test_metricflow_and_the_report_give_the_same_figures(small: Deployment, manifest: PydanticSemanticManifest) -> None:
    latest = max(row["version_id"] for row in small.versions())
    settings = load_settings(small.settings_file)
    with Warehouse(settings.warehouse).reader() as connection:
        data = read_report_data(connection, latest, only=["trend", "migrations", "concentration"])
    report = data["trend"].set_index("as_of_date")
    asked = ["customers", "past_value", "total_value"]
    found = _ask(small, manifest, *asked)
    assert len(found) == len(report)
    for metric in asked:
        assert found[metric].astype(float).round(2).tolist() == report[metric].round(2).tolist(), metric
    moves = data["migrations"].dropna(subset=["from_segment", "to_segment"])
    moved = moves[moves["from_segment"] != moves["to_segment"]].groupby("scheme")["customers"].sum()
    where = [f"{{{{ Dimension('migration__version_id') }}}} = '{latest}'"]
    by_scheme = _ask(small, manifest, "customers_migrated", by="migration__scheme", where_constraints=where)
    asked_moves = by_scheme.set_index("migration__scheme")["customers_migrated"]
    assert asked_moves[asked_moves > 0].astype(int).to_dict() == moved[moved > 0].astype(int).to_dict()


def test_metricflow_and_the_dashboards_give_the_same_figures(
    small: Deployment, manifest: PydanticSemanticManifest
) -> None:
    """Superset's measures are the metrics as SQL; customer_segments has the columns of its history for one month."""
    assert measures().keys() == {metric.name for metric in manifest.metrics}
    latest = "as_of_date = (select max(as_of_date) from bi.segmentation_versions where status = 'published')"
    for name, measure in measures().items():
        tables = {measure.table, measure.table.replace("customer_segment_history", "customer_segments")}
        found = float(_ask(small, manifest, name)[name].iloc[-1])
        for table in tables:
            (shown,) = small.frame(f"select {measure.sql} as shown from bi.{table} where {latest}")["shown"]
            assert float(shown) == pytest.approx(found, rel=1e-12), (name, table)


def test_churn_is_what_the_flow_of_stages_says(small: Deployment, manifest: PydanticSemanticManifest) -> None:
    flow = small.frame(
        "select sum(customers) filter (to_stage = 'churned') / sum(customers) as rate from bi.lifecycle_transitions"
        " where from_stage not in ('churned', 'pending')"
        " and version_id = (select max(version_id) from bi.segmentation_versions where status = 'published')"
    )
    found = _ask(small, manifest, "churn_rate")
    assert found["churn_rate"].iloc[-1] == pytest.approx(flow["rate"].iloc[0])
