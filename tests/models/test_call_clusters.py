"""Customers who call, with and without data: what is clustered, and that planted ways of calling are found again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from models.behavior.behavior_clusters import BehaviorClusters, behavior_status, measured_basis
from models.behavior.champion import Champion, segment_month
from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import fit_behavior

# Minutes a month, messages a month, incoming share, share abroad.
WAYS = {"talkers": (900, 30, 0.45, 0.02), "texters": (60, 600, 0.5, 0.02), "travellers": (300, 80, 0.2, 0.5)}


def callers(customers: int = 900, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Mobile customers without data, each of a planted way of calling."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(WAYS), customers)
    minutes, messages, incoming, abroad = np.array(list(WAYS.values()))[truth].T
    noise = np.exp(0.25 * random.standard_normal((3, customers)))

    def share(center: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-np.log(center / (1 - center)) - 0.3 * random.standard_normal(customers)))

    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(customers)],
            "is_open": True,
            "tenure_months": 30,
            "has_internet": False,
            "has_mobile": True,
            "has_fixed_voice": False,
            "call_history_months": 12,
            "call_minutes_month_3m": minutes * noise[0],
            "calls_month_3m": minutes * noise[0] / 3 * noise[1],
            "messages_month_3m": messages * noise[2],
            "incoming_call_share_3m": share(incoming),
            "abroad_call_share_3m": share(abroad),
            "monthly_fee": 10 + 10 * random.random(customers),
        }
    )
    return frame, truth


def test_planted_ways_of_calling_are_found_and_named():
    frame, truth = callers()
    fitted = fit_behavior(frame, "consumer")
    assert fitted.model.basis_ == "calls"
    labels = fitted.score(frame)["cluster_id"].fillna("mixed")
    assert adjusted_rand_score(truth, labels) > 0.9
    names = " / ".join(fitted.clusters["cluster_name"])
    assert "callers" in names
    assert fitted.clusters["cluster_name"].is_unique


@pytest.mark.parametrize(
    ("call_months", "usage_months", "basis"),
    [(12, 0, "calls"), (0, 12, "usage"), (12, 12, "usage"), (0, 0, "billing"), (2, 0, "billing")],
)
def test_what_is_clustered_is_what_is_measured(call_months: int, usage_months: int, basis: str):
    frame, _ = callers(100)
    frame = frame.assign(
        call_history_months=call_months, usage_history_months=usage_months, usage_days_3m=8 * usage_months
    )
    assert measured_basis(frame, BehaviorParameters()) == basis


def test_usage_of_a_few_does_not_keep_the_calls_of_many_from_being_clustered():
    frame, _ = callers(100)
    has_data = np.arange(100) < 30
    usage = frame.assign(usage_history_months=np.where(has_data, 12, np.nan), usage_days_3m=np.where(has_data, 90, 0))
    assert measured_basis(usage, BehaviorParameters()) == "calls"
    most = frame.assign(usage_history_months=np.where(~has_data, 12, np.nan), usage_days_3m=np.where(~has_data, 90, 0))
    assert measured_basis(most, BehaviorParameters()) == "usage"


def test_who_has_no_phone_is_not_asked_for_calls_and_a_new_line_waits():
    frame, _ = callers(4)
    frame["has_mobile"] = [True, False, True, True]
    frame["call_history_months"] = [12, np.nan, 2, np.nan]
    frame["is_open"] = [True, True, True, False]
    assert behavior_status(frame, "calls", BehaviorParameters()).tolist() == [
        "measured", "not_applicable", "insufficient_history", "not_applicable"
    ]  # fmt: skip


def test_a_model_of_usage_stays_until_calls_are_there():
    """A release that knows more features than a stored model does refits nothing where none of them is measured."""
    frame, _ = callers(300)
    without = frame.drop(columns=[name for name in frame if "call" in name or "message" in name])
    first = segment_month(without, "consumer", "2026-01-31.1", pd.Timestamp("2026-01-31").date())
    assert first.stored is not None
    older = first.segmentation.model
    known = tuple(each for each in older.scheme_.features if each.group != "calls")
    older.scheme_ = replace(older.scheme_, features=known)
    champion = Champion(older, list(first.segmentation.clusters["cluster_id"]), first.segmentation.rules,
                        first.segmentation.evidence, first.registered)  # fmt: skip
    later = pd.Timestamp("2026-02-28").date()
    kept = segment_month(without, "consumer", "2026-02-28.1", later, champion)
    assert kept.registered["decision"] == "kept"
    changed = segment_month(frame, "consumer", "2026-02-28.1", later, champion)
    assert changed.registered["decision"] == "fitted"
    assert changed.registered["reason"] == "customers are no longer clustered by billing"


def test_calls_are_features_beside_usage():
    frame, _ = callers(300)
    frame = frame.assign(usage_history_months=12, usage_days_3m=90, gb_month_3m=np.linspace(1, 20, 300))
    model = BehaviorClusters().fit(frame)
    assert model.basis_ == "usage"
    assert {"call_minutes_month_3m", "messages_month_3m", "gb_month_3m"} <= set(model.columns_)
