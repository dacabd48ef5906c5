"""How the observation window of endings is found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ObservationParameters:
    """How the observation window of endings is found, and when hazards can be learned at all.

    Attributes:
        significance: chance at most to find a window in a complete history, over all months that it could begin with.
        most_rate_before: a stretch of months counts as not recorded only where customers end at less than this share
            of the rate that alike customers end at afterwards (and by more than chance at less than twice that). Not
            zero: of the customers who left before a purge, those who came back are still there.
        most_rate_within: likewise of a stretch between months whose endings are on record; lower, for there is a rate
            before it too, and churn does fall for a time.
        most_rate_late: likewise of the last months, which are incomplete where endings are booked late.
        least_expected: endings that a stretch would have had at the later rate, below which nothing is said of it.
        most_late_months: the longest stretch at the end that may be incomplete.
        late_share: a month counts as complete once at most this share of its endings is still to be booked.
        least_endings: below so many endings within the window no hazard can be learned.
        most_in_one_month: likewise where more than this share of the endings fall in a single month: then the data
            tell who has left, not when.
        least_heap_share, least_heap_customers, heap_to_usual, most_before_heap: customers whose first contracts begin
            in one month are a heap, as a migration leaves it, where they are at least so large a share of all, so many,
            and so many times a usual month after it, while at most so small a share begins before.
        tenure_at_migration: months that the customers of a heap are taken to have been there when it began.
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
