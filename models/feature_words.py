"""Words for the columns that clusters and hazards use, for people to read instead of column names."""

from collections.abc import Mapping

FEATURE_WORDS: Mapping[str, str] = {
    "gb_month_3m": "GB a month",
    "gb_month_12m": "GB a month over the year",
    "peak_mbps_3m": "peak Mbit/s",
    "sessions_day_3m": "sessions a day",
    "devices_3m": "devices",
    "cap_use_1m": "use of the cap",
    "speed_use_3m": "use of the line's speed",
    "upload_share_3m": "upload share",
    "business_hours_share_3m": "business hours share",
    "evening_share_3m": "evening share",
    "night_share_3m": "night share",
    "weekend_share_3m": "weekend share",
    "usage_volatility_3m": "usage volatility",
    "usage_change": "usage against the trend of all",
    "has_autopay": "autopay",
    "late_share_12m": "share paid late",
    "mean_days_late_12m": "days late",
    "failed_payments_12m": "failed payments in a year",
    "contacts_3m": "contacts in a quarter",
    "complaints_3m": "complaints in a quarter",
    "outage_minutes_3m": "outage minutes in a quarter",
    "calls_month_3m": "calls a month",
    "call_minutes_month_3m": "call minutes a month",
    "messages_month_3m": "messages a month",
    "incoming_call_share_3m": "incoming share of calls",
    "abroad_call_share_3m": "share of calls abroad",
    "product_families": "product families",
    "has_internet": "internet",
    "has_tv": "TV",
    "has_fixed_voice": "fixed voice",
    "has_mobile": "mobile",
    "has_cloud": "cloud",
    "has_security": "security",
    "has_static_ip": "a static address",
    "monthly_fee": "monthly fee",
    "download_mbps": "Mbit/s of the plan",
    "usage_revenue_3m_mean": "usage charges a month",
    "term_months": "months of term",
    "internet_months": "months with internet",
    "tv_months": "months with TV",
    "fixed_voice_months": "months with fixed voice",
    "mobile_months": "months with mobile",
    "cloud_months": "months with cloud",
    "security_months": "months with security",
    "sites": "sites",
    "internet_lines": "internet lines",
    "fixed_voice_lines": "voice lines",
    "mobile_lines": "mobile lines",
    "cloud_lines": "cloud contracts",
    "security_lines": "security contracts",
    "tv_lines": "TV contracts",
    "fiber_share": "fiber share",
    "contracts_added_12m": "contracts added in a year",
    "contracts_ended_12m": "contracts ended in a year",
    "employees": "employees",
    "cohort_log_odds": "hazard of the cohort",
    "commitment_ends_in": "months to the end of the commitment",
    "discount_ends_in": "months to the end of the discount",
    "usage_trend": "usage against the quarter before",
    "days_since_last_usage": "days without usage",
    "price_change_3m": "price change in a quarter",
    "discount_share": "share of the fee taken off",
    "days_late_3m": "days late in a quarter",
    "failed_payments_3m": "failed payments in a quarter",
}
ATTRIBUTE = "attribute_"
"""Prefix of the columns of customer attributes; the value of a text attribute follows after an equals sign."""
# Ratios that are not shares of a whole but are read as percentages.
_RATIOS = ("cap_use_1m", "speed_use_3m", "usage_change")


def feature_words(feature: str) -> str:
    """Return the words for a feature; without any, its column name without underscores."""
    name, _, value = feature.removeprefix(ATTRIBUTE).partition("=")
    return FEATURE_WORDS.get(feature) or f"{name.replace('_', ' ')} {value}".rstrip()


def is_percentage(feature: str) -> bool:
    """Whether people read the values of a feature as percentages."""
    return ("_share" in feature and not feature.startswith(ATTRIBUTE)) or "=" in feature or feature in _RATIOS


def condition_words(feature: str, low: float, high: float, *, is_flag: bool) -> str:
    """Return in words that a feature is at least `low` and below `high`, each infinite if there is no such bound.

    ``upload_share_3m``, .25 and infinity: ``upload share at least 25%``. For a flag: ``without TV``.
    """
    words = feature_words(feature)
    if is_flag:
        return f"with {words}" if low > 0 else f"without {words}"
    if low == -float("inf"):
        return f"{words} under {_value(feature, high)}"
    if high == float("inf"):
        return f"{words} at least {_value(feature, low)}"
    return f"{words} from {_value(feature, low)} to under {_value(feature, high)}"


def _value(feature: str, value: float) -> str:
    if is_percentage(feature):
        return f"{100 * value:,.6g}%"
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
