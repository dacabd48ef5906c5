"""The ways lines are used. Levels are fitted to published broadband figures (tests/simulator/test_usage.py)."""

from __future__ import annotations

from pydantic import Field

from simulator.group import Group


class Archetype(Group):
    """How one kind of customer uses a line. Shares are of a weekday's bytes; spreads are between customers."""

    share: float = Field(description="Of the customers of its population.")
    monthly_gb: float = Field(description="Median of the customers' monthly level, both directions.")
    level_sd: float = Field(description="Of ln GB between customers.")
    upload: float
    upload_sd: float = Field(default=0.20, description="Of the logit between customers.")
    business_hours: float = Field(description="Monday to Friday, 09 to 17.")
    evening: float = Field(description="18 to 23.")
    night: float = Field(description="23 to 06.")
    weekend: float = Field(default=1.0, description="Bytes of a weekend day against a weekday.")
    daily_sd: float = Field(default=0.45, description="Of ln bytes between days.")
    idle_days: float = Field(default=0.01, description="Days without any session.")
    devices: float = 8.0
    sessions: float = 4.0


CONSUMER = {
    "evening_streamer": Archetype(
        share=0.32,
        monthly_gb=1015,
        level_sd=0.57,
        upload=0.022,
        business_hours=0.10,
        evening=0.62,
        night=0.10,
        weekend=1.25,
        daily_sd=0.40,
        devices=10,
        sessions=4,
    ),
    "daytime_worker": Archetype(
        share=0.18,
        monthly_gb=575,
        level_sd=0.61,
        upload=0.057,
        business_hours=0.56,
        evening=0.20,
        night=0.05,
        weekend=0.60,
        daily_sd=0.35,
        devices=9,
        sessions=6,
    ),
    "uploader": Archetype(
        share=0.07,
        monthly_gb=530,
        level_sd=0.86,
        upload=0.30,
        business_hours=0.20,
        evening=0.24,
        night=0.42,
        weekend=1.15,
        daily_sd=0.60,
        devices=11,
        sessions=3,
    ),
    "light": Archetype(
        share=0.20,
        monthly_gb=57,
        level_sd=0.59,
        upload=0.051,
        business_hours=0.28,
        evening=0.46,
        night=0.03,
        weekend=0.95,
        daily_sd=0.85,
        idle_days=0.18,
        devices=3,
        sessions=2,
    ),
    "balanced": Archetype(
        share=0.23,
        monthly_gb=305,
        level_sd=0.69,
        upload=0.036,
        business_hours=0.26,
        evening=0.32,
        night=0.12,
        weekend=1.00,
        daily_sd=0.40,
        devices=7,
        sessions=4,
    ),
}

BUSINESS = {
    "office": Archetype(
        share=0.45,
        monthly_gb=360,
        level_sd=0.60,
        upload=0.165,
        business_hours=0.74,
        evening=0.07,
        night=0.05,
        weekend=0.12,
        daily_sd=0.30,
        devices=18,
        sessions=8,
    ),
    "shop": Archetype(
        share=0.20,
        monthly_gb=150,
        level_sd=0.50,
        upload=0.10,
        business_hours=0.58,
        evening=0.22,
        night=0.02,
        weekend=0.70,
        daily_sd=0.30,
        devices=6,
        sessions=5,
    ),
    "server_host": Archetype(
        share=0.13,
        monthly_gb=700,
        level_sd=0.60,
        upload=0.42,
        business_hours=0.36,
        evening=0.20,
        night=0.28,
        weekend=0.90,
        daily_sd=0.25,
        devices=12,
        sessions=2,
    ),
    "guest_network": Archetype(
        share=0.22,
        monthly_gb=520,
        level_sd=0.55,
        upload=0.05,
        business_hours=0.24,
        evening=0.48,
        night=0.10,
        weekend=1.40,
        daily_sd=0.35,
        devices=35,
        sessions=20,
    ),
}

MOBILE = Archetype(
    share=1.0,
    monthly_gb=1.0,
    level_sd=0.0,
    upload=0.08,
    business_hours=0.34,
    evening=0.30,
    night=0.06,
    weekend=0.9,
    daily_sd=0.8,
    idle_days=0.04,
    devices=1,
    sessions=9,
)
"""A mobile contract; its level is `Usage.mobile_gb`."""
