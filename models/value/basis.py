"""What a version's values rest on: hazards learned from the data, an assumed rate, or past value alone."""

from dataclasses import dataclass, replace

import pandas as pd

from models.backtest.forecasts import FALLBACKS
from models.backtest.measures import Verdict
from models.hazard.churn_hazard import HAZARD_MODEL, ChurnHazard
from models.hazard.parameters import HazardParameters
from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters
from models.value.parameters import ValueParameters

LEARNED, ASSUMED, PAST_ONLY = "learned", "assumed", "past_only"


@dataclass(frozen=True)
class Evidence:
    """What hazards are learned from.

    Attributes:
        is_learnable: whether the observation window holds enough to learn them at all.
        decision: why, in a sentence.
        exposures, commitment_ends: as ``RetentionCurves.fit`` takes them.
        sample: as ``ChurnHazard.fit`` takes it.
        verdict: of the backtest.
    """

    is_learnable: bool
    decision: str
    exposures: pd.DataFrame
    commitment_ends: pd.DataFrame
    sample: pd.DataFrame
    verdict: Verdict


def value_basis(is_learnable: bool, parameters: ValueParameters) -> str:
    """``learned``, ``assumed`` or ``past_only``."""
    if is_learnable:
        return LEARNED
    return ASSUMED if parameters.when_not_learnable == "assume" else PAST_ONLY


def ranked_parameters(is_learnable: bool, parameters: ValueParameters) -> ValueParameters:
    """The same parameters, ranking by past value where the future is not known of all who are ranked."""
    is_past_only = value_basis(is_learnable, parameters) == PAST_ONLY
    return replace(parameters, rank_by="past") if is_past_only else parameters


def fit_hazard(
    evidence: Evidence, retention: RetentionParameters, hazard: HazardParameters, value: ValueParameters
) -> ChurnHazard:
    """Fit what values rest on.

    Where the backtest speaks against a model it steps back: the hazard model for the cohorts' curves, these for the
    baseline that did best. Where hazards cannot be learned they are the assumed rate for everybody, or NaN, so that
    future values are null.
    """
    curves = RetentionCurves(retention).fit(evidence.exposures, commitment_ends=evidence.commitment_ends)
    basis = value_basis(evidence.is_learnable, value)
    if basis == ASSUMED:
        curves.assume(float(value.assumed_monthly_churn or 0.0))
    model = ChurnHazard(curves, hazard).fit(evidence.sample if basis == LEARNED else evidence.sample.iloc[:0])
    verdict = evidence.verdict
    if basis != LEARNED:
        model.step_back(evidence.decision)
    elif verdict.champion in FALLBACKS:
        curves.use_one_for_all(verdict.champion)
        model.step_back(verdict.decision)
    elif HAZARD_MODEL in verdict.refused:
        model.step_back(verdict.decision)
    return model
