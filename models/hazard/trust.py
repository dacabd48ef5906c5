"""Whether hazards from covariates are trusted: compared with the cohort curves on the held-out months."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from models.hazard.covariates import MATRIX_COLUMNS
from models.hazard.evidence import cross_calibrated, measures, z_score_of_log_loss
from models.hazard.near_hazard import NearHazard, Predictions
from models.hazard.pairs import Pairs
from models.hazard.parameters import HazardParameters
from models.retention.shifted_beta_geometric import Floats

HAZARD_MODEL, COHORT_CURVES = "hazard_model", "cohort_curves"


@dataclass(frozen=True)
class Trust:
    """The verdict of the held-out months.

    Attributes:
        is_trusted: whether the covariates are used for the next month.
        is_trusted_later: whether they are also used for later months.
        decision: why, in one sentence.
        evidence: rows of ``models.hazard.evidence.QUALITY_COLUMNS``.
    """

    is_trusted: bool
    is_trusted_later: bool
    decision: str
    evidence: tuple[pd.DataFrame, ...] = ()


def judge(near: NearHazard, held_out: Predictions, pairs: Pairs, parameters: HazardParameters) -> Trust:
    """Compare the hazards with the cohort curves, both calibrated in the same way.

    Args:
        near: fitted, and calibrated on the same pairs.
        held_out: its predictions for these pairs.
        pairs: the held-out pairs.
        parameters: the required improvement.
    """
    is_next = pairs.months_ahead == 1
    next_pairs, later_pairs = pairs.where(is_next), pairs.where(~is_next)
    judged, baseline = _cross_calibrated(held_out.where(is_next), next_pairs)
    later_gain = z_score_of_log_loss(*_cross_calibrated(held_out.where(~is_next), later_pairs), later_pairs)
    gain = z_score_of_log_loss(judged, baseline, next_pairs)
    of_model, of_curves = (measures(each, next_pairs) for each in (judged, baseline))
    importance = _importance(near, held_out.design[is_next], next_pairs, parameters.random_state)
    span = {
        "customer_months": round(float(next_pairs.weight.sum())),
        "first_month_number": int(next_pairs.outcome_month.min()),
        "last_month_number": int(next_pairs.outcome_month.max()),
    }
    evidence = tuple(
        frame.assign(hazard_model=name, **span)
        for name, frame in ((HAZARD_MODEL, of_model), (COHORT_CURVES, of_curves), (HAZARD_MODEL, importance))
    )
    losses, squares = ([_measure(frame, name) for frame in (of_model, of_curves)] for name in ("log_loss", "brier"))
    is_trusted = gain >= parameters.min_z_score and squares[0] < squares[1]
    is_trusted_later = is_trusted and later_gain >= parameters.min_z_score
    later = (
        "" if is_trusted_later else " From the second month on the curves are used: there it is not better by more"
        " than noise."
    )  # fmt: skip
    decision = (
        f"{'Hazard model' if is_trusted else 'Cohort curves'}: on {parameters.held_out_months} held-out"
        f" months the model's log loss is {losses[0]:.4f} against {losses[1]:.4f} of the curves"
        f" (standard errors: {_standard_errors(gain)}, {_standard_errors(later_gain)} for the months after the next),"
        f" its Brier score {squares[0]:.4f} against {squares[1]:.4f}.{later}"
    )
    return Trust(is_trusted, is_trusted_later, decision, evidence)


def _standard_errors(gain: float) -> str:
    return f"{abs(gain):.1f} {'lower' if gain >= 0 else 'higher'}"


def _cross_calibrated(held_out: Predictions, pairs: Pairs) -> tuple[Floats, Floats]:
    """The model's predictions and the curves', each calibrated on customers other than those it is judged on."""
    both = (held_out.model, held_out.cohort)
    return cross_calibrated(both, pairs), cross_calibrated((held_out.cohort,), pairs)


def _importance(near: NearHazard, design: Floats, pairs: Pairs, random_state: int) -> pd.DataFrame:
    """Rise of the held-out log loss when the values of one covariate are shuffled among the rows."""
    cohort = 1.0 / (1.0 + np.exp(-design[:, MATRIX_COLUMNS.index("cohort_log_odds")]))
    random = np.random.default_rng(random_state)
    order = random.permutation(len(design))

    def loss(changed: Floats) -> float:
        predicted = near.next_month_.probability((near.raw(changed), cohort))
        return float(log_loss(pairs.churned, predicted, sample_weight=pairs.weight))

    intact = loss(design)
    rows = []
    for column, name in enumerate(MATRIX_COLUMNS):
        if name == "months_ahead" or not near.known_columns_[column]:
            continue
        shuffled = design.copy()
        shuffled[:, column] = design[order, column]
        rows.append(("importance", name, loss(shuffled) - intact))
    return pd.DataFrame(rows, columns=["measure", "part", "value"])


def _measure(evidence: pd.DataFrame, name: str) -> float:
    return float(evidence.loc[(evidence["measure"] == name) & evidence["part"].isna(), "value"].iloc[0])
