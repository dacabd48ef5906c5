"""The features of a customer's behavior: columns of `features.customer_features`, declared as data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.clusters.feature_space import Feature, FeatureScheme
from models.feature_words import ATTRIBUTE, feature_words

FEATURES: tuple[Feature, ...] = (
    Feature("gb_month_3m", "level", "amount", "heavy", "light"),
    Feature("gb_month_12m", "level", "amount", "heavy", "light"),
    Feature("peak_mbps_3m", "equipment", "amount", "fast", "slow"),
    Feature("sessions_day_3m", "equipment", "amount", "often-online", "rarely-online"),
    Feature("devices_3m", "equipment", "amount", "many-device", "few-device"),
    Feature("cap_use_1m", "equipment", "amount", "cap-filling"),
    Feature("speed_use_3m", "equipment", "amount", "line-filling"),
    Feature("upload_share_3m", "direction", "share", "uploaders"),
    Feature("business_hours_share_3m", "daypart", "share", "daytime"),
    Feature("evening_share_3m", "daypart", "share", "evening"),
    Feature("night_share_3m", "daypart", "share", "night-time"),
    Feature("weekend_share_3m", "week", "share", "weekend", "weekday"),
    Feature("usage_volatility_3m", "rhythm", "amount", "irregular", "steady"),
    Feature("usage_change", "rhythm", "amount", "growing", "fading"),
    Feature("call_minutes_month_3m", "calls", "amount", "much-calling", "little-calling"),
    Feature("calls_month_3m", "calls", "amount", "much-calling", "little-calling"),
    Feature("messages_month_3m", "messages", "amount", "texting", "rarely texting"),
    Feature("incoming_call_share_3m", "call_direction", "share", "called", "calling-out"),
    Feature("abroad_call_share_3m", "abroad", "share", "abroad-calling"),
    Feature("has_autopay", "payment", "flag", "autopay", "manual-paying"),
    Feature("late_share_12m", "payment", "share", "late-paying", "punctual"),
    Feature("mean_days_late_12m", "payment", "amount", "late-paying", "punctual"),
    Feature("failed_payments_12m", "payment", "amount", "payment-failing"),
    Feature("contacts_3m", "care", "amount", "often-calling"),
    Feature("complaints_3m", "care", "amount", "complaining"),
    Feature("outage_minutes_3m", "care", "amount", "outage-hit"),
    Feature("product_families", "products", "amount", "with many products", "with few products"),
    Feature("has_internet", "products", "flag", "with internet", "without internet"),
    Feature("has_tv", "products", "flag", "with TV", "without TV"),
    Feature("has_fixed_voice", "products", "flag", "with fixed voice", "without fixed voice"),
    Feature("has_mobile", "products", "flag", "with mobile", "without mobile"),
    Feature("has_cloud", "products", "flag", "with cloud", "without cloud"),
    Feature("has_security", "products", "flag", "with security", "without security"),
    Feature("monthly_fee", "fee", "amount", "high-fee", "low-fee", is_money=True),
    Feature("download_mbps", "fee", "amount", "fast-plan", "slow-plan"),
    Feature("usage_revenue_3m_mean", "fee", "amount", "extra-usage", is_money=True),
    Feature("term_months", "commitment", "amount", "on long terms", "without a term"),
    Feature("internet_months", "tenure", "amount"),
    Feature("tv_months", "tenure", "amount"),
    Feature("fixed_voice_months", "tenure", "amount"),
    Feature("mobile_months", "tenure", "amount"),
    Feature("cloud_months", "tenure", "amount"),
    Feature("security_months", "tenure", "amount"),
)

# Where usage is measured, it decides. Products and fees then have little weight: a product flag splits any population
# perfectly and would drown a usage pattern that is merely typical. Peaks, sessions, devices and cap use depend on the
# plan and the number of contracts as much as on the customer, so they add little.
USAGE_WEIGHTS = {
    "level": 1.0,
    "direction": 0.8,
    "daypart": 1.0,
    "week": 0.5,
    "rhythm": 0.2,
    "equipment": 0.2,
    # Where there is line traffic too, the use of a phone has half its weight.
    "calls": 0.5,
    "messages": 0.3,
    "abroad": 0.3,
    "call_direction": 0.2,
    "payment": 0.1,
    "care": 0.1,
    "products": 0.1,
    "fee": 0.1,
    "commitment": 0.1,
}
# For a voice or mobile operator, where calls are measured for most customers; data usage counts if available.
CALL_WEIGHTS = {
    "calls": 1.0,
    "messages": 0.6,
    "call_direction": 0.6,
    "abroad": 0.6,
    "level": 0.6,
    "payment": 0.1,
    "care": 0.1,
    "products": 0.1,
    "fee": 0.1,
    "commitment": 0.1,
}
# Everybody's tenure grows by one month per month without any change in behavior.
UNWEIGHTED = {"tenure": "grows with time, whatever the customer does"}
BILLING_WEIGHTS = {"products": 1.0, "fee": 1.0, "commitment": 0.8, "payment": 0.6, "care": 0.4}

# The order of words in a name; "access" is for customers who have only mobile.
WORD_ORDER = (
    *("calls", "level", "access", "rhythm", "equipment", "fee", "payment", "care", "week", "daypart"),
    *("call_direction", "messages", "abroad", "direction", "products", "commitment"),
)
QUIET = ("equipment", "rhythm")

USAGE = FeatureScheme(
    "usage",
    FEATURES,
    USAGE_WEIGHTS,
    noun="users",
    word_order=WORD_ORDER,
    noun_group="direction",
    level="level",
    quiet=QUIET,
    ignored_reasons=UNWEIGHTED,
)
BILLING = FeatureScheme(
    "billing",
    FEATURES,
    BILLING_WEIGHTS,
    noun="customers",
    word_order=WORD_ORDER,
    noun_group="direction",
    level="level",
    quiet=QUIET,
    # Products and terms take few values: neighbors have identical values, so there is no local shape to learn.
    has_local_metric=False,
    ignored_reasons=dict.fromkeys(USAGE_WEIGHTS, "too few customers have usage")
    | dict.fromkeys(("calls", "messages", "call_direction", "abroad"), "too few customers have calls")
    | UNWEIGHTED,
)
CALLS = FeatureScheme(
    "calls",
    tuple(
        replace(each, high="heavy", low="light")
        if each.group == "calls"
        else replace(each, high="data-using", low="data-sparing")
        if each.group == "level"
        else each
        for each in FEATURES
    ),
    CALL_WEIGHTS,
    noun="callers",
    word_order=(
        *("calls", "level", "access", "fee", "payment", "care", "call_direction", "messages", "abroad"),
        *("noun", "products", "commitment"),
    ),
    # No feature has this group, so the noun is always used.
    noun_group="noun",
    level="calls",
    quiet=QUIET,
    ignored_reasons=dict.fromkeys(USAGE_WEIGHTS, "too few customers have usage") | UNWEIGHTED,
)


def attribute_columns(name: str, values: str | Sequence[str]) -> dict[str, str | None]:
    """Return the columns that an attribute makes, each with the text for which it is 1; None for a number.

    `risk_class` with `[low, high]` makes `attribute_risk_class=low` and `attribute_risk_class=high`.
    """
    if isinstance(values, str):
        return {f"{ATTRIBUTE}{name}": None}
    return {f"{ATTRIBUTE}{name}={value}": value for value in values}


def with_attributes(
    scheme: FeatureScheme, attributes: Mapping[str, str | Sequence[str]], weight: float
) -> FeatureScheme:
    """Return the scheme extended by the configured attributes, as one group whose words come last in a name."""
    features = [
        Feature(
            column, "attributes", "number", f"with high {feature_words(column)}", f"with low {feature_words(column)}"
        )
        if value is None
        else Feature(column, "attributes", "flag", f"with {feature_words(column)}")
        for name, values in attributes.items()
        for column, value in attribute_columns(name, values).items()
    ]
    if not features:
        return scheme
    return replace(
        scheme,
        features=(*scheme.features, *features),
        weights={**scheme.weights, "attributes": weight},
        word_order=(*scheme.word_order, "attributes"),
    )
