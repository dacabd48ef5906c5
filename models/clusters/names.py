"""Names for clusters, made from what sets each one apart, never from its label number."""

import re
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pandas as pd

from models.clusters.feature_space import FeatureScheme, HeavyTail, LogitShare

ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
MOBILE_ONLY, MOBILE_SHARE = "mobile-only", 0.95
SHORT_NAME, LONGEST_NAME = 2, 6
MINIMUM_STANDING = 0.5
# Share of the members that a name may contradict; beyond it another word is used, or "mixed".
MOST_CONTRADICTED = 0.2
# A value outside these quantiles of everybody is not typical.
TYPICAL_RANGE = 0.05, 0.95
COLUMNS = ["feature", "effect", "typical", "typical_rest", "standing", "contradicted", "untypical"]
TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "amount": lambda values: HeavyTail().fit_transform(values),
    "share": lambda values: LogitShare().fit_transform(values),
    "number": np.asarray,
    "flag": np.asarray,
}
NUMERALS = [f"{tens}{ones}" for tens in ("", "X", "XX") for ones in ROMAN][2:]


def effect_sizes(frame: pd.DataFrame, labels: np.ndarray, scheme: FeatureScheme) -> dict[int, pd.DataFrame]:
    """Return what sets each cluster apart from everybody else, strongest first.

    `frame` has one float column per feature in original units, `labels` one label per row (negative: mixed).

    Returns
    -------
    A frame per label with `feature`; `effect`, Cohen's d on the transformed scale (log of amounts, log odds of shares):
    difference of means / pooled standard deviation; `typical` and `typical_rest`, medians in original units, for flags
    the share of customers with the flag; `standing`, the cluster's distance from the overall mean as a share of that of
    the cluster furthest out on the same side; `contradicted`, the share of members whose own value is not on the side
    of the others' median that the effect implies; and `untypical`, the share of members outside the typical range of
    everybody.
    """
    rows: dict[int, list[tuple[str, float, float, float, float, float, float]]] = {
        int(label): [] for label in np.unique(labels[labels >= 0])
    }
    for name in frame.columns:
        kind, values = scheme.feature(name).kind, frame[name].to_numpy()
        known = ~np.isnan(values)
        scaled = TRANSFORMS[kind](values[:, None])[:, 0]
        offset = {
            label: scaled[known & (labels == label)].mean() - scaled[known].mean()
            for label in rows
            if (known & (labels == label)).any() and (known & (labels != label)).any()
        }
        for label, out in offset.items():
            inside, outside = known & (labels == label), known & (labels != label)
            spread = [scaled[part].var() * part.sum() / known.sum() for part in (inside, outside)]
            # For a flag that all members and nobody else have, the deviation is zero: the effect is capped at 10.
            distance = scaled[inside].mean() - scaled[outside].mean()
            effect = float(np.clip(distance / max(np.sqrt(sum(spread)), 1e-9), -10, 10))
            furthest = max(abs(other) for other in offset.values() if other * out >= 0)
            middle = np.mean if kind == "flag" else np.median
            typical, rest = float(middle(values[inside])), float(middle(values[outside]))
            standing = abs(out) / furthest if furthest else 0.0
            against = _contradicted(values[inside], rest if kind != "flag" else 0.5, is_high=effect > 0)
            rows[label].append(
                (name, effect, typical, rest, standing, against, _untypical(values[inside], values[known]))
            )
    return {label: _strongest_first(found) for label, found in rows.items()}


def _contradicted(members: np.ndarray, middle: float, *, is_high: bool) -> float:
    """Share of members that are not beyond the middle of the others; a value equal to it is not beyond."""
    return float(np.mean(members <= middle if is_high else members >= middle))


def _untypical(members: np.ndarray, everybody: np.ndarray) -> float:
    low, high = np.quantile(everybody, TYPICAL_RANGE)
    return float(np.mean((members < low) | (members > high)))


def _strongest_first(rows: list[tuple[str, float, float, float, float, float, float]]) -> pd.DataFrame:
    effects = pd.DataFrame(rows, columns=COLUMNS)
    order = effects["effect"].abs().round(6).sort_values(ascending=False, kind="stable").index
    return effects.loc[order].reset_index(drop=True)


