"""Superset's dashboards ask only for what is served; Superset itself is looked at by deploy/superset/look.py."""

from pathlib import Path

import duckdb
import pytest
import yaml

from deploy.superset.bundle import bundle
from tests.serving.conftest import bring_up

DECLARED = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "superset" / "dashboards.yaml").read_text())
CHARTS = [chart for dashboard in DECLARED["dashboards"].values() for chart in dashboard["charts"]]


@pytest.fixture(scope="module")
def file(whole_lake, tmp_path_factory) -> Path:
    served = tmp_path_factory.mktemp("served") / "segments.duckdb"
    bring_up(whole_lake, type="duckdb", path=served)
    return served


def test_every_measure_and_condition_of_a_chart_is_sql_over_its_dataset(file):
    files = {name: yaml.safe_load(text) for name, text in bundle(DECLARED, f"duckdb:///{file}", "bi").items()}
    datasets = {content["uuid"]: content for name, content in files.items() if name.startswith("datasets/")}
    charts = [content for name, content in files.items() if name.startswith("charts/")]
    assert len(charts) == len(CHARTS)
    with duckdb.connect(str(file), read_only=True) as connection:
        for chart in charts:
            dataset = datasets[chart["dataset_uuid"]]
            columns = {column["column_name"]: column.get("expression") for column in dataset["columns"]}
            metrics = {metric["metric_name"]: metric["expression"] for metric in dataset["metrics"]}
            parameters = chart["params"]
            grouped = [*([parameters["x_axis"]] if "x_axis" in parameters else []), *_listed(parameters.get("groupby"))]
            grouped += parameters.get("all_columns", [])
            asked = [metrics[name] for name in (*_listed(parameters.get("metric")), *parameters.get("metrics", []))]
            selected = [columns[name] or f'"{name}"' for name in grouped]
            where = " and ".join(each["sqlExpression"] for each in parameters["adhoc_filters"]) or "true"
            source = f"({dataset['sql']})" if dataset["sql"] else f"bi.{dataset['table_name']}"
            connection.execute(f"select {', '.join(selected + asked)} from {source} where {where} group by all")


def test_a_bundle_made_again_changes_what_is_there_and_adds_nothing():
    first, again = (bundle(DECLARED, uri, "bi") for uri in ("duckdb:///a", "postgresql://b"))
    assert first.keys() == again.keys()
    assert {name for name in first if first[name] != again[name]} == {"databases/Segments.yaml"}


def _listed(value: object) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
