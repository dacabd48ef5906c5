"""Write the export of a small operator that records events and bills nothing, as many public data sets are shaped.

    python examples/event_isp/generate.py

Customers have sign-up and churn dates, plans a price, subscriptions a plan and a start, plan changes are dated, and
usage comes as events with a time and bytes, one file per month and network node. There are no invoices and no payments.
Identifiers are integers, dates are timestamps, and churn stands with the customer: most subscriptions of one who left
have no end. As in real exports some events come after the churn, some name no known subscription, and some are
delivered by both nodes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

SOURCE = Path(__file__).parents[2] / "data" / "event_isp" / "source"
FIRST_DAY, LAST_DAY = pd.Timestamp("2025-07-01"), pd.Timestamp("2025-12-31")
PLANS = pd.DataFrame(
    [
        (1, "Home 50", "fixed", 24.9, 50, 10, None),
        (2, "Home 250", "fixed", 34.9, 250, 50, None),
        (3, "Home 1000", "fixed", 49.9, 1000, 200, None),
        (4, "Office 500", "fixed", 89.0, 500, 500, None),
        (5, "Mobile 10", "mobile", 12.5, 100, 20, 10),
        (6, "Mobile 40", "mobile", 19.5, 100, 20, 40),
    ],
    columns=["plan_id", "plan_name", "network", "monthly_price", "down_mbps", "up_mbps", "included_gb"],
)
HOME, OFFICE, MOBILE = (1, 2, 3), 4, (5, 6)


def generate(folder: Path = SOURCE, customers: int = 240, seed: int = 5) -> None:
    """Write the export to ``folder``; the same seed gives the same files."""
    random = np.random.default_rng(seed)
    people = _customers(random, customers)
    lines = _subscriptions(random, people)
    (folder / "events").mkdir(parents=True, exist_ok=True)
    _write(PLANS, folder / "plans.csv")
    _write(people.drop(columns="is_office"), folder / "customers.csv")
    _write(lines.drop(columns="stop"), folder / "subscriptions.csv")
    _write(_plan_changes(random, lines), folder / "plan_changes.csv")
    events = _events(random, lines)
    month = events["started_at"].dt.strftime("%Y-%m")
    for (node, name), rows in events.groupby(["node", month]):
        _write(rows.drop(columns="node"), folder / "events" / f"{node}_{name}.csv")


def _customers(random: np.random.Generator, count: int) -> pd.DataFrame:
    signed_up = LAST_DAY - pd.to_timedelta(random.integers(20 * 24, 1100 * 24, count), "h")
    churned = signed_up + pd.to_timedelta(random.integers(60 * 24, 4000 * 24, count), "h")
    return pd.DataFrame(
        {
            "customer_id": np.arange(10_001, 10_001 + count),
            "is_office": random.random(count) < 0.1,
            "signup_ts": signed_up,
            "churn_ts": churned.where((churned >= FIRST_DAY) & (churned <= LAST_DAY)),
            "region": random.choice(["North", "South", "West"], count),
        }
    ).assign(kind=lambda each: np.where(each["is_office"], "B2B", "B2C"))


def _subscriptions(random: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    first = people.assign(plan_id=np.where(people["is_office"], OFFICE, random.choice(HOME, len(people))))
    second = people[random.random(len(people)) < 0.35].copy()
    second["plan_id"] = random.choice(MOBILE, len(second))
    lines = pd.concat([first, second], ignore_index=True)
    start = lines["signup_ts"] + pd.to_timedelta(random.integers(0, 9 * 24, len(lines)), "h")
    ended = start + pd.to_timedelta(random.integers(90, 5000, len(lines)), "D")
    end = ended.where((ended <= LAST_DAY) & (ended >= FIRST_DAY) & lines["churn_ts"].isna())
    return pd.DataFrame(
        {
            "subscription_id": np.arange(500_001, 500_001 + len(lines)),
            "customer_id": lines["customer_id"],
            "plan_id": lines["plan_id"],
            "start_ts": start,
            "end_ts": end,
            "stop": end.fillna(lines["churn_ts"]),
        }
    )


def _plan_changes(random: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    changed = lines[lines["plan_id"].isin(HOME[:2]) & lines["stop"].isna() & (random.random(len(lines)) < 0.3)]
    changed = changed[changed["start_ts"] < FIRST_DAY]
    day = FIRST_DAY + pd.to_timedelta(random.integers(24, 180 * 24, len(changed)), "h")
    return pd.DataFrame(
        {"subscription_id": changed["subscription_id"], "changed_ts": day, "new_plan_id": changed["plan_id"] + 1}
    )


def _events(random: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Return a few events a day while a subscription runs, and what should not be there."""
    days = pd.DataFrame({"day": pd.date_range(FIRST_DAY, LAST_DAY)})
    held = lines.merge(days, how="cross")
    since_stop = (held["day"] - held["stop"].dt.normalize()).dt.days
    running = (held["day"] > held["start_ts"]) & ~(since_stop >= 0)
    # A router that nobody unplugged: the line goes on for some days after every third churn.
    forgotten = since_stop.between(1, 12) & (held["subscription_id"] % 3 == 0)
    held = held[running | forgotten]
    held = held.loc[held.index.repeat(random.integers(0, 4, len(held)))].reset_index(drop=True)
    count = len(held)
    down = random.lognormal(19.5, 1.1, count).astype("int64")
    events = pd.DataFrame(
        {
            "event_id": np.arange(1, count + 1),
            "subscription_id": held["subscription_id"],
            "started_at": held["day"] + pd.to_timedelta(random.integers(0, 86_400, count), "s"),
            "duration_s": random.integers(60, 14_400, count),
            "bytes_down": down,
            "bytes_up": (down * random.beta(2, 12, count)).astype("int64"),
            "node": random.choice(["bng1", "bng2"], count),
        }
    )
    unknown = events.sample(60, random_state=1).assign(
        subscription_id=lambda each: each["subscription_id"] + 900_000,
        event_id=lambda each: each["event_id"] + 10_000_000,
    )
    twice = events.sample(200, random_state=2)
    twice = twice.assign(node=np.where(twice["node"] == "bng1", "bng2", "bng1"))
    return pd.concat([events, unknown, twice], ignore_index=True)


def _write(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    generate()
    print(SOURCE)
