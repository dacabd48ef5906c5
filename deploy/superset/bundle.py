"""Superset's import bundle out of dashboards.yaml and dbt's declaration of the schema ``bi``.

    python deploy/superset/bundle.py SQLALCHEMY_URI FOLDER [SCHEMA]

Identifiers are derived from names, so that a second import changes what is there.
"""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from orchestration.lake.declarations import Column
from orchestration.serving.measures import measures
from orchestration.serving.tables import served_tables
from orchestration.serving.target import RECORD_COLUMNS, RECORD_COMMENT

FOLDER = "segmentation"
DATABASE = "Segments"
EXPORT_VERSION = "1.0.0"
ROW_WIDTH = 12
HEIGHTS = {"number": 20}
DEFAULT_HEIGHT = 50
VIZ_TYPES = {
    "number": "big_number_total",
    "bar": "echarts_timeseries_bar",
    "line": "echarts_timeseries_line",
    "pie": "pie",
    "table": "table",
    "heatmap": "heatmap_v2",
    "waterfall": "waterfall",
    "pivot": "pivot_table_v2",
}
ROW_LIMIT = 1000
AXIS_TITLE_MARGIN = 30
# The month of a version as text: as dates, the ends of months are drawn in the month after.
MONTH = "substr(cast(as_of_date as varchar), 1, 7)"


def bundle(declared: dict[str, Any], uri: str, schema: str) -> dict[str, str]:
    """Return the files of the bundle by name.

    Args:
        declared: dashboards.yaml.
        uri: SQLAlchemy's address of the database that was served to.
        schema: where the served tables are in it.
    """
    files = {
        "metadata.yaml": {"version": EXPORT_VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"},
        f"databases/{DATABASE}.yaml": _database(uri),
    }
    charts = [chart for dashboard in declared["dashboards"].values() for chart in dashboard["charts"]]
    for table, dataset in declared["datasets"].items():
        drawn = [chart for chart in charts if chart["dataset"] == table]
        grouped = {name for chart in drawn for name in (chart.get("x"), *chart.get("by", []))}
        # A pivot shows the names of columns and not their labels.
        pivoted = {name for chart in drawn if chart["kind"] == "pivot" for name in chart["by"]}
        files[f"datasets/{DATABASE}/{table}.yaml"] = _dataset(table, dataset, schema, grouped, pivoted)
    for slug, dashboard in declared["dashboards"].items():
        for chart in dashboard["charts"]:
            files[f"charts/{slug}_{_id(slug, chart['title'])[:8]}.yaml"] = _chart(slug, chart, declared["datasets"])
        files[f"dashboards/{slug}.yaml"] = _dashboard(slug, dashboard)
    return {name: yaml.safe_dump(content, sort_keys=False) for name, content in files.items()}


def _id(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join((FOLDER, *parts))))


