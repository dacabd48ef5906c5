"""One-line rules: who is in a cluster, expressed as a few thresholds on columns an analyst can query."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from models.clusters.feature_space import FeatureScheme
from models.feature_words import condition_words

Bounds = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Rule:
    """A condition over feature columns that is valid SQL, and how well it describes the cluster.

    `words` is the condition in words; `bounds` is the same condition as data: per column, at least and below.
    """

    text: str
    precision: float
    recall: float
    bounds: Bounds = field(default_factory=dict)
    words: str = "everybody"


EVERYBODY = Rule("true", 1.0, 1.0)
HARDLY_BETTER = 0.05
# Share of the members that a rule should find; with a lower recall it contradicts too many of them.
LEAST_RECALL = 0.8


def cluster_rule(
    frame: pd.DataFrame,
    member: np.ndarray,
    scheme: FeatureScheme,
    leading: Sequence[str] = (),
    *,
    depth: int = 3,
    random_state: int = 0,
) -> Rule:
    """Return the branch of a shallow decision tree that best describes the members (F1 among rules of enough recall).

    `frame` has one float column per feature in original units, `member` marks the rows of the cluster.
    `leading` names the features that the cluster is known by, most important first. A rule over the first of them
    alone, then over the first two and so on, is preferred to one over all features that is hardly better, so that the
    rule agrees with the name. Thresholds are rounded to three digits before precision and recall are measured, so both
    are those of the rule as printed. If there are enough rows, the tree learns on one half and is measured on the
    other.
    """
    if member.all():
        return EVERYBODY
    learning = np.arange(len(frame)) % 2 == 0
    judging = ~learning
    if min(member[learning].sum(), member[judging].sum(), (~member[learning]).sum()) < 25:
        learning = judging = np.ones(len(frame), dtype=bool)
    filled = frame.fillna(frame.median())
    found = []
    for columns in [*(list(leading[: count + 1]) for count in range(len(leading))), list(frame.columns)]:
        tree = DecisionTreeClassifier(
            max_depth=depth, class_weight="balanced", min_samples_leaf=5, random_state=random_state
        ).fit(filled.loc[learning, columns], member[learning])
        rules = [measure_rule(bounds, frame[judging], member[judging], scheme) for bounds in _branches(tree, columns)]
        found.append(max(rules, key=lambda rule: (_quality(rule), -len(rule.text), rule.text)))
    best = max(_quality(rule) for rule in found)
    return next(rule for rule in found if _quality(rule) >= best - HARDLY_BETTER)


def _quality(rule: Rule) -> float:
    """F1, plus 1 if recall is sufficient: no precision makes up for a rule that misses many members."""
    return _f1(rule) + float(rule.recall >= LEAST_RECALL)


def _f1(rule: Rule) -> float:
    total = rule.precision + rule.recall
    return 2 * rule.precision * rule.recall / total if total else 0.0


def _branches(tree: DecisionTreeClassifier, names: list[str]) -> list[Bounds]:
    """Return every node's interval (at least, below) per feature, inner nodes too: a shorter rule may be better."""
    nodes, found = tree.tree_, []

    def walk(node: int, bounds: Bounds) -> None:
        found.append(bounds)
        if nodes.children_left[node] < 0:
            return
        name, cut = names[nodes.feature[node]], float(f"{nodes.threshold[node]:.3g}")
        low, high = bounds.get(name, (-np.inf, np.inf))
        walk(nodes.children_left[node], {**bounds, name: (low, min(high, cut))})
        walk(nodes.children_right[node], {**bounds, name: (max(low, cut), high)})

    walk(0, {})
    return found[1:] or found


def measure_rule(bounds: Bounds, frame: pd.DataFrame, member: np.ndarray, scheme: FeatureScheme) -> Rule:
    """Write a condition, and measure on these rows how well it finds the members; null values never meet it."""
    caught = np.ones(len(frame), dtype=bool)
    parts, words = [], []
    for name, (low, high) in bounds.items():
        values = frame[name].to_numpy()
        caught &= ~np.isnan(values) & (values >= low) & (values < high)
        is_flag = scheme.feature(name).kind == "flag"
        words.append(condition_words(name, low, high, is_flag=is_flag))
        if is_flag:
            parts.append(name if low > 0 else f"not {name}")
            continue
        if low > -np.inf:
            parts.append(f"{name} >= {_plain(low)}")
        if high < np.inf:
            parts.append(f"{name} < {_plain(high)}")
    hits = float((caught & member).sum())
    precision = hits / caught.sum() if caught.any() else 0.0
    recall = hits / float(member.sum()) if member.any() else 0.0
    if not bounds:
        return Rule("true", float(precision), recall)
    return Rule(" and ".join(parts), float(precision), recall, bounds, ", ".join(words))


def _plain(number: float) -> str:
    return np.format_float_positional(number, trim="-")
