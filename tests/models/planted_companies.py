"""Mid-size companies whose products follow planted needs, which have nothing to do with their size."""

import numpy as np
import pandas as pd

from models.business.features import FAMILIES

# need: weight, fewest and most sites, then the chance to hold voice, mobile, cloud and security
NEEDS = {
    "basic": (0.35, 1, 1, 0.15, 0.08, 0.04, 0.06),
    "branch_network": (0.25, 3, 8, 0.85, 0.12, 0.10, 0.92),
    "cloud_first": (0.20, 1, 2, 0.06, 0.10, 0.95, 0.85),
    "field_force": (0.20, 1, 1, 0.85, 0.95, 0.08, 0.08),
}
MARGINS = {"internet": 40.0, "fixed_voice": 15.0, "mobile": 17.0, "cloud": 28.0, "security": 19.0, "tv": 5.0}


PLANTED_FAMILIES = ("fixed_voice", "mobile", "cloud", "security")


def companies(rows: int = 1200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of `features.mid_band_features`, and the need of each."""
    random = np.random.default_rng(seed)
    table = np.array(list(NEEDS.values()))
    need = random.choice(len(table), rows, p=table[:, 0])
    sites = random.integers(table[need, 1], table[need, 2] + 1)
    lines = {"internet": sites, "tv": np.zeros(rows, dtype=int)}
    for column, family in enumerate(PLANTED_FAMILIES, start=3):
        lines[family] = (random.random(rows) < table[need, column]).astype(int)
    frame = pd.DataFrame(
        {
            "customer_id": [f"b{number:06d}" for number in range(rows)],
            "employees": np.clip(np.round(40 * np.exp(1.1 * random.standard_normal(rows))), 10, 999),
            "tenure_months": 30,
            "open_contracts": sum(lines.values()),
            "sites": sites,
            "download_mbps": random.choice([100.0, 500.0, 1000.0], rows),
            "fiber_share": random.choice([0.0, 1.0], rows),
            "has_static_ip": random.random(rows) < 0.4,
            "outage_minutes_3m": random.poisson(5, rows),
            "term_months": random.choice([0, 12, 24], rows),
            "gb_month_3m": np.exp(5 + random.standard_normal(rows)),
            "business_hours_share_3m": random.beta(8, 4, rows),
            "contracts_added_12m": random.poisson(0.2, rows),
            "contracts_ended_12m": random.poisson(0.1, rows),
            "contacts_3m": random.poisson(0.3, rows),
            "complaints_3m": random.poisson(0.05, rows),
            "resold_share": random.choice([0.0, 0.0, 0.0, 1.0], rows),
        }
    )
    for family in FAMILIES:
        frame[f"has_{family}"] = lines[family] > 0
        frame[f"{family}_lines"] = lines[family]
        frame[f"{family}_margin"] = lines[family] * MARGINS[family]
    frame["expected_monthly_margin"] = frame[[f"{family}_margin" for family in FAMILIES]].sum(axis=1)
    return frame, need


def most_probable_need(frame: pd.DataFrame) -> np.ndarray:
    """The need of each row by Bayes' rule with the true parameters: nobody who sees the same can do better."""
    table = np.array(list(NEEDS.values()))
    sites = frame["sites"].to_numpy()[:, None]
    is_possible = (table[:, 1] <= sites) & (sites <= table[:, 2])
    likelihood = is_possible * table[:, 0] / (table[:, 2] - table[:, 1] + 1)
    for column, family in enumerate(PLANTED_FAMILIES, start=3):
        is_held = frame[f"has_{family}"].to_numpy()[:, None]
        likelihood = likelihood * np.where(is_held, table[:, column], 1 - table[:, column])
    return likelihood.argmax(axis=1)
