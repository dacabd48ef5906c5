"""Sections about money: headline figures, value deciles, concentration and retention."""

from typing import Any

import numpy as np
import pandas as pd

from orchestration.lib.report import figures
from orchestration.lib.report.data import ReportData
from orchestration.lib.report.formats import (
    date,
    is_unknown,
    label,
    money,
    plural,
    share,
    signed,
    signed_share,
)
from orchestration.lib.report.section import Section, empty
from orchestration.lib.settings import Settings

MEASURES = ("total", "past", "future")
SHOWN_CURVES = 6  # more lines than this cannot be told apart
SURVIVAL_MONTHS = 36


def headline(data: ReportData, settings: Settings) -> Section:
    """Say how many customers there are, what they are worth, and what changed since the month before."""
    trend = data["trend"]
    position = trend.index[trend["version_id"] == data.version["version_id"]]
    if position.empty:
        return empty(
            "headline", "Headline figures", data, "No customer has a market segment in this version."
        )
    now = trend.loc[position[0]]
    before = trend.loc[position[0] - 1] if position[0] else None
    history = trend.loc[: position[0]].assign(
        churned_share=lambda rows: rows["churned_customers"] / rows["customers"]
    )
    cards = [
        _card("Customers, ever", "customers", history),
        _card("Open customers", "open_customers", history),
        _card("Monthly fees", "monthly_fee", history, settings.currency),
        _card("Total value", "total_value", history, settings.currency),
        _card("Churned, of all ever", "churned_share", history, is_share=True),
    ]
    takeaway = (
        f"{plural(int(now['open_customers']), 'customer')} of {plural(int(now['customers']), 'customer')} ever"
        f" {'is' if now['open_customers'] == 1 else 'are'} open"
        f" and {'pays' if now['open_customers'] == 1 else 'pay'} {money(now['monthly_fee'], settings.currency)} a month."
    )
    if not is_unknown(now["total_value"]):
        takeaway += (
            f" They brought a margin of {money(now['past_value'], settings.currency)} so far"
            f" and are expected to bring {money(now['future_value'], settings.currency)} more."
        )
    if before is not None:
        change = int(now["open_customers"] - before["open_customers"])
        takeaway += f" Open customers since {date(before['as_of_date'])}: {signed(change) if change else 'no change'}."
    since = f"since {date(before['as_of_date'])}" if before is not None else "first published month"
    return Section("headline", "Headline figures", takeaway, content={"cards": cards, "since": since})


def _card(
    name: str, column: str, history: pd.DataFrame, unit: str = "", is_share: bool = False
) -> dict[str, Any]:
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
        return empty(
            "deciles", "Value deciles", data, "No customer is ranked: nobody has a known value in this month."
        )
    total = rows[["customers", "past_value", "future_value", "total_value", "total_value_share"]].sum()
    best, worst = rows.iloc[0], rows.iloc[-1]
    takeaway = (
        f"The best tenth of customers holds {share(best['total_value_share'])} of all value,"
        f" {money(best['total_value'] / best['customers'], settings.currency)} a customer;"
    )
    if worst["total_value"] < 0:
        takeaway += (
            f" the last tenth costs {money(-worst['total_value'], settings.currency)} more than it brings."
        )
    else:
        takeaway += f" the last tenth holds {share(worst['total_value_share'])}."
    shown = rows.assign(
        cumulative_share=rows["total_value_share"].cumsum(),
        mean_value=rows["total_value"] / rows["customers"],
    )
    return Section(
        "deciles",
        "Value deciles",
        takeaway,
        content={
            "figure": figures.value_by_decile(rows, settings.currency),
            "rows": shown.to_dict("records"),
            "total": total.to_dict() | {"mean_value": total["total_value"] / total["customers"]},
            "past_share": total["past_value"] / total["total_value"] if total["total_value"] else None,
        },
    )


def concentration(data: ReportData) -> Section:
    """Test whether 20 % of the customers make 80 % of the value."""
    rows, curve = data["concentration"], data["curve"]
    title = "Concentration"
    if rows.empty or curve.empty:
        return empty(
            "concentration", title, data, "No customer is ranked, so there is no value to be concentrated."
        )
    by_measure = {row["value_measure"]: row for row in rows.to_dict("records")}
    measures = [measure for measure in MEASURES if measure in by_measure]
    first = by_measure[measures[0]]
    return Section(
        "concentration",
        title,
        pareto_verdict(first),
        content={
            "figure": figures.concentration(curve, measures),
            "figure_says": _whale_sentence(first),
            "rows": [by_measure[measure] for measure in measures],
        },
    )


def pareto_verdict(row: dict[str, Any]) -> str:
    """Say what the data make of '20 % make 80 %' for one value measure."""
    top, measure = row["top_20_share"], row["value_measure"]
    if is_unknown(top):
        return f"'20 % make 80 %' cannot be tested: the {measure} value does not add up to a positive amount."
    held = f"the best 20 % of customers hold {share(top)} of {measure} value"
    if abs(top - 0.8) < 0.025:
        return f"'20 % make 80 %' holds here: {held}."
    needed = row["customer_share_for_80"]
    detail = "" if is_unknown(needed) else f", and it takes the best {share(needed)} to reach 80 %"
    direction = "value is less concentrated" if top < 0.8 else "value is more concentrated"
    return f"'20 % make 80 %' does not hold here: {held}{detail}; {direction} than the rule of thumb."


