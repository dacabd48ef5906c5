"""Small plots for the metadata of assets: PNG images in Markdown."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def bar_plot(labels: Sequence[object], values: Sequence[float], title: str, unit: str) -> dg.MarkdownMetadataValue:
    """Return a bar chart that the Dagster UI shows among an asset's metadata."""
    figure, axes = _drawing(title, 2.6)
    axes.bar([str(label) for label in labels], values, color="#2f6f8f")
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(labelsize=7)
    if max((len(str(label)) for label in labels), default=0) > 6:
        axes.tick_params(axis="x", rotation=30)
    return _shown(figure, title)


def endings_plot(endings: "pd.DataFrame", most_months: int = 120) -> dg.MarkdownMetadataValue:
    """Plot the share of customers at risk that left in each month, with the observation window in dark.

    Args:
        endings: ``month_end_date``, ``customers_at_risk``, ``customers_churned``, ``is_observed``; rows of a month are
            summed.
        most_months: number of latest months shown.
    """
    months = endings.groupby("month_end_date").agg(
        at_risk=("customers_at_risk", "sum"), churned=("customers_churned", "sum"), is_observed=("is_observed", "any")
    )
    months = months.tail(most_months)
    share = (100.0 * months["churned"] / months["at_risk"].where(months["at_risk"] > 0)).fillna(0.0)
    title = "Customers who left, and the months that count (dark)"
    figure, axes = _drawing(title, 2.6)
    colors = ["#2f6f8f" if observed else "#c9d6dd" for observed in months["is_observed"]]
    axes.bar(range(len(months)), share, color=colors)
    ticks = range(0, len(months), max(len(months) // 8, 1))
    axes.set_xticks(list(ticks), [str(months.index[tick])[:7] for tick in ticks], fontsize=7)
    axes.set_ylabel("% of customers at risk", fontsize=8)
    return _shown(figure, title)


def scatter_plot(groups: Mapping[str, np.ndarray], title: str) -> dg.MarkdownMetadataValue:
    """Plot points (n x 2 each) colored by group; the axes have no unit."""
    figure, axes = _drawing(title, 3.6)
    for name, points in groups.items():
        axes.scatter(points[:, 0], points[:, 1], s=7, alpha=0.7, linewidths=0, label=name)
    axes.set_xticks([])
    axes.set_yticks([])
    if groups:
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return _shown(figure, title)


def _drawing(title: str, height: float) -> "tuple[Figure, Axes]":
    # Imported here because definitions must load fast and only a run draws.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height), dpi=96, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _shown(figure: "Figure", title: str) -> dg.MarkdownMetadataValue:
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})")
