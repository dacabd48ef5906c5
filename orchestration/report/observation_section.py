"""The section about the part of the history from which churn can be learned."""

from orchestration.report import figures
from orchestration.report.data import ReportData
from orchestration.report.formats import label
from orchestration.report.section import Section, empty

SHOWN_MONTHS = 120
ATTRIBUTE_NAMES = {
    "market_segment": "Market segment",
    "retention_product": "Product",
    "retention_term": "Term",
    "is_committed": "Commitment",
}


def observation(data: ReportData) -> Section:
    """Show from when departures of customers are on record, and which attributes were recorded later."""
    windows, months = data["observation_windows"], data["endings_by_month"]
    title = "What churn is learned from"
    if windows.empty:
        return empty("observation", title, data, "No customer was at risk of leaving.")
    return Section(
        "observation",
        title,
        str(windows["decision"].iloc[0]),
        content={
            "figure": figures.endings(months.tail(SHOWN_MONTHS)) if len(months) else "",
            "windows": [
                {
                    "segments": ", ".join(label(name).lower() for name in dict.fromkeys(rows["market_segment"])),
                    "evidence": evidence,
                }
                for evidence, rows in windows.groupby("evidence", sort=False)
            ],
            "attributes": [
                {"name": ATTRIBUTE_NAMES[row["attribute"]], "market": row["retention_market"], "says": row["evidence"]}
                for row in data["recorded_attributes"].to_dict("records")
            ],
        },
    )
