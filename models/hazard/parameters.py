"""How the hazard model with covariates is fitted, judged and joined with the cohorts' curves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HazardParameters:
    """How the hazard model is fitted.

    Attributes:
        training_months: month ends before the as-of date to learn from. With fewer than 27, the earliest of the
            backtest's three cut-offs has less than ``min_history_months`` of history, and the model is never judged.
        near_months: coming months that the model predicts; after them the cohort's curve takes over.
        half_life_months: months after which half of a customer's distance from its cohort, in log-odds, is left.
        held_out_months: latest months, held out from fitting, on which the model is calibrated and judged.
        min_history_months: months with a known outcome needed to fit at all.
        min_churned: churn events needed in the training months, and half as many in the held-out months.
        min_z_score: standard errors by which the model's log loss must be lower than that of the cohort curves on the
            held-out months, compared in pairs, before it is used; 1.645 is a one-sided 5%.
        sample_rows: largest number of customer-months to fit on; each is used about twice, one month ahead and later.
        max_iterations: iterations of the gradient boosting.
        learning_rate: learning rate of the gradient boosting.
        leaves: leaves per tree of the gradient boosting.
        min_samples_leaf: smallest leaf of the gradient boosting, in rows.
        reasons: largest number of churn reasons per customer.
        min_reason_log_odds: smallest contribution to the log-odds of leaving next month that counts as a reason; 0.2
            raises a small probability by about a fifth.
        random_state: seed of all random draws.
    """

    training_months: int = 27
    near_months: int = 12
    half_life_months: float = 36.0
    held_out_months: int = 6
    min_history_months: int = 12
    min_churned: int = 100
    min_z_score: float = 1.645
    sample_rows: int = 100_000
    max_iterations: int = 150
    learning_rate: float = 0.08
    leaves: int = 15
    min_samples_leaf: int = 50
    reasons: int = 3
    min_reason_log_odds: float = 0.2
    random_state: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for parameters out of range."""
        at_least_one = ("near_months", "held_out_months", "min_churned", "max_iterations", "min_samples_leaf")
        for name in at_least_one:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if not self.held_out_months < self.min_history_months <= self.training_months <= 600:
            raise ValueError(
                "held_out_months < min_history_months <= training_months <= 600 must hold, found"
                f" {self.held_out_months}, {self.min_history_months} and {self.training_months}"
            )
        if self.half_life_months <= 0 or self.learning_rate <= 0:
            raise ValueError(
                "half_life_months and learning_rate must be positive, found"
                f" {self.half_life_months} and {self.learning_rate}"
            )
        if self.leaves < 2 or self.sample_rows < 1_000:
            raise ValueError(
                f"leaves must be at least 2 and sample_rows at least 1000, found {self.leaves} and {self.sample_rows}"
            )
        if self.reasons < 0 or self.min_reason_log_odds < 0 or self.min_z_score < 0:
            raise ValueError(
                "reasons, min_reason_log_odds and min_z_score must not be negative, found"
                f" {self.reasons}, {self.min_reason_log_odds} and {self.min_z_score}"
            )
