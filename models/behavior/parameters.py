"""The settings of behavioral clustering, in one typed object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.clusters.parameters import ClusterParameters


@dataclass(frozen=True)
class BehaviorParameters(ClusterParameters):
    """Everything that decides a clustering besides the data. Values go into the version's settings hash."""

    basis: Literal["auto", "usage", "calls", "billing", "needs"] = "auto"
    """What is clustered: `auto` takes usage where enough have it, calls where far more have those, else billing;
    `needs` is for the mid-band."""
    minimum_history_months: int = 3
    """Months of usage or calls on record (of tenure, where neither is) before a customer gets a cluster."""
    minimum_usage_days: int = 10
    """Days with usage in the last three months below which shares of the day mean nothing."""
    minimum_usage_coverage: float = 0.5
    """Share of the open customers with internet (with mobile or fixed voice) that must have usage (calls) for it to be
    what is clustered."""
    attributes: Mapping[str, Literal["number"] | list[str]] = field(default_factory=dict)
    """Attributes of the source table `customer_attributes` that are features, by name: `number`, or the texts that are
    told apart, as in `risk_class: [low, high]`. All others are in the profiles alone."""
    attribute_weight: float = 0.3
    """Weight of those attributes together, where what decides most has 1."""
    fit_sample: int = 20_000
    """Customers that a model is fitted on; all others are scored."""
    match_threshold: float = 0.5
    """Least Jaccard similarity of members at which a cluster keeps its id from the previous version."""
    name_effect: float = 0.5
    """Least standardised difference from everybody else that a name may speak of."""
    drift_watch: float = 0.1
    """Population stability index of a feature from which drift is watched."""
    drift_act: float = 0.25
    """Population stability index of a feature at which the model is fitted again."""
    refit_months: int = 12
    """Months after which a challenger is fitted even where nothing has drifted."""
    challenger_agreement: float = 0.95
    """Adjusted Rand index with the champion at which an equally old challenger is not worth the change."""
    outcome_months: int = 3
    """Months after which later churn and margin of the clusters are looked at."""
