"""How far segments agree with what people know of the same customers."""

import pandas as pd
from sklearn.metrics import adjusted_rand_score

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
