"""How often the observation window is found, and how often one is invented: ``python -m benchmarks.windows``.

Histories of seven kinds of true hazards, as real systems keep them (``benchmarks.planted_histories``), a hundred of
each recording and size. A window is right within one month of where the recording began.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.planted_histories import COMPLETE, TRUTHS, PlantedHistory, Recording, plant_history
from models.observation.window import EndingsWindow
from simulator.months import NEVER

RECORDINGS: dict[str, Recording] = {
    "purged but for the last 24 months": Recording(purged_months=24),
    "purged but for the last 12 months": Recording(purged_months=12),
    "recorded in the last 4 months alone": Recording(unrecorded_months=4),
}


def begun_within(planted: PlantedHistory) -> PlantedHistory:
    """The history of an operator that opened with its books: everybody who ever came is on record."""
    is_older = planted.lives.first.start_month < planted.window.first

    def without_older(start: np.ndarray) -> np.ndarray:
        return np.where(is_older, NEVER, start)

    lives = replace(
        planted.lives,
        first=replace(planted.lives.first, start_month=without_older(planted.lives.first.start_month)),
        second=replace(planted.lives.second, start_month=without_older(planted.lives.second.start_month)),
    )
    return replace(planted, lives=lives)


def months_off(planted: PlantedHistory, found: EndingsWindow) -> int | None:
    """How far the consumers' window lies from where the recording began; None where none was found."""
    (first,) = found.windows_.loc[found.windows_["market_segment"] == "consumer", "first_month"].tolist()
    return None if pd.isna(first) else int(first) - (planted.first_complete_month - 1)


def _share(right: Callable[[int], bool], seeds: int) -> str:
    return f"{sum(right(seed) for seed in range(seeds)) / seeds:.0%}"


def main(seeds: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """Print how many of the windows are right, by recording and size of the base."""

    def planted(seed: int, customers: int, recording: Recording) -> PlantedHistory:
        truth = list(TRUTHS)[seed % len(TRUTHS)]
        return plant_history(truth, seed, customers=customers, months=48, recording=recording)

    def is_found(seed: int, customers: int, recording: Recording) -> bool:
        history = planted(seed, customers, recording)
        off = months_off(history, EndingsWindow().fit(history.months_at_risk()))
        return off is not None and abs(off) <= 1

    def is_left_alone(seed: int, customers: int) -> bool:
        history = begun_within(planted(seed, customers, COMPLETE))
        found = EndingsWindow().fit(history.months_at_risk())
        return bool(found.windows_["first_month"].isna().all()) and found.last_month_ == history.last_month - 1

    sizes = (1_000, 2_000, 5_000)
    table = Table("history", *(f"{size:,} customers" for size in sizes))
    for name, recording in RECORDINGS.items():
        table.add_row(
            f"{name}: found within a month",
            *(_share(lambda seed, size=size, kept=recording: is_found(seed, size, kept), seeds) for size in sizes),  # type: ignore[misc]
        )
    table.add_row(
        "complete: none invented",
        *(_share(lambda seed, size=size: is_left_alone(seed, size), seeds) for size in sizes),  # type: ignore[misc]
    )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
