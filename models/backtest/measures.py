"""The backtest of customer value: what was predicted from past cut-offs, beside actual figures.

Each cut-off is a past as-of date. Models are fitted again on what was known then and predict the margin and the
churn of the months after it. They are judged by what no one can better by predicting anything but the expectation, the
squared error of the margin and the Brier score of the churn. A model steps back where another forecast is better by
more than noise on either: by a one-sided test of the paired differences over customers, as Diebold & Mariano (1995)
test those over time. Forecasts differ by retention alone, so their margins are compared at the level that the margins
of those who stayed came to: where these were below what was expected, a forecast that loses too many customers would
win. Cut-offs overlap, so their differences are taken as wholly dependent: the standard error over all of them is the
mean of theirs, which is the most that it can be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from models.backtest.forecasts import BASELINES, FALLBACKS, LAST_12_MONTHS
from models.backtest.parameters import BacktestParameters
from models.deciles import TENTHS
from models.hazard.churn_hazard import COHORT_CURVES, HAZARD_MODEL
from models.hazard.parameters import HazardParameters
from models.retention.shifted_beta_geometric import Floats

MEASURE_COLUMNS = ("horizon_months", "cutoff_date", "forecast", "measure", "part", "value", "customers")
BACKTEST_COLUMNS = (*MEASURE_COLUMNS, "is_champion", "is_refused", "decision")
_SUMS = ("predicted_margin", "actual_margin")
_SQUARED = "root_mean_square_error"
_FEW = 5  # customers whose errors may be most of all
_RIVALS = {HAZARD_MODEL: (COHORT_CURVES, *BASELINES), COHORT_CURVES: BASELINES}
_JUDGED = {"margin": "margin_loss_gain", "churn": "churn_loss_gain"}


@dataclass(frozen=True)
class Verdict:
    """Which model the backtest speaks for.

    Attributes:
        champion: the forecast that values rest on: ``hazard_model`` or ``cohort_curves``; where both lost, the baseline
            that did best. None where there is not enough history to tell.
        refused: models that were tested and lost.
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
    intervals: Mapping[str, Floats] | None = None,
    margin_level: float = 1.0,
) -> pd.DataFrame:
    """Measure every forecast from one cut-off against actual figures.

    Args:
        horizon_months, cutoff_date: repeated on every row.
        margins: predicted margin by forecast, one entry per customer.
        churn: predicted probability to churn within the horizon by forecast; a forecast without one has no measures
            of churn.
        actual_margin: margin after the cut-off, discounted like the predictions.
        has_churned: 1 for those who left within the horizon, else 0.
        intervals: low and high of the margin by forecast, arrays (customers, 2).
        margin_level: margin of those who stayed over what was expected of it. Forecasts are compared at this level,
            but with ``last_12_months``, which expects another margin.

    Returns:
        ``MEASURE_COLUMNS``. ``predicted_margin`` and ``actual_margin`` are sums: over all without a part, and by
        tenth of predicted margin with the parts 1 (best) to 10. ``margin_loss_gain`` and ``churn_loss_gain`` are by
        how much a model's mean loss is lower than that of the forecast in ``part``, with the standard error of it.
    """
    rows: list[tuple[str, str, str | None, float]] = []
    for name, predicted in margins.items():
        rows += [(name, *row) for row in _margin_measures(predicted, actual_margin)]
        if name in churn:
            rows += [(name, *row) for row in _churn_measures(churn[name], has_churned)]
        if intervals and name in intervals:
            rows += [(name, *row) for row in _interval_measures(intervals[name], actual_margin)]
        for rival in _RIVALS.get(name, ()):
            if rival in margins:
                level = 1.0 if rival == LAST_12_MONTHS else margin_level
                losses = ((level * margins[each] - actual_margin) ** 2 for each in (rival, name))
                rows += [(name, *row) for row in _gain("margin", rival, *losses)]
            if name in churn and rival in churn:
                losses = ((churn[each] - has_churned) ** 2 for each in (rival, name))
                rows += [(name, *row) for row in _gain("churn", rival, *losses)]
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


