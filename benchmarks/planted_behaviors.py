"""Internet providers whose consumers use their lines in ten planted ways, each provider with scales of its own.

Made to differ from the simulator: heavy and skewed tails, unequal sizes, spreads that
differ between behaviors, shares that are parts of one day (more of one is less of the others), volume that goes with
the shares within a behavior, columns that are not there, and noise that has a structure but no behavior behind it.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logit

# behavior: volume against the median, then parts of a day (09-17, evening, night), upload share, weekend share,
# and how wide it spreads against the others
BEHAVIORS = {
    "family": (1.0, 0.24, 0.40, 0.10, 0.07, 0.31, 0.8),
    "streamer": (2.2, 0.12, 0.62, 0.12, 0.03, 0.30, 0.8),
    "teleworker": (1.1, 0.52, 0.20, 0.05, 0.14, 0.18, 0.9),
    "light": (0.08, 0.28, 0.38, 0.04, 0.07, 0.29, 1.2),
    "gamer": (1.6, 0.14, 0.33, 0.40, 0.06, 0.35, 0.9),
    "creator": (1.4, 0.28, 0.34, 0.14, 0.42, 0.30, 1.0),
    "camera": (0.45, 0.27, 0.21, 0.27, 0.72, 0.285, 0.6),
    "second_home": (0.30, 0.20, 0.46, 0.08, 0.06, 0.72, 1.0),
    "home_shop": (0.7, 0.62, 0.12, 0.03, 0.32, 0.12, 0.8),
    "downloader": (6.0, 0.22, 0.24, 0.38, 0.015, 0.30, 1.0),
}


@dataclass(frozen=True)
class Provider:
    """How the consumers of one provider are measured, and what is beside their behavior."""

    median_gb: float
    sizes: tuple[float, ...]
    level_spread: float = 0.6
    share_spread: float = 0.35
    tails: str = "normal"
    """Of the spread within a behavior: normal, t (4 degrees of freedom) or gamma (skewed to the right)."""
    volume_goes_with_evening: float = 0.0
    """Correlation, within a behavior, of volume and evening share."""
    bundles: float = 0.4
    """Share of customers with a metered mobile contract too, which moves sessions, devices and volatility."""
    absent: tuple[str, ...] = ()
    behaviors: tuple[str, ...] = field(default=tuple(BEHAVIORS))


PROVIDERS = {
    "fiber": Provider(320, (22, 18, 14, 12, 8, 7, 4, 5, 5, 5)),
    "village_dsl": Provider(
        38,
        (26, 12, 10, 20, 6, 5, 4, 8, 5, 4),
        tails="t",
        share_spread=0.28,
        absent=("sessions_day_3m", "devices_3m", "peak_mbps_3m", "speed_use_3m", "cap_use_1m"),
    ),
    "fixed_wireless": Provider(
        14,
        (20, 10, 12, 16, 10, 8, 6, 8, 5, 5),
        level_spread=0.72,
        tails="gamma",
        absent=("usage_volatility_3m", "late_share_12m", "contacts_3m", "complaints_3m"),
    ),
    "triple_play": Provider(
        610,
        (16, 24, 12, 14, 9, 6, 3, 6, 4, 6),
        level_spread=0.54,
        share_spread=0.39,
        volume_goes_with_evening=0.5,
        bundles=0.7,
        absent=("gb_month_12m",),
    ),
}


# One behavior in tails of every kind: what has no structure, and is one cluster.
CONTROLS = {
    f"one behavior, {tails} tails": Provider(320, (1,), tails=tails, behaviors=("family",))
    for tails in ("normal", "t", "gamma")
}
# Seven ways that differ in width as much as in kind: share, ln GB, then the log odds of daytime, upload and weekend
# shares, each with its spread. Evening and night follow none of them.
SEVEN_WAYS = {
    "browser": (0.26, 3.6, 0.9, -1.1, 0.6, -2.5, 0.6, -0.9, 0.45),
    "streamer": (0.25, 6.0, 0.45, -1.6, 0.25, -3.4, 0.25, -0.7, 0.2),
    "gamer": (0.13, 5.3, 0.5, -1.9, 0.5, -2.3, 0.3, -0.45, 0.3),
    "teleworker": (0.14, 5.2, 0.5, 0.0, 0.4, -1.7, 0.35, -1.5, 0.3),
    "uploader": (0.045, 5.8, 0.7, -0.7, 0.5, -0.1, 0.6, -0.8, 0.3),
    "weekender": (0.09, 3.9, 0.7, -1.5, 0.6, -2.4, 0.5, 0.5, 0.5),
    "shop": (0.085, 4.6, 0.6, 0.7, 0.45, -1.2, 0.4, -2.1, 0.45),
}
WIDTH = 0.8


def seven_ways(customers: int = 5_000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows as of `behaving`, whose consumers follow `SEVEN_WAYS`, and the way of each as a number."""
    random = np.random.default_rng(seed)
    table = np.array(list(SEVEN_WAYS.values()))
    truth = random.choice(len(table), customers, p=table[:, 0] / table[:, 0].sum())

    def drawn(column: int) -> np.ndarray:
        return table[truth, column] + WIDTH * table[truth, column + 1] * random.standard_normal(customers)

    gb = np.exp(drawn(1))
    daytime, upload, weekend = (expit(drawn(column)) for column in (3, 5, 7))
    evening = (1 - daytime) * expit(0.3 + 0.5 * random.standard_normal(customers))
    frame, _ = behaving(PROVIDERS["fiber"], customers, seed)
    return frame.assign(
        gb_month_3m=gb,
        gb_month_12m=gb * np.exp(0.2 * random.standard_normal(customers)),
        business_hours_share_3m=daytime,
        evening_share_3m=evening,
        night_share_3m=(1 - daytime - evening) * expit(-0.8 + 0.6 * random.standard_normal(customers)),
        upload_share_3m=upload,
        weekend_share_3m=weekend,
    ), truth