def _label(name: str) -> str:
    """Return how people read a column or metric: ``horizon_months`` is Horizon months."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _database(uri: str) -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": _id("database"),
        "version": EXPORT_VERSION,
    }


def _dataset(table: str, dataset: dict[str, Any], schema: str, grouped: set[str], pivoted: set[str]) -> dict[str, Any]:
    declared = served_tables().get(table)
    columns = declared.columns if declared else tuple(Column(*each, "") for each in RECORD_COLUMNS.items())
    name = f"{schema}.{table}"
    latest = f"select * from {name} where as_of_date = (select max(as_of_date) from {name})"
    has_date = any(column.name == "as_of_date" for column in columns)
    made = ({"month": MONTH} if has_date else {}) | dataset.get("columns", {})
    # Values such as small_business are drawn as words.
    made |= {
        _label(column.name): f"replace({column.name}, '_', ' ')" if column.sql_type == "varchar" else column.name
        for column in columns
        if column.name in pivoted or (column.name in grouped and column.sql_type == "varchar")
    }
    return {
        "table_name": f"{table}, latest month" if dataset.get("latest") else table,
        "main_dttm_col": "as_of_date" if has_date else None,
        "description": declared.description if declared else RECORD_COMMENT,
        "schema": schema,
        "sql": latest if dataset.get("latest") else None,
        "filter_select_enabled": True,
        "uuid": _id("dataset", table),
        "metrics": [
            {
                "metric_name": measure.name,
                "verbose_name": measure.label,
                "description": measure.description,
                "expression": measure.sql,
            }
            for measure in map(measures().__getitem__, dataset.get("measures", []))
        ]
        + [
            {"metric_name": _label(metric), "expression": expression}
            for metric, expression in dataset.get("metrics", {}).items()
        ],
        "columns": [
            {
                "column_name": column.name,
                "verbose_name": _label(column.name),
                "is_dttm": column.sql_type in ("date", "timestamp"),
                "is_active": True,
                "type": column.sql_type.upper(),
                "groupby": True,
                "filterable": True,
                "description": column.description,
            }
            for column in columns
        ]
        + [
            {"column_name": name, "expression": expression, "type": "VARCHAR", "groupby": True, "filterable": True}
            for name, expression in made.items()
        ],
        "version": EXPORT_VERSION,
        "database_uuid": _id("database"),
    }


def _drawn(table: str, name: str) -> str:
    """Return the column by which a chart groups: texts of the database by their words."""
    declared = served_tables().get(table)
    texts = {column.name for column in declared.columns if column.sql_type == "varchar"} if declared else set()
    return _label(name) if name in texts else name


def _chart(slug: str, chart: dict[str, Any], datasets: dict[str, Any]) -> dict[str, Any]:
    kind, where = chart["kind"], chart.get("where")
    measured = datasets[chart["dataset"]].get("measures", [])
    metrics = [name if name in measured else _label(name) for name in chart.get("metrics", [])]
    by = [_label(name) if kind == "pivot" else _drawn(chart["dataset"], name) for name in chart.get("by", [])]
    x = _drawn(chart["dataset"], chart["x"]) if "x" in chart else None
    parameters: dict[str, Any] = {
        "viz_type": VIZ_TYPES[kind],
        "row_limit": ROW_LIMIT,
        "time_range": "No filter",
        "color_scheme": "supersetColors",
        "adhoc_filters": [{"expressionType": "SQL", "sqlExpression": where, "clause": "WHERE"}] if where else [],
    }
    return {
        "slice_name": chart["title"],
        "viz_type": VIZ_TYPES[kind],
        "params": parameters | _drawing(chart, x, by, metrics),
        "cache_timeout": None,
        "uuid": _id(slug, chart["title"]),
        "version": EXPORT_VERSION,
        "dataset_uuid": _id("dataset", chart["dataset"]),
    }


def _drawing(chart: dict[str, Any], x: str | None, by: list[str], metrics: list[str]) -> dict[str, Any]:
    """Return what Superset calls the form data of a kind of chart."""
    number_format = chart.get("format", "SMART_NUMBER")
    match chart["kind"]:
        case "number":
            return {"metric": metrics[0], "y_axis_format": number_format, "subtitle": chart.get("note", "")}
        case "table" if by:
            return {"query_mode": "aggregate", "groupby": by, "metrics": metrics, "order_desc": False,
                    "table_timestamp_format": "%Y-%m-%d", "show_cell_bars": False,
                    "server_page_length": 20}  # fmt: skip
        case "table":
            rounded = {name: {"d3NumberFormat": ".4~g"} for name in chart.get("rounded", [])}
            return {"query_mode": "raw", "all_columns": chart["columns"], "server_page_length": 20,
                    "order_by_cols": [json.dumps([name, False]) for name in chart.get("latest_first", [])],
                    "table_timestamp_format": "%Y-%m-%d", "show_cell_bars": False,
                    "column_config": rounded}  # fmt: skip
        case "pivot":
            return {"groupbyRows": by[:-1], "groupbyColumns": by[-1:], "metrics": metrics, "metricsLayout": "COLUMNS",
                    "aggregateFunction": "Maximum", "valueFormat": number_format, "rowOrder": "key_a_to_z",
                    "colOrder": "key_a_to_z", "date_format": "%Y-%m-%d"}  # fmt: skip
        case "heatmap":
            return {"x_axis": x, "groupby": by[0], "metric": metrics[0], "normalize_across": "heatmap",
                    "linear_color_scheme": "superset_seq_1", "value_bounds": [None, None], "show_values": True,
                    "sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_desc", "xscale_interval": 1, "yscale_interval": 1,
                    "left_margin": 90, "bottom_margin": 70, "x_axis_label_rotation": 45, "xAxisLabelRotation": 45,
                    "show_legend": False}  # fmt: skip
        case "waterfall":
            return {"x_axis": x, "groupby": [], "metric": metrics[0], "y_axis_format": number_format,
                    "show_value": True, "show_legend": False, "total_label": chart["total"], "x_ticks_layout": "45°",
                    "increase_color": {"r": 31, "g": 168, "b": 201, "a": 1},
                    "decrease_color": {"r": 255, "g": 127, "b": 68, "a": 1},
                    "total_color": {"r": 69, "g": 78, "b": 124, "a": 1}}  # fmt: skip
    series = {"x_axis": x, "groupby": by, "metrics": metrics, "y_axis_format": number_format,
              "x_axis_sort_asc": True, "x_axis_time_format": "%Y-%m", "show_legend": len(by) + len(metrics) > 1,
              "legendOrientation": chart.get("legend", "top"), "stack": "Stack" if chart.get("stack") else None,
              "rich_tooltip": True, "truncate_metric": True, "x_axis_force_categorical": chart["kind"] == "bar",
              "show_value": chart.get("values", False)}  # fmt: skip
    if number_format.endswith("%") and chart["kind"] == "line":
        # The axis of a share would end above the whole.
        series |= {"truncateYAxis": True, "y_axis_bounds": [0, chart.get("most")]}
    if "axis" in chart:
        series |= {"x_axis_title": chart["axis"], "x_axis_title_margin": AXIS_TITLE_MARGIN}
    if "series" in chart:
        series |= {"limit": chart["series"], "timeseries_limit_metric": _label(chart["series_by"])}
    if chart.get("horizontal"):
        # The first bar is drawn at the bottom.
        series |= {"orientation": "horizontal", "x_axis_sort": metrics[0], "x_axis_sort_asc": True,
                   "x_axis_sort_series": "sum", "x_axis_sort_series_ascending": True}  # fmt: skip
    return series


def _dashboard(slug: str, dashboard: dict[str, Any]) -> dict[str, Any]:
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard["title"]}},
    }
    row, left = "", 0
    for number, chart in enumerate(dashboard["charts"]):
        if chart["width"] > left:
            row, left = f"ROW-{number}", ROW_WIDTH
            position["GRID_ID"]["children"].append(row)
            position[row] = {
                "type": "ROW",
                "id": row,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }
        left -= chart["width"]
        place = f"CHART-{number}"
        position[row]["children"].append(place)
        position[place] = {
            "type": "CHART",
            "id": place,
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID", row],
            "meta": {
                "uuid": _id(slug, chart["title"]),
                "chartId": number + 1,
                "sliceName": chart["title"],
                "width": chart["width"],
                "height": chart.get("height", HEIGHTS.get(chart["kind"], DEFAULT_HEIGHT)),
            },
        }
    return {
        "dashboard_title": dashboard["title"],
        "slug": slug,
        "uuid": _id("dashboard", slug),
        "published": True,
        "position": position,
        "metadata": {"color_scheme": "supersetColors", "cross_filters_enabled": False},
        "version": EXPORT_VERSION,
    }


def main(uri: str, target: str, schema: str = "bi") -> list[str]:
    """Write the bundle and return the slugs of its dashboards."""
    declared = yaml.safe_load(Path(__file__).with_name("dashboards.yaml").read_text(encoding="utf-8"))
    for name, text in bundle(declared, uri, schema).items():
        file = Path(target) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(declared["dashboards"])


if __name__ == "__main__":
    main(*sys.argv[1:])
