"""Attributes of customers as features of clusters: what the settings name, and no other."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from models.behavior.behavior_clusters import BehaviorClusters
from models.behavior.champion import Champion, segment_month
from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import fit_behavior

NAMED = BehaviorParameters(
    attributes={"satisfaction_score": "number", "risk_class": ["low", "high"]}, attribute_weight=1.0
)
SCORE, LOW, HIGH = "attribute_satisfaction_score", "attribute_risk_class=low", "attribute_risk_class=high"


def billed(customers: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers alike in what they hold and pay, half of them content and safe; a fifth were never asked."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, customers)
    # Below zero too, as a net promoter score is.
    score = np.where(truth == 1, 60.0, -40.0) + 8 * random.standard_normal(customers)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(customers)],
            "is_open": True,
            "tenure_months": 30,
            "has_internet": True,
            "monthly_fee": 30 + 5 * random.random(customers),
            SCORE: np.where(random.random(customers) < 0.2, np.nan, score),
            LOW: truth.astype(float),
            HIGH: 1.0 - truth,
        }
    )
    return frame, truth


def test_named_attributes_are_found_and_named_and_others_are_not_read():
    frame, truth = billed()
    fitted = fit_behavior(frame, "consumer", parameters=NAMED)
    used = fitted.model.features_.query("is_used")
    assert {SCORE, LOW, HIGH} <= set(used.index)
    labels = fitted.score(frame)["cluster_id"].fillna("mixed")
    assert adjusted_rand_score(truth, labels) > 0.9
    names = " / ".join(fitted.clusters["cluster_name"])
    assert "risk class" in names or "satisfaction score" in names
    assert fitted.clusters["rule"].str.contains("attribute_").all()
    without = BehaviorClusters().fit(frame)
    assert not [name for name in without.columns_ if name.startswith("attribute_")]


def test_a_model_with_attributes_is_stored_and_kept_until_the_settings_name_others():
    frame, _ = billed()
    first = segment_month(frame, "consumer", "v1", pd.Timestamp("2026-05-31").date(), parameters=NAMED)
    assert first.stored is not None
    champion = Champion.load(first.stored, first.registered, first.segmentation.evidence)
    previous = first.segmentation.score(frame)[["customer_id", "cluster_id", "cluster_name"]]

    def month(parameters: BehaviorParameters):
        day = pd.Timestamp("2026-06-30").date()
        return segment_month(frame, "consumer", "v2", day, champion, previous, parameters)

    assert json.loads(first.registered["parameters"]) == asdict(NAMED)
    kept = month(NAMED)
    assert kept.registered["decision"] == "kept"
    pd.testing.assert_frame_equal(kept.segmentation.score(frame), first.segmentation.score(frame))
    assert month(replace(NAMED, attributes={"risk_class": ["low"]})).registered["decision"] == "fitted"


def test_an_attribute_that_nobody_has_is_left_out_and_says_so():
    frame, _ = billed()
    model = BehaviorClusters(NAMED).fit(frame.drop(columns=[SCORE]))
    assert model.features_.loc[SCORE, "reason"] == "null for every customer"
