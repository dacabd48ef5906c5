"""Small plots for the metadata of assets, drawn as PNG inside markdown."""

import base64
import io
from collections.abc import Sequence

import dagster as dg


def bar_plot(labels: Sequence[object], values: Sequence[float], title: str, unit: str) -> dg.MarkdownMetadataValue:
    """Return a bar chart that the Dagster UI shows among an asset's metadata."""
    # Imported here because definitions must load fast and only a run draws.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), dpi=96, layout="constrained")
    axes = figure.add_subplot()
    axes.bar([str(label) for label in labels], values, color="#2f6f8f")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(labelsize=7)
    if max((len(str(label)) for label in labels), default=0) > 6:
        axes.tick_params(axis="x", rotation=30)
    axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})")
