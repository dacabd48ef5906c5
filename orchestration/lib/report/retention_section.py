"""The section about retention: how long customers of each cohort stay, and how well that is known."""

from typing import Any

import numpy as np
import pandas as pd

from orchestration.lib.report import figures
from orchestration.lib.report.data import ReportData
from orchestration.lib.report.formats import is_unknown, label, number, plural, share
from orchestration.lib.report.section import Section, empty

SHOWN_CURVES = 6  # more lines than this cannot be told apart
SURVIVAL_MONTHS = 36


def retention(data: ReportData) -> Section:
    """Show how long customers stay, by cohort, and how well the fitted churn meets the observed."""
    rows = data["retention"]
    title = "Retention"
    if rows.empty:
        return empty("retention", title, data, "No month of service has been observed, so no churn could be fitted.")
    rows = rows.assign(
        name=rows["retention_cohort"].map(cohort_name),
        fitted_on=["itself" if is_unknown(source) else cohort_name(source).lower() for source in rows["pooled_from"]],
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
            "ends_early": any(len(curve) <= SURVIVAL_MONTHS for curve in curves.values()),
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
    if (market, product, term) == ("*", "*", "*"):
        return f"All {state}"
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
        return f"After a year {share(after[best])} of new customers are expected to be there still."
    return (
        f"After a year {share(after[best])} of new customers of “{best}” are expected to be there still,"
        f" of “{worst}” {share(after[worst])}."
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
    return f"Fitted and observed monthly churn differ by {number(miss * 100, 2)} percentage points on average."
