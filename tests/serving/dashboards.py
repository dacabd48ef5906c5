"""What Superset's charts ask of the database, as SQL, without Superset."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from deploy.superset.bundle import bundle

DECLARED = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "superset" / "dashboards.yaml").read_text())


@dataclass(frozen=True)
class ChartQuery:
    """The query of a chart, whose last columns are its measures; a table of plain rows has none."""

    dashboard: str
    title: str
    measures: int
    sql: str

    def has_data(self, rows: list[tuple[object, ...]]) -> bool:
        """Whether the answer is something to draw."""
        return any(not self.measures or row[-self.measures] is not None for row in rows)


def chart_queries() -> Iterator[ChartQuery]:
    """Give the queries of every chart of the bundle."""
    files = {name: yaml.safe_load(text) for name, text in bundle(DECLARED, "duckdb:///:memory:", "bi").items()}
    datasets = {content["uuid"]: content for name, content in files.items() if name.startswith("datasets/")}
    for name, chart in files.items():
        if not name.startswith("charts/"):
            continue
        dataset = datasets[chart["dataset_uuid"]]
        columns = {column["column_name"]: column.get("expression") for column in dataset["columns"]}
        metrics = {metric["metric_name"]: metric["expression"] for metric in dataset["metrics"]}
        parameters = chart["params"]
        grouped = [*([parameters["x_axis"]] if "x_axis" in parameters else []), *_listed(parameters.get("groupby"))]
        for more in ("all_columns", "groupbyRows", "groupbyColumns"):
            grouped += parameters.get(more, [])
        names = (*_listed(parameters.get("metric")), *parameters.get("metrics", []))
        names += tuple(_listed(parameters.get("timeseries_limit_metric")))
        selected = [columns[name] or f'"{name}"' for name in grouped]
        where = " and ".join(each["sqlExpression"] for each in parameters["adhoc_filters"]) or "true"
        source = f"({dataset['sql']}) as rows_" if dataset["sql"] else f"bi.{dataset['table_name']}"
        by = f" group by {', '.join(str(place + 1) for place in range(len(selected)))}" if selected else ""
        yield ChartQuery(
            name.removeprefix("charts/").rpartition("_")[0],
            chart["slice_name"],
            len(names),
            f"select {', '.join(selected + [metrics[name] for name in names])} from {source} where {where}{by}",
        )


def _listed(value: object) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
