"""Warnings that come first, in the report and at the end of a run; importing them loads no plotting library."""

from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown
from orchestration.settings import Settings


def warnings(data: ReportData, settings: Settings) -> list[str]:
    """What a reader must know before any value: a future value that is unknown or assumed, and failed backtests."""
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
        said.append(f"Past predictions disagree with actual figures. {row['backtest_findings']}")
    return said
