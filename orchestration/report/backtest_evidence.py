"""The part of the retention section that compares past predictions with actual figures."""

from typing import Any

import pandas as pd

from orchestration.report import figures
from orchestration.report.formats import is_unknown, plural, share, signed_share

FORECAST_NAMES = {
    "hazard_model": "Hazard model",
    "cohort_curves": "Cohort curves",
    "sbg_alone": "One sBG for all",
    "constant_retention": "Constant retention",
    "unconditional_survival": "Survival from month 0",
    "last_12_months": "Last 12 months continued",
}


def backtest_evidence(backtest: pd.DataFrame, promised: float) -> dict[str, Any]:
    """Content of the section: the verdict, a table by horizon and forecast, and the champion's margin by tenth.

    Figures are pooled over cut-offs. Without a champion, the tenths are those of the cohort curves. ``promised`` is the
    share of the customers that a value interval should cover.
    """
    if backtest.empty:
        return {"verdict": "", "backtests": [], "backtest_tenths": ""}
    verdict = str(backtest["decision"].iloc[0])
    pooled = backtest[backtest["cutoff_date"].isna() & backtest["horizon_months"].notna()]
    if pooled.empty:
        return {"verdict": verdict, "backtests": [], "backtest_tenths": ""}
    overall = pooled[pooled["part"].isna()].pivot_table(
        index=["horizon_months", "forecast"], columns="measure", values="value"
    )
    champions = set(pooled.loc[pooled["is_champion"], "forecast"])
    shown = next(iter(champions), "cohort_curves")
    horizon = int(pooled.loc[pooled["forecast"] == shown, "horizon_months"].max())
    tenths = _tenths(pooled[(pooled["forecast"] == shown) & (pooled["horizon_months"] == horizon)])
    columns = ["total_error", "root_mean_square_error", "rank_correlation", "gini_lift", "auc", "brier"]
    columns += ["top_decile_lift", "interval_coverage", "below_interval", "above_interval"]
    rows = [
        {"name": FORECAST_NAMES[forecast], "horizon": int(months), "is_champion": forecast in champions}
        | overall.reindex(columns=columns).loc[(months, forecast)].to_dict()
        for months in sorted(set(pooled["horizon_months"]))
        for forecast in FORECAST_NAMES
        if (months, forecast) in overall.index
    ]
    told = next(row for row in rows if (row["name"], row["horizon"]) == (FORECAST_NAMES[shown], horizon))
    cutoffs = backtest["cutoff_date"].nunique()
    # Intervals are judged at the horizon with the most past month ends.
    measured = backtest[backtest["forecast"] == shown].groupby("horizon_months")["cutoff_date"].nunique()
    known = [row for row in rows if row["name"] == FORECAST_NAMES[shown]]
    best_known = max(known, key=lambda row: (measured.loc[row["horizon"]], row["horizon"]))
    return {
        "verdict": verdict,
        "backtests": rows,
        "backtest_cutoffs": plural(int(cutoffs), "past month end"),
        "backtest_tenths": figures.predicted_and_actual(tenths, horizon),
        "backtest_says": _sentence(told["total_error"], FORECAST_NAMES[shown], horizon),
        "errors_say": _errors_sentence(overall, pooled[pooled["forecast"] == shown], shown, horizon),
        "intervals_say": _intervals_sentence(best_known, promised, int(measured.loc[best_known["horizon"]])),
    }


def _tenths(rows: pd.DataFrame) -> pd.DataFrame:
    """Predicted and actual margin by tenth of predicted margin, best first."""
    sums = rows["measure"].isin({"predicted_margin", "actual_margin"})
    parts = rows[rows["part"].notna() & sums].pivot_table(index="part", columns="measure", values="value")
    return parts.sort_index(key=lambda part: part.astype(int))


def _sentence(error: Any, name: str, horizon: int) -> str:
    if is_unknown(error):
        return f"There was no margin in the {horizon} months that were predicted."
    if abs(error) < 0.0005:
        return f"{name}: the margin of the next {horizon} months was predicted to within {share(0.0005, 2)}."
    return (
        f"{name}: the margin predicted for the next {horizon} months was {signed_share(error)} off the actual figure."
    )


def _errors_sentence(overall: pd.DataFrame, measures: pd.DataFrame, shown: str, horizon: int) -> str:
    """Say which forecasts have a lower squared error than the one shown, and on how few customers it depends."""
    most = overall.get("five_largest_error_share", pd.Series(dtype=float)).get((horizon, shown))
    if is_unknown(most):
        return ""
    errors = overall["root_mean_square_error"].rename("error").reset_index()
    own = errors[errors["forecast"] == shown].set_index("horizon_months")["error"]
    # Only models are compared pair by pair; a baseline in use as champion has no standard errors.
    gain = ["margin_loss_gain", "margin_loss_gain_error"]
    gains = measures[measures["measure"].isin(gain)].pivot_table(
        index=["horizon_months", "part"], columns="measure", values="value"
    )
    rivals = errors.join(gains.reindex(columns=gain), on=["horizon_months", "forecast"])
    rivals = rivals[rivals["error"] < rivals["horizon_months"].map(own)]
    noise = -rivals["margin_loss_gain"] / rivals["margin_loss_gain_error"]
    lower = [
        f"“{FORECAST_NAMES[forecast]}” over {months:.0f} months"
        + ("" if is_unknown(each) else f" (by {each:.1f} standard errors)")
        for forecast, months, each in zip(rivals["forecast"], rivals["horizon_months"], noise, strict=True)
    ]
    said = f"RMSE is lower for {', '.join(lower)}." if lower else "No forecast has a lower RMSE."
    return (
        f"{said} It depends on a few: five customers made {share(most, 0)} of the squared error of the"
        f" {FORECAST_NAMES[shown].lower()} over {horizon} months."
    )


def _intervals_sentence(told: dict[str, Any], promised: float, cutoffs: int) -> str:
    """Say how often the actual margin fell within its interval."""
    covered, below, above = (told[name] for name in ("interval_coverage", "below_interval", "above_interval"))
    if is_unknown(covered):
        return ""
    return (
        f"Every future value has a low and a high end, meant to contain what {share(promised, 0)} of the customers"
        f" actually bring. Computed at {plural(cutoffs, 'past month end')}, they contained what {share(covered, 0)}"
        f" brought in the next {told['horizon']} months; {share(below, 0)} brought less, {share(above, 0)} more."
    )