def _whale_sentence(row: dict[str, Any]) -> str:
    peak, past = row["whale_peak_share"], row["customers_past_peak"]
    if is_unknown(peak) or is_unknown(past) or not past or peak <= 1:
        return f"The curve of {row['value_measure']} value never falls: no ranked customer takes value away."
    return (
        f"The curve of {row['value_measure']} value peaks at {share(peak)}:"
        f" {plural(int(past), 'customer')} past the peak cost more than they bring."
    )


def retention(data: ReportData) -> Section:
    """Show how long customers stay, by cohort, and how well the fitted churn meets the observed."""
    rows = data["retention"]
    title = "Retention"
    if rows.empty:
        return empty(
            "retention", title, data, "No month of service has been observed, so no churn could be fitted."
        )
    rows = rows.assign(
        name=rows["retention_cohort"].map(cohort_name),
        fitted_on=[
            "itself" if is_unknown(source) else cohort_name(source).lower() for source in rows["pooled_from"]
        ],
    )
    is_group = rows["retention_cohort"].str.contains(r"\*") | (rows["retention_cohort"] == "all")
    cohorts, everyone = rows[~is_group], rows[rows["retention_cohort"] == "all"]
    curves = new_customer_curves(cohorts)
    seen = cohorts[cohorts["customer_months"] > 0].dropna(subset=["observed_hazard", "fitted_hazard"])
    takeaway = "The cohorts differ in how much was observed of them."
    if not everyone.empty and not is_unknown(everyone.iloc[0]["observed_hazard"]):
        overall = everyone.iloc[0]
        takeaway = (
            f"Over {plural(int(overall['customer_months']), 'month')} of service"
            f" {share(overall['observed_hazard'], 2)} of open customers left a month."
        )
    return Section(
        "retention",
        title,
        takeaway,
        content={
            "survival": figures.survival(curves) if curves else "",
            "survival_says": _survival_sentence(curves),
            "hazards": figures.hazards(seen) if not seen.empty else "",
            "fit_says": _fit_sentence(seen),
            "rows": seen.head(12).to_dict("records"),
            "more": max(0, len(seen) - 12),
            "pooled": int(seen["pooled_from"].notna().sum()),
        },
    )


def cohort_name(cohort: str) -> str:
    """Write a cohort in words: ``consumer/internet/12/committed`` → ``Consumer, internet, 12 months, committed``."""
    if cohort == "all":
        return "All customers"
    parts = cohort.split("/")
    if len(parts) != 4:
        return label(cohort)
    market, product, term, state = parts
    terms = {"none": "no term", "other": "other term", "*": ""}
    words = [market, product, terms.get(term, f"{term} months"), state]
    return label(", ".join(word.replace("_", " ") for word in words if word not in ("", "*")))


def new_customer_curves(cohorts: pd.DataFrame) -> dict[str, np.ndarray]:
    """Expected survival of a new customer by market, product and term, the largest groups first.

    While the term lasts the committed cohort's monthly churn holds, then the free cohort's. A shifted-beta-geometric
    hazard is alpha / (alpha + beta + t - 1) at month t (Fader and Hardie 2007); a cohort without alpha has a constant
    one. A curve ends where the cohort that should carry it on was never observed.
    """
    months = np.arange(1, SURVIVAL_MONTHS + 1, dtype=float)
    groups: dict[str, dict[str, Any]] = {}
    for row in cohorts.to_dict("records"):
        stem, _, state = row["retention_cohort"].rpartition("/")
        groups.setdefault(stem, {})[state] = row
    largest = sorted(groups, key=lambda stem: -sum(row["customer_months"] for row in groups[stem].values()))
    curves: dict[str, np.ndarray] = {}
    for stem in largest:
        term = stem.rpartition("/")[2]
        committed_months = int(term) if term.isdigit() and "committed" in groups[stem] else 0
        hazard = np.where(
            months <= committed_months,
            _monthly_churn(groups[stem].get("committed"), months),
            _monthly_churn(groups[stem].get("free"), months),
        )
        known = int(np.argmax(np.isnan(hazard))) if np.isnan(hazard).any() else len(hazard)
        if known and len(curves) < SHOWN_CURVES:
            curves[cohort_name(f"{stem}/*")] = np.concatenate([[1.0], np.cumprod(1 - hazard[:known])])
    return curves


def _survival_sentence(curves: dict[str, np.ndarray]) -> str:
    after = {name: curve[12] for name, curve in curves.items() if len(curve) > 12}
    if not after:
        return "Expected survival of new customers, as far as it was observed."
    best = max(after, key=lambda name: after[name])
    worst = min(after, key=lambda name: after[name])
    if best == worst:
        return f"After a year {share(after[best], 0)} of new customers are expected to be there still."
    return (
        f"After a year {share(after[best], 0)} of new customers of “{best}” are expected to be there still,"
        f" of “{worst}” {share(after[worst], 0)}."
    )


def _monthly_churn(cohort: dict[str, Any] | None, months: np.ndarray) -> np.ndarray:
    if cohort is None:
        return np.full_like(months, np.nan)
    if is_unknown(cohort["alpha"]):
        return np.full_like(months, float(cohort["fitted_hazard"]))
    hazard: np.ndarray = cohort["alpha"] / (cohort["alpha"] + cohort["beta"] + months - 1)
    return hazard


def _fit_sentence(seen: pd.DataFrame) -> str:
    if seen.empty:
        return ""
    months = seen["customer_months"].astype(float)
    miss = ((seen["fitted_hazard"] - seen["observed_hazard"]).abs() * months).sum() / months.sum()
    return f"Weighted by months of service, fitted and observed monthly churn differ by {share(miss, 2)} points on average."
