"""Consumers of an ISP whose work at home is planted: work adds its own bytes to those of private life.

A second family of truths, which shares nothing with the simulator's: there a business at home moves the shares of one
flow of traffic, here every customer has two flows, and its shares are those of the sum. So classes overlap where there
is little work, and no share is normal on any scale.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Flow:
    """Traffic of one purpose: its volume against private traffic, upload share, business-hours and weekend share."""

    volume: float
    upload: float
    business_hours: float
    weekend: float
    volume_sd: float = 0.5


PRIVATE = {
    "ordinary": (0.74, Flow(1.0, 0.06, 0.14, 0.34)),
    "student": (0.08, Flow(1.0, 0.07, 0.26, 0.29)),
    "hobby_uploader": (0.05, Flow(1.6, 0.30, 0.12, 0.40)),
    "gamer": (0.08, Flow(1.5, 0.08, 0.10, 0.36)),
    "retired": (0.05, Flow(0.6, 0.06, 0.24, 0.28)),
}
SHOP = Flow(3.0, 0.22, 0.66, 0.08)
TELEWORK = Flow(1.4, 0.13, 0.72, 0.02)
BUSINESSES = {
    "like_shops": Flow(2.2, 0.22, 0.66, 0.08),
    "evenings_too": Flow(2.2, 0.28, 0.40, 0.16),
    "heavy_upload": Flow(2.5, 0.50, 0.55, 0.10),
    "like_teleworkers": Flow(1.8, 0.17, 0.66, 0.06),
    "open_all_week": Flow(2.2, 0.26, 0.50, 0.27),
}


@dataclass(frozen=True)
class PlantedHomes:
    """One ISP. ``marked`` is the share of nanobusinesses with a tax number on record."""

    customers: int = 8_000
    business: str = "like_shops"
    prevalence: float = 0.03
    teleworkers: float = 0.06
    marked: float = 0.5
    small_businesses: float = 0.04
    provided: float = 0.15
    has_dayparts: bool = True
    has_static_ip: bool = True
    has_second_line: bool = True
    wrong_marks: float = 0.003
    seed: int = 0
    shop: Flow = field(default=SHOP)
    shop_private: float = 0.25

    def draw(self) -> pd.DataFrame:
        """Return one row per customer: the columns that HomeBusinessModel takes, `customer_id` and `truth`."""
        draw = np.random.default_rng(self.seed)
        rows = self.customers
        truth = draw.choice(
            ["small_business", "nanobusiness", "home_worker", "none"],
            size=rows,
            p=self._shares(),
        )
        shop, nano, worker = (truth == name for name in ("small_business", "nanobusiness", "home_worker"))
        kind = draw.choice(len(PRIVATE), size=rows, p=[share for share, _ in PRIVATE.values()])
        private = _flow([flow for _, flow in PRIVATE.values()], kind, draw)
        private["volume"] = private["volume"] * np.where(shop, self.shop_private, 1.0)
        works = [self.shop, BUSINESSES[self.business], TELEWORK]
        work = _flow(works, np.select([shop, nano], [0, 1], 2), draw)
        work["volume"] = work["volume"] * (shop | nano | worker)

        def share(name: str) -> np.ndarray:
            whole = private["volume"] + work["volume"]
            return (private[name] * private["volume"] + work[name] * work["volume"]) / whole

        weekend = share("weekend")
        provided = np.where(worker, self.provided, np.where(nano | shop, 0.0, 0.002))
        return pd.DataFrame(
            {
                "customer_id": [f"C{number:06}" for number in range(rows)],
                "truth": truth,
                "is_business": shop,
                "is_opted_out": False,
                "is_provided_by_employer": draw.random(rows) < provided,
                "has_tax_number": shop | (draw.random(rows) < np.where(nano, self.marked, self.wrong_marks)),
                "has_static_ip": self._mark(draw, truth, (0.5, 0.25, 0.02, 0.01)) if self.has_static_ip else None,
                "has_second_line": self._mark(draw, truth, (0.6, 0.30, 0.10, 0.06)) if self.has_second_line else None,
                "usage_days_3m": 85,
                "upload_share_3m": share("upload"),
                "weekend_day_ratio_3m": weekend / 2 / ((1 - weekend) / 5),
                "business_hours_share_3m": share("business_hours") if self.has_dayparts else np.nan,
            }
        )

    def _shares(self) -> list[float]:
        consumers = 1 - self.small_businesses
        nano, worker = self.prevalence * consumers, self.teleworkers * consumers
        return [self.small_businesses, nano, worker, consumers - nano - worker]

    def _mark(self, draw: np.random.Generator, truth: np.ndarray, rates: tuple[float, ...]) -> np.ndarray:
        of_class = dict(zip(("small_business", "nanobusiness", "home_worker", "none"), rates, strict=True))
        return draw.random(len(truth)) < np.vectorize(of_class.__getitem__)(truth)


def _flow(flows: list[Flow], kind: np.ndarray, draw: np.random.Generator) -> dict[str, np.ndarray]:
    def of(name: str) -> np.ndarray:
        return np.array([getattr(flow, name) for flow in flows])[kind]

    def shares(name: str, sd: float) -> np.ndarray:
        # Student's t: in real traffic some are far from everybody.
        return 1 / (1 + (1 / of(name) - 1) * np.exp(-sd * draw.standard_t(5, len(kind))))

    return {
        "volume": of("volume") * np.exp(of("volume_sd") * draw.normal(size=len(kind))),
        "upload": shares("upload", 0.30),
        "business_hours": shares("business_hours", 0.25),
        "weekend": shares("weekend", 0.20),
    }
