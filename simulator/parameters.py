"""Every number the simulated provider is built from, in groups; nothing else in the package holds a figure.

Money is in the reporting currency, volumes in GB (10^9 bytes), rates are per month unless their name says otherwise.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MAXIMUM_TENURE_MONTHS = 120


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mix(_Group):
    """Who the customers are. Shares are rounded to whole customers in every block of one thousand."""

    employee: float = Field(0.020, description="Persons whose access an employer of the base provides.")
    small_business: float = Field(0.080, description="Organizations with fewer than 100 employees.")
    medium_business: float = Field(0.014, description="100 to 999 employees.")
    enterprise: float = Field(0.004, description="1,000 employees and more.")
    education: float = 0.006
    government: float = 0.006
    wholesale: float = 0.004
    unclassified_business: float = Field(0.006, description="Organizations of unknown size.")
    mobile_only: float = Field(0.06, description="Consumers without a fixed line.")
    voice_only: float = Field(0.03, description="Consumers with a telephone line and nothing else.")
    household_pairs: int = Field(60, description="Households of two customers in every thousand.")
    household_triples: int = Field(10, description="Households of three customers in every thousand.")
    household_id_known: float = Field(0.5, description="Share of shared households the provider knows of.")
    building_residents: int = Field(
        30, description="Unrelated customers of one large building per thousand; one with units, one without."
    )


class Plan(_Group):
    """One product on the price list."""

    code: str
    name: str
    family: str
    fee: float
    cost: float = Field(description="Monthly cost of the product itself (monthly_cost).")
    technology: str | None = None
    download_mbps: float | None = None
    upload_mbps: float | None = None
    cap_gb: float | None = None
    overage_per_gb: float = 0.0


def _price_list() -> tuple[Plan, ...]:
    def line(
        code: str,
        name: str,
        fee: float,
        cost: float,
        technology: str,
        down: float,
        up: float,
        cap: float | None = None,
        overage: float = 0.0,
    ) -> Plan:
        return Plan(
            code=code,
            name=name,
            family="internet",
            fee=fee,
            cost=cost,
            technology=technology,
            download_mbps=down,
            upload_mbps=up,
            cap_gb=cap,
            overage_per_gb=overage,
        )

    def extra(code: str, name: str, family: str, fee: float, cost: float) -> Plan:
        return Plan(code=code, name=name, family=family, fee=fee, cost=cost)

    return (
        # Consumer lines, slow to fast: a plan change moves one step.
        line("NET30", "Internet 30 Light", 24.90, 10.50, "fixed_wireless", 30, 5, 300, 0.05),
        line("NET50", "Internet 50", 29.90, 12.50, "dsl", 50, 10),
        line("NET100", "Internet 100", 34.90, 13.50, "cable", 100, 20),
        line("NET250", "Internet 250", 39.90, 15.00, "cable", 250, 40),
        line("NET500", "Fiber 500", 49.90, 17.50, "fiber", 500, 250),
        line("NET1000", "Fiber 1000", 64.90, 21.00, "fiber", 1000, 500),
        # Business lines.
        line("BIZ100", "Business 100", 59.00, 23.00, "cable", 100, 40),
        line("BIZ500", "Business Fiber 500", 99.00, 36.00, "fiber", 500, 500),
        line("BIZ1000", "Business Fiber 1000", 189.00, 68.00, "fiber", 1000, 1000),
        line("LEASED", "Leased Line", 490.00, 215.00, "fiber", 1000, 1000),
        extra("TV", "Television", "tv", 14.90, 9.20),
        extra("VOICE", "Home Phone", "fixed_voice", 9.90, 3.10),
        Plan(
            code="MOB20", name="Mobile 20", family="mobile", fee=14.90, cost=6.00, technology="mobile",
            download_mbps=100, upload_mbps=25, cap_gb=20,
        ),
        Plan(
            code="MOBMAX", name="Mobile Max", family="mobile", fee=27.90, cost=10.50, technology="mobile",
            download_mbps=300, upload_mbps=50,
        ),
        extra("SEC", "Device Protection", "security", 4.90, 1.20),
        extra("CLOUD", "Online Storage", "cloud", 6.90, 2.30),
        extra("BVOICE", "Business Phone", "fixed_voice", 24.00, 8.00),
        extra("BSEC", "Managed Firewall", "security", 29.00, 10.00),
        extra("BCLOUD", "Business Cloud", "cloud", 45.00, 17.00),
        Plan(
            code="TRANSIT", name="Wholesale Transit", family="wholesale", fee=3900.0, cost=2450.0,
            technology="fiber", download_mbps=10000, upload_mbps=10000,
        ),
    )


class Plans(_Group):
    """Prices, terms, promotions and how they change."""

    price_list: tuple[Plan, ...] = Field(default_factory=_price_list)
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
        0.15, description="Customers on a term who commit again every time it ends; the others run on freely."
    )
    promotion_share: float = Field(0.45, description="New main contracts that start with a discount.")
    promotion_discount: float = Field(0.30, description="Discount as a share of the list fee.")
    promotion_months: tuple[int, ...] = (3, 6, 12)
    price_increase: float = 0.04
    price_increase_share: float = Field(0.6, description="Contracts the increase applies to.")
    price_increase_minimum_months: int = Field(12, description="Only contracts at least this old.")
    plan_change_annual: float = Field(0.08, description="Lines that change plan in a year.")
    upgrade_share: float = Field(0.7, description="Plan changes that go up.")
    extras: dict[str, float] = Field(
        default={"tv": 0.30, "fixed_voice": 0.28, "mobile": 0.22, "security": 0.12, "cloud": 0.06},
        description="Consumers with a line who also take this from the start.",
    )
    business_extras: dict[str, float] = Field(
        default={"fixed_voice": 0.45, "security": 0.30, "cloud": 0.25, "mobile": 0.30}
    )
    cross_sell_annual: float = Field(0.06, description="Customers adding one more product in a year.")
    drop_annual: float = Field(0.05, description="Extra products given up in a year.")
    setup_fee: float = Field(20.0, description="Charged once for a line without a promotion.")
    tax_rate: float = 0.20
    currency: str = "EUR"


class Hazards(_Group):
    """The true monthly churn hazard: theta x behavior x commitment, theta ~ Beta by market, product and term.

    Within a cohort the survivors are a mixture of geometrics over a beta, so hazards fall with tenure only because
    the loose customers leave first: the shifted-beta-geometric's own story (Fader and Hardie 2007).
    """

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
        description="Alpha and beta of theta; the key is market/product/term or a market alone.",
    )
    committed_multiplier: float = Field(0.25, description="While committed.")
    expiry_multiplier: float = Field(1.5, description="In the first month after commitment ends.")
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
    autopay_multiplier: float = Field(0.90, description="Customers who pay by direct debit or card.")
    monthly_arrivals: float = Field(0.018, description="New customers a month, as a share of the opening base.")
    pending_share: float = Field(0.004, description="Customers whose first contract starts after the window.")
    win_back_share: float = Field(0.10, description="Voluntary leavers who return.")
    win_back_months: tuple[int, int] = Field((2, 10), description="Months away, first and last.")
    reasons: dict[str, float] = Field(
        default={"voluntary": 0.68, "moved": 0.14, "involuntary": 0.12, "other": 0.06}
    )
    suspension_share: float = Field(0.012, description="Customers suspended once in a year, who then pay and stay.")
    dormancy_share: float = Field(0.02, description="Lines that fall silent for some months of a year.")


class Archetype(_Group):
    """How one kind of customer uses a line. Shares are of a weekday's bytes; spreads are between customers."""

    share: float = Field(description="Of the customers of its population.")
    monthly_gb: float = Field(description="Median of the customers' monthly level, both directions.")
    level_sd: float = Field(description="Of ln GB between customers.")
    upload: float
    upload_sd: float = Field(0.20, description="Of the logit between customers.")
    business_hours: float = Field(description="Monday to Friday, 09 to 17.")
    evening: float = Field(description="18 to 23.")
    night: float = Field(description="23 to 06.")
    weekend: float = Field(1.0, description="Bytes of a weekend day against a weekday.")
    daily_sd: float = Field(0.45, description="Of ln bytes between days.")
    idle_days: float = Field(0.01, description="Days without any session.")
    devices: float = 8.0
    sessions: float = 4.0


