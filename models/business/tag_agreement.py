"""How far segments agree with what people know of the same customers."""

import pandas as pd
from sklearn.metrics import adjusted_rand_score

NAME_COLUMNS = ("scheme", "segment", "tag", "tag_value", "customers", "share", "share_elsewhere")
AGREEMENT_COLUMNS = ("scheme", "tag", "customers", "tag_values", "segments", "adjusted_rand", "finding")

_TOO_FEW = "Too few customers have both to compare them."
_ALL_ALIKE = "All of them are alike in the tag or in the scheme, so there is nothing to compare."
# Steinley (2004), Psychological Methods 9: 0.65 and above is moderate recovery, 0.9 and above excellent.
_WORDS = ((0.9, "They agree."), (0.65, "They agree for the most part."), (0.2, "They agree in part."))


def tag_agreement(rows: pd.DataFrame, least_customers: int) -> pd.DataFrame:
    """Return the adjusted Rand index of segments and tags, by scheme and tag.

    The index counts pairs of customers that are together, or apart, in both partitions, corrected for chance: 1 where
    the two are the same, 0 on average where they have nothing to do with one another (Hubert and Arabie, 1985).

    Args:
        rows: scheme, segment, tag, tag_value; one row per customer, scheme and tag.
        least_customers: with fewer the index is null.

    Returns:
        ``AGREEMENT_COLUMNS``, one row per scheme and tag in their order.
    """
    found = []
    for (scheme, tag), group in rows.groupby(["scheme", "tag"], sort=True):
        values, segments = group["tag_value"].nunique(), group["segment"].nunique()
        score = None
        if len(group) < least_customers:
            finding = _TOO_FEW
        elif min(values, segments) < 2:
            finding = _ALL_ALIKE
        else:
            score = float(adjusted_rand_score(group["segment"], group["tag_value"]))
            finding = next(
                (words for least, words in _WORDS if score >= least), "They have little to do with one another."
            )
        found.append((scheme, tag, len(group), values, segments, score, finding))
    return pd.DataFrame(found, columns=list(AGREEMENT_COLUMNS)).astype({"adjusted_rand": "float64"})


def names_by_tag(
    rows: pd.DataFrame, agreement: pd.DataFrame, least_customers: int, least_agreement: float, least_share: float
) -> pd.DataFrame:
    """Return by which tag the customers of a segment are known, for segments that a tag sets apart.

    Of the tags that agree with the scheme, a segment's is the value that is most over-represented in it: its share
    among the segment's customers with that tag, less its share among those of all other segments. Ties go to the tag
    and the value that sort first.

    Args:
        rows: as for ``tag_agreement``.
        agreement: what that returned for them.
        least_customers: of the segment with the tag; with fewer it gets no name from it.
        least_agreement: adjusted Rand index from which a tag names segments at all.
        least_share: share of the segment's customers with the tag that must have the value.

    Returns:
        ``NAME_COLUMNS``, at most one row per scheme and segment, in their order.
    """
    strong = agreement.loc[agreement["adjusted_rand"] >= least_agreement, ["scheme", "tag"]]
    keys = ["scheme", "segment", "tag"]
    counts = rows.merge(strong, on=["scheme", "tag"]).value_counts([*keys, "tag_value"]).rename("with_value")
    found = counts.reset_index()
    by_tag, by_value = found.groupby(["scheme", "tag"]), found.groupby(["scheme", "tag", "tag_value"])
    found["customers"] = found.groupby(keys)["with_value"].transform("sum")
    elsewhere = by_tag["with_value"].transform("sum") - found["customers"]
    found["share"] = found["with_value"] / found["customers"]
    found["share_elsewhere"] = (by_value["with_value"].transform("sum") - found["with_value"]) / elsewhere
    found["excess"] = found["share"] - found["share_elsewhere"]
    is_named = (found["customers"] >= least_customers) & (found["share"] >= least_share) & (found["excess"] > 0)
    ordered = found[is_named].sort_values(
        ["scheme", "segment", "excess", "tag", "tag_value"], ascending=[True, True, False, True, True]
    )
    return ordered.drop_duplicates(["scheme", "segment"])[list(NAME_COLUMNS)].reset_index(drop=True)
