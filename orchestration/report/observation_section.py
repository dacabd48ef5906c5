"""The section about what of the history churn can be learned from, and the warnings that go before everything else."""

from orchestration.report import figures
from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown, label
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

SHOWN_MONTHS = 120
ATTRIBUTE_NAMES = {
    "market_segment": "Market segment",
    "retention_product": "Product",
    "retention_term": "Term",
    "is_committed": "Commitment",
}


def warnings(data: ReportData, settings: Settings) -> list[str]:
    """What a reader must know before any value: what values rest on if not on what was learned, failed backtests."""
    rows = data["value_evidence"]
    if rows.empty:
        return []
    row = rows.iloc[0]
    said = []
    if row["value_basis"] == "past_only":
        said.append(f"Future value is not known, and customers are ranked by past value: {row['observation_decision']}")
    elif row["value_basis"] == "assumed":
        rate = settings.value.assumed_monthly_churn
        assumed = "a stated rate" if rate is None else f"{rate:.1%} a month"
        said.append(f"Future value assumes churn of {assumed} for everybody: {row['observation_decision']}")
    if not is_unknown(row["backtest_findings"]):
        said.append(f"Past predictions do not agree with what came. {row['backtest_findings']}")
    return said


def observation(data: ReportData) -> Section:
    """Show from when on customers who left are on record, and what was recorded later than that."""
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
