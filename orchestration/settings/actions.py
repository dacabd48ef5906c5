"""Settings of actions: the facts of a day, triggers, offers, who may be contacted, and who is held out.

Triggers, offers and guards are data. Their conditions are SQL over the columns of ``features.customer_days``, one row
per customer and day; ``shipped_actions.yaml`` contains those that come with the project. A settings file lists only
what it adds or changes: ``triggers: {cap_80: {enabled: false}}`` turns one off and keeps the rest.
"""

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, field_validator, model_validator

from models.actions.parameters import ArbitrationParameters, ResultParameters
from orchestration.settings.sources import Section, Share
from orchestration.settings.webhooks import WebhookSettings

SHIPPED = Path(__file__).with_name("shipped_actions.yaml")
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _as_text(value: Any) -> Any:
    """Turn a YAML number or boolean into the SQL it stands for."""
    return str(value).lower() if isinstance(value, int | float) else value


Sql = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Kind = Literal["service", "retention", "win_back", "upsell", "cross_sell", "downgrade", "price_notice"]
SourceTable = Literal[
    "usage", "usage_or_calls", "invoices", "payments", "interactions", "service_quality", "balances", "price_changes"
]


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, Any]] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return document


class Trigger(Section):
    """An occasion to act, found in the facts of a day."""

    when: Sql = Field(description="SQL condition over the facts of a customer and day")
    period: Sql = Field(
        description="SQL expression for the period, such as a due date or a month; the trigger fires once per "
        "customer and period"
    )
    because: Annotated[str, Field(min_length=1)] = Field(description="published reason")
    priority: int = Field(5, ge=1, le=9, description="1 comes first if two actions have the same value")
    valid_days: int = Field(7, ge=1, le=365, description="days after the trigger within which an action may follow")
    cooldown_days: int = Field(0, ge=0, le=730, description="days within which it does not fire again for the customer")
    needs: list[SourceTable] = Field(
        default_factory=list, description="source tables without which the trigger is not evaluated"
    )
    enabled: bool = Field(True, description="false turns it off")


class Offer(Section):
    """What a customer can be told or offered, and what that is worth."""

    title: Annotated[str, Field(min_length=1)] = Field(description="name shown to people")
    kind: Kind = Field(
        description="kind of message; 'service' messages need no marketing consent, and guards apply by kind"
    )
    triggers: list[Identifier] = Field(min_length=1, description="triggers after which it may be made")
    eligible: Sql = Field("true", description="SQL condition: who is eligible")
    suitable: Sql = Field("true", description="SQL condition: for whom it is suitable")
    channels: list[Identifier] = Field(min_length=1, description="channels by which it can be made")
    cost: float = Field(
        0, ge=0, description="cost of an acceptance in addition to the contact, such as a gift, a visit or a discount"
    )
    uptake: Share = Field(description="expected share of those contacted who accept, until results say otherwise")
    uptake_weight: float = Field(50, gt=0, description="weight of the expected uptake, in contacts")
    monthly_margin: Sql = Field("0", description="SQL expression for the change in monthly margin after an acceptance")
    horizon_months: int = Field(12, ge=1, le=120, description="months for which the margin counts")
    hazard_reduction: Share = Field(
        0.0, description="share of the churn within twelve months that an acceptance prevents"
    )
    response_days: int = Field(14, ge=1, le=365, description="days within which an acceptance counts as a response")
    valid_from_date: date | None = Field(None, description="first day it can be made")
    valid_until_date: date | None = Field(None, description="last day it can be made")
    deadline_days: int | None = Field(
        None, ge=1, description="days until the customer's deadline, which the message states"
    )
    daily_capacity: int | None = Field(None, ge=0, description="most customers contacted with it per day")
    daily_budget: float | None = Field(
        None, ge=0, description="largest daily cost of its contacts and the expected acceptances"
    )
    total_budget: float | None = Field(None, ge=0, description="largest total of these costs over all days")
    enabled: bool = Field(True, description="false turns it off")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from_date and self.valid_until_date and self.valid_until_date < self.valid_from_date:
            raise ValueError(
                f"valid_until_date ({self.valid_until_date}) is before valid_from_date ({self.valid_from_date})"
            )
        return self


class Channel(Section):
    """A way to reach a customer."""

    cost: float = Field(0, ge=0, description="of one contact")
    daily_capacity: int | None = Field(None, ge=0, description="most contacts by this channel per day, over all offers")
    most_contacts: int = Field(4, ge=1, description="most contacts per customer within contact_days")
    contact_days: int = Field(30, ge=1, le=365, description="days over which most_contacts is counted")
    quiet_weekdays: list[Weekday] = Field(default_factory=list, description="days of the week without contacts")
    contact_from: Clock = Field("08:00", description="local time from which contacts are made")
    contact_until: Clock = Field("20:00", description="local time until which contacts are made")

    @model_validator(mode="after")
    def _has_hours(self) -> "Channel":
        if self.contact_from >= self.contact_until:
            raise ValueError("contact_from must be before contact_until")
        return self


class Guard(Section):
    """Who must not get which kinds of offer, whatever they are worth."""

    kinds: list[Kind] = Field(min_length=1, description="kinds of offers that it suppresses")
    when: Sql = Field(description="SQL condition over the facts of a customer and day")
    because: Annotated[str, Field(min_length=1)] = Field(description="published reason")
    enabled: bool = Field(True, description="false turns it off")


