"""Ids follow members, whatever the labels are called."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.clusters.identity import match_clusters


def before(*ids: str | None) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": range(len(ids)), "cluster_id": pd.Series(ids, dtype="str")})


def now(*labels: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": range(len(labels)), "label": labels})


def test_first_fit_numbers_clusters_in_the_order_of_labels():
    ids, events = match_clusters(before(), now(1, 0, 0), population="consumer")
    assert ids == {0: "consumer-01", 1: "consumer-02"}
    assert events["event"].tolist() == ["birth", "birth"]
    assert events["members_now"].tolist() == [2, 1]


@settings(max_examples=40)
@given(
    st.permutations(range(4)),
    st.lists(st.integers(0, 3), min_size=4, max_size=60).filter(lambda labels: len(set(labels)) == 4),
)
def test_relabelling_keeps_every_id(permutation, labels):
    first, _ = match_clusters(before(), now(*labels), population="consumer")
    previous = before(*[first[label] for label in labels])
    second, events = match_clusters(previous, now(*[permutation[label] for label in labels]), population="consumer")
    assert {label: second[permutation[label]] for label in range(4)} == first
    assert (events["event"] == "kept").all()
    assert (events["jaccard"] == 1).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["b-01", "b-02", "b-03", None]), st.integers(-1, 3)), max_size=50))
def test_events_account_for_every_cluster_once_whatever_the_row_order(rows):
    ids_before, labels = zip(*rows, strict=True) if rows else ((), ())
    previous, new = before(*ids_before), now(*labels)
    ids, events = match_clusters(previous, new, population="b")
    assert sorted(ids) == sorted({label for label in labels if label >= 0})
    assert len(set(ids.values())) == len(ids)
    is_gone = events["event"].isin(["death", "merge"])
    assert set(events.loc[~is_gone, "cluster_id"]) == set(ids.values())
    gone = set(previous["cluster_id"].dropna()) - set(ids.values())
    assert set(events.loc[is_gone, "cluster_id"]) == gone
    assert (events["related_cluster_id"].notna() == events["event"].isin(["split", "merge"])).all()
    assert (events.loc[events["event"] == "kept", "jaccard"] >= 0.5).all()
    again, same_events = match_clusters(previous[::-1], new[::-1], population="b")
    assert again == ids
    pd.testing.assert_frame_equal(same_events, events)


@pytest.mark.parametrize(("moved", "is_kept"), [(9, True), (10, True), (11, False)])
def test_an_id_is_kept_from_a_similarity_of_one_half(moved, is_kept):
    # 20 old members stay together, joined by some of another cluster: Jaccard 20 / (20 + joined).
    joined = 2 * moved
    previous = before(*["c-01"] * 20, *["c-02"] * 60)
    ids, _ = match_clusters(previous, now(*[0] * (20 + joined), *[1] * (60 - joined)), population="c")
    assert (ids[0] == "c-01") is is_kept


def test_an_old_number_is_never_given_again():
    ids, events = match_clusters(
        before(None, None), now(0, 0), population="consumer", used_ids=["consumer-01", "consumer-07"]
    )
    assert ids == {0: "consumer-08"}
    assert events["event"].tolist() == ["birth"]


def test_a_split_keeps_the_id_on_the_larger_part():
    ids, events = match_clusters(before(*["c-01"] * 10), now(*[0] * 3, *[1] * 7), population="c")
    assert ids == {0: "c-02", 1: "c-01"}
    assert events.set_index("cluster_id")["event"].to_dict() == {"c-01": "kept", "c-02": "split"}
    assert events.set_index("cluster_id")["related_cluster_id"]["c-02"] == "c-01"


def test_a_merge_ends_the_smaller():
    previous = before(*["c-01"] * 3, *["c-02"] * 7)
    ids, events = match_clusters(previous, now(*[0] * 10), population="c")
    assert ids == {0: "c-02"}
    assert events.set_index("cluster_id")["event"].to_dict() == {"c-01": "merge", "c-02": "kept"}
    assert events.set_index("cluster_id")["related_cluster_id"]["c-01"] == "c-02"


def test_newcomers_with_a_few_old_members_are_a_birth_and_members_who_left_a_death():
    previous = before(*["c-01"] * 10, *["c-02"] * 10)
    new = pd.DataFrame({"customer_id": range(5, 40), "label": [0] * 3 + [1] * 32}).query("not 10 <= customer_id < 20")
    _, events = match_clusters(previous, new, population="c")
    assert events.set_index("cluster_id")["event"].to_dict() == {"c-01": "kept", "c-02": "death", "c-03": "birth"}


def test_customers_who_came_or_left_do_not_count():
    previous = pd.DataFrame({"customer_id": np.arange(100), "cluster_id": "c-01"})
    new = pd.DataFrame({"customer_id": np.arange(90, 500), "label": 0})
    ids, events = match_clusters(previous, new, population="c")
    assert ids == {0: "c-01"}
    assert events.loc[0, ["jaccard", "members_before", "members_now"]].tolist() == [1.0, 100, 410]
