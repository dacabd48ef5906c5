"""Clusters of needs: found again, stable, and worth more than the number of employees."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, log_loss

from models.behavior.behavior_clusters import BehaviorClusters
from models.behavior.champion import Champion, segment_month
from models.business.features import FEATURES, NEEDS, WEIGHTS, FeatureScheme
from models.business.parameters import MidBandParameters, NeedsParameters
from models.business.uptake_evidence import PRIOR_COMPANIES, staff_band
from models.clusters.feature_clusters import FeatureClusters
from tests.models.planted_companies import companies, most_probable_need

PARAMETERS = NeedsParameters()


@pytest.fixture(scope="module")
def fitted() -> tuple[BehaviorClusters, pd.DataFrame, np.ndarray]:
    frame, need = companies(1200, seed=1)
    return BehaviorClusters(PARAMETERS).fit(frame), frame, need


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_needs_are_found_nearly_as_well_as_with_the_true_parameters(seed, fitted):
    """A company of one need may by chance hold what is typical of another, so that 1 is beyond everybody's reach."""
    if seed == 1:
        model, frame, need = fitted
    else:
        frame, need = companies(1200, seed=seed)
        model = BehaviorClusters(PARAMETERS).fit(frame)
    labels = model.predict(frame)
    best = adjusted_rand_score(need, most_probable_need(frame))
    assert best > 0.8
    assert (labels >= 0).mean() > 0.9
    assert adjusted_rand_score(need, labels) > 0.85 * best
    assert model.jaccard_.min() >= 0.75
    assert model.basis_ == "needs"


def test_the_number_of_employees_is_not_what_is_clustered(fitted):
    model, frame, _ = fitted
    assert "employees" not in model.columns_
    other = frame.assign(employees=frame["employees"].to_numpy()[::-1])
    np.testing.assert_array_equal(model.predict(frame), model.predict(other))


def test_without_needs_that_differ_there_is_one_cluster():
    frame, need = companies(800, seed=2)
    alike = frame[need == 0]
    alike = alike.assign(**{f"{part}": alike[part].iloc[0] for part in alike.filter(regex="^has_|_lines$|sites")})
    month = segment_month(alike, "mid_band", "2026-10-31.1", pd.Timestamp("2026-10-31"), parameters=PARAMETERS)
    assert month.segmentation.clusters["cluster_name"].tolist() == ["All mid-size companies"]


def test_ids_and_members_survive_a_month_in_which_some_companies_change():
    frame, _ = companies(600, seed=3)
    first = segment_month(frame, "mid_band", "2026-10-31.1", pd.Timestamp("2026-10-31"), parameters=PARAMETERS)
    before = first.segmentation.score(frame)
    changed = frame.copy()
    changed.loc[changed.index[:12], ["has_cloud", "cloud_lines"]] = [True, 1]
    champion = Champion.load(first.stored, first.registered, first.segmentation.evidence)
    second = segment_month(
        changed,
        "mid_band",
        "2026-11-30.1",
        pd.Timestamp("2026-11-30"),
        champion,
        before[["customer_id", "cluster_id", "cluster_name"]],
        PARAMETERS,
    )
    after = second.segmentation.score(changed)
    assert second.registered["decision"] == "kept"
    assert (after["cluster_id"] == before["cluster_id"])[12:].all()
    # A fit from nothing on the changed companies finds the same clusters under the same ids.
    anew = segment_month(
        changed,
        "mid_band",
        "2026-11-30.1",
        pd.Timestamp("2026-11-30"),
        previous=before[["customer_id", "cluster_id", "cluster_name"]],
        parameters=PARAMETERS,
    )
    again = anew.segmentation.score(changed)
    assert (again["cluster_id"] == before["cluster_id"]).mean() > 0.95


def test_names_say_what_sets_a_cluster_apart(fitted):
    _, frame, _ = fitted
    month = segment_month(frame, "mid_band", "2026-10-31.1", pd.Timestamp("2026-10-31"), parameters=PARAMETERS)
    names = month.segmentation.clusters["cluster_name"]
    assert names.is_unique
    assert names.str.contains("mobile").any()
    assert names.str.contains("cloud").any()
    assert names.str.contains("any-site").any()


@pytest.mark.parametrize("family", ["fixed_voice", "mobile", "cloud", "security"])
def test_clusters_foretell_what_others_hold_better_than_bands_of_staff(family):
    """On companies that the clusters never saw, and by clusters that know nothing of the family in question."""
    blind = tuple(each for each in FEATURES if each.name not in (f"has_{family}", f"{family}_lines"))
    scheme = FeatureScheme("blind", blind, WEIGHTS, has_local_metric=False)
    train, test = companies(1000, seed=4)[0], companies(1000, seed=5)[0]
    model = FeatureClusters(scheme, PARAMETERS).fit(train)
    held, later = train[f"has_{family}"].to_numpy(float), test[f"has_{family}"].to_numpy(float)

    def deviance(known: np.ndarray, new: np.ndarray) -> float:
        rates = {
            group: (held[known == group].sum() + PRIOR_COMPANIES * held.mean())
            / ((known == group).sum() + PRIOR_COMPANIES)
            for group in np.unique(known)
        }
        return log_loss(later, [rates.get(group, held.mean()) for group in new], labels=[0, 1])

    starts = MidBandParameters().staff_bands
    nothing = log_loss(later, np.full(len(later), held.mean()), labels=[0, 1])
    by_cluster = 1 - deviance(model.predict(train), model.predict(test)) / nothing
    by_staff = 1 - deviance(staff_band(train["employees"], starts), staff_band(test["employees"], starts)) / nothing
    assert by_cluster > 0.1
    assert by_cluster > by_staff + 0.1


def test_the_scheme_has_a_weight_for_every_group_but_size():
    assert {feature.group for feature in NEEDS.features} - set(NEEDS.weights) == {"size"}
