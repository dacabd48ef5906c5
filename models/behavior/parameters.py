"""The settings of behavioral clustering, in one typed object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.clusters.parameters import ClusterParameters


@dataclass(frozen=True)
class BehaviorParameters(ClusterParameters):
    """Everything that decides a clustering besides the data. Values go into the version's settings hash."""

    basis: Literal["auto", "usage", "calls", "billing", "needs"] = "auto"
    """What is clustered: `auto` uses usage if enough customers have it, calls if far more have those, and billing
    otherwise; `needs` is for mid-size companies."""
    minimum_history_months: int = 3
    """Months of usage or calls on record (of tenure, if there are neither) before a customer gets a cluster."""
    minimum_usage_days: int = 10
    """Fewest days with usage in the last three months for shares of the day to be used."""
    minimum_usage_coverage: float = 0.5
    """Share of the open internet customers (mobile or fixed-voice customers) who must have usage (calls) for it to be
    clustered."""
    attributes: Mapping[str, Literal["number"] | list[str]] = field(default_factory=dict)
    """Attributes of the source table `customer_attributes` that are features, by name: `number`, or the list of texts
    to distinguish, as in `risk_class: [low, high]`. All others appear only in the profiles."""
    attribute_weight: float = 0.3
    """Joint weight of those attributes; the strongest group of features has 1."""
    fit_sample: int = 20_000
    """Largest number of customers to fit a model on; all others are scored."""
    match_threshold: float = 0.5
    """Least Jaccard similarity of members at which a cluster keeps its id from the previous version."""
    name_effect: float = 0.5
    """Smallest standardized difference from all other customers that a name may mention."""
    drift_watch: float = 0.1
    """Population stability index of a feature from which drift is watched."""
    drift_act: float = 0.25
    """Population stability index of a feature at which the model is fitted again."""
    refit_months: int = 12
    """Months after which a challenger is fitted even without drift."""
    challenger_agreement: float = 0.95
    """Adjusted Rand index with an aged champion from which a challenger is not worth the change."""
    outcome_months: int = 3
    """Months after which later churn and margin of the clusters are measured."""
