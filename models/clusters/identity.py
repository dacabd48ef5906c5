"""Cluster ids that survive a refit: clusters are matched by their members, never by label number."""

import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

EVENT_COLUMNS = ["event", "cluster_id", "related_cluster_id", "jaccard", "members_before", "members_now"]
# Share of a cluster's members that must come from (or go to) one other cluster for a split (or merge).
PART = 0.5


def match_clusters(
    previous: pd.DataFrame,
    new: pd.DataFrame,
    *,
    population: str,
    threshold: float = 0.5,
    used_ids: Collection[str] = (),
) -> tuple[dict[int, str], pd.DataFrame]:
    """Give every new label a stable id, and report which clusters were kept, born and lost.

    Parameters
    ----------
    previous
        `customer_id`, `cluster_id` of the previous version; null ids (mixed, too little history) are left out.
    new
        `customer_id`, `label` of this fit; negative labels are left out.
    threshold
        Minimum Jaccard similarity, over the customers clustered in both, for an id to be kept.
    used_ids
        Ids of older versions, which are never reused.

    Returns
    -------
    The id of every label, and one event per cluster, with the Jaccard similarity of the pair (without a partner, the
    best similarity found) and its members before and now:
    `kept`; `birth`; `death`; `split`, a new cluster of which at least half came from one old cluster
    (`related_cluster_id`); `merge`, a lost cluster of which at least half is now in one cluster.
    The assignment maximizes total similarity (Hungarian method), so it does not depend on any order. Labels without a
    partner get the next unused number of `{population}-{nn}`, in the order of the labels.
    """
    before = previous.loc[previous["cluster_id"].notna(), ["customer_id", "cluster_id"]]
    now = new.loc[new["label"] >= 0, ["customer_id", "label"]]
    old_ids = sorted(before["cluster_id"].unique())
    labels = sorted(int(label) for label in now["label"].unique())
    common = before.merge(now, on="customer_id", validate="one_to_one")
    both = (
        pd.crosstab(common["cluster_id"], common["label"])
        .reindex(index=old_ids, columns=labels, fill_value=0)
        .to_numpy(dtype=float)
    )
    union = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    jaccard = np.divide(both, union, out=np.zeros_like(both), where=union > 0)

    members_before = before["cluster_id"].value_counts()[old_ids].to_numpy()
    members_now = now["label"].value_counts()[labels].to_numpy()
    pairs = [
        (int(i), int(j)) for i, j in zip(*linear_sum_assignment(-jaccard), strict=True) if jaccard[i, j] >= threshold
    ]
    ids = {labels[j]: old_ids[i] for i, j in pairs}
    fresh = _unused_ids(population, {*old_ids, *used_ids})
    ids |= {label: next(fresh) for label in labels if label not in ids}
    events: list[tuple[object, ...]] = [
        ("kept", old_ids[i], None, jaccard[i, j], members_before[i], members_now[j]) for i, j in pairs
    ]
    for j in sorted(set(range(len(labels))) - {now for _, now in pairs}):
        parent = int(both[:, j].argmax()) if old_ids else 0
        is_part = bool(old_ids) and both[parent, j] >= PART * members_now[j]
        related = old_ids[parent] if is_part else None
        best = jaccard[:, j].max(initial=0)
        events.append(("split" if is_part else "birth", ids[labels[j]], related, best, 0, members_now[j]))
    for i in sorted(set(range(len(old_ids))) - {was for was, _ in pairs}):
        heir = int(both[i].argmax()) if labels else 0
        is_part = bool(labels) and both[i, heir] >= PART * members_before[i]
        related = ids[labels[heir]] if is_part else None
        best = jaccard[i].max(initial=0)
        events.append(("merge" if is_part else "death", old_ids[i], related, best, members_before[i], 0))
    frame = pd.DataFrame(events, columns=EVENT_COLUMNS).astype({"members_before": int, "members_now": int})
    frame["related_cluster_id"] = frame["related_cluster_id"].astype("str")
    return ids, frame.sort_values("cluster_id", ignore_index=True)


def kept_clusters(previous: pd.DataFrame, members: pd.DataFrame, cluster_ids: Sequence[str]) -> pd.DataFrame:
    """Return one `kept` event per cluster of a reused model; `members` has `customer_id` and `label`."""
    before = previous.loc[previous["cluster_id"].notna(), ["customer_id", "cluster_id"]]
    now = members[members["label"] >= 0]
    now = now.assign(now_id=np.array(cluster_ids, dtype=object)[now["label"]])
    common = before.merge(now, on="customer_id", validate="one_to_one")
    events = []
    for cluster_id in cluster_ids:
        was, is_now = common["cluster_id"] == cluster_id, common["now_id"] == cluster_id
        union = (was | is_now).sum()
        sizes = (before["cluster_id"] == cluster_id).sum(), (now["now_id"] == cluster_id).sum()
        events.append(("kept", cluster_id, None, (was & is_now).sum() / union if union else np.nan, *sizes))
    frame = pd.DataFrame(events, columns=EVENT_COLUMNS).astype({"members_before": int, "members_now": int})
    frame["related_cluster_id"] = frame["related_cluster_id"].astype("str")
    return frame.sort_values("cluster_id", ignore_index=True)


def _unused_ids(population: str, used: Collection[str]) -> Iterator[str]:
    numbers = [int(found[1]) for used_id in used if (found := re.search(r"-(\d+)$", used_id))]
    number = max(numbers, default=0)
    while True:
        number += 1
        yield f"{population}-{number:02d}"
