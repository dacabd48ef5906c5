"""The backtest of customer value: what was predicted from past cut-offs, beside what came.

Each cut-off is a past as-of date. Models are fitted again on what was known then and predict the margin and the
churn of the months after it. A model is the champion only where it beats every baseline, on both; the measures are
those that no one can better by predicting anything but the expectation: the root mean square error of the margin and
the Brier score of the churn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from models.backtest_forecasts import BASELINES
from models.backtest_parameters import BacktestParameters
from models.deciles import TENTHS
from models.hazard import COHORT_CURVES, HAZARD_MODEL
from models.shifted_beta_geometric import Floats

MEASURE_COLUMNS = ("horizon_months", "cutoff_date", "forecast", "measure", "part", "value", "customers")
BACKTEST_COLUMNS = (*MEASURE_COLUMNS, "is_champion", "is_refused", "decision")
_SUMS = ("predicted_margin", "actual_margin")
_SQUARED = "root_mean_square_error"


@dataclass(frozen=True)
class Verdict:
    """Which model the backtest speaks for.

    Attributes:
        champion: ``hazard_model`` or ``cohort_curves``; None where there is not enough history to tell, or where
            neither beats the baselines.
        refused: models that were tested and did not win.
        decision: why, in a sentence.
    """

    champion: str | None
    refused: tuple[str, ...]
    decision: str


def measures_at_cutoff(
    horizon_months: int,
    cutoff_date: object,
    margins: Mapping[str, Floats],
    churn: Mapping[str, Floats],
    actual_margin: Floats,
    has_churned: Floats,
) -> pd.DataFrame:
    """Hold every forecast from one cut-off against what came.

    Args:
        horizon_months, cutoff_date: repeated on every row.
        margins: predicted margin by forecast, one entry a customer.
        churn: predicted probability to churn within the horizon by forecast; a forecast without one has no measures
            of churn.
        actual_margin: what came, discounted like the predictions.
        has_churned: 1 for those who left within the horizon, else 0.

    Returns:
        ``MEASURE_COLUMNS``. ``predicted_margin`` and ``actual_margin`` are sums: over all without a part, and by
        tenth of predicted margin with the parts 1 (best) to 10.
    """
    rows: list[tuple[str, str, str | None, float]] = []
    for name, predicted in margins.items():
        rows += [(name, *row) for row in _margin_measures(predicted, actual_margin)]
        if name in churn:
            rows += [(name, *row) for row in _churn_measures(churn[name], has_churned)]
    frame = pd.DataFrame(rows, columns=["forecast", "measure", "part", "value"])
    same: dict[str, Any] = {
        "horizon_months": horizon_months,
        "cutoff_date": cutoff_date,
        "customers": len(actual_margin),
    }
    return frame.assign(**same)[list(MEASURE_COLUMNS)]


def pooled_measures(measures: pd.DataFrame) -> pd.DataFrame:
    """The same measures over all cut-offs of a horizon, ``cutoff_date`` null.

    Sums are added up and the total error is theirs; errors are pooled by customers, in squares where they are roots;
    the rest are means, weighed by customers.
    """
    if measures.empty:
        return measures
    frame = measures.assign(
        weighed=np.where(measures["measure"] == _SQUARED, measures["value"] ** 2, measures["value"])
        * measures["customers"],
        counted=measures["customers"].where(measures["value"].notna(), 0),
    )
    keys = ["horizon_months", "forecast", "measure", "part"]
    pooled = frame.groupby(keys, dropna=False, sort=False, as_index=False)[
        ["value", "weighed", "counted", "customers"]
    ].sum()
    mean = pooled["weighed"] / pooled["counted"].where(pooled["counted"] > 0)
    is_root = pooled["measure"] == _SQUARED
    mean = mean.where(~is_root, np.sqrt(mean.where(is_root)))
    pooled["value"] = pooled["value"].where(pooled["measure"].isin(_SUMS), mean)
    totals = pooled[pooled["part"].isna()].pivot_table(
        index=["horizon_months", "forecast"], columns="measure", values="value"
    )
    error = _relative_error(totals["predicted_margin"], totals["actual_margin"])
    is_error = pooled["measure"] == "total_error"
    names = pd.MultiIndex.from_frame(pooled.loc[is_error, ["horizon_months", "forecast"]])
    pooled.loc[is_error, "value"] = error.reindex(names).to_numpy()
    return pooled.assign(cutoff_date=None, part=pooled["part"].where(pooled["part"].notna(), None))[
        list(MEASURE_COLUMNS)
    ]


def verdict(measures: pd.DataFrame, parameters: BacktestParameters | None = None) -> Verdict:
    """Say which model won.

    The hazard model must beat the cohorts' curves and every baseline, the curves every baseline: lower root mean
    square error of the margin and lower Brier score of the churn, pooled over the cut-offs that the model was used
    at, on every horizon with enough of them. Forecasts without a probability are compared by margin alone.

    Args:
        measures: of all cut-offs, as ``measures_at_cutoff`` gives them.
        parameters: the defaults where None.
    """
    parameters = parameters or BacktestParameters()
    refused: list[str] = []
    said: list[str] = []
    for model, rivals in ((HAZARD_MODEL, (COHORT_CURVES, *BASELINES)), (COHORT_CURVES, BASELINES)):
        lost, horizons = _lost(measures, model, rivals, parameters.cutoffs)
        title = _words(model)
        if not horizons:
            said.append(f"not enough history to judge the {title} ({parameters.cutoffs} cut-offs are needed)")
        elif lost:
            refused.append(model)
            said.append(f"the {title} lost to {', '.join(lost)}")
        else:
            ahead = " and ".join(str(months) for months in horizons)
            said.append(f"the {title} beat every other forecast {ahead} months ahead")
            return Verdict(model, tuple(refused), _sentence(said))
    return Verdict(None, tuple(refused), _sentence(said))


def backtest_frame(measures: pd.DataFrame, found: Verdict) -> pd.DataFrame:
    """Rows to publish: every cut-off, the cut-offs pooled, and the verdict on each.

    With nothing to measure there is one row alone, its measure ``not_enough_history``, so that it is said.
    """
    if measures.empty:
        told = pd.DataFrame([{"measure": "not_enough_history", "customers": 0}])
        frame = told.reindex(columns=list(MEASURE_COLUMNS)).astype({"forecast": "object", "part": "object"})
    else:
        frame = pd.concat([measures.astype({"cutoff_date": "object"}), pooled_measures(measures)], ignore_index=True)
    frame["is_champion"] = (frame["forecast"] == found.champion) if found.champion else False
    frame["is_refused"] = frame["forecast"].isin(found.refused)
    frame["decision"] = found.decision
    return frame[list(BACKTEST_COLUMNS)]


def _margin_measures(predicted: Floats, actual: Floats) -> Iterable[tuple[str, str | None, float]]:
    expected, came = float(predicted.sum()), float(actual.sum())
    yield "predicted_margin", None, expected
    yield "actual_margin", None, came
    yield "total_error", None, float(_relative_error(pd.Series([expected]), pd.Series([came])).iloc[0])
    yield _SQUARED, None, float(np.sqrt(np.mean((predicted - actual) ** 2)))
    yield "rank_correlation", None, _correlation(rankdata(predicted), rankdata(actual))
    yield "gini_lift", None, _gini_lift(predicted, actual)
    tenth = np.empty(len(predicted), dtype=np.int64)
    tenth[np.argsort(-predicted, kind="stable")] = np.arange(len(predicted)) * TENTHS // max(len(predicted), 1)
    for name, amounts in (("predicted_margin", predicted), ("actual_margin", actual)):
        sums = np.bincount(tenth, amounts, minlength=TENTHS)
        yield from ((name, str(part), float(amount)) for part, amount in enumerate(sums, start=1))


def _churn_measures(probability: Floats, has_churned: Floats) -> Iterable[tuple[str, str | None, float]]:
    yield "expected_churn", None, float(probability.mean())
    yield "observed_churn", None, float(has_churned.mean())
    yield "brier", None, float(np.mean((probability - has_churned) ** 2))
    if 0 < has_churned.sum() < len(has_churned):  # with one outcome alone there is nobody to tell from anybody
        yield "auc", None, float(roc_auc_score(has_churned, probability))
        # Of customers alike in risk, a tenth takes its share: the order of rows must not say who left.
        edge = np.sort(probability)[::-1][max(len(probability) // TENTHS, 1) - 1]
        above, at = probability > edge, probability == edge
        most = max(len(probability) // TENTHS, 1)
        caught = has_churned[above].sum() + has_churned[at].mean() * (most - above.sum())
        yield "top_decile_lift", None, float(caught / most / has_churned.mean())


def _gini_lift(predicted: Floats, actual: Floats) -> float:
    """How much of the concentration of what came the prediction's order finds: 1 for the perfect order, 0 for none."""

    def area(order_by: Floats) -> float:
        # Rows alike in order share what they brought.
        groups = pd.Series(actual).groupby(-order_by, sort=True).agg(["sum", "size"])
        before = np.concatenate([[0.0], groups["sum"].cumsum()])
        return float(((before[1:] + before[:-1]) / 2.0 * groups["size"]).sum()) - actual.sum() * len(actual) / 2.0

    best = area(actual)
    return area(predicted) / best if best > 0 else np.nan


