"""Names for clusters, made from what sets each one apart, never from its number."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from models.behavior_features import FEATURE_BY_NAME, HeavyTail, LogitShare

# What a name says of a feature that is high, and of one that is low; None where that is not worth a word.
VOCABULARY: dict[str, tuple[str | None, str | None]] = {
    "gb_month_3m": ("heavy", "light"),
    "peak_mbps_3m": ("fast", "slow"),
    "sessions_day_3m": ("often-online", "rarely-online"),
    "devices_3m": ("many-device", "few-device"),
    "cap_use_1m": ("cap-filling", None),
    "upload_share_3m": ("uploaders", None),
    "business_hours_share_3m": ("daytime", None),
    "evening_share_3m": ("evening", None),
    "night_share_3m": ("night-time", None),
    "weekend_share_3m": ("weekend", "weekday"),
    "usage_volatility_3m": ("irregular", "steady"),
    "usage_trend": ("growing", "fading"),
    "has_autopay": ("autopay", "manual-paying"),
    "late_share_12m": ("late-paying", "punctual"),
    "mean_days_late_12m": ("late-paying", "punctual"),
    "failed_payments_12m": ("payment-failing", None),
    "contacts_3m": ("often-calling", None),
    "complaints_3m": ("complaining", None),
    "product_families": ("with many products", "with few products"),
    "has_internet": ("with internet", "without internet"),
    "has_tv": ("with TV", "without TV"),
    "has_fixed_voice": ("with fixed voice", "without fixed voice"),
    "has_mobile": ("with mobile", "without mobile"),
    "has_cloud": ("with cloud", "without cloud"),
    "has_security": ("with security", "without security"),
    "monthly_fee": ("high-fee", "low-fee"),
    "download_mbps": ("fast-plan", "slow-plan"),
    "usage_revenue_3m_mean": ("extra-usage", None),
    "term_months": ("on long terms", "without a term"),
}
ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
MOBILE_ONLY, MOBILE_SHARE = "mobile-only", 0.95
# The order of words in a name; a group gives at most one word, and "access" is who has nothing but mobile.
WORD_ORDER = [
    *("level", "access", "rhythm", "equipment", "fee", "payment", "care", "week", "daypart"),
    *("direction", "products", "commitment"),
]
SHORT_NAME, LONGEST_NAME = 2, 6
MINIMUM_STANDING = 0.5
LEVEL = "level"
# Words that hardly help anybody to picture a customer: only for telling two names apart.
QUIET = ("equipment", "rhythm")
TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "amount": lambda values: HeavyTail().fit_transform(values),
    "share": lambda values: LogitShare().fit_transform(values),
    "flag": np.asarray,
}
NUMERALS = [f"{tens}{ones}" for tens in ("", "X", "XX") for ones in ROMAN][2:]


def effect_sizes(frame: pd.DataFrame, labels: np.ndarray) -> dict[int, pd.DataFrame]:
    """What sets each cluster apart from everybody else, strongest first.

    `frame` has one float column per feature in original units, `labels` one label per row (negative: mixed).

    Returns
    -------
    For every label a frame with `feature`; `effect`, Cohen's d on the transformed scale (log of amounts, log odds
    of shares): difference of means / pooled standard deviation; `typical` and `typical_rest`, medians in
    original units, for flags the share that has it; and `standing`, the cluster's distance from the overall mean
    as a share of that of the cluster which is furthest out on the same side.
    """
    rows: dict[int, list[tuple[str, float, float, float, float]]] = {
        int(label): [] for label in np.unique(labels[labels >= 0])
    }
    for name in frame.columns:
        kind, values = FEATURE_BY_NAME[name].kind, frame[name].to_numpy()
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
            # A flag that every member has and nobody else would divide by nothing: the effect is capped at 10.
            distance = scaled[inside].mean() - scaled[outside].mean()
            effect = float(np.clip(distance / max(np.sqrt(sum(spread)), 1e-9), -10, 10))
            furthest = max(abs(other) for other in offset.values() if other * out >= 0)
            middle = np.mean if kind == "flag" else np.median
            typical, rest = float(middle(values[inside])), float(middle(values[outside]))
            rows[label].append((name, effect, typical, rest, abs(out) / furthest if furthest else 0.0))
    return {label: _strongest_first(found) for label, found in rows.items()}


def _strongest_first(rows: list[tuple[str, float, float, float, float]]) -> pd.DataFrame:
    effects = pd.DataFrame(rows, columns=["feature", "effect", "typical", "typical_rest", "standing"])
    order = effects["effect"].abs().round(6).sort_values(ascending=False, kind="stable").index
    return effects.loc[order].reset_index(drop=True)


def name_cluster(
    effects: pd.DataFrame,
    weights: Mapping[str, float],
    *,
    minimum_effect: float,
    noun: str,
    taken: Collection[str] = (),
) -> str:
    """Return a short name from the strongest effects that is not `taken`: "Heavy evening users".

    Effects count by the weight that the model gives their group. A name starts from the one or two that reach
    `minimum_effect` so weighted and are at least half as strong as the strongest. How much traffic comes first,
    where its effect is twice `minimum_effect`; customers who have mobile but no internet are "mobile-only" instead.
    Nothing is said of which another cluster has more than twice as much: where there are night owls, users with a
    little more night traffic than most are not "night-time users". A name that is taken grows by the next
    strongest words; clusters that share every word get Roman numerals.
    """
    spoken = spoken_features(effects, weights, minimum_effect=minimum_effect)
    words = dict(zip(spoken["group"], spoken["phrase"], strict=True))
    leading = int(spoken["is_leading"].sum())
    if _has_only_mobile(effects):
        words.pop("products", None)
        words, leading = {"access": MOBILE_ONLY, **words}, 1
    counts = range(min(leading, SHORT_NAME), LONGEST_NAME + 1)
    return unused([_compose(dict(list(words.items())[:count]), noun) for count in counts], taken)


def spoken_features(effects: pd.DataFrame, weights: Mapping[str, float], *, minimum_effect: float) -> pd.DataFrame:
    """Return the features that a name may speak of, one a group, in the order in which it takes them up.

    Columns: `feature`, `group`, `phrase`, and `is_leading`: whether a name speaks of it even where it is not taken.
    """
    group = effects["feature"].map(lambda name: FEATURE_BY_NAME[name].group)
    importance = (effects["effect"].abs() * group.map(weights)).round(6)
    is_level = group == LEVEL
    needed = np.where(is_level, 2 * minimum_effect, np.fmax(minimum_effect, importance[~is_level].max() / 2))
    is_leading = (importance >= needed) & ~group.isin(QUIET)
    is_high = effects["effect"] > 0
    phrase = pd.Series(
        [VOCABULARY[name][0 if high else 1] for name, high in zip(effects["feature"], is_high, strict=True)],
        index=effects.index,
        dtype="object",
    )
    found = effects[["feature"]].assign(group=group, phrase=phrase, is_leading=is_leading, importance=importance)
    # Level words say more or less than most, which several clusters may be.
    is_said = (effects["effect"].abs() >= minimum_effect) & (is_level | (effects["standing"] >= MINIMUM_STANDING))
    found = found.assign(comes_first=is_leading & is_level)[is_said & found["phrase"].notna()]
    order = ["comes_first", "is_leading", "importance"]
    return found.sort_values(order, ascending=False, kind="stable").drop_duplicates("group")


def _has_only_mobile(effects: pd.DataFrame) -> bool:
    share = effects.set_index("feature")["typical"].reindex(["has_mobile", "has_internet"])
    return bool(share["has_mobile"] >= MOBILE_SHARE and share["has_internet"] <= 1 - MOBILE_SHARE)


def unused(names: Sequence[str], taken: Collection[str]) -> str:
    """Return the first name that is not taken, the last of them with a Roman numeral if all are."""
    numbered = (f"{names[-1]} {numeral}" for numeral in NUMERALS)
    return next(name for name in (*names, *numbered) if name not in taken)


def _compose(words: dict[str, str], noun: str) -> str:
    ordered = [words.get(group, noun if group == "direction" else None) for group in WORD_ORDER]
    name = " ".join(word for word in ordered if word)
    if not words:
        name = f"typical {name}"
    return name[0].upper() + name[1:]
