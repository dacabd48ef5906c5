"""Ordered rules as data: the first whose condition holds wins, so segments are exclusive by construction.

A condition is SQL over the columns that the model provides; ``true`` in the last rule makes the list exhaustive.
The dbt macro ``first_rule`` renders the rules to one CASE expression.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Rule(BaseModel):
    """One rule: the segment it gives, the condition it needs, and the reason a reader is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the rule, stored with every customer")
    segment: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="segment of a customer for whom this rule is the first to hold"
    )
    when: str = Field(min_length=1, description="SQL condition; {name} is a threshold of the same section")
    because: str = Field(min_length=1, description="the published reason; {name} is a threshold")
    signal: str | None = Field(None, description="kind of signal, for sections that use some signals and not others")


class SizeScheme(BaseModel):
    """A way to tell organizations by size: what the number of employees says, and what the money says.

    A figure that is not known must meet no condition: an unknown size is not a small one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: list[str] = Field(min_length=1, description="segments by size, largest first")
    staff: list[Rule] = Field(min_length=1, description="ordered rules over group_employee_count")
    money: list[Rule] = Field(
        min_length=1, description="ordered rules over group_annual_revenue and group_balance_sheet_total"
    )

    @model_validator(mode="after")
    def _segments_are_classes(self) -> Self:
        if unknown := sorted({rule.segment for rule in (*self.staff, *self.money)} - set(self.classes)):
            raise ValueError(f"rules give {', '.join(unknown)}, which is not among the classes")
        return self


def render(rules: Sequence[Rule], thresholds: Mapping[str, float], *, exhaustive: bool = True) -> list[dict[str, str]]:
    """Fill the thresholds into the conditions.

    Args:
        rules: the ordered rules.
        thresholds: numbers by name.
        exhaustive: whether every customer must meet one of the rules.

    Raises:
        ValueError: a rule uses a threshold that does not exist, ids repeat, or the last rule of an exhaustive list
            is not ``true``.
    """
    ids = [rule.id for rule in rules]
    if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise ValueError(f"rule ids must be unique, found more than once: {', '.join(repeated)}")
    if exhaustive and rules[-1].when.strip().lower() != "true":
        raise ValueError(f"the last rule ({ids[-1]}) must have the condition 'true', so that every customer has one")
    numbers = {name: f"{value:.12g}" if abs(value) < 1e12 else str(value) for name, value in thresholds.items()}
    rendered = []
    for rule in rules:
        try:
            when = rule.when.format_map(numbers)
        except KeyError as error:
            raise ValueError(f"rule {rule.id} uses {{{error.args[0]}}}; known: {', '.join(thresholds)}") from error
        rendered.append(rule.model_dump(exclude={"signal"}) | {"when": when})
    return rendered


def _rule(rule_id: str, segment: str, when: str, because: str, signal: str | None = None) -> Rule:
    return Rule(id=rule_id, segment=segment, when=when, because=because, signal=signal)


# Evidence in order of credibility: the record, codes, legal form, products, size. A public school is a school in the
# first place, so all evidence of education precedes that of the public sector.
MARKET_RULES: tuple[Rule, ...] = (
    _rule("override", "override", "override_segment is not null", "Set by hand."),
    _rule("reseller", "wholesale", "is_reseller", "Resells access to others."),
    _rule("employee", "employee", "customer_type = 'person' and has_employer",
          "Access provided by an employer."),
    _rule("consumer", "consumer", "customer_type = 'person'", "A private person."),
    _rule("education_flag", "education", "is_education", "Registered as an educational body."),
    _rule("education_industry", "education", "industry_segment = 'education'", "Industry code of education."),
    _rule("education_legal_form", "education", "legal_form_segment = 'education' and industry_segment is null",
          "Legal form of an educational body."),
    _rule("public_flag", "government", "is_public_sector", "Registered as a public body."),
    _rule("public_industry", "government", "industry_segment = 'government'",
          "Industry code of public administration."),
    _rule("telecom_industry", "wholesale", "industry_segment = 'wholesale'", "Industry code of telecommunications."),
    _rule("public_legal_form", "government", "legal_form_segment = 'government'", "Legal form of a public body."),
    _rule("wholesale_products", "wholesale", "has_wholesale", "Holds wholesale products."),
    _rule("size", "size", "size_segment is not null", "By the size of the group."),
    _rule("unclassified", "unclassified_business", "true", "Size unknown."),
)  # fmt: skip

# The bounds common in telecom, and those of Commission Recommendation 2003/361/EC, whose micro and small enterprises
# are both small here. A medium-sized enterprise may exceed one of the limits of turnover and balance sheet, not both.
SIZE_SCHEMES: Mapping[str, SizeScheme] = {
    "telecom": SizeScheme(
        classes=["enterprise", "medium_business", "small_business"],
        staff=[
            _rule("enterprise_staff", "enterprise", "group_employee_count >= {enterprise_min_employees}",
                  "Staff of the group reach the enterprise size."),
            _rule("medium_staff", "medium_business", "group_employee_count >= {medium_min_employees}",
                  "Staff of the group reach the mid-market size."),
            _rule("small_staff", "small_business", "group_employee_count is not null",
                  "Staff of the group are known and below the mid-market size."),
        ],
        money=[
            _rule("enterprise_revenue", "enterprise", "group_annual_revenue > {enterprise_min_revenue}",
                  "Revenue of the group exceeds the mid-market."),
            _rule("medium_revenue", "medium_business", "group_annual_revenue >= {medium_min_revenue}",
                  "Revenue of the group reaches the mid-market size."),
            _rule("small_revenue", "small_business", "group_annual_revenue is not null",
                  "Revenue of the group is known and below the mid-market size."),
        ],
    ),
    "eu": SizeScheme(
        classes=["enterprise", "medium_business", "small_business"],
        staff=[
            _rule("eu_large_staff", "enterprise", "group_employee_count >= {eu_large_min_employees}",
                  "Staff of the group exceed an SME."),
            _rule("eu_medium_staff", "medium_business", "group_employee_count >= {eu_medium_min_employees}",
                  "Staff of the group are those of a medium-sized enterprise."),
            _rule("eu_small_staff", "small_business", "group_employee_count is not null",
                  "Staff of the group are those of a small or micro enterprise."),
        ],
        money=[
            _rule("eu_large_money", "enterprise",
                  "coalesce(group_annual_revenue > {eu_medium_max_revenue},"
                  " group_balance_sheet_total > {eu_medium_max_balance_sheet})"
                  " and coalesce(group_balance_sheet_total > {eu_medium_max_balance_sheet}, true)",
                  "Turnover and balance sheet of the group exceed an SME."),
            _rule("eu_medium_money", "medium_business",
                  "coalesce(group_annual_revenue > {eu_small_max_revenue},"
                  " group_balance_sheet_total > {eu_small_max_balance_sheet})"
                  " and coalesce(group_balance_sheet_total > {eu_small_max_balance_sheet}, true)",
                  "Turnover and balance sheet of the group are those of a medium-sized enterprise."),
            _rule("eu_small_money", "small_business",
                  "group_annual_revenue is not null or group_balance_sheet_total is not null",
                  "Turnover or balance sheet of the group is that of a small or micro enterprise."),
        ],
    ),
}  # fmt: skip

LIFECYCLE_RULES: tuple[Rule, ...] = (
    _rule("never_started", "pending", "first_start_date is null", "No contract has started."),
    _rule("no_product_left", "churned",
          "not is_open and coalesce(days_since_service_end >= {churn_after_days}, true)", "No product left."),
    _rule("interrupted", "at_risk", "not is_open", "No product left; a contract that is booked late may follow."),
    _rule("all_suspended", "suspended", "suspended_contracts = open_contracts", "Every open contract is suspended."),
    _rule("notice_given", "at_risk", "notice_months_left is not null", "Notice was given, the end is known."),
    # A customer who was cut off and has paid does not return to the former stage at once.
    _rule("restored", "at_risk", "was_suspended_1m_before", "Service was restored after a suspension.", "events"),
    _rule("came_back", "won_back",
          "months_since_win_back < {won_back_months} and coalesce(days_away >= {churn_after_days}, true)",
          "Came back after having left."),
    _rule("new_customer", "onboarding", "tenure_days <= {onboarding_days}", "In the first days of service."),
    _rule("no_usage", "dormant", "days_since_last_usage >= {dormant_days}", "Pays for service and does not use it."),
    _rule("usage_collapsed", "at_risk", "usage_trend < {collapsed_usage_ratio}", "Usage has collapsed.", "events"),
    _rule("overdue", "at_risk", "overdue_days >= {overdue_days}", "Bills are long overdue.", "events"),
    _rule("likely_to_leave", "at_risk", "churn_probability_3m >= {risk_churn_probability_3m}",
          "Likely to leave within three months.", "hazard"),
    _rule("among_the_likeliest", "at_risk", "hazard_percentile >= {risk_hazard_percentile}",
          "Among the customers most likely to leave.", "hazard_percentile"),
    _rule("still_collapsed", "at_risk",
          "usage_trend < {recovered_usage_ratio} and lowest_usage_trend_before < {collapsed_usage_ratio}",
          "Usage collapsed in the last three months and has not recovered.", "events"),
    _rule("still_likely_to_leave", "at_risk",
          "churn_probability_3m >= {calm_churn_probability_3m}"
          " and highest_churn_probability_before >= {risk_churn_probability_3m}",
          "Was likely to leave in the last three months and is not yet calm.", "hazard"),
    _rule("spends_more", "growing", "monthly_fee - price_effect_3m > monthly_fee_3m_ago * {growth_fee_ratio}",
          "Buys clearly more than three months ago, price changes left out."),
    # Higher usage in a single month is often just a holiday, so the next month has to confirm it.
    _rule("uses_more", "growing",
          "usage_trend >= {kept_growth_usage_ratio}"
          " and coalesce(usage_trend_1m_before, usage_trend) >= {growth_usage_ratio}",
          "Uses clearly more than before, two months in a row."),
    _rule("steady", "mature", "true", "In steady service."),
)  # fmt: skip
