"""The evidence behind retention curves, as frames that are published with them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.retention.cohorts import ALL, COHORT_COLUMNS, Cohort, Exposures, label_of
from models.retention.commitment_renewal import SHARE_COLUMNS, CommitmentRenewals
from models.retention.curve import RetentionCurve
from models.retention.last_month import LastCommittedMonth, PeakEvidence
from models.retention.term_end import TermEnd

PARAMETERS_COLUMNS = (
    "retention_cohort",
    "pooled_from",
    "retention_model",
    "alpha",
    "beta",
    "shape",
    "level",
    "log_likelihood",
    "customer_months",
    "churned",
    "observed_hazard",
    "fitted_hazard",
    *SHARE_COLUMNS,
)
CURVE_COLUMNS = (
    "retention_cohort",
    "tenure_months",
    "customers_at_risk",
    "customers_churned",
    "observed_hazard",
    "observed_survival",
    "fitted_hazard",
    "fitted_survival",
)

Curves = Mapping[Cohort, RetentionCurve]


def parameters_frame(
    curves: Curves,
    exposures: Mapping[Cohort, Exposures],
    weighed: Mapping[Cohort, Exposures],
    last_months: Mapping[Cohort, PeakEvidence],
    renewals: CommitmentRenewals,
) -> pd.DataFrame:
    """Evidence, one row per cohort and one per group that lends its curve.

    ``pooled_from`` names the lender, null if the curve is the cohort's own; ``level`` is the number of churn events
    that the curve predicts for the cohort's exposures relative to the lender's curve. ``alpha``, ``beta`` and ``shape``
    are null if the hazard is constant. Log-likelihood, observed and fitted hazard refer to the cohort's own exposures
    under the curve that it uses, so the last two show how well that curve fits it. The renewal shares are of
    commitments that end, null if there are none.

    Args:
        curves: the curve that each cohort uses.
        exposures: the exposures observed for each cohort.
        weighed: the same as the curves were fitted on them, with the months of a peak after a commitment weighted by
            its ratio, and without the last months of commitments if they have a peak.
        last_months: those last months.
        renewals: how often commitments are renewed.
    """
    rows = []
    for cohort in _shown_cohorts(curves):
        curve, observed, fitted_on = curves[cohort], exposures[cohort], weighed[cohort]
        months, churned = observed.at_risk.sum(), observed.churned.sum()
        expected, of_lender = (each.expected_churned(fitted_on) for each in (curve, curves[curve.source]))
        peak = last_months.get(cohort, PeakEvidence(0.0, 0.0))
        rows.append(
            {
                "retention_cohort": label_of(cohort),
                "pooled_from": None if curve.source == cohort else label_of(curve.source),
                "retention_model": curve.model,
                "alpha": curve.alpha,
                "beta": curve.beta,
                "shape": curve.shape,
                "level": expected / of_lender if of_lender else 1.0,
                "log_likelihood": curve.log_likelihood(fitted_on) + peak.log_likelihood if months else np.nan,
                "customer_months": int(months),
                "churned": int(churned),
                "observed_hazard": churned / months if months else np.nan,
                "fitted_hazard": (expected + peak.expected) / months if months else np.nan,
                **renewals.shares_of(cohort),
            }
        )
    return pd.DataFrame(rows, columns=list(PARAMETERS_COLUMNS))


def curves_frame(
    curves: Curves,
    exposures: Mapping[Cohort, Exposures],
    last_month: LastCommittedMonth,
    term_end: TermEnd,
    months: int,
) -> pd.DataFrame:
    """The curves with the data behind them, one row per cohort of ``parameters_frame`` and month of tenure.

    ``observed_survival`` is the estimate of Kaplan & Meier (1958), null from the first tenure at which nobody was at
    risk; ``fitted_survival`` is that of a customer who stays in the cohort throughout.
    """
    tenure = np.arange(1, months + 1)
    frames = []
    for cohort in _shown_cohorts(curves):
        observed = exposures[cohort]
        counts = pd.DataFrame({"at_risk": observed.at_risk, "churned": observed.churned}, index=observed.tenure)
        counts = counts.reindex(tenure, fill_value=0.0)
        observed_hazard = (counts["churned"] / counts["at_risk"].where(counts["at_risk"] > 0)).to_numpy()
        fitted_hazard = curves[cohort].hazard(tenure.astype(np.float64))
        term = pd.Series([cohort[-2]])
        if cohort[-1]:
            named = pd.DataFrame([dict(zip(COHORT_COLUMNS, cohort, strict=True))])
            is_last = last_month.is_last(term, tenure[None])[0] & np.isfinite(last_month.hazard(named))
            fitted_hazard = np.where(is_last, last_month.hazard(named), fitted_hazard)
        else:
            fitted_hazard = term_end.raise_free(fitted_hazard[None], term, tenure[None], np.zeros(1))[0]
        columns = (
            label_of(cohort),
            tenure,
            counts["at_risk"].to_numpy(dtype=np.int64),
            counts["churned"].to_numpy(dtype=np.int64),
            observed_hazard,
            np.cumprod(1.0 - observed_hazard),
            fitted_hazard,
            np.cumprod(1.0 - fitted_hazard),
        )
        frames.append(pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True))))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(CURVE_COLUMNS))


def _shown_cohorts(curves: Curves) -> list[Cohort]:
    """Cohorts that customers are in, and the groups that lend them a curve, in the order of their labels."""
    shown = {cohort for cohort in curves if None not in cohort}
    shown |= {curves[cohort].source for cohort in tuple(shown)} | {ALL}
    return sorted(shown & curves.keys(), key=label_of)
