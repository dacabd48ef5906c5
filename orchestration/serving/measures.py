"""The metrics of dbt's semantic models as SQL, for BI tools that do not query MetricFlow."""

from dataclasses import dataclass

import yaml

from orchestration.lake.declarations import MODELS

_SEMANTICS = MODELS / "bi" / "_semantics.yml"
# In SQL that both DuckDB and PostgreSQL understand.
_AGGREGATIONS = {
    "sum": "sum({})",
    "sum_boolean": "sum(case when {} then 1 else 0 end)",
    "count": "count({})",
    "count_distinct": "count(distinct {})",
    "average": "avg({})",
    "min": "min({})",
    "max": "max({})",
}


@dataclass(frozen=True)
class Measure:
    """A metric: an aggregate over rows of a served table, or of another one with the same columns."""

    name: str
    label: str
    description: str
    table: str
    sql: str


def measures() -> dict[str, Measure]:
    """Return the metrics by name.

    Raises:
        ValueError: a metric is neither simple nor a ratio of two simple ones.
        KeyError: a measure uses an unknown aggregation.
    """
    declared = yaml.safe_load(_SEMANTICS.read_text(encoding="utf-8"))
    tables, aggregates = {}, {}
    for model in declared["semantic_models"]:
        for measure in model["measures"]:
            # A semantic model's model is given as ref('bi__table').
            tables[measure["name"]] = model["model"].split("'")[1].removeprefix("bi__")
            aggregation = _AGGREGATIONS[measure["agg"]]
            aggregates[measure["name"]] = aggregation.format(measure.get("expr", measure["name"]))
    found: dict[str, Measure] = {}
    # Ratios come last because they refer to simple metrics.
    for metric in sorted(declared["metrics"], key=lambda each: each["type"] == "ratio"):
        parts = metric["type_params"]
        match metric["type"]:
            case "simple":
                table, sql = tables[parts["measure"]], aggregates[parts["measure"]]
            case "ratio":
                above, below = found[parts["numerator"]], found[parts["denominator"]]
                table, sql = above.table, f"cast({above.sql} as double precision) / nullif({below.sql}, 0)"
            case other:
                raise ValueError(f"{metric['name']} has the metric type {other}, which is not supported.")
        found[metric["name"]] = Measure(metric["name"], metric["label"], metric["description"], table, sql)
    return found
