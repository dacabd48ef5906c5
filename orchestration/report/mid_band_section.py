"""The section about mid-size companies and wholesale: needs, headroom, exposure to resellers, routes."""

from typing import Any

import pandas as pd

from orchestration.report.cluster_section import features_apart, stability
from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown, label, money, number, plural, share
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

EXPOSURE_MEANING = {
    "through_reseller": "at least half of the fees are for contracts that somebody else sold or serves",
    "partly_through_reseller": "some fees, but less than half, are for such contracts",
    "likely_elsewhere": "no contract is known to be one, but a family is missing that most look-alikes hold",
    "none": "no contract is one, and no such family is missing",
    "unknown": "of no contract is it known who sold it",
}
STATUS_NAMES = {"mixed": "Between clusters", "insufficient_history": "Too short a history"}


def mid_band(data: ReportData, settings: Settings) -> Section:
    """Show what mid-size companies need, could buy, buy elsewhere, and how to reach them; then wholesale."""
    title = "Mid-size companies and wholesale"
    companies, wholesale = data["mid_band"], data["wholesale"]
    if companies.empty and wholesale.empty:
        return empty("mid-band", title, data, "No mid-size company and no wholesale customer is in this version.")
    routes = data["mid_band_routes"]
    band = settings.mid_band
    return Section(
        "mid-band",
        title,
        _takeaway(companies, routes, data["mid_band_exposure"], settings),
        content={
            "who": f"{number(band.minimum_employees)} to {number(band.maximum_employees)} employees of the whole group,"
            f" or, where that is not known, {money(band.minimum_revenue, settings.currency)} to"
            f" {money(band.maximum_revenue, settings.currency)} of revenue a year.",
            "needs": _needs(companies, data["clusters"]),
            "decision": _decision(data["evidence"]),
            "families": data["mid_band_families"].to_dict("records"),
            "routes": routes.to_dict("records"),
            "exposure": [
                row | {"meaning": EXPOSURE_MEANING.get(row["reseller_exposure"], "")}
                for row in data["mid_band_exposure"].to_dict("records")
            ],
            "evidence": evidence_by_family(data["mid_band_evidence"]),
            "verdict": evidence_says(data["mid_band_evidence"]),
            "wholesale": wholesale.to_dict("records"),
            "wholesale_says": _wholesale_says(wholesale, settings),
        },
    )


def _takeaway(companies: pd.DataFrame, routes: pd.DataFrame, exposure: pd.DataFrame, settings: Settings) -> str:
    if companies.empty:
        return "No mid-size company has a contract open."
    count = int(companies["companies"].sum())
    said = f"{plural(count, 'mid-size company', 'mid-size companies')}"
    said += f" bring {money(companies['monthly_margin'].sum(), settings.currency)} of margin a month"
    headroom = companies["headroom"].sum(min_count=1)
    if is_unknown(headroom):
        said += "; they are too few to be compared with one another"
    else:
        said += f"; up to the level of their look-alikes there is room for {money(headroom, settings.currency)} more"
    first = routes.sort_values("companies").iloc[-1]
    said += f". The best route to {share(first['companies'] / count, 0)} of them is {label(first['route']).lower()}"
    through = exposure.loc[exposure["reseller_exposure"].isin(["through_reseller", "partly_through_reseller"])]
    return f"{said}; {share(through['companies'].sum() / count, 0)} buy through a reseller."


def _needs(companies: pd.DataFrame, clusters: pd.DataFrame) -> list[dict[str, Any]]:
    """Join holdings and margin of the companies in each cluster with how the cluster was found."""
    found = clusters[clusters["population"] == "mid_band"].set_index("cluster_id")
    total = companies["companies"].sum()
    rows = []
    for row in companies.to_dict("records"):
        known = found.loc[row["cluster_id"]] if row["cluster_id"] in found.index else None
        rows.append(
            {str(name): value for name, value in row.items()}
            | {
                "name": STATUS_NAMES.get(row["needs_status"], "In no cluster") if known is None else known.cluster_name,
                "share": row["companies"] / total,
                "rule": None if known is None else known.rule,
                "rule_in_words": None if known is None else known.rule_in_words,
                "apart": [] if known is None else features_apart(known.top_features),
                "jaccard": None if known is None else known.jaccard,
                "stability": "" if known is None else stability(known.jaccard),
            }
        )
    return rows


def _decision(evidence: pd.DataFrame) -> str:
    chosen = evidence[(evidence["population"] == "mid_band") & evidence["is_chosen"].fillna(False).astype(bool)]
    return "" if chosen.empty else str(chosen["decision"].iloc[0])


def evidence_by_family(evidence: pd.DataFrame) -> list[dict[str, Any]]:
    """Put look-alikes and staff bands side by side, one row per product family."""
    rows = []
    for family, methods in evidence.groupby("product_family", sort=True):
        row: dict[str, Any] = {"product_family": family, "holders": methods["holders"].iloc[0]}
        for each in methods.itertuples():
            row |= {f"{each.method}_explained": each.explained_deviance, f"{each.method}_auc": each.auc}
        rows.append(row)
    return rows


def evidence_says(evidence: pd.DataFrame) -> str:
    """Say for how many product families needs predict better than the number of employees."""
    rows = evidence_by_family(evidence)
    if not rows:
        return ""
    better = sum(row["look_alikes_explained"] > row["staff_bands_explained"] for row in rows)
    return (
        f"Of {better} of {plural(len(rows), 'product family', 'product families')} the look-alikes by needs say more"
        f" than bands of staff do; judged on {number(evidence['companies'].iloc[0])} companies, each by the others."
    )


def _wholesale_says(wholesale: pd.DataFrame, settings: Settings) -> str:
    if wholesale.empty:
        return "There is no wholesale customer."
    lines, customers = int(wholesale["downstream_lines"].sum()), int(wholesale["downstream_customers"].sum())
    said = f"{plural(int(wholesale['customers'].sum()), 'wholesale customer')}"
    if not lines:
        return f"{said}; no contract of another customer names one of them."
    fee = money(wholesale["downstream_fee"].sum(), settings.currency)
    said += f", with {plural(lines, 'line')} downstream of them:"
    return f"{said} {plural(customers, 'customer')} who pay {fee} a month."