class Usage(_Group):
    """Usage archetypes and what happens to them over time."""

    consumer: dict[str, Archetype] = Field(
        default={
            "evening_streamer": Archetype(
                share=0.32, monthly_gb=1015, level_sd=0.57, upload=0.022, business_hours=0.10, evening=0.62,
                night=0.10, weekend=1.25, daily_sd=0.40, devices=10, sessions=4,
            ),
            "daytime_worker": Archetype(
                share=0.18, monthly_gb=575, level_sd=0.61, upload=0.057, business_hours=0.56, evening=0.20,
                night=0.05, weekend=0.60, daily_sd=0.35, devices=9, sessions=6,
            ),
            "uploader": Archetype(
                share=0.07, monthly_gb=530, level_sd=0.86, upload=0.30, business_hours=0.20, evening=0.24,
                night=0.42, weekend=1.15, daily_sd=0.60, devices=11, sessions=3,
            ),
            "light": Archetype(
                share=0.20, monthly_gb=57, level_sd=0.59, upload=0.051, business_hours=0.28, evening=0.46,
                night=0.03, weekend=0.95, daily_sd=0.85, idle_days=0.18, devices=3, sessions=2,
            ),
            "balanced": Archetype(
                share=0.23, monthly_gb=305, level_sd=0.69, upload=0.036, business_hours=0.26, evening=0.32,
                night=0.12, weekend=1.00, daily_sd=0.40, devices=7, sessions=4,
            ),
        }
    )
    business: dict[str, Archetype] = Field(
        default={
            "office": Archetype(
                share=0.45, monthly_gb=360, level_sd=0.60, upload=0.165, business_hours=0.74, evening=0.07,
                night=0.05, weekend=0.12, daily_sd=0.30, devices=18, sessions=8,
            ),
            "shop": Archetype(
                share=0.20, monthly_gb=150, level_sd=0.50, upload=0.10, business_hours=0.58, evening=0.22,
                night=0.02, weekend=0.70, daily_sd=0.30, devices=6, sessions=5,
            ),
            "server_host": Archetype(
                share=0.13, monthly_gb=700, level_sd=0.60, upload=0.42, business_hours=0.36, evening=0.20,
                night=0.28, weekend=0.90, daily_sd=0.25, devices=12, sessions=2,
            ),
            "guest_network": Archetype(
                share=0.22, monthly_gb=520, level_sd=0.55, upload=0.05, business_hours=0.24, evening=0.48,
                night=0.10, weekend=1.40, daily_sd=0.35, devices=35, sessions=20,
            ),
        }
    )
    mobile_gb: float = Field(9.0, description="Median GB a month of a mobile contract.")
    mobile_sd: float = 0.8
    shape_sd: float = Field(0.12, description="Of the logits of the time-of-day shares between customers.")
    month_sd: float = Field(0.10, description="Of ln GB between months of one line.")
    growth_annual: float = 0.08
    growth_sd: float = 0.06
    seasonality: float = Field(0.06, description="Amplitude over the year, highest in January.")
    collapse_share: float = Field(0.8, description="Voluntary leavers whose usage collapses first.")
    collapse: tuple[float, float, float] = Field(
        (0.70, 0.30, 0.10), description="Factors two months before, one month before and in the month of leaving."
    )


