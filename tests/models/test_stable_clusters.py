"""The numeric core is a scikit-learn estimator, and believes no more than the rows bear out."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.clusters.stable_clusters import StableClusters

CORNERS = 6 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0]])


# Small enough for dozens of fits; the checks are about the interface.
@parametrize_with_checks([StableClusters(largest_k=3, resamples=2, splits=2, evidence_sample=100)])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


def corners(rows: int = 800, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.choice(len(CORNERS), rows, p=[0.4, 0.3, 0.2, 0.1])
    return CORNERS[truth] + random.standard_normal((rows, 3)), truth


def test_labels_run_from_the_largest_to_the_smallest():
    rows, truth = corners()
    fitted = StableClusters().fit(rows)
    assert fitted.n_clusters_ == 4
    assert (fitted.labels_ == truth).mean() > 0.99


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [np.asarray, np.exp])
def test_one_gaussian_or_log_normal_cloud_is_one_cluster(seed, shape):
    rows = shape(np.random.default_rng(seed).standard_normal((1000, 4)) @ np.diag([3, 1, 1, 0.5]))
    assert StableClusters().fit(rows).n_clusters_ == 1


def test_rows_in_an_order_that_means_something_are_judged_as_any_others():
    rows, truth = corners()
    order = np.argsort(truth, kind="stable")
    fitted = StableClusters(evidence_sample=300).fit(rows[order])
    assert adjusted_rand_score(truth[order], fitted.labels_) > 0.98


def test_mini_batches_find_what_all_rows_find():
    rows, truth = corners()
    assert adjusted_rand_score(truth, StableClusters(mini_batch_rows=100).fit_predict(rows)) > 0.98


def test_what_each_column_adds_sums_to_the_difference_of_squared_distances():
    rows, _ = corners()
    fitted = StableClusters().fit(rows)
    label, distances = fitted.assign(rows)
    other = (label + 1) % 4
    every = np.arange(len(rows))
    expected = distances[every, other] ** 2 - distances[every, label] ** 2
    np.testing.assert_allclose(fitted.contributions(rows, label, other).sum(axis=1), expected, atol=1e-6)
    assert (fitted.contributions(rows, np.full(len(rows), -1), label) == 0).all()
