"""Settings for what ordered rules decide: market segments and lifecycle stages."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from orchestration.settings.ordered_rules import LIFECYCLE_RULES, MARKET_RULES, SIZE_SCHEMES, Rule, SizeScheme, render
from orchestration.settings.sources import Section


class _RuleSettings(Section):
    """Ordered rules, the first that holds wins. ``{name}`` in a rule is one of the thresholds."""

    thresholds: dict[str, float]
    rules: list[Rule] = Field(min_length=1)

    @field_validator("thresholds", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        """Allow a file to list only the thresholds that it changes."""
        defaults = cls.model_fields["thresholds"].get_default(call_default_factory=True)
        return {**defaults, **given} if isinstance(given, dict) else given

    def model_post_init(self, _context: Any) -> None:
        """Refuse rules that cannot be rendered, before anything runs."""
        render(self.rules, self.thresholds)


class MarketSettings(_RuleSettings):
    """Market segments."""

    thresholds: dict[str, float] = Field(
        default_factory=lambda: {
            "medium_min_employees": 100.0,
            "enterprise_min_employees": 1000,
            "medium_min_revenue": 50_000_000,
            "enterprise_min_revenue": 1_000_000_000,
            "eu_medium_min_employees": 50,
            "eu_large_min_employees": 250,
            "eu_small_max_revenue": 10_000_000,
            "eu_medium_max_revenue": 50_000_000,
            "eu_small_max_balance_sheet": 10_000_000,
            "eu_medium_max_balance_sheet": 43_000_000,
        },
        description="numbers that the rules refer to; a file lists only those it changes",
    )
    rules: list[Rule] = Field(default_factory=lambda: list(MARKET_RULES), min_length=1)
    size_schemes: dict[str, SizeScheme] = Field(default_factory=lambda: dict(SIZE_SCHEMES))
    size_scheme: str = Field("telecom", description="the size scheme that separates small, medium and enterprise")
    size_precedence: Literal["larger", "staff", "revenue"] = Field(
        "larger", description="if staff and revenue disagree: the larger of the two, or always one of them"
    )
    most_of_unknown_customer: int = Field(
        20,
        ge=1,
        description="most customers that may refer to the same unknown customer as parent, employer or reseller; "
        "beyond that it is treated as a placeholder such as 'unknown' and ignored",
    )
    age_bands: list[int] = Field(
        default_factory=lambda: [18, 25, 35, 45, 55, 65, 75],
        min_length=1,
        description="first age of each age band of consumers",
    )

    @field_validator("size_schemes", mode="before")
    @classmethod
    def _more_schemes(cls, given: Any) -> Any:
        """Allow a file to list only the schemes that it adds or changes."""
        return {**SIZE_SCHEMES, **given} if isinstance(given, dict) else given

    @field_validator("age_bands")
    @classmethod
    def _in_order(cls, value: list[int]) -> list[int]:
        if sorted(set(value)) != value or value[0] < 1:
            raise ValueError("must rise, from 1 or more")
        return value

    def model_post_init(self, context: Any) -> None:
        """Refuse an unknown scheme, and rules that cannot be rendered."""
        super().model_post_init(context)
        if self.size_scheme not in self.size_schemes:
            raise ValueError(f"size_scheme must be one of {', '.join(self.size_schemes)}, found {self.size_scheme!r}")
        self.rendered_size_schemes()

    def rendered_size_schemes(self) -> dict[str, dict[str, Any]]:
        """Return the schemes with thresholds filled into their rules."""
        return {
            name: {
                "classes": scheme.classes,
                "staff": render(scheme.staff, self.thresholds, exhaustive=False),
                "money": render(scheme.money, self.thresholds, exhaustive=False),
            }
            for name, scheme in self.size_schemes.items()
        }


Signal = Literal["events", "hazard", "hazard_percentile"]


class LifecycleSettings(_RuleSettings):
    """Lifecycle stages."""

    thresholds: dict[str, float] = Field(
        default_factory=lambda: {
            "churn_after_days": 0.0,
            "onboarding_days": 90,
            "won_back_months": 3,
            "dormant_days": 45,
            "overdue_days": 60,
            "collapsed_usage_ratio": 0.4,
            "recovered_usage_ratio": 0.7,
            "risk_churn_probability_3m": 0.35,
            "calm_churn_probability_3m": 0.25,
            "risk_hazard_percentile": 0.95,
            "growth_fee_ratio": 1.10,
            "growth_usage_ratio": 1.5,
            "kept_growth_usage_ratio": 1.15,
            "contract_end_window_months": 3,
            "price_rise_window_months": 3,
            "price_rise_min_share": 0.05,
        },
        description="numbers that the rules refer to; a file lists only those it changes",
    )
    rules: list[Rule] = Field(default_factory=lambda: list(LIFECYCLE_RULES), min_length=1)
    at_risk_by: list[Signal] = Field(
        ["events", "hazard"],
        description="the signals that count: events (usage, bills), the hazard itself, or its rank among the customers",
    )
    held_months: dict[str, Annotated[int, Field(ge=1, le=12)]] = Field(
        default_factory=lambda: {"at_risk": 3, "growing": 3},
        description="months for which a stage is kept after the last month in which its rule held, so that "
        "customers do not flip back and forth; of two such stages, the first one listed is kept",
    )

    def rules_in_use(self) -> list[Rule]:
        """Return the rules without those whose signal is not used."""
        return [rule for rule in self.rules if rule.signal is None or rule.signal in self.at_risk_by]
