"""Superset's import bundle out of dashboards.yaml and dbt's declaration of the schema ``bi``.

    python deploy/superset/bundle.py SQLALCHEMY_URI FOLDER [SCHEMA]

Identifiers are derived from names, so that a second import changes what is there.
"""

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
}
ROW_LIMIT = 1000
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
    for table, dataset in declared["datasets"].items():
        files[f"datasets/{DATABASE}/{table}.yaml"] = _dataset(table, dataset, schema)
    for slug, dashboard in declared["dashboards"].items():
        for chart in dashboard["charts"]:
            files[f"charts/{slug}_{_id(slug, chart['title'])[:8]}.yaml"] = _chart(slug, chart)
        files[f"dashboards/{slug}.yaml"] = _dashboard(slug, dashboard)
    return {name: yaml.safe_dump(content, sort_keys=False) for name, content in files.items()}


def _id(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join((FOLDER, *parts))))


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


def _dataset(table: str, dataset: dict[str, Any], schema: str) -> dict[str, Any]:
    declared = served_tables().get(table)
    columns = declared.columns if declared else tuple(Column(*each, "") for each in RECORD_COLUMNS.items())
    name = f"{schema}.{table}"
    latest = f"select * from {name} where as_of_date = (select max(as_of_date) from {name})"
    has_date = any(column.name == "as_of_date" for column in columns)
    made = ({"month": MONTH} if has_date else {}) | dataset.get("columns", {})
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
            {"metric_name": metric, "verbose_name": metric.capitalize(), "expression": expression}
            for metric, expression in dataset.get("metrics", {}).items()
        ],
        "columns": [
            {
                "column_name": column.name,
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


def _chart(slug: str, chart: dict[str, Any]) -> dict[str, Any]:
    kind = chart["kind"]
    number_format = chart.get("format", "SMART_NUMBER")
    by, metrics = chart.get("by", []), chart.get("metrics", [])
    where = chart.get("where")
    parameters: dict[str, Any] = {
        "viz_type": VIZ_TYPES[kind],
        "row_limit": ROW_LIMIT,
        "time_range": "No filter",
        "color_scheme": "supersetColors",
        "adhoc_filters": [{"expressionType": "SQL", "sqlExpression": where, "clause": "WHERE"}] if where else [],
    }
    if kind == "number":
        parameters |= {"metric": metrics[0], "y_axis_format": number_format}
    elif kind == "pie":
        parameters |= {"groupby": by, "metric": metrics[0], "number_format": number_format, "show_labels": True,
                       "label_type": "key_percent", "sort_by_metric": True}  # fmt: skip
    elif kind == "table":
        rounded = {name: {"d3NumberFormat": ".4~g"} for name in chart.get("rounded", [])}
        parameters |= {"query_mode": "raw", "all_columns": chart["columns"], "server_page_length": 20,
                       "table_timestamp_format": "%Y-%m-%d", "show_cell_bars": False,
                       "column_config": rounded}  # fmt: skip
    elif kind == "heatmap":
        parameters |= {"x_axis": chart["x"], "groupby": by[0], "metric": metrics[0], "normalize_across": "y",
                       "linear_color_scheme": "superset_seq_1", "value_bounds": [None, None], "show_values": True,
                       "sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_asc", "xscale_interval": -1,
                       "yscale_interval": -1, "legend_type": "continuous"}  # fmt: skip
    else:
        parameters |= {"x_axis": chart["x"], "groupby": by, "metrics": metrics, "y_axis_format": number_format,
                       "x_axis_sort_asc": True, "x_axis_time_format": "%Y-%m-%d",
                       "show_legend": len(by) + len(metrics) > 1,
                       "stack": "Stack" if chart.get("stack") else None, "rich_tooltip": True, "truncate_metric": True,
                       "x_axis_force_categorical": kind == "bar"}  # fmt: skip
        if "series" in chart:
            parameters |= {"limit": chart["series"], "timeseries_limit_metric": chart["series_by"]}
        if chart.get("horizontal"):
            # The first bar is drawn at the bottom.
            parameters |= {"orientation": "horizontal", "x_axis_sort": metrics[0], "x_axis_sort_asc": True,
                           "x_axis_sort_series": "sum", "x_axis_sort_series_ascending": True}  # fmt: skip
    return {
        "slice_name": chart["title"],
        "viz_type": VIZ_TYPES[kind],
        "params": parameters,
        "cache_timeout": None,
        "uuid": _id(slug, chart["title"]),
        "version": EXPORT_VERSION,
        "dataset_uuid": _id("dataset", chart["dataset"]),
    }


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


def main(uri: str, target: str, schema: str = "bi") -> None:
    """Write the bundle."""
    declared = yaml.safe_load(Path(__file__).with_name("dashboards.yaml").read_text(encoding="utf-8"))
    for name, text in bundle(declared, uri, schema).items():
        file = Path(target) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
