"""The part of the retention section about next month's churn: which model is used, and how good it is."""

from typing import Any

import pandas as pd

from models.feature_words import feature_words
from orchestration.report import figures
from orchestration.report.formats import number, plural, share

MODEL_NAMES = {"hazard_model": "Hazard model", "cohort_curves": "Cohort curves"}
SHOWN_COVARIATES = 4


def hazard_evidence(quality: pd.DataFrame) -> dict[str, Any]:
    """Content of the section: the decision and, if a model could be fitted, its evidence beside that of the curves."""
    if quality.empty:
        return {"decision": "", "quality": [], "calibration": "", "important": ""}
    decision = str(quality["decision"].iloc[0])
    judged = quality[quality["measure"] != "is_used"]
    if judged.empty:
        return {"decision": decision, "quality": [], "calibration": "", "important": ""}
    overall = judged[judged["part"].isna()].pivot_table(index="hazard_model", columns="measure", values="value")
    used = set(judged.loc[judged["is_used"], "hazard_model"])
    tenths = {name: _tenths(judged[judged["hazard_model"] == model]) for model, name in MODEL_NAMES.items()}
    important = judged[(judged["measure"] == "importance") & (judged["value"] > 0)].nlargest(SHOWN_COVARIATES, "value")
    months = plural(int(judged["last_month_number"].max() - judged["first_month_number"].min() + 1), "month")
    return {
        "decision": decision,
        "quality": [
            {"name": MODEL_NAMES[str(model)], "is_used": model in used} | row.to_dict()
            for model, row in overall.sort_index(ascending=False).iterrows()
        ],
        "calibration": figures.calibration(tenths),
        "calibration_says": _calibration_sentence(tenths[MODEL_NAMES["hazard_model"]]),
        "held_out": f"{months} ({number(judged['customer_months'].max())} customer-months)",
        "important": ", ".join(feature_words(str(name)) for name in important["part"]),
    }


def _tenths(rows: pd.DataFrame) -> pd.DataFrame:
    """Expected and observed churn by tenth of risk, riskiest first."""
    parts = rows[rows["part"].notna() & rows["measure"].isin(["expected_churn", "observed_churn"])]
    tenths = parts.pivot_table(index="part", columns="measure", values="value")
    return tenths.sort_index(key=lambda part: part.astype(int))


def _calibration_sentence(tenths: pd.DataFrame) -> str:
    riskiest = tenths.iloc[0]
    return (
        f"Of the tenth of customers at the highest risk {share(riskiest['expected_churn'])} were expected to leave"
        f" in a month, and {share(riskiest['observed_churn'])} did."
    )
