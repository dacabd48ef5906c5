"""Names for clusters, made from what sets each one apart, never from its number."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from models.behavior_features import FEATURE_BY_NAME, HeavyTail, LogitShare

# What a name says of a feature that is high, and of one that is low; None where that is not worth a word.
VOCABULARY: dict[str, tuple[str | None, str | None]] = {
    "gb_month_3m": ("heavy", "light"),
    "peak_mbps_3m": ("fast", "slow"),
    "sessions_day_3m": ("often online", "seldom online"),
    "devices_3m": ("many-device", "few-device"),
    "cap_use_1m": ("cap-filling", None),
    "upload_share_3m": ("uploaders", "downloaders"),
    "business_hours_share_3m": ("daytime", None),
    "evening_share_3m": ("evening", None),
    "night_share_3m": ("night", None),
    "weekend_share_3m": ("weekend", "weekday"),
    "usage_volatility_3m": ("irregular", "steady"),
    "usage_trend": ("growing", "fading"),
    "has_autopay": ("autopay", "manual-paying"),
    "late_share_12m": ("late-paying", "punctual"),
    "mean_days_late_12m": ("late-paying", "punctual"),
    "failed_payments_12m": ("payment-failing", None),
    "contacts_3m": ("often calling", None),
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
# The order of words in a name; a group gives at most one word.
WORD_ORDER = ["level", "rhythm", "fee", "payment", "care", "week", "daypart", "direction", "products", "commitment"]
SHORTEST_NAME, LONGEST_NAME = 3, 6
MINIMUM_STANDING = 0.5
LEADING = "gb_month_3m"
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
    """Return a name from the strongest effects that is not `taken`: "Heavy evening downloaders".

    How much traffic comes first; then effects count by the weight that the model gives their group. Those under
    `minimum_effect` are not spoken of, nor those of which another cluster has more than twice as much: where
    there are night owls, users with a little more night traffic than most are not "night users". The name
    starts from three words and grows until it is unique. Clusters that share every word get Roman numerals.
    """
    weight = effects["feature"].map(lambda name: weights[FEATURE_BY_NAME[name].group])
    importance = (effects["effect"].abs() * weight).round(6).where(effects["feature"] != LEADING, np.inf)
    order = importance.sort_values(ascending=False, kind="stable").index
    words: dict[str, str] = {}
    for feature, effect, standing in effects.loc[order, ["feature", "effect", "standing"]].to_numpy():
        phrase = VOCABULARY[feature][0 if effect > 0 else 1]
        if abs(effect) >= minimum_effect and standing >= MINIMUM_STANDING and phrase:
            words.setdefault(FEATURE_BY_NAME[feature].group, phrase)
    names = [_compose(dict(list(words.items())[:count]), noun) for count in range(SHORTEST_NAME, LONGEST_NAME + 1)]
    return unused(names, taken)


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
