"""Forecasts of churn and margin from a past cut-off: the models in use, and simple ones that they have to beat."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.hazard import COHORT_CURVES, HAZARD_MODEL, ChurnHazard
from models.hazard_covariates import numbers
from models.hazard_parameters import HazardParameters
from models.residual_life import discounted_months, survival_ahead
from models.retention import RetentionCurves, RetentionParameters
from models.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric

SBG_ALONE = "sbg_alone"
CONSTANT_RETENTION = "constant_retention"
UNCONDITIONAL_SURVIVAL = "unconditional_survival"
LAST_12_MONTHS = "last_12_months"
BASELINES = (SBG_ALONE, CONSTANT_RETENTION, UNCONDITIONAL_SURVIVAL, LAST_12_MONTHS)


def forecast_hazards(
    exposures: pd.DataFrame,
    sample: pd.DataFrame,
    customers: pd.DataFrame,
    months: int,
    retention: RetentionParameters,
    hazard: HazardParameters,
) -> tuple[dict[str, Floats], str]:
    """Fit every forecast on what was known at the cut-off.

    ``sbg_alone`` is one shifted-beta-geometric for everybody, at each customer's own tenure; ``unconditional_survival``
    is the same curve from its first month for everybody, as if all were newcomers; ``constant_retention`` is one rate.
    ``hazard_model`` is missing where it does not stand up to its own held-out months: a run would not have used it.

    Args:
        exposures: as ``RetentionCurves.fit`` takes them, of the months before the cut-off.
        sample: as ``ChurnHazard.fit`` takes it, outcomes after the cut-off left out.
        customers: open customers at the cut-off, with their covariates.
        months: how many months ahead.
        retention, hazard: parameters of the models.

    Returns:
        Hazards by forecast, arrays (customers, months), and the hazard model's own decision.
    """
    curves = RetentionCurves(retention).fit(exposures)
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
    return hazards, model.decision_


def forecast_margins(
    customers: pd.DataFrame, hazards: Mapping[str, Floats], months: int, annual_discount_rate: float
) -> dict[str, Floats]:
    """Discounted margin that each forecast expects of each customer in the coming ``months``.

    All but ``last_12_months`` take the same expected margin, and the discount's known end, by the formula of
    ``models.value``. ``last_12_months`` expects the mean month of the year before to go on, without any loss.

    Args:
        customers: ``expected_monthly_margin``, ``margin_12m_mean``, ``monthly_discount``, ``discount_months_left``.
        hazards: by forecast, arrays (customers, at least ``months``).
        months: how many months ahead.
        annual_discount_rate: compounded monthly.
    """
    margin, discount = (np.nan_to_num(numbers(customers, name)) for name in MARGIN_PATH)
    left = numbers(customers, "discount_months_left")
    step = np.clip(np.where(np.isnan(left), months, left), 0, months).astype(np.int64)
    row = np.arange(len(customers))
    margins = {}
    for name, hazard in hazards.items():
        worth = discounted_months(survival_ahead(hazard[:, :months]), annual_discount_rate)
        margins[name] = margin * worth[:, months] + discount * (worth[:, months] - worth[row, step])
    forever = discounted_months(np.ones((1, months + 1)), annual_discount_rate)[0, months]
    margins[LAST_12_MONTHS] = np.nan_to_num(numbers(customers, "margin_12m_mean")) * forever
    return margins


MARGIN_PATH = ("expected_monthly_margin", "monthly_discount")


def _pooled(exposures: pd.DataFrame, first_spell_months: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tenure": exposures["spell_months"] - first_spell_months + 1,
            "at_risk": exposures["customers_at_risk"],
            "churned": exposures["customers_churned"],
        }
    )
