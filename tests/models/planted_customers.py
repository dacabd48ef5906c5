"""Customers whose behavior follows planted archetypes."""

import numpy as np
import pandas as pd

# archetype: weight, ln GB a month, then evening, business hours, night, upload and weekend shares
ARCHETYPES = {
    "evening_streamer": (0.28, 5.9, 0.52, 0.15, 0.10, 0.05, 0.36),
    "daytime_worker": (0.18, 5.2, 0.22, 0.48, 0.05, 0.14, 0.20),
    "uploader": (0.10, 5.6, 0.33, 0.25, 0.17, 0.36, 0.30),
    "light": (0.20, 3.2, 0.38, 0.24, 0.06, 0.07, 0.29),
    "balanced": (0.24, 5.0, 0.36, 0.25, 0.12, 0.08, 0.30),
}
# The same of a whole consumer base: large and small groups of different width, and mobile customers far from all.
CONSUMER_BASE = {
    "evening_streamer": (0.28, 6.8, 0.62, 0.07, 0.10, 0.03, 0.33),
    "daytime_worker": (0.18, 6.3, 0.20, 0.45, 0.05, 0.08, 0.19),
    "uploader": (0.06, 6.3, 0.24, 0.135, 0.41, 0.32, 0.31),
    "light": (0.16, 4.1, 0.34, 0.19, 0.06, 0.05, 0.26),
    "balanced": (0.20, 6.1, 0.34, 0.19, 0.10, 0.04, 0.28),
    "mobile_only": (0.12, 2.2, 0.30, 0.25, 0.06, 0.08, 0.26),
}
# Their devices, sessions a day and volatility.
EQUIPMENT = [(10, 4, 0.4), (9, 6, 0.4), (11, 3, 0.65), (3, 2, 0.95), (7, 4, 0.4), (1, 9, 0.9)]
ONE_ARCHETYPE = {"everybody": (1.0, 5.0, 0.36, 0.25, 0.12, 0.08, 0.30)}


def planted(
    customers: int = 800,
    seed: int = 0,
    archetypes: dict = ARCHETYPES,
    noise: float = 0.25,
    level_noise: float = 0.6,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Feature rows whose usage follows an archetype and whose payment, care, products and fee follow none."""
    random = np.random.default_rng(seed)
    table = np.array(list(archetypes.values()))
    truth = random.choice(len(table), customers, p=table[:, 0])
    gb = np.exp(table[truth, 1] + level_noise * random.standard_normal(customers))

    def share(column: int) -> np.ndarray:
        center = table[truth, column]
        return 1 / (1 + np.exp(-np.log(center / (1 - center)) - noise * random.standard_normal(customers)))

    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number:06d}" for number in range(customers)],
            "is_open": True,
            "tenure_months": 24,
            "usage_history_months": 12,
            "usage_days_3m": 90,
            "gb_month_3m": gb,
            "peak_mbps_3m": gb**0.5 * np.exp(0.4 * random.standard_normal(customers)),
            "sessions_day_3m": gb**0.3 * np.exp(0.3 * random.standard_normal(customers)),
            "devices_3m": 1 + random.poisson(2 + 0.5 * np.log(gb)),
            "cap_use_1m": np.nan,
            "evening_share_3m": share(2),
            "business_hours_share_3m": share(3),
            "night_share_3m": share(4),
            "upload_share_3m": share(5),
            "weekend_share_3m": share(6),
            "usage_volatility_3m": np.exp(-0.5 + 0.3 * random.standard_normal(customers)),
            "usage_change": np.exp(0.2 * random.standard_normal(customers)),
            "has_autopay": random.random(customers) < 0.7,
            "late_share_12m": random.random(customers) * (random.random(customers) < 0.2),
            "failed_payments_12m": random.poisson(0.1, customers),
            "contacts_3m": random.poisson(0.3, customers),
            "complaints_3m": random.poisson(0.05, customers),
            "product_families": 1 + random.integers(0, 4, customers),
            "has_internet": True,
            "has_tv": random.random(customers) < 0.4,
            "has_mobile": random.random(customers) < 0.5,
            "has_security": random.random(customers) < 0.1,
            "monthly_fee": 30 + 20 * random.random(customers),
            "download_mbps": random.choice([50.0, 100.0, 250.0, 1000.0], customers),
            "term_months": random.choice([0, 12, 24], customers),
        }
    )
    frame["gb_month_12m"] = gb * np.exp(0.15 * random.standard_normal(customers))
    frame["speed_use_3m"] = frame["peak_mbps_3m"] / frame["download_mbps"]
    frame["outage_minutes_3m"] = random.poisson(0.2, customers) * 60.0
    return frame, truth


def consumer_base(customers: int = 2100, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Feature rows of `CONSUMER_BASE`; a quarter of the lines come with a mobile contract that is metered too."""
    frame, truth = planted(customers, seed, CONSUMER_BASE, noise=0.13)
    random = np.random.default_rng(seed)
    is_mobile_only = truth == list(CONSUMER_BASE).index("mobile_only")
    has_mobile = is_mobile_only | (random.random(customers) < 0.25)
    frame["has_internet"], frame["has_mobile"] = ~is_mobile_only, has_mobile
    # Devices, sessions and volatility are per contract and day: a mobile contract moves them, however a line is used.
    line = ~is_mobile_only / (1.0 + has_mobile)
    devices, sessions, volatility = np.array(EQUIPMENT)[truth].T * np.exp(0.25 * random.standard_normal((3, customers)))
    frame["devices_3m"] = line * devices + (1 - line)
    frame["sessions_day_3m"] = line * sessions + 9 * (1 - line)
    frame["usage_volatility_3m"] = np.where(has_mobile, 1.1, volatility)
    frame["peak_mbps_3m"] = np.where(truth == 3, 50, frame["download_mbps"])
    frame["speed_use_3m"] = frame["peak_mbps_3m"] / frame["download_mbps"]
    # Only some plans have a cap, and a mobile cap is measured against all traffic.
    frame["cap_use_1m"] = np.where(has_mobile & (random.random(customers) < 0.6), frame["gb_month_3m"] / 20, np.nan)
    return frame, truth
