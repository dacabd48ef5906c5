"""How retention curves are fitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetentionParameters:
    """How retention curves are fitted.

    Attributes:
        min_churned: churn events that a cohort needs for a curve of its own; with fewer, only its level is its own.
        prior_churned: weight, in churn events, of the level of the group above a cohort: cohorts are assumed to
            differ in level by about 1 / sqrt(prior_churned).
        prior_churned_of_market: the same weight for a market under all customers. Markets differ by factors where
            segments of a market differ by shares: carriers may leave a fifth as often as consumers, and a weight of 2
            would override half of their few churn events. One half is the Jeffreys prior of a Poisson rate.
        prior_renewals: weight, in ended commitments, of the group above a cohort: of its renewal share, and of its
            hazard in the last month of a commitment.
        term_end_months: months after a commitment in which raised churn is looked for; 0 for none.
        first_spell_months: ``spell_months`` of a customer at the first month end of a spell. If the source counts
            from 1, a 0 here only shifts beta by one.
        published_months: tenures, in months, that ``curves_frame`` returns.
    """

    min_churned: int = 30
    prior_churned: float = 2.0
    prior_churned_of_market: float = 0.5
    prior_renewals: float = 10.0
    term_end_months: int = 2
    first_spell_months: int = 0
    published_months: int = 120

    def __post_init__(self) -> None:
        """Raise ValueError for parameters out of range."""
        if self.min_churned < 1:
            raise ValueError(f"min_churned must be at least 1, found {self.min_churned}")
        for name in ("prior_churned", "prior_churned_of_market", "prior_renewals"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        if self.term_end_months < 0:
            raise ValueError(f"term_end_months must not be negative, found {self.term_end_months}")
        if self.published_months < 1:
            raise ValueError(f"published_months must be at least 1, found {self.published_months}")
