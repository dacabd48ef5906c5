"""How the observation window of endings is found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ObservationParameters:
    """How the observation window of endings is found, and when hazards can be learned at all.

    Attributes:
        significance: largest probability of finding a window in a complete history, over all months that it could
            begin with.
        most_rate_before: a stretch of months counts as not recorded only if customers end at less than this share of
            the rate at which similar customers end afterwards (and by more than chance at less than twice that
            share). It is not zero, because some customers who left before a purge have come back and are still on
            record.
        most_rate_within: the same share for a stretch between months whose endings are on record. It is lower, because
            there is a rate before the stretch too, and churn does fall for a time.
        most_rate_late: the same share for the last months, which are incomplete where endings are booked late.
        least_expected: smallest number of endings a stretch would have at the later rate for it to be judged.
        most_late_months: longest stretch at the end that may be incomplete.
        late_share: a month counts as complete once at most this share of its endings is still to be booked.
        least_endings: fewest endings within the window from which a hazard can be learned.
        most_in_one_month: largest share of endings in a single month from which a hazard can be learned; above it,
            the data tell who has left, not when.
        least_heap_share: first contracts that begin in one month count as a migration from this share of all
            customers on.
        least_heap_customers: first contracts that begin in one month count as a migration from this number of
            customers on.
        heap_to_usual: first contracts that begin in one month count as a migration from this multiple of a usual
            month after it on.
        most_before_heap: largest share of customers who may begin before a migration for it to count as one.
        tenure_at_migration: months that migrated customers are assumed to have been there on the migration date.
    """

    significance: float = 0.001
    most_rate_before: float = 0.25
    most_rate_within: float = 0.1
    most_rate_late: float = 0.5
    least_expected: float = 10.0
    most_late_months: int = 6
    late_share: float = 0.05
    least_endings: int = 3
    most_in_one_month: float = 0.8
    least_heap_share: float = 0.2
    least_heap_customers: int = 100
    heap_to_usual: float = 10.0
    most_before_heap: float = 0.02
    tenure_at_migration: int = 36

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        rates = ("most_rate_before", "most_rate_within", "most_rate_late")
        for name in ("significance", *rates, "late_share", "most_in_one_month"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, found {getattr(self, name)}")
        if self.least_expected <= 0:
            raise ValueError(f"least_expected must be positive, found {self.least_expected}")
        for name in ("least_heap_share", "most_before_heap"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, found {getattr(self, name)}")
        if not 0 <= self.tenure_at_migration <= 240:
            raise ValueError(f"tenure_at_migration must lie in 0..240, found {self.tenure_at_migration}")
        for name in ("least_endings", "most_late_months"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
