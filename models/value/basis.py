"""The basis of a version's values: hazards learned from the data, an assumed rate, or past value alone."""

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
    """The data from which hazards are learned.

    Attributes:
        is_learnable: whether the observation window holds enough data to learn them at all.
        decision: why, in one sentence.
        exposures, commitment_ends: as for ``RetentionCurves.fit``.
        sample: as for ``ChurnHazard.fit``.
        verdict: of the backtest.
    """

    is_learnable: bool
    decision: str
    exposures: pd.DataFrame
    commitment_ends: pd.DataFrame
    sample: pd.DataFrame
    verdict: Verdict


def value_basis(is_learnable: bool, parameters: ValueParameters) -> str:
    """Return ``learned``, ``assumed`` or ``past_only``."""
    if is_learnable:
        return LEARNED
    return ASSUMED if parameters.when_not_learnable == "assume" else PAST_ONLY


def ranked_parameters(is_learnable: bool, parameters: ValueParameters) -> ValueParameters:
    """Return the parameters, ranking by past value if future value is unknown."""
    is_past_only = value_basis(is_learnable, parameters) == PAST_ONLY
    return replace(parameters, rank_by="past") if is_past_only else parameters


def fit_hazard(
    evidence: Evidence, retention: RetentionParameters, hazard: HazardParameters, value: ValueParameters
) -> ChurnHazard:
    """Fit the hazards on which values are based.

    If the backtest rejects a model it is replaced: the hazard model by the cohort curves, these by the best baseline.
    If hazards cannot be learned, they are the assumed rate for everybody, or NaN, so that future values are null.
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
