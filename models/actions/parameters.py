"""Parameters of arbitration and of results."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ArbitrationParameters:
    """How one action per customer and day is chosen, and who is held out.

    Attributes:
        holdout_key: key of the random draws; another key draws other customers.
        global_holdout_share: share of contact units (households, groups, or single customers) that never get an
            action.
        offer_control_share: share of the others held out from each offer.
        exploration_share: share of units and days for which one of the permitted actions is drawn at random, so that
            offers with a low expected uptake are tried too.
        monthly_discount_rate: monthly rate at which later margin is discounted.
    """

    holdout_key: str = "isp-segmentation"
    global_holdout_share: float = 0.02
    offer_control_share: float = 0.1
    exploration_share: float = 0.05
    monthly_discount_rate: float = 0.007

    def __post_init__(self) -> None:
        """Raise ValueError for a share outside [0, 1) or an empty key."""
        for name in ("global_holdout_share", "offer_control_share", "exploration_share", "monthly_discount_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1, found {getattr(self, name)}")
        if not self.holdout_key:
            raise ValueError("holdout_key must not be empty")


@dataclass(frozen=True)
class ResultParameters:
    """How results are read.

    Attributes:
        interval: probability that the interval of a single reading covers the uplift.
        error: probability of ever calling an offer without effect effective or harmful, however often results are
            read.
        power: probability of detecting the target uplift with the stated sample size.
        target_uplift: uplift, in share of customers, for which the sample size is computed.
        segment_weight: weight of the offer's overall uptake in a segment's estimate, in contacts.
        late_response_days: days to wait for late responses; an action is counted earlier if later responses are there.
    """

    interval: float = 0.8
    error: float = 0.05
    power: float = 0.8
    target_uplift: float = 0.02
    segment_weight: float = 50.0
    late_response_days: int = 7

    def __post_init__(self) -> None:
        """Raise ValueError for a probability outside (0, 1) or a weight that is not positive."""
        for name in ("interval", "error", "power", "target_uplift"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1, found {getattr(self, name)}")
        if self.segment_weight <= 0:
            raise ValueError(f"segment_weight must be above 0, found {self.segment_weight}")
        if self.late_response_days < 0:
            raise ValueError(f"late_response_days must be at least 0, found {self.late_response_days}")
