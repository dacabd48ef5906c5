"""How well planted ways of using a line are found, by base and seed: ``python -m benchmarks.cluster_truth``.

Ten behaviors at four providers and seven ways of different width, with the adjusted Rand index of what was planted, and
bases of one behavior, which should be one cluster. `benchmarks.planted_behaviors` says what they look like.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted_behaviors import CONTROLS, PROVIDERS, behaving, seven_ways
from models.behavior.behavior_clusters import BehaviorClusters

Base = Callable[[int, int], tuple[pd.DataFrame, np.ndarray]]


def found(base: Base, customers: int, seeds: int) -> Iterator[tuple[int, float]]:
    """Yield, by seed, how many clusters are found and their adjusted Rand index with what was planted."""
    for seed in range(seeds):
        frame, truth = base(customers, seed)
        labels = BehaviorClusters().fit(frame).predict(frame)
        yield len(np.unique(labels)), float(adjusted_rand_score(truth, labels))


def main(
    customers: Annotated[int, typer.Option(min=500, help="Consumers of a base.")] = 5_000,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of every base with behaviors.")] = 10,
    control_seeds: Annotated[int, typer.Option(min=1, help="Draws of every base with one behavior.")] = 100,
    control_customers: Annotated[int, typer.Option(min=500, help="Consumers of such a base.")] = 2_000,
) -> None:
    """Fit every base and print what was found."""
    console = Console(width=120)
    table = Table("base", "seeds", "clusters, median", "mean", "least", title="adjusted Rand index of what was planted")
    planted: dict[str, Base] = {name: partial(behaving, provider) for name, provider in PROVIDERS.items()}
    for name, base in (planted | {"seven ways": seven_ways}).items():
        counts, scores = np.array(list(found(base, customers, seeds))).T
        table.add_row(name, str(seeds), f"{np.median(counts):.0f}", f"{scores.mean():.3f}", f"{scores.min():.3f}")
    console.print(table)
    table = Table("base", "seeds", "one cluster", title="where there is nothing to find")
    for name, provider in CONTROLS.items():
        counts = [count for count, _ in found(partial(behaving, provider), control_customers, control_seeds)]
        table.add_row(name, str(control_seeds), str(counts.count(1)))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
