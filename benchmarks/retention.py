"""How far retention curves are off on histories as real systems keep them: ``python -m benchmarks.retention``.

Bases are ISPs of ``benchmarks.planted_histories``, each with a true hazard of another kind, none of which but the first
shares what the models assume. The observation window of endings is given, not found. What is published is the error of
the sum over all open customers: margin-weighted discounted months, and customers who leave within a year.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.planted_histories import (
    ANNUAL_DISCOUNT_RATE,
    COMPLETE,
    TRUTHS,
    PlantedHistory,
    Recording,
    plant_history,
)
from models.retention.curves import RetentionCurves
from models.retention.residual_life import discounted_months, survival_ahead

HORIZON, TAIL, YEAR = 36, 240, 12


@dataclass(frozen=True)
class Setting:
    """One way to keep and to read a history.

    Attributes:
        months: how far back the books go.
        customers: ever seen in them, so that about 5,000 are open at the end.
        recording: what was kept.
        last_months_left_out: where endings are booked late.
        ignores_window: whether all months in the books count as exposure, as if every ending were in them.
        is_wrong: whether it is here to show what goes wrong.
    """

    months: int
    customers: int
    recording: Recording = COMPLETE
    last_months_left_out: int = 0
    ignores_window: bool = False
    is_wrong: bool = False


SETTINGS = {
    "complete, 36 months": Setting(36, 5_800),
    "11 years, purged 24 months ago": Setting(132, 9_000, Recording(purged_months=24)),
    "complete, 12 months": Setting(12, 5_300),
    "booked 45 days late, last 4 months left out": Setting(
        36, 5_800, Recording(booking_delay_days=45), last_months_left_out=4
    ),
    "migrated 30 months ago, taken for customers of 36 months": Setting(
        60, 6_500, Recording(migrated_months=30, migrated_tenure_months=36)
    ),
    "11 years, purged 12 months ago": Setting(132, 9_000, Recording(purged_months=12)),
    "migrated 30 months ago, tenure since then": Setting(60, 6_500, Recording(migrated_months=30), is_wrong=True),
    "purged 12 months ago, without the window": Setting(
        132, 9_000, Recording(purged_months=12), ignores_window=True, is_wrong=True
    ),
}
ERRORS = ["value_36", "value_240", "carriers_36", "churn_12"]


def errors(history: PlantedHistory, setting: Setting) -> dict[str, float]:
    """Relative errors of the curves on one base, of customers who are open in truth."""
    first = history.first_month if setting.ignores_window else history.first_complete_month
    seen = first, history.last_month - setting.last_months_left_out
    curves = RetentionCurves().fit(history.exposures(*seen), commitment_ends=history.commitment_ends(*seen))
    customers = history.customers[~history.customers["is_gone"]]
    survival = survival_ahead(curves.hazard(customers, TAIL))
    months, margin = discounted_months(survival, ANNUAL_DISCOUNT_RATE), customers["monthly_margin"].to_numpy()
    is_carrier = (customers["retention_market"] == "wholesale").to_numpy()

    def value(horizon: int, part: np.ndarray | slice = slice(None)) -> float:
        true = customers[f"true_months_{horizon}"].to_numpy()
        return float((margin * months[:, horizon])[part].sum() / (margin * true)[part].sum() - 1.0)

    return {
        "value_36": value(HORIZON),
        "value_240": value(TAIL),
        "carriers_36": value(HORIZON, is_carrier),
        "churn_12": float((1.0 - survival[:, YEAR]).sum() / customers["true_churn_12"].sum() - 1.0),
        "open": len(customers),
    }


def campaign(setting: Setting, seeds: Iterable[int]) -> pd.DataFrame:
    """Errors of one base a seed, one row each; truths take turns."""
    rows = []
    for seed in seeds:
        truth, size = list(TRUTHS)[seed % len(TRUTHS)], setting.customers
        history = plant_history(truth, seed, customers=size, months=setting.months, recording=setting.recording)
        rows.append({"truth": truth, "seed": seed, **errors(history, setting)})
    return pd.DataFrame(rows)


def summary(name: str, found: pd.DataFrame) -> list[str]:
    """A row of the table: mean and worst error over the bases."""
    mean, worst = (getattr(each, how)() for each, how in ((found[ERRORS], "mean"), (found[ERRORS].abs(), "max")))
    cells = [f"{mean[column]:+.1%} ({worst[column]:.1%})" for column in ERRORS]
    return [name, f"{found['open'].mean():,.0f}", *cells]


def main(
    bases: Annotated[int, typer.Option(min=1, help="ISPs of each way to keep a history.")] = 24,
) -> None:
    """Print the mean error over the bases of every setting, with the largest, then the mean by truth."""
    table = Table("history", "open", "36 months", "240 months", "carriers, 36 months", "12-month churn")
    by_truth = []
    for name, setting in SETTINGS.items():
        found = campaign(setting, range(bases))
        table.add_row(*summary(name, found))
        typer.echo(" | ".join(summary(name, found)), err=True)
        if not setting.is_wrong:
            by_truth.append(found)
    console = Console(width=150)
    console.print(table)
    means = pd.concat(by_truth).groupby("truth", sort=False)[ERRORS].mean()
    truths = Table("true hazard", "36 months", "240 months", "carriers, 36 months", "12-month churn")
    for truth, row in means.iterrows():
        truths.add_row(str(truth), *(f"{value:+.1%}" for value in row))
    console.print(truths)


if __name__ == "__main__":
    typer.run(main)
