"""Sections about groups of customers: lifecycle stages, market segments, and the moves between months."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from orchestration.report import figures
from orchestration.report.data import ReportData
from orchestration.report.formats import date, is_unknown, label, listed, money, number, plural, share, signed
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

# The order of a customer's life, unlike the rules, which are in order of precedence. Custom stages follow.
JOURNEY = ("pending", "onboarding", "growing", "mature", "at_risk", "dormant", "suspended", "won_back", "churned")
SHOWN_MOVES = 5


def lifecycle(data: ReportData, settings: Settings) -> Section:
    """Show the stages, where their customers came from, and whether stocks and flows agree."""
    rows = data["stages"]
    title = "Lifecycle stages"
    if rows.empty:
        return empty("lifecycle", title, data, "No customer has a lifecycle stage in this version.")
    order = list(dict.fromkeys((*JOURNEY, *(rule.segment for rule in settings.lifecycle.rules))))
    rows = _ordered(rows, "lifecycle_stage", order)
    everyone = rows["customers"].sum()
    is_open = ~rows["lifecycle_stage"].isin(["churned", "pending"])
    largest = rows[is_open].sort_values("customers").tail(1)
    takeaway = ""
    for row in largest.to_dict("records"):
        takeaway = (
            f"{label(row['lifecycle_stage'])} is the largest stage of open customers,"
            f" {share(row['customers'] / rows.loc[is_open, 'customers'].sum(), 0)} of them."
        )
    at_risk = rows[rows["lifecycle_stage"] == "at_risk"]
    if not at_risk.empty:
        takeaway += (
            f" {plural(int(at_risk['customers'].iloc[0]), 'customer')} at risk hold"
            f" {money(at_risk['total_value'].iloc[0], settings.currency)} of total value."
        )
    return Section(
        "lifecycle",
        title,
        takeaway or f"All {plural(int(everyone), 'customer')} have churned or are pending.",
        content={
            "rows": _treated(rows, "lifecycle_stage", settings),
            "contract_ends": _contract_ends_sentence(data, settings),
            "price_rises": _price_rises_sentence(data, settings),
            "churn_kinds": _churn_kinds_sentence(data["churn_kinds"]),
            "has_hazard": bool(rows["mean_churn_probability_3m"].notna().any()),
            "flows": _flows_sentence(rows, data),
            "has_flows": bool(rows["opened"].notna().any()),
            "matrix": transition_matrix(data["transitions"], order),
            "since": date(data.previous["as_of_date"]) if data.previous else "",
        },
    )


def _treated(rows: pd.DataFrame, scheme: str, settings: Settings) -> list[dict[Any, Any]]:
    """Return the rows with the configured ``treatment`` and ``channel``; empty if there is none."""
    of = settings.treatments.get(scheme, {})
    return rows.assign(
        treatment=[of[segment].treatment if segment in of else "" for segment in rows[scheme]],
        channel=[(of[segment].channel or "") if segment in of else "" for segment in rows[scheme]],
    ).to_dict("records")


def _contract_ends_sentence(data: ReportData, settings: Settings) -> str:
    ends = data["contract_ends"].iloc[0]
    months = settings.lifecycle.thresholds.get("contract_end_window_months")
    window = (
        "the window before the end of their commitment"
        if months is None
        else (f"the last {number(months)} months of their commitment")
    )
    if not ends["customers"]:
        return f"No open customer is in {window}."
    return (
        f"{plural(int(ends['customers']), 'open customer')} with {money(ends['monthly_fee'], settings.currency)}"
        f" of monthly fees {'is' if ends['customers'] == 1 else 'are'} in {window}."
    )


def _price_rises_sentence(data: ReportData, settings: Settings) -> str:
    rises = data["price_rises"].iloc[0]
    if not rises["customers"]:
        return ""
    months = settings.lifecycle.thresholds.get("price_rise_window_months")
    when = "soon" if months is None else f"within {plural(int(months), 'month')}"
    return (
        f"For {plural(int(rises['customers']), 'open customer')} with"
        f" {money(rises['monthly_fee'], settings.currency)} of monthly fees a discount ends {when}, and the price"
        " goes up."
    )


def _churn_kinds_sentence(kinds: pd.DataFrame) -> str:
    if kinds.empty:
        return ""
    left = int(kinds["customers"].sum())
    parts = [f"{number(row['customers'])} {label(row['churn_kind']).lower()}" for row in kinds.to_dict("records")]
    return f"{plural(left, 'customer')} left since the month before: {listed(parts)}."


def _flows_sentence(rows: pd.DataFrame, data: ReportData) -> str:
    flows = rows[["opened", "inflow", "outflow"]]
    if data.previous is None or flows.isna().all().all():
        return "There is no version of the month before, so there are no flows between stages."
    opened, inflow, outflow = (int(flows[column].sum()) for column in flows)
    closed = int(rows["customers"].sum())
    adds_up = ((rows["opened"] + rows["inflow"] - rows["outflow"]) == rows["customers"]).all()
    sum_shown = f"{number(opened)} at the start + {number(inflow)} in − {number(outflow)} out = {number(closed)}"
    return (
        f"Stocks and flows agree in every stage: {sum_shown}."
        if adds_up
        else f"Stocks and flows do not agree: {sum_shown}."
    )


def transition_matrix(transitions: pd.DataFrame, order: list[str]) -> dict[str, Any]:
    """Arrange the transitions for a heat map; ``level`` in 0..1 is the share of the row, for its color."""
    if transitions.empty:
        return {}
    new, gone = "new", "gone"
    moves = transitions.assign(
        from_stage=transitions["from_stage"].fillna(new), to_stage=transitions["to_stage"].fillna(gone)
    )
    cells = {(row["from_stage"], row["to_stage"]): row for row in moves.to_dict("records")}
    sources = _in_order({source for source, _ in cells}, [new, *order])
    targets = _in_order({target for _, target in cells}, [*order, gone])
    stayed = sum(row["customers"] for (source, target), row in cells.items() if source == target)
    known = sum(row["customers"] for (source, _), row in cells.items() if source != new)
    return {
        "targets": ["Record gone" if target == gone else label(target) for target in targets],
        "rows": [
            {
                "name": "New customers" if source == new else label(source),
                "cells": [_cell(cells.get((source, target)), source == target) for target in targets],
            }
            for source in sources
        ],
        "says": f"{share(stayed / known)} of the customers of the month before kept their stage." if known else "",
    }


def _cell(row: Mapping[Any, Any] | None, stays: bool) -> dict[str, Any]:
    if row is None or not row["customers"]:
        return {"customers": 0, "share": 0.0, "level": 0.0, "stays": stays}
    ratio = 0.0 if is_unknown(row["share_of_from"]) else float(row["share_of_from"])
    return {"customers": row["customers"], "share": ratio, "level": min(1.0, max(0.0, ratio)), "stays": stays}


def market(data: ReportData, settings: Settings) -> Section:
    """Show the market segments by size, fees and value."""
    rows = data["market"]
    if rows.empty:
        return empty("market", "Market segments", data, "No customer has a market segment in this version.")
    rows = rows.merge(data["top_decile_by_market"], on="market_segment", how="left")
    total = rows[["customers", "monthly_fee", "past_value", "future_value", "total_value"]].sum()
    rows = rows.assign(value_share=rows["total_value"] / total["total_value"] if total["total_value"] else None)
    largest = rows.sort_values("customers").iloc[-1]
    takeaway = (
        f"{label(largest['market_segment'])} is the largest segment with"
        f" {share(largest['customers'] / total['customers'], 0)} of customers"
    )
    by_value = rows.dropna(subset=["value_share"]).sort_values("value_share")
    if by_value.empty:
        takeaway += "."
    elif by_value.iloc[-1]["market_segment"] == largest["market_segment"]:
        takeaway += f" and {share(largest['value_share'], 0)} of total value."
    else:
        richest = by_value.iloc[-1]
        takeaway += (
            f" and {share(largest['value_share'], 0)} of total value;"
            f" {label(richest['market_segment']).lower()} holds the most, {share(richest['value_share'], 0)}."
        )
    if len(rows) == 1:
        takeaway = f"Every customer is in the segment “{label(largest['market_segment']).lower()}”."
    return Section(
        "market",
        "Market segments",
        takeaway,
        content={
            "rows": _treated(rows, "market_segment", settings),
            "total": total.to_dict(),
            "says": _evidence_sentence(rows),
        },
    )


def _evidence_sentence(rows: pd.DataFrame) -> str:
    customers = int(rows["customers"].sum())
    conflicting, low = (int(rows[column].sum()) for column in ("conflicting_customers", "low_confidence_customers"))
    if not conflicting and not low:
        return "No customer has evidence for another segment, and none is uncertain."
    return (
        f"{share(conflicting / customers)} of customers have some evidence for another segment, and"
        f" {share(low / customers)} are uncertain (size unknown, or more evidence against the segment than for it)."
    )


def changes(data: ReportData, settings: Settings) -> Section:
    """Show what changed the value since the previous published month, and how many customers changed segment."""
    rows = data["migrations"]
    title = "What changed"
    said = data.version.get("changes") or ""
    if rows.empty:
        reason = (
            "There is no version of the month before to compare with."
            if data.previous is None
            else f"No customer is in both this version and {data.previous['version_id']}."
        )
        section = empty("changes", title, data, reason)
        return Section(section.id, title, empty_because=section.empty_because, content={"said": said})
    clusters = data["cluster_names"]
    names = dict(zip(clusters["cluster_id"], clusters["cluster_name"], strict=True))
    schemes = [_scheme(str(name), moves, names) for name, moves in rows.groupby("scheme", sort=True)]
    since = f" since {date(data.previous['as_of_date'])}" if data.previous else ""
    bridge = data["bridge"]
    return Section(
        "changes",
        title,
        _changes_takeaway(schemes, since),
        content={
            "said": said,
            "schemes": schemes,
            "bridge": "" if bridge.empty else figures.value_bridge(bridge, settings.currency),
            "bridge_says": "" if bridge.empty else bridge_sentence(bridge, settings.currency),
        },
    )


def bridge_sentence(bridge: pd.DataFrame, currency: str) -> str:
    """Say by how much the total value changed, and the two largest causes."""
    amounts = bridge.set_index("component")["amount"].astype(float)
    moves = amounts.drop(["opening", "closing"])
    change = amounts["closing"] - amounts["opening"]
    largest = moves.reindex(moves.abs().sort_values(ascending=False, kind="stable").index).head(2)
    if not moves.any():
        return "Total value did not change."
    by_most = listed([f"{name} ({signed(amount)})" for name, amount in largest.items() if amount])
    verb = "rose" if change > 0 else "fell" if change < 0 else "stayed the same"
    size = f" by {money(abs(change), currency)}" if change else ""
    return f"Total value {verb}{size}; the largest changes: {by_most}."


def _changes_takeaway(schemes: list[dict[str, Any]], since: str) -> str:
    moved = sorted((scheme for scheme in schemes if scheme["moved"]), key=lambda scheme: -scheme["moved_share"])
    still = [scheme["name"].lower() for scheme in schemes if not scheme["moved"]]
    if not moved:
        return f"No customer changed {listed(still, 'or')}{since}."
    parts = [f"{share(scheme['moved_share'])} their {scheme['name'].lower()}" for scheme in moved]
    parts[0] = parts[0].replace(" their", " of customers changed their", 1)
    return listed(parts) + since + (f"; nobody changed {listed(still, 'or')}." if still else ".")


def _scheme(name: str, moves: pd.DataFrame, cluster_names: Mapping[str, str]) -> dict[str, Any]:
    both = moves.dropna(subset=["from_segment", "to_segment"])
    moved = both[both["from_segment"] != both["to_segment"]]
    known = int(both["customers"].sum())
    return {
        "name": label(name),
        "known": known,
        "moved": int(moved["customers"].sum()),
        "moved_share": moved["customers"].sum() / known if known else 0.0,
        "entered": int(moves.loc[moves["from_segment"].isna(), "customers"].sum()),
        "left": int(moves.loc[moves["to_segment"].isna(), "customers"].sum()),
        "moves": [
            f"{segment_name(name, row['from_segment'], cluster_names)}"
            f" → {segment_name(name, row['to_segment'], cluster_names)}: {number(row['customers'])}"
            for row in moved.head(SHOWN_MOVES).to_dict("records")
        ],
        "pairs": len(moved),
    }


def segment_name(scheme: str, segment: str, cluster_names: Mapping[str, str]) -> str:
    """Return a segment in words: a decile with its number, a cluster by its latest name."""
    if scheme == "value_decile":
        return f"Decile {segment}"
    return cluster_names.get(segment) or label(segment)


def _ordered(rows: pd.DataFrame, column: str, order: list[str]) -> pd.DataFrame:
    places = {name: place for place, name in enumerate(_in_order(set(rows[column]), order))}
    return rows.sort_values(column, key=lambda names: names.map(places), ignore_index=True)


def _in_order(names: Iterable[str], order: list[str]) -> list[str]:
    """Sort by the order of the rules; names in no rule come last, alphabetically."""
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
