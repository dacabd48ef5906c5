"""Sections of plain values: the lake, costs, billing, features, households, schedule, report."""

from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator

from orchestration.masking import keep_secret
from orchestration.settings.sources import Section, Share

ProductFamily = Literal["internet", "tv", "fixed_voice", "mobile", "cloud", "security"]


class WarehouseSettings(Section):
    """Where the lake lives."""

    path: Path = Field(Path("data/warehouse"), description="folder of the data files and the SQLite catalog")
    catalog: SecretStr = Field(
        SecretStr("sqlite"),
        description="'sqlite' (a file in the folder) or a PostgreSQL connection string 'postgres:dbname=… host=…'",
    )

    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")] = Field(
        "3GiB", description="memory limit of a writer; DuckDB spills the rest to the lake's 'tmp' folder"
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="threads of a connection to the lake; default: one per core. Below about ten million rows of "
        "usage, 1 is faster, because each thread reopens a SQLite catalog for every statement",
    )

    @field_validator("catalog")
    @classmethod
    def _known_catalog(cls, value: SecretStr) -> SecretStr:
        catalog = value.get_secret_value()
        if catalog != "sqlite" and not catalog.startswith("postgres:"):
            raise ValueError("must be 'sqlite' or start with 'postgres:'")
        if catalog != "sqlite":
            keep_secret(catalog.removeprefix("postgres:"))
        return value


class CostSettings(Section):
    """Cost to serve, in the reporting currency."""

    product_cost_share: dict[str, Share] = Field(
        default_factory=lambda: {"default": 0.35},
        description="product cost as a share of the list fee, by product family; used where a contract has no cost",
    )
    per_gb: float = Field(0.004, ge=0, description="cost of a gigabyte (10^9 bytes) of traffic, either direction")
    per_contact: float = Field(4.0, ge=0, description="cost of a contact with customer care")
    per_payment_failure: float = Field(2.0, ge=0, description="cost of a payment that fails")
    write_off_after_days: int = Field(
        120, ge=1, description="days past due after which unpaid invoices are written off"
    )


class BillingSettings(Section):
    """When what is billed is revenue."""

    recognition: Literal["period", "bill_day"] = Field(
        "period",
        description="period: a bill in advance is revenue of the months it pays for (period_start to period_end), one"
        " in arrears of the month it is issued in; bill_day: all of it on the day of the bill",
    )
    longest_period_months: int = Field(
        36, ge=1, le=999, description="longer periods are treated as errors, and the bill counts on its own day"
    )


class SessionSettings(Section):
    """How the counters of sessions (usage_sessions) are read where they do not simply grow."""

    counter_wrap_bytes: int = Field(2**32, ge=1, description="value at which a counter without gigawords wraps")
    wrap_fall_share: Share = Field(
        0.75, description="a counter that falls by at least this share of counter_wrap_bytes has wrapped once"
    )
    reset_fall_share: Share = Field(
        0.5,
        description="a counter that loses more than this share of its value was reset and counts from zero; one "
        "that loses less was read out of order and counts once it exceeds its earlier value",
    )
    longest_interval_days: int = Field(
        400, ge=1, le=999, description="reports further apart are not joined; the later one counts on its own day"
    )


class FeatureSettings(Section):
    """Choices behind the features."""

    main_product_families: list[str] = Field(
        default_factory=lambda: ["internet", "mobile"],
        description="families that carry traffic, in order of precedence for a customer's main contract",
    )
    contact_categories_of_complaint: list[str] = Field(
        default_factory=lambda: ["complaint"], description="categories of interactions that are complaints"
    )
    autopay_methods: list[str] = Field(
        default_factory=lambda: ["direct_debit", "card"], description="payment methods that pay automatically"
    )
    longest_notice_months: int = Field(
        12, ge=0, le=120, description="largest number of months ahead at which a known end of service counts as notice"
    )
    usage_revenue_months: int = Field(
        6,
        ge=1,
        le=60,
        description="past months from which future usage charges are expected, without the best and worst",
    )
    usage_granularity: Literal["day", "month"] = Field(
        "day",
        description="what a usage row covers: a day, or a month dated on any of its days. With months, weekends "
        "and volatility are unknown, and a customer with traffic counts as last seen at the month's "
        "end",
    )
    call_granularity: Literal["day", "month"] = Field(
        "day",
        description="what a row of calls covers: a day, or a month dated on any of its days. With months, a "
        "customer with calls counts as last seen at the month's end",
    )
    sessions: SessionSettings = SessionSettings()


class HouseholdSettings(Section):
    """Households, and what they are offered."""

    most_members: int = Field(8, ge=1, description="most persons of a household, by address or household_id")
    most_internet_lines: int = Field(
        3, ge=1, description="most persons with an internet line of their own at one address; more are a building"
    )
    units_of_a_building: int = Field(
        2,
        ge=1,
        description="number of named units from which an address without a unit is not a household",
    )
    linkage: Literal["none", "splink"] = Field(
        "none",
        description="'splink' links text addresses despite typing errors in streets; needs the extra 'linkage'",
    )
    linkage_threshold: Share = Field(0.9, description="smallest probability at which two addresses are linked")
    offered_families: list[ProductFamily] = Field(
        list(get_args(ProductFamily)), min_length=1, description="product families to offer to households"
    )
    prior_households: float = Field(
        50, gt=0, description="weight, in households, of all households of a size relative to the similar ones"
    )
    horizon_months: int = Field(36, ge=1, description="most months for which an offer's value counts")


class ScheduleSettings(Section):
    """When things run, in the operator's time zone."""

    timezone: str = Field(
        "UTC", description="the operator's time zone, which decides what day it is and when a month is over"
    )
    daily_ingest_cron: str = Field("30 2 * * *", description="when new data are loaded")
    monthly_segmentation_cron: str = Field("0 4 2 * *", description="when the month before is segmented")
    daily_actions_cron: str = Field("0 6 * * *", description="when the actions of the day are decided")
    maintenance_cron: str = Field("0 5 * * 0", description="when maintenance runs")
    keep_snapshots_days: int = Field(30, ge=1, description="days after which maintenance expires snapshots of the lake")
    keep_orphans_hours: int = Field(
        24, ge=1, description="age at which maintenance deletes files that no snapshot refers to, left by killed runs"
    )
    revise_late_months: bool = Field(
        False, description="after each daily ingest, segment published months again that late data have reached"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not a known time zone; write it as 'Europe/Vienna'") from error
        return value


class ReportSettings(Section):
    """The HTML report and the profiles."""

    path: Path = Field(Path("data/reports"), description="folder of the reports")
    minimum_cell_size: int = Field(10, ge=1, description="smaller cells are suppressed in published profiles")
    most_attribute_values: int = Field(
        20, ge=1, description="largest number of different texts of a customer attribute that profiles show"
    )
