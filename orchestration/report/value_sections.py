"""Sections about money: headline figures, value deciles and concentration."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from orchestration.report import figures
from orchestration.report.data import ReportData
from orchestration.report.formats import date, is_unknown, label, money, number, plural, share, signed, signed_share
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

MEASURES = ("total", "past", "future", "36_months")

_FUTURES = ("future_value", "future_value_36m")
_SUMMED = ("customers", "past_value", "future_value", "future_value_36m", "total_value", "ranked_value")


def headline(data: ReportData, settings: Settings, warnings: Sequence[str] = ()) -> Section:
    """Say how many customers there are, what they are worth, and what changed since the month before.

    ``warnings`` come first.
    """
    trend = data["trend"]
    position = trend.index[trend["version_id"] == data.version["version_id"]]
    if position.empty:
        return empty("headline", "Headline figures", data, "No customer has a market segment in this version.")
    now = trend.loc[position[0]]
    before = trend.loc[position[0] - 1] if position[0] else None
    history = trend.loc[: position[0]].assign(churned_share=lambda rows: rows["churned_customers"] / rows["customers"])
    cards = [
        _card("Customers to date", "customers", history),
        _card("Open customers", "open_customers", history),
        _card("Monthly fees", "monthly_fee", history, settings.currency),
        _card("Total value", "total_value", history, settings.currency),
        _card("Churned, of all to date", "churned_share", history, is_share=True),
    ]
    takeaway = (
        f"{number(now['open_customers'])} of {plural(int(now['customers']), 'customer')} to date"
        f" {'is open and pays' if now['open_customers'] == 1 else 'are open and pay'}"
        f" {money(now['monthly_fee'], settings.currency)} a month."
    )
    if not is_unknown(now["total_value"]):
        takeaway += (
            f" All customers to date have brought in a margin of {money(now['past_value'], settings.currency)}"
            + (
                "."
                if is_unknown(now["future_value"])
                else f"; the open ones are expected to bring in {money(now['future_value'], settings.currency)} more."
            )
        )
    if before is not None:
        change = int(now["open_customers"] - before["open_customers"])
        said = signed(change) if change else "none"
        takeaway += f" Change in open customers since {date(before['as_of_date'])}: {said}."
    since = (
        "This is the first published month."
        if before is None
        else f"Changes are since {date(before['as_of_date'])}; the lines run over the published months."
    )
    content = {"cards": cards, "since": since, "warnings": list(warnings)}
    return Section("headline", "Headline figures", takeaway, content=content)


def _card(name: str, column: str, history: pd.DataFrame, unit: str = "", is_share: bool = False) -> dict[str, Any]:
    values = history[column].astype(float)
    now, before = values.iloc[-1], values.iloc[-2] if len(values) > 1 else None
    if before is None or is_unknown(before) or is_unknown(now):
        change = ""
    elif is_share:
        change = f"{signed((now - before) * 100, 1)} points"
    else:
        change = f"{signed(now - before)} ({signed_share((now - before) / before if before else None)})"
    return {
        "name": name,
        "value": now,
        "unit": unit,
        "is_share": is_share,
        "change": change,
        "spark": figures.sparkline(values.dropna().tolist()),
    }


def deciles(data: ReportData, settings: Settings) -> Section:
    """Show what each tenth of the customers is worth."""
    rows = data["deciles"]
    if rows.empty:
        return empty("deciles", "Value deciles", data, "No customer is ranked: nobody has a known value in this month.")
    total = rows[[*_SUMMED, "ranked_value_share"]].sum(min_count=1)
    # If the future value is unknown for some deciles, the sum of the others is not a total.
    unknown = [column for column in _FUTURES if rows[column].isna().any()]
    total[unknown] = None
    best, worst = rows.iloc[0], rows.iloc[-1]
    ranked_by = f"{label(best['rank_by']).lower()} value"
    takeaway = (
        f"The best tenth of customers holds {share(best['ranked_value_share'])} of all"
        f" {'value' if best['rank_by'] == 'total' else ranked_by},"
        f" {money(best['ranked_value'] / best['customers'], settings.currency)} per customer;"
    )
    if worst["ranked_value"] < 0:
        takeaway += f" the last tenth costs {money(-worst['ranked_value'], settings.currency)} more than it brings."
    else:
        takeaway += f" the last tenth holds {share(worst['ranked_value_share'])}."
    shown = rows.assign(
        cumulative_share=rows["ranked_value_share"].cumsum(),
        mean_value=rows["ranked_value"] / rows["customers"],
    )
    return Section(
        "deciles",
        "Value deciles",
        takeaway,
        content={
            "figure": figures.value_by_decile(rows, settings.currency, ranked_by),
            "ranked_by": ranked_by,
            "rows": shown.to_dict("records"),
            "total": total.to_dict() | {"mean_value": total["ranked_value"] / total["customers"]},
            "unranked": _unranked_sentence(data, total, settings),
            "earned_says": _earned_sentence(total),
            "fixed": data["cutoffs"].to_dict("records"),
            "fixed_says": _fixed_sentence(data),
        },
    )


def _earned_sentence(total: pd.Series) -> str:
    """Say which parts of the value are earned, expected soon, and expected beyond the reach of any plan."""
    if is_unknown(total["total_value"]) or total["total_value"] <= 0 or is_unknown(total["past_value"]):
        return ""
    earned = f"{share(total['past_value'] / total['total_value'], 0)} of the value is already earned"
    near = total["future_value_36m"]
    if is_unknown(total["future_value"]):
        return "The value is what has been earned so far; the future is unknown."
    if is_unknown(near):
        return f"{earned}, the rest is expected."
    beyond = (total["future_value"] - near) / total["total_value"]
    return (
        f"{earned}, {share(near / total['total_value'], 0)} is expected within the next 36 months and"
        f" {share(beyond, 0)} lies beyond them."
    )


def _fixed_sentence(data: ReportData) -> str:
    """Say how many customers reach the value of the best tenth of the reference version."""
    rows = data["cutoffs"]
    if rows.empty:
        return ""
    best = rows.iloc[0]
    if best["reference_version_id"] == data.version["version_id"]:
        return "This version is the reference; later ones use its cut-offs."
    return (
        f"{share(best['share'])} of the ranked customers are worth what the best tenth was worth on"
        f" {date(best['reference_as_of_date'])}."
    )


def _unranked_sentence(data: ReportData, ranked: pd.Series, settings: Settings) -> str:
    """Account for the customers who are in the headline figures but in no decile."""
    everyone = data["market"][["customers", "total_value"]].sum()
    left_out = int(everyone["customers"] - ranked["customers"])
    if left_out <= 0:
        return ""
    value = money(everyone["total_value"] - ranked["total_value"], settings.currency)
    return f"Not ranked: {plural(left_out, 'customer')} worth {value}."


def concentration(data: ReportData) -> Section:
    """Test whether 20% of the customers make 80% of the value, and whether the worst 20% cost 80%."""
    rows, curve = data["concentration"], data["curve"]
    title = "Concentration"
    if rows.empty or curve.empty:
        return empty("concentration", title, data, "No customer is ranked, so there is no value to be concentrated.")
    by_measure = {row["value_measure"]: row for row in rows.to_dict("records")}
    measures = [measure for measure in MEASURES if measure in by_measure]
    ranked_by = rows.loc[rows["is_ranked_by"], "value_measure"]
    measures.sort(key=lambda measure: measure not in set(ranked_by))  # the measure that customers are ranked by first
    first = by_measure[measures[0]]
    return Section(
        "concentration",
        title,
        " ".join(filter(None, (_said(first["pareto_verdict"]), _said(first["whale_verdict"])))),
        content={
            "figure": figures.concentration(curve, measures, _peak(first)),
            "figure_says": _whale_sentence(first),
            "rows": [by_measure[measure] for measure in measures],
        },
    )


def _said(verdict: Any) -> str:
    """Return a published verdict; versions older than verdicts have none."""
    return "" if is_unknown(verdict) else str(verdict)


def _peak(row: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Return the peak of the whale curve, share of customers and of value; None if no customer has negative value."""
    if is_unknown(row["whale_peak_share"]) or not row["customers_past_peak"]:
        return None
    return 1 - row["customers_past_peak"] / row["customers"], float(row["whale_peak_share"])


def _whale_sentence(row: Mapping[Any, Any]) -> str:
    half, peak, below = row["customer_share_for_50"], row["whale_peak_share"], row["customers_past_peak"]
    measure = label(row["value_measure"]).lower()
    if is_unknown(half) or is_unknown(peak):
        return f"There is no {measure} value to share."
    sentence = f"Half of {measure} value is held by the best {share(half)} of customers"
    if not below:
        return f"{sentence}; no customer costs more than they bring."
    taken = share(peak - 1, 1 if peak > 1.005 else 2)
    return f"{sentence}; {plural(int(below), 'customer')} cost more than they bring and take {taken} away again."