def _correlation(first: Floats, second: Floats) -> float:
    if len(first) < 2 or first.std() == 0 or second.std() == 0:
        return np.nan
    return float(np.corrcoef(first, second)[0, 1])


def _relative_error(predicted: pd.Series, actual: pd.Series) -> pd.Series:
    """Null where nothing came: then no share of it can be missing."""
    return (predicted - actual) / actual.abs().where(actual != 0)


def _lost(
    measures: pd.DataFrame, model: str, rivals: Iterable[str], cutoffs_needed: int
) -> tuple[list[str], list[int]]:
    """What the model lost to, in words, and the horizons on which it was judged."""
    lost: list[str] = []
    horizons: list[int] = []
    for months in sorted(set(measures["horizon_months"])) if len(measures) else ():
        at_horizon = measures[measures["horizon_months"] == months]
        used = at_horizon.loc[at_horizon["forecast"] == model, "cutoff_date"].unique()
        if len(used) < cutoffs_needed:
            continue
        horizons.append(int(months))
        pooled = pooled_measures(at_horizon[at_horizon["cutoff_date"].isin(used)])
        pooled = pooled[pooled["part"].isna()]
        found = dict(zip(zip(pooled["forecast"], pooled["measure"], strict=True), pooled["value"], strict=True))
        for rival in rivals:
            for measure, title in ((_SQUARED, "margin"), ("brier", "churn")):
                if found[model, measure] >= found.get((rival, measure), np.inf):
                    lost.append(f"{_words(rival)} ({title}, {months} months)")
    return lost, horizons


def _words(forecast: str) -> str:
    return {"sbg_alone": "sBG alone"}.get(forecast, forecast.replace("_", " "))


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "."
