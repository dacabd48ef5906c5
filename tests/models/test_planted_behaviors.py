"""Ways of using a line that neither the models nor the simulator know of are found, kept, and named without lies.

The campaign over seeds is `benchmarks/cluster_truth.py`; its figures are in docs/benchmarks.md.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted_behaviors import BEHAVIORS, CONTROLS, PROVIDERS, behaving, seven_ways
from models.behavior.behavior_clusters import BehaviorClusters
from models.behavior.champion import Champion, segment_month
from models.behavior.parameters import BehaviorParameters
from models.clusters.evidence import K_MEANS, MIXTURE

# Half of the resamples: whether a base is found hardly depends on them, and what a test takes does.
FEW = BehaviorParameters(resamples=4)
OCTOBER, NOVEMBER = pd.Timestamp("2026-10-31"), pd.Timestamp("2026-11-30")


@pytest.mark.parametrize("name", PROVIDERS)
def test_ten_behaviors_are_found_whatever_the_scales_tails_and_columns_of_a_provider(name):
    frame, truth = behaving(PROVIDERS[name], 5_000, seed=1)
    model = BehaviorClusters(FEW).fit(frame)
    assert adjusted_rand_score(truth, model.predict(frame)) > 0.8
    assert abs(model.n_clusters_ - len(BEHAVIORS)) <= 1


@pytest.mark.parametrize("name", CONTROLS)
def test_one_behavior_is_one_cluster_whatever_its_tails(name):
    frame, _ = behaving(CONTROLS[name], 1_500, seed=1)
    model = BehaviorClusters(FEW).fit(frame)
    assert model.n_clusters_ == 1
    competed = model.choice_.evidence.set_index("shape").loc[MIXTURE, "decision"]
    assert competed.endswith("components merge into one cluster.")


@pytest.fixture(scope="module")
def wide_and_narrow():
    frame, truth = seven_ways(5_000, seed=1)
    month = segment_month(frame, "consumer", "2026-10-31.1", OCTOBER, parameters=FEW)
    return frame, truth, month, month.segmentation.score(frame)


def test_ways_of_different_width_are_found_by_a_mixture_where_k_means_sees_fewer(wide_and_narrow):
    _, truth, month, scored = wide_and_narrow
    evidence = month.segmentation.evidence
    chosen = evidence[evidence["is_chosen"]].iloc[0]
    assert chosen["shape"] == MIXTURE
    assert chosen["k"] == 7
    assert chosen["decision"].startswith(f"Chosen (a mixture of {chosen['components']} components)")
    held = evidence[(evidence["shape"] == K_MEANS) & ~evidence["decision"].str.startswith("Refused")]
    assert held["k"].max() < 7
    assert adjusted_rand_score(truth, scored["cluster_id"].fillna("mixed")) > 0.9


def test_a_mixture_is_stored_read_again_and_keeps_the_cluster_of_a_steady_customer(wide_and_narrow):
    frame, _, month, before = wide_and_narrow
    champion = Champion.load(month.stored, month.registered, month.segmentation.evidence)
    labels, distances = champion.model.assign(frame)
    np.testing.assert_array_equal(labels, month.segmentation.model.predict(frame))
    assert (distances.argmin(axis=1) == labels).all()
    random = np.random.default_rng(1)
    later = frame.copy()
    for column in ("gb_month_3m", "evening_share_3m", "business_hours_share_3m", "upload_share_3m"):
        later[column] *= np.exp(0.03 * random.standard_normal(len(frame)))
    known = before[["customer_id", "cluster_id", "cluster_name"]]
    ids = list(month.segmentation.clusters["cluster_id"])
    kept = segment_month(later, "consumer", "2026-11-30.1", NOVEMBER, champion, known, FEW, ids)
    assert kept.registered["decision"] == "kept"
    assert (kept.segmentation.score(later)["cluster_id"] == before["cluster_id"]).mean() >= 0.97


def test_a_fit_from_nothing_on_a_steady_base_finds_the_same_clusters_under_the_same_ids(wide_and_narrow):
    frame, _, month, before = wide_and_narrow
    random = np.random.default_rng(2)
    later = frame.assign(gb_month_3m=frame["gb_month_3m"] * np.exp(0.03 * random.standard_normal(len(frame))))
    known = before[["customer_id", "cluster_id", "cluster_name"]]
    again = segment_month(later, "consumer", "2026-11-30.1", NOVEMBER, previous=known, parameters=FEW)
    assert set(again.segmentation.events["event"]) == {"kept"}
    assert (again.segmentation.score(later)["cluster_id"] == before["cluster_id"]).mean() >= 0.97
    assert list(again.segmentation.clusters["cluster_name"]) == list(month.segmentation.clusters["cluster_name"])


def test_reasons_of_a_mixture_are_what_sets_its_clusters_apart(wide_and_narrow):
    frame, truth, _, scored = wide_and_narrow
    uploaders = scored[(truth == 4) & (frame["upload_share_3m"] > 0.4).to_numpy()]
    assert uploaders["cluster_reasons"].str.contains("high upload share").mean() > 0.8


@pytest.mark.parametrize(
    ("word", "column", "is_high"),
    [
        ("heavy", "gb_month_3m", True),
        ("light", "gb_month_3m", False),
        ("daytime", "business_hours_share_3m", True),
        ("uploaders", "upload_share_3m", True),
        ("weekend", "weekend_share_3m", True),
        ("weekday", "weekend_share_3m", False),
    ],
)
def test_at_most_a_fifth_of_the_members_contradict_a_word_of_their_clusters_name(
    wide_and_narrow, word, column, is_high
):
    frame, _, month, scored = wide_and_narrow
    clusters = month.segmentation.clusters
    named = clusters[clusters["cluster_name"].str.lower().str.split().map(lambda words: word in words)]
    for cluster_id in named["cluster_id"]:
        is_member = (scored["cluster_id"] == cluster_id).to_numpy()
        others = frame.loc[~is_member, column].median()
        beyond = frame.loc[is_member, column] > others if is_high else frame.loc[is_member, column] < others
        assert beyond.mean() >= 0.8
    if word in ("uploaders", "daytime", "weekend"):
        assert len(named)
