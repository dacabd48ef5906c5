"""Forecasts of churn and margin from a past cut-off: the models in use, and simple ones that they have to beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.hazard.churn_hazard import COHORT_CURVES, HAZARD_MODEL, ChurnHazard
from models.hazard.covariates import numbers
from models.hazard.parameters import HazardParameters
from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters
from models.retention.residual_life import discounted_months, survival_ahead
from models.retention.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric
from models.value.customer_value import margin_path
from models.value.interval import contain, margin_interval, uncertain_survival
from models.value.margin_spread import NODE_WEIGHTS, MarginSpread
from models.value.parameters import ValueParameters

SBG_ALONE = "sbg_alone"
CONSTANT_RETENTION = "constant_retention"
UNCONDITIONAL_SURVIVAL = "unconditional_survival"
LAST_12_MONTHS = "last_12_months"
BASELINES = (SBG_ALONE, CONSTANT_RETENTION, UNCONDITIONAL_SURVIVAL, LAST_12_MONTHS)
# Those by which a lifetime could be valued: of the other two one never loses a customer, one takes all for newcomers.
FALLBACKS = (SBG_ALONE, CONSTANT_RETENTION)


@dataclass(frozen=True)
class Forecasts:
    """What every forecast says at a cut-off.

    Attributes:
        hazards: by forecast, arrays (customers, months).
        level_variance: relative variance of the level of a customer's hazard, one entry per customer.
        decision: the hazard model's own.
    """

    hazards: dict[str, Floats]
    level_variance: Floats
    decision: str


def forecast_hazards(
    exposures: pd.DataFrame,
    commitment_ends: pd.DataFrame,
    sample: pd.DataFrame,
    customers: pd.DataFrame,
    months: int,
    retention: RetentionParameters,
    hazard: HazardParameters,
) -> Forecasts:
    """Fit every forecast on what was known at the cut-off.

    ``sbg_alone`` is one shifted-beta-geometric for everybody, at each customer's own tenure; ``unconditional_survival``
    is the same curve from its first month for everybody, as if all were newcomers; ``constant_retention`` is one rate.
    ``hazard_model`` is missing where it does not stand up to its own held-out months: a run would not have used it.

    Args:
        exposures, commitment_ends: as ``RetentionCurves.fit`` takes them, of the months before the cut-off.
        sample: as ``ChurnHazard.fit`` takes it, outcomes after the cut-off left out.
        customers: open customers at the cut-off, with their covariates.
        months: how many months ahead.
        retention, hazard: parameters of the models.
    """
    curves = RetentionCurves(retention).fit(exposures, commitment_ends=commitment_ends)
    model = ChurnHazard(curves, hazard).fit(sample)
    tenure = numbers(customers, "spell_months") - retention.first_spell_months + 1.0
    ahead = np.arange(months, dtype=np.float64)
    pooled = _pooled(exposures, retention.first_spell_months)
    rate = exposures["customers_churned"].sum() / exposures["customers_at_risk"].sum()
    hazards = {
        COHORT_CURVES: curves.hazard(customers, months),
        SBG_ALONE: np.full((len(customers), months), rate),
        CONSTANT_RETENTION: np.full((len(customers), months), rate),
        UNCONDITIONAL_SURVIVAL: np.full((len(customers), months), rate),
    }
    try:
        alone = ShiftedBetaGeometric().fit(pooled)
    except RetentionFitError:
        pass  # the constant rate is what is left of it
    else:
        hazards[SBG_ALONE] = alone.hazard(tenure[:, None] + ahead)
        hazards[UNCONDITIONAL_SURVIVAL] = np.tile(alone.hazard(1.0 + ahead), (len(customers), 1))
    if model.is_trusted_:
        hazards[HAZARD_MODEL] = model.hazard(customers, months)
    return Forecasts(hazards, curves.level_variance(customers), model.decision_)


def forecast_margins(
    customers: pd.DataFrame, hazards: Mapping[str, Floats], months: int, parameters: ValueParameters
) -> dict[str, Floats]:
    """Discounted margin that each forecast expects of each customer in the coming ``months``.

    All but ``last_12_months`` take the margin path of ``models.value.customer_value``, so that they differ by retention
    alone. ``last_12_months`` expects the mean month of the year before to go on, without any loss.

    Args:
        customers: what ``margin_path`` reads, and ``margin_12m_mean``.
        hazards: by forecast, arrays (customers, at least ``months``).
        months: how many months ahead.
        parameters: how customers are valued.
    """
    margin, price_step, after = margin_path(customers, parameters)
    step = np.minimum(after, months)
    row = np.arange(len(customers))
    margins = {}
    for name, hazard in hazards.items():
        worth = discounted_months(survival_ahead(hazard[:, :months]), parameters.annual_discount_rate)
        margins[name] = margin * worth[:, months] + price_step * (worth[:, months] - worth[row, step])
    forever = discounted_months(np.ones((1, months + 1)), parameters.annual_discount_rate)[0, months]
    margins[LAST_12_MONTHS] = np.nan_to_num(numbers(customers, "margin_12m_mean")) * forever
    return margins


def margin_if_staying(customers: pd.DataFrame, months: int, parameters: ValueParameters) -> Floats:
    """Discounted margin of the coming ``months`` of each customer if it stays."""
    return forecast_margins(customers, {"stays": np.zeros((len(customers), months))}, months, parameters)["stays"]


def forecast_intervals(
    customers: pd.DataFrame,
    forecasts: Forecasts,
    margins: Mapping[str, Floats],
    months: int,
    parameters: ValueParameters,
    spread: MarginSpread,
) -> dict[str, Floats]:
    """Low and high of what each customer will bring, by forecast with which one could be valued, arrays (customers, 2).

    Args:
        customers, months, parameters: as ``forecast_margins`` takes them; ``retention_market`` too.
        forecasts: at the same cut-off.
        margins: as ``forecast_margins`` gives them: they lie within.
        spread: learned from months before the cut-off.
    """
    margin, price_step, after = margin_path(customers, parameters)
    ratios = spread.ratios(customers["retention_market"])
    intervals = {}
    for name in (HAZARD_MODEL, COHORT_CURVES, *FALLBACKS):
        if name not in forecasts.hazards:
            continue
        bounds = margin_interval(
            uncertain_survival(survival_ahead(forecasts.hazards[name][:, :months]), forecasts.level_variance),
            np.arange(len(customers)),
            margin,
            price_step,
            np.minimum(after, months),
            ratios,
            NODE_WEIGHTS,
            parameters.annual_discount_rate,
            parameters.interval_coverage,
        )
        intervals[name] = contain(bounds, margins[name])
    return intervals


def _pooled(exposures: pd.DataFrame, first_spell_months: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tenure": exposures["spell_months"] - first_spell_months + 1,
            "at_risk": exposures["customers_at_risk"],
            "churned": exposures["customers_churned"],
        }
    )
