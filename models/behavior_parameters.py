"""The settings of behavioral clustering, in one typed object."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BehaviorParameters:
    """Everything that decides a clustering besides the data. Values go into the version's settings hash."""

    largest_k: int = 8
    """Most clusters tried; one cluster is always among the answers."""
    minimum_history_months: int = 3
    """Months of usage history (of tenure, where no usage is recorded) before a customer gets a cluster."""
    minimum_usage_days: int = 10
    """Days with usage in the last three months below which shares of the day mean nothing."""
    minimum_usage_coverage: float = 0.5
    """Share of the open internet customers that must have usage for usage to be what is clustered."""
    minimum_customers: int = 50
    """Measured customers below which no structure is looked for: they are one cluster."""
    minimum_share: float = 0.02
    """Smaller clusters are dissolved into `mixed`."""
    prediction_strength_threshold: float = 0.8
    """Tibshirani & Walther (2005): take the largest k that reaches it."""
    separation_threshold: float = 0.1
    """Least depth of the gap between neighbouring clusters; a single cloud cut in two shows under 0.07."""
    strength_margin: float = 0.4
    """Where clusters overlap and leave no gap: by how much prediction strength must beat that of the same
    values with the dependence between their directions removed."""
    jaccard_threshold: float = 0.75
    """Hennig (2007): clusters that come back less well in resamples are dissolved into `mixed`."""
    maximum_mixed_share: float = 0.2
    """A k that would leave more customers than this in `mixed` is refused."""
    match_threshold: float = 0.5
    """Least Jaccard similarity of members at which a cluster keeps its id from the previous version."""
    name_effect: float = 0.5
    """Least standardised difference from everybody else that a name may speak of."""
    fit_sample: int = 20_000
    evidence_sample: int = 1_500
    resamples: int = 8
    splits: int = 3
    random_state: int = 0
