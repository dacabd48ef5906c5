"""Mixtures: components are not clusters, gaps are where clusters are told apart, the nearest is the most probable."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from models.clusters.evidence import K_MEANS, MIXTURE
from models.clusters.gaps import discriminant_gap, valley
from models.clusters.mixture import MergedMixture, mixture_axes
from models.clusters.stable_clusters import StableClusters


def wide_and_narrow(rows: int = 1_200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A wide cluster, and two narrow ones at its sides: k-means cuts the wide one."""
    random = np.random.default_rng(seed)
    truth = random.choice(3, rows, p=[0.6, 0.25, 0.15])
    centers, widths = np.array([[0, 0], [6, 0], [0, 4.5]]), np.array([[1.8, 1.2], [0.4, 0.4], [0.9, 0.25]])
    return centers[truth] + widths[truth] * random.standard_normal((rows, 2)), truth


@pytest.fixture(scope="module")
def fitted() -> tuple[MergedMixture, np.ndarray, np.ndarray]:
    rows, truth = wide_and_narrow()
    return MergedMixture(6).fit(rows), rows, truth


def test_components_merge_until_gaps_are_all_that_is_left(fitted):
    mixture, rows, truth = fitted
    assert sorted(mixture.merged_) == [1, 2, 3, 4, 5, 6]
    assert mixture.gaps_[3] > 0.3 > 0.1 > mixture.gaps_[4]
    assert adjusted_rand_score(truth, mixture.predict(rows, 3)) > 0.95


@pytest.mark.parametrize("shape", [np.asarray, lambda rows: np.exp(rows / 2), np.sinh])
def test_a_skewed_or_heavy_tailed_cloud_takes_several_components_and_is_one_cluster(shape):
    rows = shape(np.random.default_rng(0).standard_normal((1_000, 3)))
    mixture = MergedMixture(4).fit(rows)
    assert max(k for k, gap in mixture.gaps_.items() if gap >= 0.1) == 1


def test_a_gap_is_seen_across_long_clusters_and_not_on_the_line_through_their_centres():
    random = np.random.default_rng(0)
    first, second = (random.standard_normal((500, 2)) * [3, 0.2] + [shift, shift] for shift in (0.0, 1.2))
    apart = second.mean(axis=0) - first.mean(axis=0)
    on_the_line = (np.concatenate([first, second]) - first.mean(axis=0)) @ apart / (apart @ apart)
    assert valley(on_the_line) < 0.2
    assert discriminant_gap(first, second) > 0.9


@pytest.mark.parametrize("other", [np.zeros((2, 2)), np.zeros((50, 2))])
def test_too_few_rows_and_equal_rows_have_no_gap(other):
    assert discriminant_gap(np.zeros((50, 2)), other) == 0


def test_the_nearest_cluster_is_the_most_probable_one(fitted):
    mixture, rows, _ = fitted
    distances = mixture.distances(rows, 3)
    densities = mixture.cluster_log_densities(rows, 3)
    assert (distances.argmin(axis=1) == densities.argmax(axis=1)).all()
    assert (distances >= 0).all()
    both = logsumexp(densities, axis=1)
    np.testing.assert_allclose(both, logsumexp(mixture.log_densities(rows), axis=1))


def test_what_is_less_certain_has_a_larger_icl_than_bic(fitted):
    mixture, rows, _ = fitted
    assert mixture.icl(rows, 1) == pytest.approx(mixture.bic_)
    assert mixture.bic_ < mixture.icl(rows, 3) < mixture.icl(rows, 6)


def test_axes_leave_out_what_another_column_says_again():
    random = np.random.default_rng(0)
    rows = random.standard_normal((500, 3)) * [1, 100, 1]
    rows[:, 2] = rows[:, 0] + 0.05 * random.standard_normal(500)
    assert mixture_axes(rows, (0, 1, 2)).shape == (3, 2)
    assert (mixture_axes(rows, (1,)) != 0).tolist() == [[False], [True], [False]]


def test_as_many_clusters_that_halves_agree_on_more_are_taken():
    rows, truth = wide_and_narrow(1_500, seed=1)
    alone, competing = (StableClusters(mixture_columns=columns, resamples=3).fit(rows) for columns in (None, (0, 1)))
    assert (alone.choice_.shape, competing.choice_.shape) == (K_MEANS, MIXTURE)
    assert alone.n_clusters_ == competing.n_clusters_ == 3
    assert adjusted_rand_score(truth, competing.labels_) > 0.95 > adjusted_rand_score(truth, alone.labels_)
    refused = competing.choice_.evidence.set_index(["shape", "k"]).loc[(K_MEANS, 3), "decision"]
    assert refused == "Stable too, but the chosen clusters are more reproducible."


def test_a_mixture_that_finds_the_clusters_of_k_means_is_not_judged():
    random = np.random.default_rng(0)
    rows = random.standard_normal((600, 2)) + 8 * random.integers(0, 2, (600, 2))
    fitted = StableClusters(mixture_columns=(0, 1), resamples=3).fit(rows)
    competed = fitted.choice_.evidence.set_index("shape").loc[MIXTURE]
    assert fitted.choice_.shape == K_MEANS
    assert competed["decision"].endswith("merge into 4 clusters with a gap between every two, which k-means finds.")
    assert np.isnan(competed["prediction_strength"])
    assert competed["bic"] <= competed["icl"]