class HomeBusiness(_Group):
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


class Billing(_Group):
    """Payment behavior."""

    methods: dict[str, float] = Field(
        default={"direct_debit": 0.50, "card": 0.20, "transfer": 0.26, "cash": 0.04}
    )
    due_days: int = 14
    failure: dict[str, float] = Field(
        default={"direct_debit": 0.012, "card": 0.022, "transfer": 0.002, "cash": 0.0}
    )
    late_mean: float = Field(0.15, description="Mean of a manual payer's chance to be late.")
    never_paid: float = Field(0.002, description="Invoices that stay open for good.")
    retry_days: int = 6
    voice_charge: float = Field(1.8, description="Mean monthly call charges of a telephone contract.")
    goodwill_credit: float = Field(0.25, description="Complaints answered with a credit note.")
    goodwill_amount: float = 10.0


class Care(_Group):
    """Contacts and outages."""

    contacts: float = Field(0.10, description="Mean contacts of a customer a month.")
    contacts_sd: float = Field(0.6, description="Of the log of that mean between customers.")
    leaving_extra: float = Field(0.35, description="More contacts in each of the last three months.")
    categories: dict[str, float] = Field(
        default={"support": 0.45, "billing": 0.25, "complaint": 0.10, "sales": 0.12, "other": 0.08}
    )
    leaving_complaint: float = Field(0.45, description="Share of the extra contacts that are complaints.")
    channels: dict[str, float] = Field(
        default={"phone": 0.45, "chat": 0.22, "email": 0.15, "app": 0.13, "shop": 0.05}
    )
    outages: float = Field(0.04, description="Days with an outage of one line a month.")
    regional_outages: float = Field(0.25, description="Months in which a region has an outage.")
    regional_reach: float = Field(0.30, description="Lines of the region that it hits.")


