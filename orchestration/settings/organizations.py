"""Settings of the needs of organizations: the operator's products, and who sells and serves by which channel."""

from typing import Annotated

from pydantic import Field, model_validator

from orchestration.settings.sources import Section, Share

_CHANNELS = {
    "portal": ["portal", "online", "web", "website", "app", "self_service", "digital"],
    "contact_center": ["phone", "call", "call_center", "contact_center", "telesales", "chat", "email"],
    "partner": ["partner", "reseller", "agent", "wholesale", "dealer"],
    "direct_sales": ["direct", "direct_sales", "sales", "field", "field_sales", "account_manager", "key_account"],
}


class OrganizationSettings(Section):
    """Needs of organizations: products that show them, and whom organizations are compared with."""

    filtering_products: list[str] = Field(
        default_factory=list, description="product codes of content filtering; if empty, it is unknown who has it"
    )
    support_products: list[str] = Field(
        default_factory=list, description="product codes of dedicated support; if empty, it is unknown who has it"
    )
    agreed_uptime: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict, description="share of the time that a product must be in service, by product code"
    )
    channels: dict[str, list[str]] = Field(
        default_factory=lambda: {name: list(words) for name, words in _CHANNELS.items()},
        description="words of sales_channel and preferred_channel, in lower case, by the channel that they mean",
    )
    tender_segments: list[str] = Field(
        default_factory=lambda: ["government", "education"], description="market segments that buy by tender"
    )
    tender_opens_months: int = Field(
        12, ge=1, le=60, description="months before the end of the commitment from which a tender may run"
    )
    tender_closes_months: int = Field(
        6, ge=0, le=60, description="months before the end of the commitment from which it is too late for a tender"
    )
    least_look_alikes: int = Field(10, ge=2, description="fewest look-alikes for which lacking products are published")
    lacking_share: Share = Field(
        0.5, description="share of look-alikes that hold a product from which its absence is a gap"
    )
    least_tagged: int = Field(
        20, ge=2, description="fewest customers with a tag to compare it with clusters or name a cluster by it"
    )
    naming_agreement: Share = Field(
        0.65, description="adjusted Rand index between a tag and the clusters from which the tag names them"
    )
    naming_share: Share = Field(
        0.6, description="share of a cluster's tagged customers who must have a value for it to name the cluster"
    )

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "OrganizationSettings":
        if self.tender_closes_months >= self.tender_opens_months:
            raise ValueError("tender_closes_months must be less than tender_opens_months")
        return self
