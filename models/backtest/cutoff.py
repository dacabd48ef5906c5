"""One cut-off of the backtest: every forecast made from what was known then, measured against actual figures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.backtest.forecasts import forecast_hazards, forecast_intervals, forecast_margins, margin_if_staying
from models.backtest.measures import measures_at_cutoff
from models.hazard.parameters import HazardParameters
from models.retention.parameters import RetentionParameters
from models.retention.residual_life import survival_ahead
from models.value.margin_spread import MarginSpread
from models.value.parameters import ValueParameters


@dataclass(frozen=True)
class KnownAtCutoff:
    """What forecasts are made from at a cut-off, with the actual figures after it.

    Attributes:
        exposures, commitment_ends, sample: of the months before, as ``forecast_hazards`` takes them.
        customers: open customers at the cut-off, as ``forecast_hazards`` and ``forecast_margins`` take them, with
            ``actual_margin`` and ``has_churned`` of the months after it.
        spread: learned from months before the cut-off.
    """

    exposures: pd.DataFrame
    commitment_ends: pd.DataFrame
    sample: pd.DataFrame
    customers: pd.DataFrame
    spread: MarginSpread


def measure_cutoff(
    known: KnownAtCutoff,
    cutoff_date: object,
    months: int,
    retention: RetentionParameters,
    hazard: HazardParameters,
    value: ValueParameters,
) -> pd.DataFrame:
    """Predict the margin and churn of the months after a cut-off by every forecast, and measure them.

    Args:
        known: what was known at the cut-off.
        cutoff_date: repeated on every row.
        months: how far ahead.
        retention, hazard, value: as in a run.

    Returns:
        Rows as ``measures_at_cutoff`` gives them.
    """
    customers = known.customers
    forecasts = forecast_hazards(
        known.exposures, known.commitment_ends, known.sample, customers, months, retention, hazard
    )
    margins = forecast_margins(customers, forecasts.hazards, months, value)
    return measures_at_cutoff(
        months,
        cutoff_date,
        margins,
        {name: 1.0 - survival_ahead(hazards)[:, -1] for name, hazards in forecasts.hazards.items()},
        customers["actual_margin"].to_numpy(dtype=float),
        customers["has_churned"].to_numpy(dtype=float),
        forecast_intervals(customers, forecasts, margins, months, value, known.spread),
        _margin_level(customers, months, value),
    )


def _margin_level(customers: pd.DataFrame, months: int, value: ValueParameters) -> float:
    """Margin of those who stayed over what was expected of them; 1 where there is no such ratio."""
    stayed = customers[customers["has_churned"] == 0]
    expected, came = float(np.nansum(margin_if_staying(stayed, months, value))), float(stayed["actual_margin"].sum())
    return came / expected if expected > 0 and came > 0 else 1.0
