"""The metrics of dbt's semantic models as SQL, for BI tools that do not ask MetricFlow."""

from dataclasses import dataclass

import yaml

from orchestration.lake.declarations import MODELS

_SEMANTICS = MODELS / "bi" / "_semantics.yml"
# In SQL that DuckDB and PostgreSQL both speak.
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
        ValueError: a metric is neither a simple one nor a ratio of two such.
        KeyError: a measure is of an aggregation that is not known here.
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
    # Ratios come last, for they are of simple metrics.
    for metric in sorted(declared["metrics"], key=lambda each: each["type"] == "ratio"):
        parts = metric["type_params"]
        match metric["type"]:
            case "simple":
                table, sql = tables[parts["measure"]], aggregates[parts["measure"]]
            case "ratio":
                above, below = found[parts["numerator"]], found[parts["denominator"]]
                table, sql = above.table, f"cast({above.sql} as double precision) / nullif({below.sql}, 0)"
            case other:
                raise ValueError(f"{metric['name']} is a metric of the type {other}.")
        found[metric["name"]] = Measure(metric["name"], metric["label"], metric["description"], table, sql)
    return found
