"""Settings of plan fit: the usage from which a plan is too small or too large."""

from pydantic import Field, model_validator

from orchestration.settings.sources import Section, Share


class PlanFitSettings(Section):
    """When a plan is too small, too large or too expensive for the usage of its contract."""

    months: int = Field(6, ge=1, le=24, description="months of usage to look at")
    least_months: int = Field(3, ge=1, description="fewest whole months of usage; with fewer, the fit is unknown")
    least_days_of_month: int = Field(25, ge=1, le=31, description="fewest days of usage of a whole month")
    pressed_cap_share: Share = Field(
        0.8, description="share of the data volume from which a month counts as under pressure"
    )
    pressed_rate_share: Share = Field(
        0.9, description="share of the line rate from which a month counts as under pressure"
    )
    pressed_rate_hours: float = Field(
        10, ge=0, description="hours at the full line rate that the traffic of such a month must be worth"
    )
    pressed_months_share: Share = Field(0.5, description="share of months under pressure from which the contract is")
    unused_cap_share: Share = Field(
        0.25, description="overbought if no month uses more than this share of the data volume"
    )
    unused_rate_share: Share = Field(
        0.3, description="overbought if no peak uses more than this share of the line rate"
    )
    least_peers: int = Field(10, ge=2, description="fewest contracts with similar usage to compare fees with")
    overpaid_share: Share = Field(
        0.2, description="overpaying if the fee exceeds the median fee for similar usage by more than this share"
    )
    headroom: float = Field(0.2, ge=0, description="share by which a recommended plan must exceed the highest usage")
    upgrade_hazard_reduction: Share = Field(0.1, description="share of the churn that an upgrade prevents")
    downgrade_hazard_reduction: Share = Field(0.3, description="share of the churn that a downgrade prevents")

    @model_validator(mode="after")
    def _looks_at_enough(self) -> "PlanFitSettings":
        if self.least_months > self.months:
            raise ValueError("least_months must not exceed months")
        return self
