"""How predicted value is measured against actual figures."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BacktestParameters:
    """How the backtest is made.

    Attributes:
        cutoffs: past as-of dates to predict from; a verdict needs all of them.
        horizons_months: horizons over which predicted margin and churn are compared.
        min_history_months: months with a known outcome that a cut-off needs before it.
        sample_customers: largest number of customers compared at a cut-off, the same ones each time.
        min_z_score: standard errors by which another forecast must be better before a model steps back for it; 1.645
            is a one-sided 5%.
        when_failed: what happens if the backtest contradicts the values: ``warn`` publishes them and says so wherever
            they are shown, ``block`` does not publish them.
        most_factor: largest factor by which predicted churn or margin may be above or below the actual figure.
        most_coverage_gap: largest distance between the share of customers within their interval and the intended
            share.
    """

    cutoffs: int = 3
    horizons_months: tuple[int, ...] = (6, 12)
    min_history_months: int = 5
    sample_customers: int = 50_000
    min_z_score: float = 1.645
    when_failed: Literal["warn", "block"] = "warn"
    most_factor: float = 1.5
    most_coverage_gap: float = 0.2

    def months_to_judge(self, history_months: int) -> int:
        """Months in the books from which on a model that needs so many behind it is there at every cut-off.

        Of the shortest horizon and in any month of a quarter: cut-offs are quarter ends, and where the window moves on,
        the first month learned from is one too.
        """
        quarters = -(-history_months // 3)
        return 3 * (quarters + self.cutoffs) + min(self.horizons_months)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("cutoffs", "min_history_months", "sample_customers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if not self.horizons_months or any(not 1 <= months <= 120 for months in self.horizons_months):
            raise ValueError(f"horizons_months must lie in 1..120 and not be empty, found {self.horizons_months}")
        if self.min_z_score < 0:
            raise ValueError(f"min_z_score must not be negative, found {self.min_z_score}")
        if self.when_failed not in ("warn", "block"):
            raise ValueError(f"when_failed must be 'warn' or 'block', found {self.when_failed!r}")
        if self.most_factor <= 1:
            raise ValueError(f"most_factor must be above 1, found {self.most_factor}")
        if not 0 < self.most_coverage_gap < 1:
            raise ValueError(f"most_coverage_gap must lie between 0 and 1, found {self.most_coverage_gap}")