def verdict(
    measures: pd.DataFrame, parameters: BacktestParameters | None = None, hazard: HazardParameters | None = None
) -> Verdict:
    """Say which model values rest on.

    The hazard model steps back where the cohorts' curves or a baseline are better by more than noise, in margin or in
    churn, pooled over the cut-offs that the model was used at, on any horizon with enough of them; the curves where a
    baseline is. Where both do, the best baseline among ``FALLBACKS`` that beat the curves takes over; where none of
    these did, the curves stay, since the other baselines cannot value a lifetime.

    Args:
        measures: of all cut-offs, as ``measures_at_cutoff`` gives them.
        parameters: the defaults where None.
        hazard: of the hazard model, likewise: how much history it needs.
    """
    parameters, hazard = parameters or BacktestParameters(), hazard or HazardParameters()
    history = {HAZARD_MODEL: hazard.min_history_months, COHORT_CURVES: parameters.min_history_months}
    refused: list[str] = []
    said: list[str] = []
    winners: dict[str, float] = {}
    for model in (HAZARD_MODEL, COHORT_CURVES):
        found = _judge(measures, model, parameters)
        title = _words(model)
        if not found.horizons:
            said.append(_cannot_judge(measures, model, parameters, parameters.months_to_judge(history[model])))
        elif found.lost:
            refused.append(model)
            said.append(f"the {title} lost to {', '.join(found.lost)}")
            winners = found.winners
        else:
            ahead = " and ".join(str(months) for months in found.horizons)
            said.append(f"no other forecast is better than the {title} by more than noise, {ahead} months ahead")
            return Verdict(model, tuple(refused), _sentence(said))
    if COHORT_CURVES not in refused:
        return Verdict(None, tuple(refused), _sentence(said))
    usable = {name: error for name, error in winners.items() if name in FALLBACKS}
    if not usable:
        said.append("no lifetime can be valued by these, so the cohort curves stay")
        return Verdict(COHORT_CURVES, tuple(name for name in refused if name != COHORT_CURVES), _sentence(said))
    best = min(usable, key=lambda name: usable[name])
    said.append(f"values rest on {_words(best)}")
    return Verdict(best, tuple(refused), _sentence(said))


def _cannot_judge(measures: pd.DataFrame, model: str, parameters: BacktestParameters, months: int) -> str:
    at_model = measures[measures["forecast"] == model] if len(measures) else measures
    most = max(at_model.groupby("horizon_months")["cutoff_date"].nunique(), default=0) if len(at_model) else 0
    better = ", and a model that is better than the curves on held-out months" if model == HAZARD_MODEL else ""
    return (
        f"the {_words(model)} cannot be judged yet (usable at {most} of {parameters.cutoffs} cut-offs; all of them take"
        f" {months} months of history{better})"
    )


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
    squares = np.sort((predicted - actual) ** 2)
    yield _SQUARED, None, float(np.sqrt(squares.mean()))
    yield "five_largest_error_share", None, float(squares[-_FEW:].sum() / squares.sum()) if squares.any() else np.nan
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


def _interval_measures(bounds: Floats, actual: Floats) -> Iterable[tuple[str, str | None, float]]:
    low, high = bounds[:, 0] - 0.005, bounds[:, 1] + 0.005  # whole cents
    yield "interval_coverage", None, float(((low <= actual) & (actual <= high)).mean())
    yield "below_interval", None, float((actual < low).mean())
    yield "above_interval", None, float((actual > high).mean())
    came = abs(float(actual.sum()))
    yield "interval_width", None, float((bounds[:, 1] - bounds[:, 0]).sum() / came) if came else np.nan


def _gain(title: str, rival: str, rivals_loss: Floats, own_loss: Floats) -> Iterable[tuple[str, str | None, float]]:
    difference = rivals_loss - own_loss
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.nan
    yield _JUDGED[title], rival, float(difference.mean())
    yield f"{_JUDGED[title]}_error", rival, float(error)


def _gini_lift(predicted: Floats, actual: Floats) -> float:
    """How much of the actual concentration the prediction's order finds: 1 for the perfect order, 0 for none."""

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


@dataclass(frozen=True)
class _Judged:
    """What a model lost to in words, on which horizons it was judged, and its gain in margin over those who beat it."""

    lost: list[str]
    horizons: list[int]
    winners: dict[str, float]


def _judge(measures: pd.DataFrame, model: str, parameters: BacktestParameters) -> _Judged:
    judged = _Judged([], [], {})
    won: set[str] = set()
    gains: dict[str, float] = {}
    for months in sorted(set(measures["horizon_months"])) if len(measures) else ():
        at_horizon = measures[measures["horizon_months"] == months]
        used = at_horizon.loc[at_horizon["forecast"] == model, "cutoff_date"].unique()
        if len(used) < parameters.cutoffs:
            continue
        judged.horizons.append(int(months))
        pooled = pooled_measures(at_horizon[at_horizon["cutoff_date"].isin(used)])
        own = pooled[pooled["forecast"] == model]
        found = dict(zip(zip(own["measure"], own["part"], strict=True), own["value"], strict=True))
        for rival in _RIVALS[model]:
            for title, measure in _JUDGED.items():
                gain, error = (found.get((name, rival), np.nan) for name in (measure, f"{measure}_error"))
                if gain < 0 and gain <= -parameters.min_z_score * error:
                    judged.lost.append(f"{_words(rival)} ({title}, {months} months)")
                    won.add(rival)
            gains[rival] = found.get((_JUDGED["margin"], rival), np.nan)
    judged.winners.update({rival: gains[rival] for rival in won})
    return judged


def _words(forecast: str) -> str:
    return {"sbg_alone": "sBG alone"}.get(forecast, forecast.replace("_", " "))


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "."
