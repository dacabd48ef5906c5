"""The section about retention: how long customers of each cohort stay, and how well that is known."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from orchestration.report import figures
from orchestration.report.backtest_evidence import backtest_evidence
from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown, label, number, plural, share
from orchestration.report.hazard_evidence import hazard_evidence
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

SHOWN_CURVES = 6  # more lines than this cannot be told apart
SURVIVAL_MONTHS = 36
DRIFT_NAMES = {"churn_probability_1m": "probability of leaving next month", "future_value": "future values"}
MODEL_NAMES = {
    "constant": "constant",
    "shifted_beta_geometric": "shifted-beta-geometric",
    "beta_discrete_weibull": "beta-discrete-Weibull",
    "none": "none",
}


def retention(data: ReportData, settings: Settings) -> Section:
    """Show how long customers stay, by cohort, and how well fitted churn matches observed churn."""
    rows = data["retention"]
    title = "Retention"
    if rows.empty:
        return empty("retention", title, data, "No month of service has been observed, so no churn could be fitted.")
    rows = rows.assign(
        name=rows["retention_cohort"].map(cohort_name),
        model=rows["retention_model"].map(MODEL_NAMES),
        fitted_on=["itself" if is_unknown(source) else cohort_name(source).lower() for source in rows["pooled_from"]],
    )
    is_group = rows["retention_cohort"].str.contains(r"\*") | (rows["retention_cohort"] == "all")
    cohorts, everyone = rows[~is_group], rows[rows["retention_cohort"] == "all"]
    curves = new_customer_curves(cohorts, data["retention_curves"])
    seen = cohorts[cohorts["customer_months"] > 0].dropna(subset=["observed_hazard", "fitted_hazard"])
    takeaway = "The cohorts differ in how much was observed of them."
    if not everyone.empty and not is_unknown(everyone.iloc[0]["observed_hazard"]):
        overall = everyone.iloc[0]
        takeaway = (
            f"{share(overall['observed_hazard'], 2)} of open customers left per month, over"
            f" {plural(int(overall['customer_months']), 'month')} of service."
        )
    return Section(
        "retention",
        title,
        takeaway,
        content={
            "survival": figures.survival(curves) if curves else "",
            "survival_says": _survival_sentence(curves),
            "ends_early": any(len(curve.fitted) <= SURVIVAL_MONTHS for curve in curves.values()),
            "hazards": figures.hazards(seen) if not seen.empty else "",
            "fit_says": _fit_sentence(seen),
            "rows": seen.head(12).to_dict("records"),
            "has_renewals": bool(seen["later_renewal_share"].notna().any()),
            "more": max(0, len(seen) - 12),
            "pooled": int(seen["pooled_from"].notna().sum()),
            "drift": drift_sentences(data["drift"]),
            **hazard_evidence(data["retention_quality"]),
            **backtest_evidence(data["backtest"], settings.value.interval_coverage),
        },
    )


def cohort_name(cohort: str) -> str:
    """Return the words for a cohort.

    ``business/education/internet/12/committed`` → ``Education, internet, 12 months, committed``; a group pooled over
    the segments of a market → ``All business, free``.
    """
    if cohort == "all":
        return "All customers"
    parts = cohort.split("/")
    if len(parts) != 5:
        return label(cohort)
    market, segment, product, term, state = parts
    terms = {"none": "no term", "other": "other term", "*": ""}
    if (market, segment, product, term) == ("*",) * 4:
        return f"All {state}"
    customers = f"all {market}" if segment == "*" else segment
    words = [customers, product, terms.get(term, f"{term} months"), state]
    return label(", ".join(word.replace("_", " ") for word in words if word not in ("", "*")))


class SurvivalCurve(NamedTuple):
    """Shares of new customers remaining after 0, 1, 2 … months: as fitted, and as observed while there are data."""

    fitted: np.ndarray
    observed: np.ndarray


def new_customer_curves(cohorts: pd.DataFrame, curves: pd.DataFrame) -> dict[str, SurvivalCurve]:
    """Survival of a new customer by market segment, product and term, the largest groups first.

    During the term the committed cohort's monthly churn applies, then the free cohort's. A curve ends where the cohort
    that should continue it was never observed.
    """
    if cohorts.empty:
        return {}
    stems = cohorts["retention_cohort"].str.rpartition("/")[0]
    largest = cohorts.groupby(stems)["customer_months"].sum().sort_values(ascending=False, kind="stable").index
    by_cohort = dict(iter(curves[curves["tenure_months"] <= SURVIVAL_MONTHS].groupby("retention_cohort")))
    found: dict[str, SurvivalCurve] = {}
    for stem in largest:
        states = [by_cohort[name] for name in (f"{stem}/committed", f"{stem}/free") if name in by_cohort]
        term = stem.rpartition("/")[2]
        committed_months = int(term) if term.isdigit() and f"{stem}/committed" in by_cohort else 0
        months = pd.concat(states) if states else curves.head(0)
        is_committed = months["retention_cohort"].str.endswith("/committed")
        months = months[is_committed == (months["tenure_months"] <= committed_months)]
        fitted, observed = (_survival(months, column) for column in ("fitted_hazard", "observed_hazard"))
        if len(fitted) > 1 and len(found) < SHOWN_CURVES:
            found[cohort_name(f"{stem}/*")] = SurvivalCurve(fitted, observed)
    return found


def _survival(months: pd.DataFrame, column: str) -> np.ndarray:
    """Cumulative survival from month 1 to the last month before an unknown one."""
    hazard = months.set_index("tenure_months")[column].reindex(range(1, SURVIVAL_MONTHS + 1)).to_numpy(dtype=float)
    known = int(np.argmax(np.isnan(hazard))) if np.isnan(hazard).any() else len(hazard)
    return np.concatenate([[1.0], np.cumprod(1 - hazard[:known])])


def _survival_sentence(curves: dict[str, SurvivalCurve]) -> str:
    after = {name: curve.fitted[12] for name, curve in curves.items() if len(curve.fitted) > 12}
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


def drift_sentences(drift: pd.DataFrame) -> str:
    """Say how far hazards and values have drifted since the month before; empty if there is none."""
    said = []
    for row in drift[drift["drift_status"] != "no_reference"].to_dict("records"):
        told = {"steady": "steady", "watch": "to be watched", "act": "a drift to be explained"}[row["drift_status"]]
        said.append(f"{DRIFT_NAMES[row['measure']]}: {told} (PSI {number(row['psi'], 3)})")
    return f"Since the month before: {'; '.join(said)}." if said else ""


def _fit_sentence(seen: pd.DataFrame) -> str:
    if seen.empty:
        return ""
    months = seen["customer_months"].astype(float)
    miss = ((seen["fitted_hazard"] - seen["observed_hazard"]).abs() * months).sum() / months.sum()
    return f"Fitted and observed monthly churn differ by {number(miss * 100, 2)} percentage points on average."
