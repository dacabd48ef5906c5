"""The settings of home businesses, in one typed object."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HomeBusinessParameters:
    """Everything except the data that decides who works at home. The values are part of the version's settings hash."""

    minimum_usage_days: int = 20
    """Fewest days with usage in the last three months for shares of traffic to be used."""
    minimum_businesses: int = 50
    """Fewest small businesses with enough usage to learn from; with fewer, nobody is scored."""
    minimum_consumers: int = 500
    """Fewest consumers with enough usage; with fewer, nobody is scored."""
    daypart_coverage: float = 0.8
    """Share of customers whose business-hours usage must be known for it to be used."""
    largest_error: float = 0.15
    """Largest relative standard error of the number of nanobusinesses; above it, nobody gets a probability."""
    largest_error_by_contracts: float = 0.10
    """The same if small-business contracts replace marks of consumers, which assumes more."""
    least_likeness: float = 0.8
    """Without tax numbers: smallest area under the curve with which similarity to small businesses must identify
    nanobusinesses."""
    nanobusiness_threshold: float = 0.5
    """Probability from which a customer is labeled a nanobusiness; below one half, most labels would be wrong."""
    minimum_provided_lines: int = 40
    """Fewest employer-provided lines for which home workers get a probability."""
    pure_share: float = 0.5
    """Share of those lines, the most typical ones, around which all similar customers are assumed to work at home."""
    home_worker_threshold: float = 0.5
    """Probability from which a customer is labeled a home worker."""
    home_worker_weekend_ratio: float = 0.70
    """Without a probability: largest ratio of a weekend day's bytes to a weekday's for suspected work at home."""
    home_worker_business_hours_share: float = 0.35
    """Without a probability: smallest share of bytes in business hours, if known, for suspected work at home."""
    reason_strength: float = 0.5
    """Smallest log likelihood ratio that counts as a reason."""
    folds: int = 5
    """Cross-validation folds."""
    fit_sample: int = 50_000
    """Largest number of customers to learn from; all others are scored."""
    random_state: int = 0
    """Seed of all random draws."""