class Costs(_Group):
    """Cost to serve, as the truth counts it. The product's own cost is each plan's `cost`."""

    per_gb: float = 0.004
    per_contact: float = 4.0
    per_payment_failure: float = 2.0
    annual_discount_rate: float = 0.10
    horizons: tuple[int, int, int] = (12, 36, 240)


class SimulationParameters(_Group):
    """Size and seed of a run, and the groups of figures it is built from."""

    customers: int = Field(3_000, ge=1_000, le=10_000_000, description="Customers ever seen in the window.")
    months: int = Field(18, ge=3, le=120, description="Calendar months of history.")
    end_month: str = Field("2025-12", description="Last month, YYYY-MM; nothing is dated later.")
    seed: int = Field(0, ge=0)
    dirt: float = Field(0.0, ge=0.0, le=0.2, description="Bad rows of each kind as a share of a table's rows.")
    chunk_customers: int = Field(25_000, ge=1, description="Customers held in memory at once.")
    mix: Mix = Field(default_factory=Mix)
    plans: Plans = Field(default_factory=Plans)
    hazards: Hazards = Field(default_factory=Hazards)
    usage: Usage = Field(default_factory=Usage)
    home_business: HomeBusiness = Field(default_factory=HomeBusiness)
    billing: Billing = Field(default_factory=Billing)
    care: Care = Field(default_factory=Care)
    costs: Costs = Field(default_factory=Costs)

    @field_validator("end_month")
    @classmethod
    def _is_month(cls, value: str) -> str:
        if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", value):
            raise ValueError(f"end_month is {value!r}; it must be a month like 2025-12")
        return value

    @model_validator(mode="after")
    def _shares_add_up(self) -> SimulationParameters:
        for population, archetypes in (("consumer", self.usage.consumer), ("business", self.usage.business)):
            total = sum(archetype.share for archetype in archetypes.values())
            if abs(total - 1.0) > 1e-9:
                raise ValueError(f"the shares of usage.{population} add up to {total:.4f}; they must add up to 1")
        return self