class FactSettings(Section):
    """How far back the facts of a day look."""

    lookback_days: int = Field(45, ge=7, le=120, description="days of usage and payments to look at")
    stale_after_days: int = Field(
        5, ge=0, le=31, description="days after which usage and balances are too old to be used"
    )
    arrived_share: Share = Field(
        0.5,
        description="a day of usage has arrived if at least this share of the usual lines have usage on it",
    )
    recent_usage_days: int = Field(
        7, ge=1, le=31, description="days of recent usage that are compared with earlier ones"
    )
    usage_days_before: int = Field(28, ge=7, le=62, description="earlier days to compare with")
    complaint_lookback_days: int = Field(180, ge=1, description="days of complaints to look at")
    outage_days: int = Field(7, ge=1, le=31, description="days of outages to look at")
    families_with_usage: list[str] = Field(
        default_factory=lambda: ["internet", "mobile", "fixed_voice"],
        description="product families that should always show usage; fixed_voice if it is the only line",
    )

    @model_validator(mode="after")
    def _sees_what_it_compares(self) -> "FactSettings":
        if self.lookback_days < self.recent_usage_days + self.usage_days_before + self.stale_after_days:
            raise ValueError(
                "lookback_days must cover recent_usage_days, usage_days_before and stale_after_days together"
            )
        return self


class ContactSettings(Section):
    """Who may be contacted, and how often."""

    when_consent_unknown: Literal["suppress", "allow"] = Field(
        "suppress", description="whether customers without recorded consent get marketing messages"
    )
    minimum_age: int = Field(18, ge=0, le=30, description="customers who may be younger are not contacted")
    most_contacts: int = Field(4, ge=1, description="most contacts per customer within contact_days, over all channels")
    contact_days: int = Field(30, ge=1, le=365, description="days over which most_contacts is counted")
    minimum_distance_days: int = Field(
        3, ge=0, le=60, description="smallest number of days between two contacts of a customer"
    )
    carried_out_within_days: int = Field(
        3,
        ge=0,
        le=60,
        description="days after an action in which a contact of its customer and channel counts as its own if it has no"
        " action_id",
    )


class AudienceWebhookSettings(WebhookSettings):
    """Where audiences are posted."""

    batch_rows: int = Field(500, ge=1, le=10_000, description="largest number of actions per request")


class ArrivalSettings(Section):
    """What is looked for between two nights."""

    tables: list[str] = Field(
        default_factory=lambda: ["usage", "usage_sessions", "balances", "payments", "interactions"],
        description="source tables whose files fire triggers as they arrive",
    )
    debounce_seconds: int = Field(10, ge=0, description="files that changed within these seconds are still arriving")
    max_wait_seconds: int = Field(
        300, ge=0, description="longest wait for files that keep changing; what has arrived by then is loaded"
    )

    @model_validator(mode="after")
    def _wait_at_least_for_the_debounce(self) -> Self:
        if self.max_wait_seconds < self.debounce_seconds:
            raise ValueError(
                f"max_wait_seconds ({self.max_wait_seconds}) is below debounce_seconds ({self.debounce_seconds})"
            )
        return self


class ActionSettings(Section):
    """From segments to actions."""

    facts: FactSettings = FactSettings()
    recheck_days: int = Field(
        1, ge=0, le=31, description="earlier days evaluated again, so that late data can fire or retract their triggers"
    )
    triggers: dict[Identifier, Trigger] = Field(default_factory=dict, validate_default=True)
    offers: dict[Identifier, Offer] = Field(default_factory=dict, validate_default=True)
    channels: dict[Identifier, Channel] = Field(default_factory=dict, validate_default=True)
    guards: dict[Identifier, Guard] = Field(default_factory=dict, validate_default=True)
    contacts: ContactSettings = ContactSettings()
    arrivals: ArrivalSettings = ArrivalSettings()
    webhook: AudienceWebhookSettings | None = None
    arbitration: ArbitrationParameters = ArbitrationParameters()
    results: ResultParameters = ResultParameters()

    @field_validator("triggers", "offers", "channels", "guards", mode="before")
    @classmethod
    def _over_shipped(cls, given: Any, info: Any) -> Any:
        """Allow a file to list only what it adds or changes."""
        if not isinstance(given, dict):
            return given
        shipped = _shipped()[info.field_name]
        return shipped | {
            name: shipped.get(name, {}) | each if isinstance(each, dict) else each for name, each in given.items()
        }

    @model_validator(mode="after")
    def _names_what_exists(self) -> "ActionSettings":
        for name, offer in self.offers.items():
            if unknown := sorted(set(offer.triggers) - self.triggers.keys()):
                raise ValueError(f"offer {name} names triggers that do not exist: {', '.join(unknown)}")
            if unknown := sorted(set(offer.channels) - self.channels.keys()):
                raise ValueError(f"offer {name} names channels that do not exist: {', '.join(unknown)}")
        # Consents and contacts name channels in any spelling, and 'all' for all of them.
        spelled: dict[str, str] = {"all": "all"}
        for name in self.channels:
            if name == "all" or spelled.setdefault(name.replace("_", ""), name) != name:
                raise ValueError(f"channel {name} has the name of another, or of all of them")
        return self

    def conditions(self) -> dict[str, str]:
        """Return the SQL texts of every rule, by the name of the rule."""
        return (
            {f"triggers.{name}": f"{each.when} {each.period}" for name, each in self.triggers.items()}
            | {
                f"offers.{name}": f"{each.eligible} {each.suitable} {each.monthly_margin}"
                for name, each in self.offers.items()
            }
            | {f"guards.{name}": each.when for name, each in self.guards.items()}
        )

    def require_no(self, attributes: list[str]) -> None:
        """Refuse rules that use a protected attribute.

        Raises:
            ValueError: names the rule and the attribute.
        """
        for name, condition in self.conditions().items():
            if used := set(attributes) & set(re.findall(r"\w+", condition.lower())):
                raise ValueError(f"actions.{name} uses {', '.join(sorted(used))}, which protected_attributes forbids")
