"""The parameters of a clustering of any rows, in one typed object."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterParameters:
    """When a cluster is believed, and how much is computed to find out."""

    largest_k: int = 8
    """Largest number of clusters that k-means tries; one cluster is always a possible answer."""
    mixture_largest_k: int = 14
    """Largest number of clusters of a Gaussian mixture."""
    minimum_customers: int = 50
    """Fewer rows than this are one cluster."""
    minimum_share: float = 0.02
    """Smaller clusters are dissolved into `mixed`."""
    prediction_strength_threshold: float = 0.8
    """Tibshirani & Walther (2005): take the largest k that reaches it."""
    mixture_strength_threshold: float = 0.65
    """The same threshold for a mixture, whose clusters must all have gaps between them. It is reached if the worst
    cluster keeps about 4 of 5 members together; two halves of the customers draw the border of a wide cluster a
    little differently."""
    separation_threshold: float = 0.1
    """Smallest depth of the gap between neighboring clusters; a single cloud cut in two has less than 0.07."""
    strength_margin: float = 0.4
    """If clusters overlap without a gap: how much prediction strength must exceed that of the same values with the
    dependence between their directions removed."""
    jaccard_threshold: float = 0.75
    """Hennig (2007): clusters that come back less well in resamples are dissolved into `mixed`."""
    maximum_mixed_share: float = 0.2
    """A solution that would leave a larger share of customers in `mixed` is rejected."""
    evidence_sample: int = 1_500
    """Rows on which the evidence for k-means is gathered."""
    mixture_sample: int = 5_000
    """Rows on which a mixture is fitted and judged; a shape per component takes more rows than a center."""
    resamples: int = 8
    """Bootstrap resamples behind each Jaccard similarity."""
    splits: int = 3
    """Random halvings behind each prediction strength."""
    mini_batch_rows: int = 50_000
    """Rows beyond which k-means learns from mini-batches (Sculley 2010)."""
    random_state: int = 0
    """Seed of all random draws."""