def behaving(provider: Provider, customers: int = 5_000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of `features.customer_features` after a year of history, and the behavior of each as a number."""
    random = np.random.default_rng(seed)
    sizes = np.array(provider.sizes, dtype=float)
    table = np.array([BEHAVIORS[name] for name in provider.behaviors])
    truth = random.choice(len(table), customers, p=sizes / sizes.sum())
    factor, day, evening, night, upload, weekend, width = table[truth].T

    def spread(scale: float) -> np.ndarray:
        drawn = {
            "normal": lambda: random.standard_normal(customers),
            "t": lambda: random.standard_t(4, customers) / np.sqrt(2),
            "gamma": lambda: (random.gamma(4, size=customers) - 4) / 2,
        }[provider.tails]()
        return scale * width * drawn

    level = spread(1.0)
    gb = provider.median_gb * factor * np.exp(provider.level_spread * level)
    together = provider.volume_goes_with_evening
    parts = np.column_stack([day, evening, night, 1 - day - evening - night])
    noise = np.column_stack([spread(provider.share_spread) for _ in range(4)])
    noise[:, 1] = together * provider.share_spread * level + np.sqrt(1 - together**2) * noise[:, 1]
    parts = parts * np.exp(noise)
    parts /= parts.sum(axis=1, keepdims=True)

    def share(center: np.ndarray, scale: float) -> np.ndarray:
        shares: np.ndarray = expit(logit(center) + spread(scale))
        return shares

    has_mobile = random.random(customers) < provider.bundles
    speed = random.choice([25.0, 50.0, 100.0, 250.0, 1000.0], customers) * np.sqrt(provider.median_gb / 100)
    frame = pd.DataFrame(
        {
            "customer_id": [f"p{number:06d}" for number in range(customers)],
            "is_open": True,
            "tenure_months": random.integers(12, 120, customers),
            "usage_history_months": 12,
            "usage_days_3m": 91,
            "gb_month_3m": gb,
            "gb_month_12m": gb * np.exp(0.2 * random.standard_normal(customers)),
            "business_hours_share_3m": parts[:, 0],
            "evening_share_3m": parts[:, 1],
            "night_share_3m": parts[:, 2],
            "upload_share_3m": share(upload, 1.2 * provider.share_spread),
            "weekend_share_3m": share(weekend, 0.8 * provider.share_spread),
            "peak_mbps_3m": speed * random.beta(4, 2, customers),
            "sessions_day_3m": np.where(has_mobile, 14, 4) * np.exp(0.4 * random.standard_normal(customers)),
            "devices_3m": 1 + random.poisson(np.where(has_mobile, 3, 6)),
            "usage_volatility_3m": np.where(has_mobile, 1.1, 0.5) * np.exp(0.3 * random.standard_normal(customers)),
            "usage_change": np.exp(0.3 * random.standard_t(3, customers)),
            "cap_use_1m": np.where(has_mobile, gb / 50 * random.lognormal(0, 0.5, customers), np.nan),
            "has_autopay": random.random(customers) < 0.6,
            "late_share_12m": random.beta(0.3, 3, customers),
            "failed_payments_12m": random.poisson(0.2, customers),
            "contacts_3m": random.negative_binomial(0.5, 0.5, customers),
            "complaints_3m": random.poisson(0.1, customers),
            "outage_minutes_3m": random.exponential(60, customers) * (random.random(customers) < 0.3),
            "product_families": 1 + has_mobile + random.integers(0, 3, customers),
            "has_internet": True,
            "has_tv": random.random(customers) < 0.5,
            "has_mobile": has_mobile,
            "has_security": random.random(customers) < 0.15,
            "monthly_fee": 20
            + 10 * np.log2(speed / speed.min())
            + 12 * has_mobile
            + random.integers(0, 3, customers) * 5,
            "download_mbps": speed,
            "term_months": random.choice([0, 12, 24], customers),
        }
    )
    frame["speed_use_3m"] = frame["peak_mbps_3m"] / speed
    return frame.drop(columns=list(provider.absent)), truth
