"""Cluster ids that survive a refit: clusters are matched by their members, never by label number."""

import re
from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

EVENT_COLUMNS = ["event", "cluster_id", "jaccard", "members_before", "members_now"]


def match_clusters(
    previous: pd.DataFrame,
    new: pd.DataFrame,
    *,
    population: str,
    threshold: float = 0.5,
    used_ids: Collection[str] = (),
) -> tuple[dict[int, str], pd.DataFrame]:
    """Give every new label a stable id, and say what was kept, born and gone.

    Parameters
    ----------
    previous
        `customer_id`, `cluster_id` of the version before; null ids (mixed, too little history) are left out.
    new
        `customer_id`, `label` of this fit; negative labels are left out.
    threshold
        Least Jaccard similarity, over the customers clustered in both, at which an id is kept.
    used_ids
        Ids of older versions, which are never given again.

    Returns
    -------
    The id of every label, and one event per cluster: `kept`, `birth` or `death`, with the Jaccard similarity
    of the pair (for a birth or a death, the best there was) and its members before and now.
    The assignment maximises total similarity (Hungarian method), so it does not depend on any order. Labels
    without a partner get the next unused number of `{population}-{nn}`, in the order of the labels.
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
    pairs = [(i, j) for i, j in zip(*linear_sum_assignment(-jaccard), strict=True) if jaccard[i, j] >= threshold]
    ids = {labels[j]: old_ids[i] for i, j in pairs}
    fresh = _unused_ids(population, {*old_ids, *used_ids})
    events = [("kept", old_ids[i], jaccard[i, j], members_before[i], members_now[j]) for i, j in pairs]
    for j, label in enumerate(labels):
        if label not in ids:
            ids[label] = next(fresh)
            events.append(("birth", ids[label], jaccard[:, j].max(initial=0), 0, members_now[j]))
    for i, old_id in enumerate(old_ids):
        if old_id not in ids.values():
            events.append(("death", old_id, jaccard[i].max(initial=0), members_before[i], 0))
    frame = pd.DataFrame(events, columns=EVENT_COLUMNS).astype({"members_before": int, "members_now": int})
    return ids, frame.sort_values("cluster_id", ignore_index=True)


def _unused_ids(population: str, used: Collection[str]) -> Iterator[str]:
    numbers = [int(found[1]) for used_id in used if (found := re.search(r"-(\d+)$", used_id))]
    number = max(numbers, default=0)
    while True:
        number += 1
        yield f"{population}-{number:02d}"