def name_cluster(
    effects: pd.DataFrame,
    scheme: FeatureScheme,
    *,
    minimum_effect: float,
    taken: Collection[str] = (),
) -> str:
    """Return a short name from the strongest effects that is not `taken`: "Heavy evening users".

    Effects are weighted by the weight of their group in the model. A name starts from the one or two weighted effects
    that reach `minimum_effect` and are at least half as strong as the strongest. The level of traffic comes first if
    its effect is twice `minimum_effect`; customers with mobile but no internet are "mobile-only" instead.
    A word is not used if another cluster has more than twice as much of it: where there are night owls, users with
    slightly more night traffic than most are not "night-time users". Nor is it used if more than a fifth of the members
    contradict it by their own values. If no word is left, members are "typical", or "mixed" if contradiction is the
    reason or if more than a fifth of them are far from typical in a decisive feature. A name that is taken is extended
    by the next strongest words; clusters that share every word get Roman numerals.
    """
    spoken = spoken_features(effects, scheme, minimum_effect=minimum_effect)
    words = dict(zip(spoken["group"], spoken["phrase"], strict=True))
    leading = int(spoken["is_leading"].sum())
    if _has_only_mobile(effects):
        words.pop("products", None)
        words, leading = {"access": MOBILE_ONLY, **words}, 1
    is_apart = _leading(effects, scheme, minimum_effect)[1] & (effects["contradicted"] > MOST_CONTRADICTED)
    is_spread = effects["feature"].isin(scheme.decisive) & (effects["untypical"] > MOST_CONTRADICTED)
    otherwise = "mixed" if (is_apart | is_spread).any() else "typical"
    fewest = min(leading, SHORT_NAME) if otherwise == "typical" else min(max(leading, 1), SHORT_NAME)
    counts = range(fewest, LONGEST_NAME + 1)
    return unused([_compose(dict(list(words.items())[:count]), scheme, otherwise) for count in counts], taken)


def name_contradicts(name: str, effects: pd.DataFrame, scheme: FeatureScheme) -> bool:
    """Whether a name, possibly an old one, says something that more than a fifth of the members contradict.

    A phrase shared by several features is contradicted only if it is for all of them.
    """
    said: dict[str, list[float]] = {}
    known = effects.set_index("feature")
    for feature in scheme.features:
        for phrase, is_high in ((feature.high, True), (feature.low, False)):
            if phrase and feature.name in known.index and _says(name, phrase):
                against, effect = (float(known[column][feature.name]) for column in ("contradicted", "effect"))
                said.setdefault(phrase, []).append(against if (effect > 0) == is_high else 1 - against)
    return any(min(shares) > MOST_CONTRADICTED for shares in said.values())


def _says(name: str, phrase: str) -> bool:
    """Whether a phrase occurs in a name as whole words; "fast" does not occur in "fast-plan"."""
    return re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", name, re.IGNORECASE) is not None


def spoken_features(effects: pd.DataFrame, scheme: FeatureScheme, *, minimum_effect: float) -> pd.DataFrame:
    """Return the features that a name may mention, one per group, in the order in which they are used.

    Columns: `feature`, `group`, `phrase`, and `is_leading`: whether the name mentions it even if a shorter name is
    free.
    """
    importance, is_leading = _leading(effects, scheme, minimum_effect)
    group = effects["feature"].map(lambda name: scheme.feature(name).group)
    is_level = group == scheme.level
    is_high = effects["effect"] > 0
    phrase = pd.Series(
        [
            scheme.feature(name).high if high else scheme.feature(name).low
            for name, high in zip(effects["feature"], is_high, strict=True)
        ],
        index=effects.index,
        dtype="object",
    )
    found = effects[["feature"]].assign(group=group, phrase=phrase, is_leading=is_leading, importance=importance)
    # Level words say more or less than most, which can be true of several clusters.
    is_said = (effects["effect"].abs() >= minimum_effect) & (is_level | (effects["standing"] >= MINIMUM_STANDING))
    is_said &= effects["contradicted"] <= MOST_CONTRADICTED
    found = found.assign(comes_first=is_leading & is_level)[is_said & found["phrase"].notna()]
    order = ["comes_first", "is_leading", "importance"]
    return found.sort_values(order, ascending=False, kind="stable").drop_duplicates("group")


def _leading(effects: pd.DataFrame, scheme: FeatureScheme, minimum_effect: float) -> tuple[pd.Series, pd.Series]:
    """Return the weighted effect of every feature, and whether it is strong enough that the name must mention it."""
    group = effects["feature"].map(lambda name: scheme.feature(name).group)
    importance = (effects["effect"].abs() * group.map(dict(scheme.weights))).round(6)
    is_level = group == scheme.level
    needed = np.where(is_level, 2 * minimum_effect, np.fmax(minimum_effect, importance[~is_level].max() / 2))
    return importance, (importance >= needed) & ~group.isin(scheme.quiet)


def _has_only_mobile(effects: pd.DataFrame) -> bool:
    share = effects.set_index("feature")["typical"].reindex(["has_mobile", "has_internet"])
    return bool(share["has_mobile"] >= MOBILE_SHARE and share["has_internet"] <= 1 - MOBILE_SHARE)


def unused(names: Sequence[str], taken: Collection[str]) -> str:
    """Return the first name that is not taken; if all are, the last one with a Roman numeral."""
    numbered = (f"{names[-1]} {numeral}" for numeral in NUMERALS)
    return next(name for name in (*names, *numbered) if name not in taken)


def _compose(words: dict[str, str], scheme: FeatureScheme, otherwise: str) -> str:
    ordered = [words.get(group, scheme.noun if group == scheme.noun_group else None) for group in scheme.word_order]
    name = " ".join(word for word in ordered if word)
    if not words:
        name = f"{otherwise} {name}"
    return name[0].upper() + name[1:]
