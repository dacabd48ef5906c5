"""Behavioral clusters beside other ways to cluster the same planted customers: ``python -m benchmarks.clusters``.

Every contestant runs in a process of its own. All but ours are told the true number of archetypes (HDBSCAN cannot be),
and get the same columns standardised; k-prototypes and HDBSCAN only as many rows as they bear.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from sklearn.metrics import adjusted_rand_score

# weight, ln GB a month, then evening, business hours, night, upload and weekend shares
ARCHETYPES = np.array(
    [
        (0.28, 5.9, 0.52, 0.15, 0.10, 0.05, 0.36),
        (0.18, 5.2, 0.22, 0.48, 0.05, 0.14, 0.20),
        (0.10, 5.6, 0.33, 0.25, 0.17, 0.36, 0.30),
        (0.20, 3.2, 0.38, 0.24, 0.06, 0.07, 0.29),
        (0.24, 5.0, 0.36, 0.25, 0.12, 0.08, 0.30),
    ]
)
SHARES = ("evening_share_3m", "business_hours_share_3m", "night_share_3m", "upload_share_3m", "weekend_share_3m")
AMOUNTS = ("gb_month_3m", "peak_mbps_3m", "sessions_day_3m", "monthly_fee", "contacts_3m")
FLAGS = ("has_tv", "has_mobile", "has_autopay")
BATCH = 100_000
# What the slow ones bear in about a minute.
BORNE = {"k-prototypes": 50_000, "HDBSCAN": 40_000}


def planted(customers: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return feature rows whose usage follows an archetype, and the archetype of each."""
    random = np.random.default_rng(seed)
    truth = random.choice(len(ARCHETYPES), customers, p=ARCHETYPES[:, 0])
    gb = np.exp(ARCHETYPES[truth, 1] + 0.6 * random.standard_normal(customers))
    columns = {
        "customer_id": np.char.add("c", np.arange(customers).astype(str)),
        "is_open": True,
        "has_internet": True,
        "tenure_months": 24,
        "usage_history_months": 12,
        "usage_days_3m": 90,
        "gb_month_3m": gb,
        "peak_mbps_3m": gb**0.5 * np.exp(0.4 * random.standard_normal(customers)),
        "sessions_day_3m": gb**0.3 * np.exp(0.3 * random.standard_normal(customers)),
        "monthly_fee": 30 + 20 * random.random(customers),
        "contacts_3m": random.poisson(0.3, customers),
        **{name: random.random(customers) < 0.5 for name in FLAGS},
    }
    for place, name in enumerate(SHARES, start=2):
        odds = np.log(ARCHETYPES[truth, place] / (1 - ARCHETYPES[truth, place]))
        columns[name] = 1 / (1 + np.exp(-odds - 0.25 * random.standard_normal(customers)))
    return pd.DataFrame(columns), truth


def ours(frame: pd.DataFrame) -> np.ndarray:
    """Fit on a sample with k chosen by evidence, and score everybody in batches, reasons included."""
    from models.behavior.segmentation import fit_behavior

    fitted = fit_behavior(frame, "consumer")
    parts = (fitted.score(frame.iloc[start : start + BATCH])["cluster_id"] for start in range(0, len(frame), BATCH))
    return pd.concat(parts).fillna("mixed").to_numpy()


def plain_k_means(frame: pd.DataFrame) -> np.ndarray:
    """scikit-learn's KMeans on the whole standardised table."""
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    rows = StandardScaler().fit_transform(frame[[*AMOUNTS, *SHARES, *FLAGS]].astype(float))
    return KMeans(len(ARCHETYPES), n_init=1, random_state=0).fit_predict(rows)


def k_prototypes(frame: pd.DataFrame) -> np.ndarray:
    """k-prototypes (Huang 1997) of kmodes, flags as categories."""
    from kmodes.kprototypes import KPrototypes
    from sklearn.preprocessing import StandardScaler

    rows = StandardScaler().fit_transform(frame[[*AMOUNTS, *SHARES]].astype(float)).astype(object)
    mixed = np.hstack([rows, frame[list(FLAGS)].astype(str).to_numpy(dtype=object)])
    places = list(range(rows.shape[1], mixed.shape[1]))
    return KPrototypes(len(ARCHETYPES), n_init=1, random_state=0).fit_predict(mixed, categorical=places)


def hdbscan(frame: pd.DataFrame) -> np.ndarray:
    """scikit-learn's HDBSCAN on standardised columns."""
    from sklearn.cluster import HDBSCAN
    from sklearn.preprocessing import StandardScaler

    rows = StandardScaler().fit_transform(frame[[*AMOUNTS, *SHARES, *FLAGS]].astype(float))
    return HDBSCAN(min_cluster_size=max(len(rows) // 50, 5)).fit_predict(rows)


CONTESTANTS = {"ours": ours, "k-means": plain_k_means, "k-prototypes": k_prototypes, "HDBSCAN": hdbscan}


def measure(name: str, customers: int) -> dict[str, float | str]:
    """Run one contestant in this process."""
    frame, truth = planted(min(customers, BORNE.get(name, customers)))
    before, cpu = time.perf_counter(), time.process_time()
    labels = CONTESTANTS[name](frame)
    return {
        "name": name,
        "rows": len(frame),
        "seconds": time.perf_counter() - before,
        "cpu": time.process_time() - cpu,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "groups": len(np.unique(labels)),
        "rand": adjusted_rand_score(truth, labels),
    }


def main(
    customers: Annotated[int, typer.Option(min=1_000, help="Customers that are planted.")] = 1_000_000,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare quality and time; seconds are without making the data."""
    if only:
        sys.stdout.write(json.dumps(measure(only, customers)))
        return
    table = Table("contestant", "rows", "s", "CPU s", "peak MiB", "groups found", "adjusted Rand index")
    for name in CONTESTANTS:
        command = [sys.executable, "-m", "benchmarks.clusters", "--customers", str(customers), "--only", name]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        table.add_row(
            name, f"{row['rows']:,}", f"{row['seconds']:.1f}", f"{row['cpu']:.1f}", f"{row['mib']:,.0f}",
            str(row["groups"]), f"{row['rand']:.3f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
