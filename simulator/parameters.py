"""What the simulated provider is built from, in groups.

Money is in the reporting currency, volumes in GB (10^9 bytes), rates are per month unless their name says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from simulator.archetypes import BUSINESS, CONSUMER, Archetype
from simulator.group import Group
from simulator.price_list import Plan, default_price_list

MAXIMUM_TENURE_MONTHS = 120


class Mix(Group):
    """Who the customers are. Shares are rounded to whole customers in every block of one thousand."""

    employee: float = Field(default=0.020, description="Persons whose access an employer of the base provides.")
    small_business: float = Field(default=0.080, description="Organizations with fewer than 100 employees.")
    medium_business: float = Field(default=0.014, description="100 to 999 employees.")
    enterprise: float = Field(default=0.004, description="1,000 employees and more.")
    education: float = 0.006
    government: float = 0.006
    wholesale: float = 0.004
    unclassified_business: float = Field(default=0.006, description="Organizations of unknown size.")
    mobile_only: float = Field(default=0.06, description="Consumers without a fixed line.")
    voice_only: float = Field(default=0.03, description="Consumers with a telephone line and nothing else.")
    household_pairs: int = Field(default=60, description="Households of two customers in every thousand.")
    household_triples: int = Field(default=10, description="Households of three customers in every thousand.")
    household_id_known: float = Field(default=0.5, description="Share of shared households the provider knows of.")
    building_residents: int = Field(
        default=30, description="Unrelated customers of one large building per thousand; one with units, one without."
    )


class Plans(Group):
    """Prices, terms, promotions and how they change."""

    price_list: tuple[Plan, ...] = Field(default_factory=default_price_list)
    term_shares: dict[str, tuple[float, float, float]] = Field(
        default={
            "consumer": (0.40, 0.25, 0.35),
            "business": (0.20, 0.35, 0.45),
            "public": (0.10, 0.30, 0.60),
            "wholesale": (0.0, 0.4, 0.6),
        },
        description="Shares of no term, 12 and 24 months by market.",
    )
    renewal_share: float = Field(
        default=0.15, description="Customers on a term who commit again every time it ends; the others run on freely."
    )
    promotion_share: float = Field(default=0.45, description="New main contracts that start with a discount.")
    promotion_discount: float = Field(default=0.30, description="Discount as a share of the list fee.")
    promotion_months: tuple[int, ...] = (3, 6, 12)
    price_increase: float = 0.04
    price_increase_share: float = Field(default=0.6, description="Contracts the increase applies to.")
    price_increase_minimum_months: int = Field(default=12, description="Only contracts at least this old.")
    plan_change_annual: float = Field(default=0.08, description="Lines that change plan in a year.")
    upgrade_share: float = Field(default=0.7, description="Plan changes that go up.")
    extras: dict[str, float] = Field(
        default={"tv": 0.30, "fixed_voice": 0.28, "mobile": 0.22, "security": 0.12, "cloud": 0.06},
        description="Consumers with a line who also take this from the start.",
    )
    business_extras: dict[str, float] = Field(
        default={"fixed_voice": 0.45, "security": 0.30, "cloud": 0.25, "mobile": 0.30}
    )
    cross_sell_annual: float = Field(default=0.06, description="Customers adding one more product in a year.")
    drop_annual: float = Field(default=0.05, description="Extra products given up in a year.")
    setup_fee: float = Field(default=20.0, description="Charged once for a line without a promotion.")
    tax_rate: float = 0.20
    currency: str = "EUR"


class Hazards(Group):
    """The true monthly churn hazard: theta x behavior x commitment, theta by market, product and term.

    In the family `beta` the survivors of a cohort are a mixture of geometrics over a beta, so hazards fall with tenure
    only because the loose customers leave first: the shifted-beta-geometric's own story (Fader and Hardie 2007). The
    others (`simulator/hazards.py`) do not share what the retention models assume.
    """

    family: Literal["beta", "weibull", "gompertz"] = "beta"
    beta: dict[str, tuple[float, float]] = Field(
        default={
            "consumer/internet/0": (0.90, 34.0),
            "consumer/internet/12": (1.00, 48.0),
            "consumer/internet/24": (1.10, 62.0),
            "consumer/other/0": (0.90, 26.0),
            "consumer/other/12": (0.95, 36.0),
            "consumer/other/24": (1.00, 48.0),
            "business/internet/0": (1.00, 55.0),
            "business/internet/12": (1.10, 75.0),
            "business/internet/24": (1.20, 95.0),
            "public": (1.2, 230.0),
            "wholesale": (1.2, 230.0),
        },
        description="Alpha and beta of theta; the key is market/product/term or a market alone. Other families have"
        " its mean alone.",
    )
    frailty_variance: float = Field(
        default=0.6, gt=0, description="Of the gamma frailty, in units of its mean squared; families but `beta`."
    )
    duration_shape: float = Field(default=0.8, gt=0, description="c of `weibull`: below 1 every own hazard falls.")
    annual_decline: float = Field(default=0.25, description="Of ln hazard in a year of tenure, in `gompertz`.")
    seasonality: float = Field(
        default=0.0, ge=0, lt=1, description="Amplitude over the calendar year; families but `beta`."
    )
    busiest_month: int = Field(default=9, ge=1, le=12, description="Month of the year in which most leave.")
    committed_multiplier: float = Field(default=0.25, description="While committed.")
    expiry_multiplier: float = Field(default=1.5, description="In the first months after commitment ends.")
    expiry_months: int = Field(default=1, ge=0, le=12, description="How many months that is.")
    behavior: dict[str, float] = Field(
        default={
            "evening_streamer": 1.0,
            "daytime_worker": 0.85,
            "uploader": 0.80,
            "light": 1.25,
            "balanced": 1.0,
        },
        description="By archetype; 1 where not named.",
    )
    autopay_multiplier: float = Field(default=0.90, description="Customers who pay by direct debit or card.")
    monthly_arrivals: float = Field(default=0.018, description="New customers a month, as a share of the opening base.")
    pending_share: float = Field(default=0.004, description="Customers whose first contract starts after the window.")
    win_back_share: float = Field(default=0.10, description="Voluntary leavers who return.")
    win_back_months: tuple[int, int] = Field(default=(2, 10), description="Months away, first and last.")
    reasons: dict[str, float] = Field(default={"voluntary": 0.68, "moved": 0.14, "involuntary": 0.12, "other": 0.06})
    suspension_share: float = Field(
        default=0.012, description="Customers suspended once in a year, who then pay and stay."
    )
    dormancy_share: float = Field(default=0.02, description="Lines that fall silent for some months of a year.")


class Usage(Group):
    """Usage archetypes and what happens to them over time."""

    consumer: dict[str, Archetype] = Field(default=CONSUMER)
    business: dict[str, Archetype] = Field(default=BUSINESS)
    mobile_gb: float = Field(default=9.0, description="Median GB a month of a mobile contract.")
    mobile_sd: float = 0.8
    shape_sd: float = Field(default=0.12, description="Of the logits of the time-of-day shares between customers.")
    month_sd: float = Field(default=0.10, description="Of ln GB between months of one line.")
    growth_annual: float = 0.08
    growth_sd: float = 0.06
    seasonality: float = Field(default=0.06, description="Amplitude over the year, highest in January.")
    collapse_share: float = Field(default=0.8, description="Voluntary leavers whose usage collapses first.")
    collapse: tuple[float, float, float] = Field(
        default=(0.70, 0.30, 0.10),
        description="Factors two months before, one month before and in the month of leaving.",
    )


class HomeBusiness(Group):
    """Who works at home on a consumer line, by archetype: (nanobusiness, home worker); and the look-alikes."""

    shares: dict[str, tuple[float, float]] = Field(
        default={"daytime_worker": (0.42, 0.42), "uploader": (0.15, 0.02), "balanced": (0.02, 0.02)}
    )
    static_ip: dict[str, float] = Field(default={"nanobusiness": 0.30, "home_worker": 0.02, "none": 0.01})
    tax_number: dict[str, float] = Field(default={"nanobusiness": 0.40, "home_worker": 0.01, "none": 0.004})
    second_line: dict[str, float] = Field(default={"nanobusiness": 0.35, "home_worker": 0.12, "none": 0.05})
    decoys: dict[str, tuple[str, float]] = Field(
        default={
            "student": ("daytime_worker", 0.9),
            "gamer": ("balanced", 0.15),
            "streamer": ("evening_streamer", 0.05),
            "hobby_uploader": ("uploader", 0.7),
        },
        description="Decoy: the archetype it has, and its share of that archetype's customers who do no business.",
    )


class Need(Group):
    """What one kind of mid-size company buys."""

    share: float = Field(description="Share of the mid-size companies.")
    sites: tuple[int, int] = Field(default=(1, 1), description="Fewest and most lines, each at a site of its own.")
    extras: dict[str, float] = Field(description="Chance to take each product family from the start.")


class MidBand(Group):
    """Needs of mid-size companies: what they buy depends on these and not on their size."""

    employees: tuple[int, int] = Field(default=(10, 999), description="Fewest and most of a mid-size company.")
    least_revenue: float = Field(default=2e6, description="Of a company whose employees are not known.")
    needs: dict[str, Need] = Field(
        default={
            "basic": Need(share=0.35, extras={"fixed_voice": 0.20, "mobile": 0.08, "security": 0.06, "cloud": 0.04}),
            "branch_network": Need(
                share=0.25,
                sites=(3, 6),
                extras={"fixed_voice": 0.85, "mobile": 0.15, "security": 0.92, "cloud": 0.10},
            ),
            "cloud_first": Need(
                share=0.20, extras={"fixed_voice": 0.06, "mobile": 0.10, "security": 0.80, "cloud": 0.95}
            ),
            "field_force": Need(
                share=0.20, extras={"fixed_voice": 0.80, "mobile": 0.95, "security": 0.08, "cloud": 0.10}
            ),
        }
    )
    reseller_known: float = Field(default=0.7, description="Contracts sold by a reseller of the base that name it.")


class Addresses(Group):
    """How the provider keeps addresses, and how carelessly they are written."""

    country: Literal["DE", "US"] = Field(default="DE", description="Whose addresses they look like.")
    text_share: float = Field(default=0.5, description="Homes of persons with a text in place of an identifier.")
    flat_share: float = Field(default=0.5, description="Houses with numbered flats; homes in others have a letter.")
    mess: float = Field(
        default=0.5, description="Chance to leave the plain spelling: of street type, unit, case, gaps, umlauts each."
    )
    typo_share: float = Field(default=0.0, description="Texts with a typing error in the name of the street.")


class Billing(Group):
    """Payment behavior."""

    methods: dict[str, float] = Field(default={"direct_debit": 0.50, "card": 0.20, "transfer": 0.26, "cash": 0.04})
    due_days: int = 14
    failure: dict[str, float] = Field(default={"direct_debit": 0.012, "card": 0.022, "transfer": 0.002, "cash": 0.0})
    late_mean: float = Field(default=0.15, description="Mean of a manual payer's chance to be late.")
    never_paid: float = Field(default=0.002, description="Invoices that stay open for good.")
    retry_days: int = 6
    voice_charge: float = Field(default=1.8, description="Mean monthly call charges of a telephone contract.")
    goodwill_credit: float = Field(default=0.25, description="Complaints answered with a credit note.")
    goodwill_amount: float = 10.0


class Care(Group):
    """Contacts and outages."""

    contacts: float = Field(default=0.10, description="Mean contacts of a customer a month.")
    contacts_sd: float = Field(default=0.6, description="Of the log of that mean between customers.")
    leaving_extra: float = Field(default=0.35, description="More contacts in each of the last three months.")
    categories: dict[str, float] = Field(
        default={"support": 0.45, "billing": 0.25, "complaint": 0.10, "sales": 0.12, "other": 0.08}
    )
    leaving_complaint: float = Field(default=0.45, description="Share of the extra contacts that are complaints.")
    channels: dict[str, float] = Field(default={"phone": 0.45, "chat": 0.22, "email": 0.15, "app": 0.13, "shop": 0.05})
    outages: float = Field(default=0.04, description="Days with an outage, per line and month.")
    regional_outages: float = Field(default=0.25, description="Months in which a region has an outage.")
    regional_reach: float = Field(default=0.30, description="Lines of the region that it hits.")


class Costs(Group):
    """Cost to serve, as the truth counts it. The product's own cost is each plan's `cost`."""

    per_gb: float = 0.004
    per_contact: float = 4.0
    per_payment_failure: float = 2.0
    write_off_after_days: int = Field(default=120, description="Past due; as the pipeline's settings have it.")
    annual_discount_rate: float = 0.10
    horizons: tuple[int, int, int] = (12, 36, 240)


class History(Group):
    """What the systems kept of the past, where it is not all; the truth stays whole (`simulator/history.py`)."""

    purged_before: date | None = Field(
        default=None, description="Customers whose last contract ended before this day are in no table."
    )
    endings_recorded_from: date | None = Field(
        default=None, description="Contracts that ended before this day look as if they were still open."
    )
    migrated_on: date | None = Field(
        default=None,
        description="Contracts and customers that are older begin on this day; contracts that had ended are gone.",
    )
    booking_delay_days: float = Field(
        default=0.0,
        ge=0,
        description="Mean of the exponential delay with which an ending is booked, under its true date. What is not"
        " booked by the end of the window is not there.",
    )
    labels_recorded_from: date | None = Field(
        default=None,
        description="Terms of contracts and firmographics are known only of those that were still there on this day.",
    )


class SimulationParameters(Group):
    """Size and seed of a run, and the groups of figures it is built from."""

    customers: int = Field(default=3_000, ge=1_000, le=10_000_000, description="Customers ever seen in the window.")
    months: int = Field(default=18, ge=3, le=240, description="Calendar months of history.")
    end_month: str = Field(default="2025-12", description="Last month, YYYY-MM; nothing is dated later.")
    seed: int = Field(default=0, ge=0)
    dirt: float = Field(default=0.0, ge=0.0, le=0.2, description="Bad rows of each kind as a share of a table's rows.")
    chunk_customers: int = Field(default=25_000, ge=1, description="Customers held in memory at once.")
    mix: Mix = Field(default_factory=Mix)
    plans: Plans = Field(default_factory=Plans)
    hazards: Hazards = Field(default_factory=Hazards)
    usage: Usage = Field(default_factory=Usage)
    home_business: HomeBusiness = Field(default_factory=HomeBusiness)
    mid_band: MidBand = Field(default_factory=MidBand)
    addresses: Addresses = Field(default_factory=Addresses)
    billing: Billing = Field(default_factory=Billing)
    care: Care = Field(default_factory=Care)
    costs: Costs = Field(default_factory=Costs)
    history: History = Field(default_factory=History)

    @field_validator("end_month")
    @classmethod
    def _is_month(cls, value: str) -> str:
        if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", value):
            raise ValueError(f"end_month is {value!r}; it must be a month like 2025-12")
        return value

    @model_validator(mode="after")
    def _shares_add_up(self) -> SimulationParameters:
        groups: dict[str, Mapping[str, Archetype | Need]] = {
            "usage.consumer": self.usage.consumer,
            "usage.business": self.usage.business,
            "mid_band.needs": self.mid_band.needs,
        }
        for name, kinds in groups.items():
            total = sum(kind.share for kind in kinds.values())
            if abs(total - 1.0) > 1e-9:
                raise ValueError(f"the shares of {name} add up to {total:.4f}; they must add up to 1")
        return self
