"""The single settings file, typed: every source, threshold, cost and schedule of the pipeline."""

import hashlib
import json
import re
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from models.backtest.parameters import BacktestParameters
from models.behavior.parameters import BehaviorParameters
from models.business.parameters import MidBandParameters
from models.hazard.parameters import HazardParameters
from models.homes.parameters import HomeBusinessParameters
from models.retention.parameters import RetentionParameters
from models.value.parameters import ValueParameters
from orchestration.settings.actions import ActionSettings
from orchestration.settings.delivery import DeliverySettings
from orchestration.settings.observation import ObservationSettings
from orchestration.settings.organizations import OrganizationSettings
from orchestration.settings.plan_fit import PlanFitSettings
from orchestration.settings.rules import LifecycleSettings, MarketSettings
from orchestration.settings.sections import (
    BillingSettings,
    CostSettings,
    FeatureSettings,
    HouseholdSettings,
    ReportSettings,
    ScheduleSettings,
    WarehouseSettings,
)
from orchestration.settings.serving import ServingTarget
from orchestration.settings.sources import (
    CheckSettings,
    ExchangeRateSettings,
    LocationName,
    LocationSettings,
    PseudonymSettings,
    Section,
    SourceSettings,
)
from orchestration.settings.treatments import Treatments, over_shipped

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class Settings(Section):
    """Everything a deployment decides."""

    name: str = Field(
        "isp", pattern=r"^[a-z][a-z0-9_]*$", description="short name of the deployment, for paths and runs"
    )
    title: str = Field("Customer segmentation", description="heading of the report")
    owner: str = Field("data-team@example.com", description="an e-mail address or 'team:name', shown on every asset")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="reporting currency, ISO 4217")
    exchange_rates: ExchangeRateSettings = ExchangeRateSettings()
    first_month: Month = Field("2020-01", description="the first month that can be segmented")
    warehouse: WarehouseSettings = WarehouseSettings()
    locations: dict[LocationName, LocationSettings] = Field(default_factory=dict)
    presets: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="presets to use, with their parameters (docs/presets.md)"
    )
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    pseudonyms: PseudonymSettings | None = None
    checks: CheckSettings = CheckSettings()
    costs: CostSettings = CostSettings()
    billing: BillingSettings = BillingSettings()
    features: FeatureSettings = FeatureSettings()
    observation: ObservationSettings = ObservationSettings()
    retention: RetentionParameters = RetentionParameters()
    hazard: HazardParameters = HazardParameters()
    value: ValueParameters = ValueParameters()
    backtest: BacktestParameters = BacktestParameters()
    behavior: BehaviorParameters = BehaviorParameters()
    protected_attributes: list[str] = Field(
        default_factory=lambda: ["gender", "birth_year", "household_type"],
        description="customer columns that no rule may use and no feature is made from, so that no model reads them",
    )
    market: MarketSettings = MarketSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    household: HouseholdSettings = HouseholdSettings()
    home_business: HomeBusinessParameters = HomeBusinessParameters()
    mid_band: MidBandParameters = MidBandParameters()
    organizations: OrganizationSettings = OrganizationSettings()
    plan_fit: PlanFitSettings = PlanFitSettings()
    treatments: Treatments = Field(
        default_factory=dict,
        validate_default=True,
        description="what is recommended, by scheme (as in bi.segment_profiles) and segment",
    )
    actions: ActionSettings = ActionSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()
    delivery: DeliverySettings = DeliverySettings()
    serving: dict[LocationName, ServingTarget] = Field(
        default_factory=dict, description="where published versions are served, by name"
    )

    @field_validator("treatments", mode="before")
    @classmethod
    def _treatments_over_shipped(cls, given: Any) -> Any:
        """Allow a file to list only the treatments that it adds or changes."""
        return over_shipped(given)

    @model_validator(mode="after")
    def _rules_leave_protected_attributes_alone(self) -> Self:
        schemes = self.market.size_schemes.values()
        for rule in (
            *self.market.rules,
            *self.lifecycle.rules,
            *(rule for scheme in schemes for rule in (*scheme.staff, *scheme.money)),
        ):
            if used := set(self.protected_attributes) & set(re.findall(r"\w+", rule.when.lower())):
                raise ValueError(f"rule {rule.id} uses {', '.join(sorted(used))}, which protected_attributes forbids")
        self.actions.require_no(self.protected_attributes)
        return self

    @model_validator(mode="after")
    def _attributes_are_written_as_they_are_read(self) -> Self:
        for place, attributes in (
            ("behavior.attributes", self.behavior.attributes),
            ("mid_band.clusters.attributes", self.mid_band.clusters.attributes),
        ):
            for name in attributes:
                if name != name.strip().lower():
                    raise ValueError(f"{place}: write {name!r} in lower case, as it is read from the rows")
                if name in self.protected_attributes:
                    raise ValueError(f"{place}: protected_attributes forbids a feature of {name}")
        return self

    @model_validator(mode="after")
    def _usage_counts_days_or_months(self) -> Self:
        if self.features.usage_granularity == "month" and "usage_sessions" in self.sources:
            raise ValueError(
                "features.usage_granularity: month goes with usage that counts months, and usage_sessions counts days; "
                "leave one of them out"
            )
        return self

    def semantic_hash(self) -> str:
        """SHA-256 of the settings that can change a segment, which leaves out paths and schedules."""
        meaning = self.model_dump(
            mode="json",
            include={
                *("currency", "exchange_rates", "costs", "billing", "features", "observation"),
                *("market", "lifecycle", "household", "organizations", "plan_fit", "report"),
            },
        )
        meaning["report"].pop("path")
        meaning |= {
            name: asdict(getattr(self, name))
            for name in ("retention", "hazard", "value", "backtest", "behavior", "home_business", "mid_band")
        }
        return hashlib.sha256(json.dumps(meaning, sort_keys=True, default=str).encode()).hexdigest()
