"""Sections about trust: what the version was made from, what is missing, and what terms mean."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from orchestration.lake.missing_sources import ALTERNATIVES, WITHOUT
from orchestration.lake.quarantine import file_name, shorten
from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown, label, listed, plural, share
from orchestration.report.section import Section, empty
from orchestration.source_checks import Limits

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("As-of date", "The month end that everything here is seen from; nothing dated later is used."),
    ("Version", "The segments of one as-of date; a revision is made when input, settings or code have changed."),
    ("Customer", "A party with a contract now, before or soon; one row here whatever the number of contracts."),
    ("Open", "Has at least one contract in force on the as-of date."),
    ("Margin", "Net revenue less the cost to serve: product, traffic, contacts, failed payments, write-offs."),
    ("Past value", "All margin to date."),
    ("Future value", "Residual value: the margin expected from now on, weighed by the chance of still being there and "
                     "discounted. A churned customer has none."),
    ("Total value", "Past value plus future value."),
    ("Value decile", "Ranked customers in ten groups of equal size; 1 = best. Wholesale is not ranked."),
    ("Gini", "0 where all customers are worth the same, 1 where one holds everything."),
    ("Churn", "A customer with no product left; leaving one product of several is not churn."),
    ("Retention cohort", "Customers of the same market segment, product, term and commitment; one with too little "
                         "churn of its own uses the curve of a larger group at a level of its own."),
    ("Cluster", "Customers who behave alike, found in the data; its name and rule are generated from what sets it "
                "apart. The rule holds for so many of those it names, and finds so many of the cluster."),
    ("Stability", "Mean Jaccard similarity of the cluster with its match when customers are resampled; 0.75 and more "
                  "is stable."),
    ("Lifecycle stage", "Where a customer is in the life cycle: one stage per month, by the first rule that holds."),
    ("Market segment", "Who the customer is: exactly one segment, by the first rule that holds."),
    ("Look-alikes", "Of a mid-size company: the nearest others by size and by needs other than the product in "
                    "question."),
    ("Headroom", "Margin a month by which its look-alikes exceed a company: what there is to win, not what will be."),
    ("Load", "One source file or extract, read once."),
    ("Quarantine", "Source rows set aside with a reason because they break the source contract."),
    ("Source check", "A number found in a source after loading it, held to limits of the settings; beyond them it "
                     "warns or stops the run."),
)  # fmt: skip


def quality(data: ReportData) -> Section:
    """Show what was read, what was quarantined and why, and which sources are missing."""
    loads, quarantine = data["loads"], data["quarantine"]
    title = "Data and checks"
    if loads.empty:
        return empty("quality", title, data, "No load is recorded up to the moment this version was made.")
    total = loads[["rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_superseded"]].sum()
    missing = missing_sources(loads)
    aside = share(total["rows_quarantined"] / total["rows_read"], 2) if total["rows_quarantined"] else "None"
    takeaway = f"{aside} of {plural(int(total['rows_read']), 'source row')} had to be set aside"
    absent = [label(row["source_table"]).lower() for row in missing]
    takeaway += (
        f"; there is no data for {listed(absent)}" if absent else "; every table of the source contract has data"
    )
    failed = int((~data["source_checks"]["passed"].astype(bool)).sum())
    takeaway += f"; {plural(failed, 'source check')} found something to look at." if failed else "."
    return Section(
        "quality",
        title,
        takeaway,
        content={
            "loads": loads[loads["rows_read"] > 0].to_dict("records"),
            "total": total.to_dict(),
            "balanced": total["rows_read"] == total[["rows_accepted", "rows_quarantined", "rows_duplicate"]].sum(),
            "quarantine": [_located(row) for row in quarantine.head(12).to_dict("records")],
            "more": max(0, len(quarantine) - 12),
            "missing": missing,
            "unknown": unknown_columns(data["known"]),
            "source_checks": source_checks(data["source_checks"]),
            "checks": checks(data.version.get("checks")),
        },
    )


def source_checks(found: pd.DataFrame) -> dict[str, Any]:
    """Split the checks after the last load into failed ones, with what to do, and passed ones."""
    rows = [
        row | {"allowed": str(Limits(row["action"], _known(row["minimum"]), _known(row["maximum"])))}
        for row in found.to_dict("records")
    ]
    return {
        "made": len(rows),
        "failed": [row for row in rows if not row["passed"]],
        "passed": [row for row in rows if row["passed"]],
    }


def _located(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """Drop the folders from an example's file name: readers of the report do not have them."""
    example = None if is_unknown(row["example"]) else shorten(row["example"])
    return {**row, "example": example, "place": file_name(row["place"])}


def _known(value: float) -> float | None:
    return None if is_unknown(value) else value


def missing_sources(loads: pd.DataFrame) -> list[dict[str, str]]:
    """List the tables of the source contract without an accepted row, and what the segments lack because of it."""
    present = set(loads.loc[loads["rows_accepted"] > 0, "source_table"])
    return [
        {"source_table": table, "consequence": consequence}
        for table, consequence in WITHOUT.items()
        if table not in present and ALTERNATIVES.get(table) not in present
    ]


def unknown_columns(known: pd.DataFrame) -> list[str]:
    """List the columns of the customer view that are null for every customer."""
    counts = known.iloc[0]
    return [str(column) for column, count in counts.items() if counts["customer_id"] and not count]


def checks(stored: Any) -> list[dict[str, Any]]:
    """Read the checks stored as JSON in the registry."""
    return list(json.loads(stored)) if stored else []


def definitions() -> Section:
    """Explain the terms."""
    return Section("definitions", "Definitions", content={"entries": GLOSSARY})
