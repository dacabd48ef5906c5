"""The settings of home businesses, in one typed object."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HomeBusinessParameters:
    """Everything that decides who works at home besides the data. Values go into the version's settings hash."""

    minimum_usage_days: int = 20
    """Days with usage in the last three months below which shares of traffic mean nothing."""
    minimum_businesses: int = 50
    """Small businesses with enough usage, below which nothing is learned and nobody is scored."""
    minimum_consumers: int = 500
    """Consumers with enough usage, below which nobody is scored."""
    daypart_coverage: float = 0.8
    """Share of customers whose business hours must be known for them to be used."""
    largest_error: float = 0.15
    """Standard error of the number of nanobusinesses, in units of itself, above which nobody has a probability."""
    largest_error_by_contracts: float = 0.10
    """The same where small-business contracts stand in for marks of consumers, which supposes more."""
    least_likeness: float = 0.8
    """Without tax numbers: area under the curve by which likeness to small businesses must tell nanobusinesses."""
    nanobusiness_threshold: float = 0.5
    """Probability from which a customer is called a nanobusiness; under one half most who are called so are none."""
    minimum_provided_lines: int = 40
    """Lines that an employer provides, below which there is no probability of a home worker."""
    pure_share: float = 0.5
    """Part of those lines, the likest, among whose likes everybody is taken to work at home."""
    home_worker_threshold: float = 0.5
    """Probability of work at home without a business from which a customer is called a home worker."""
    home_worker_weekend_ratio: float = 0.70
    """Without a probability: who works at home has at most this share of a weekday's bytes on a day of the weekend."""
    home_worker_business_hours_share: float = 0.35
    """Without a probability: who works at home has at least this share of bytes in business hours, where known."""
    reason_strength: float = 0.5
    """Least log likelihood ratio at which something is given as a reason."""
    folds: int = 5
    """Parts that the learning is checked on in turn."""
    fit_sample: int = 50_000
    """Customers that are learned from; all others are scored."""
    random_state: int = 0
    """Seed of what is drawn at random."""
