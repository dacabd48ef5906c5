"""Each piece of evidence against values known by hand, and the decision against each way to be refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from models.behavior.parameters import BehaviorParameters
from models.clusters.choice import choose
from models.clusters.evidence import Evidence, assess, jaccard_table, prediction_strength
from models.clusters.gaps import valley
from models.clusters.partition import LocalMetric, partition

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=50).map(np.array)


def found(k: int, **changes) -> Evidence:
    values = {
        "silhouette": 0.4,
        "prediction_strength": 0.9,
        "separation": 0.3,
        "reference_strength": np.nan,
        "jaccard": (0.9,) * k,
        "share": (1 / k,) * k,
    }
    return Evidence(k=k, **{**values, **changes})


@given(LABELS)
def test_prediction_strength_of_the_same_clustering_is_one(labels):
    assert prediction_strength(labels, 3 - labels) == 1


def test_prediction_strength_is_that_of_the_worst_cluster():
    # Cluster 0 stays whole; of cluster 1's 6 pairs, the split 2 + 2 keeps 2.
    own, learned = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 2, 2])
    assert prediction_strength(own, learned) == pytest.approx(2 / 6)


def test_tiny_clusters_do_not_decide_prediction_strength():
    own, learned = np.array([0] * 20 + [1, 1]), np.array([0] * 21 + [1])
    assert prediction_strength(own, learned) == 0
    assert prediction_strength(own, learned, minimum_share=0.1) == 1


@given(LABELS)
def test_jaccard_of_a_clustering_with_itself_is_one_on_the_diagonal(labels):
    diagonal = np.diag(jaccard_table(labels, labels, 4))
    assert diagonal.tolist() == [float(label in labels) for label in range(4)]


def test_jaccard_counts_common_over_joint_members():
    table = jaccard_table(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2)
    assert table.tolist() == [[2 / 3, 1 / 4], [0, 1 / 2]]


def test_a_valley_is_deep_between_two_groups_and_absent_in_one():
    random = np.random.default_rng(0)
    two = np.concatenate([random.normal(0, 0.15, 500), random.normal(1, 0.15, 500)])
    assert valley(two) > 0.9
    assert valley(random.normal(0.5, 0.6, 1000)) < 0.1
    assert valley(np.array([0.1, 0.2, 0.3])) == 0


@threadpool_limits.wrap(limits=1)
def test_a_long_cloud_can_be_cut_reproducibly_but_has_no_gap():
    long = np.random.default_rng(0).standard_normal((1500, 4)) * [3, 1, 0.5, 0.3]
    evidence = assess(long, partition(2).fit(long), BehaviorParameters())
    assert evidence.prediction_strength >= 0.8
    assert evidence.separation < 0.1
    assert choose([evidence], BehaviorParameters()).k == 1


def test_the_metric_makes_a_long_cloud_rounder():
    long = np.random.default_rng(0).standard_normal((1500, 4)) * [3, 1, 0.5, 0.3]
    mapped = np.linalg.svd(LocalMetric().fit_transform(long), compute_uv=False)
    assert mapped[0] / mapped[-1] < 0.5 * 3 / 0.3


def test_the_metric_draws_the_border_between_long_clusters_where_plain_k_means_does_not():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 1000)
    rows = random.standard_normal((1000, 2)) * [1.2, 0.3] + 2 * truth[:, None] * [0.5, 1]

    def error(labels: np.ndarray) -> float:
        return min(np.mean(labels != truth), np.mean(labels == truth))

    assert error(partition(2).fit_predict(rows)) > 0.05
    assert error(partition(2).fit_predict(LocalMetric().fit_transform(rows))) < 0.01


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
def test_equal_rows_have_no_neighbourhood_to_measure_by(rows):
    equal = np.ones((rows, 3))
    assert (LocalMetric().fit_transform(equal) == equal).all()


def test_the_unit_of_the_space_does_not_change_the_metric():
    rows = np.random.default_rng(0).standard_normal((200, 3))
    first, second = LocalMetric().fit_transform(rows), LocalMetric().fit_transform(1000 * rows)
    np.testing.assert_allclose(np.abs(first), np.abs(second), rtol=1e-6)


def test_the_largest_k_that_holds_is_chosen_and_every_row_says_why():
    choice = choose([found(2), found(3), found(4, prediction_strength=0.79, jaccard=())], BehaviorParameters())
    assert choice.k == 3
    assert choice.evidence["k"].tolist() == [1, 2, 3, 4]
    assert choice.evidence["is_chosen"].tolist() == [False, False, True, False]
    decisions = choice.evidence["decision"].tolist()
    assert decisions[0] == "3 clusters are stable."
    assert decisions[1] == "Stable too, but 3 is the largest stable k."
    assert decisions[2].startswith("Chosen: the largest k")
    assert decisions[3].startswith("Refused: prediction strength 0.79 is under 0.80")


@pytest.mark.parametrize(("reference", "k"), [(0.55, 1), (0.49, 2)])
def test_without_a_gap_only_much_better_than_shuffled_is_believed(reference, k):
    overlapping = found(2, separation=0.05, reference_strength=reference)
    assert choose([overlapping], BehaviorParameters()).k == k


def test_a_cut_without_a_gap_is_not_believed_where_fewer_clusters_have_gaps():
    cut = found(4, separation=0.05, reference_strength=0.2)
    choice = choose([found(3), cut], BehaviorParameters())
    assert choice.k == 3
    assert choice.evidence["decision"].iloc[-1].endswith("(depth 0.05), which the clusters of k = 3 have.")


def test_clusters_that_all_come_back_go_before_more_that_do_not():
    unsteady = found(4, jaccard=(0.9, 0.9, 0.9, 0.7), share=(0.4, 0.3, 0.2, 0.1))
    choice = choose([found(3), unsteady], BehaviorParameters())
    assert choice.k == 3
    assert (
        "not every cluster comes back (Jaccard 0.70), where those of k = 3 do" in choice.evidence["decision"].iloc[-1]
    )


def test_a_tiny_cluster_need_not_come_back():
    outliers = found(4, jaccard=(0.9, 0.9, 0.9, 0.3), share=(0.4, 0.3, 0.29, 0.01))
    choice = choose([found(3), outliers], BehaviorParameters())
    assert choice.k == 4
    assert choice.holds == (True, True, True, False)


@pytest.mark.parametrize(("share", "k"), [(0.2, 3), (0.21, 1)])
def test_a_k_that_leaves_too_many_mixed_is_refused(share, k):
    rest = (1 - share) / 2
    unstable = found(3, jaccard=(0.9, 0.9, 0.74), share=(rest, rest, share))
    choice = choose([unstable], BehaviorParameters())
    assert choice.k == k
    assert choice.holds == ((True, True, False) if k == 3 else (True,))


def test_one_cluster_says_that_nothing_holds():
    choice = choose([], BehaviorParameters(), "12 measured customers are too few to look for more")
    assert choice.evidence["decision"].tolist() == ["One cluster: 12 measured customers are too few to look for more."]
