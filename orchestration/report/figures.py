"""The figures as inline SVG: text stays text, colors are those of the style sheet, nothing is fetched."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from orchestration.report.formats import MINUS, label, number

INK, SOFT, LINE = "#17232e", "#55636f", "#dfe5ea"
PAST, FUTURE, WARN = "#14586b", "#7fbcc2", "#b4532f"
SERIES = (PAST, "#c08a2d", "#6f8f3f", WARN, "#6b5b95", SOFT)
# Any, because matplotlib types its settings as one literal of all existing keys.
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names come from data, and a dollar sign in one must stay a dollar sign
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": "#c5ced6",
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 5,
    "legend.frameon": False,
}
_PERCENT = FuncFormatter(lambda value, _position: f"{value * 100:.0f}%".replace("-", MINUS))


class _Drawing:
    """A figure that becomes SVG."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = Markup("")


@contextmanager
def _drawing(name: str, description: str, width: float = 8.7, height: float = 3.1) -> Iterator[_Drawing]:
    """Yield a figure to draw on and convert it to SVG; ``name`` keeps ids distinct between the figures of a page."""
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        drawing = _Drawing(Figure(figsize=(width, height), layout="constrained"))
        yield drawing
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        drawing.figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawing.svg = _inline(buffer.getvalue(), description)


def _inline(document: str, description: str) -> Markup:
    """Turn an SVG document into a fragment: no prolog, no page-wide style, the page's font, no unused ids."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    referenced = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda match: match.group(0) if match.group(1) in referenced else "", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda match: re.sub(r"(\.\d{2})\d+", r"\1", match.group(0)), svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    opening = f'<svg role="img" aria-label="{escape(description)}" stroke-linejoin="round" '
    return Markup(svg.replace("<svg ", opening, 1))


def _thousands(value: float, _position: int | None = None) -> str:
    for size, unit in ((1e9, " bn"), (1e6, " m"), (1e3, " k")):
        if abs(value) >= size:
            return number(value / size, 0 if abs(value) >= 10 * size or value % size == 0 else 1) + unit
    return number(value)


def _share_of_customers(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.yaxis.set_major_formatter(_PERCENT)


def sparkline(values: Sequence[float]) -> Markup:
    """Draw a line without axes for a card; nothing if there are fewer than two values."""
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    height = [27 - 24 * (value - low) / (high - low) if high > low else 15 for value in values]
    points = " ".join(f"{100 * step / (len(values) - 1):.1f},{y:.1f}" for step, y in enumerate(height))
    return Markup(
        '<svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline class="spark" points="{points}"/></svg>'
    )


def value_by_decile(deciles: pd.DataFrame, currency: str, ranked_by: str) -> Markup:
    """Draw past and future value of each decile, stacked; negative parts are below the axis.

    ``ranked_by`` names the value whose share is printed above each bar.
    """
    with _drawing("deciles", "Past and future value by value decile") as drawing:
        axes = drawing.figure.subplots()
        above = np.zeros(len(deciles))
        below = np.zeros(len(deciles))
        parts = (("past_value", "Past value", PAST), ("future_value", "Future value", FUTURE))
        for column, name, color in parts:
            value = np.nan_to_num(deciles[column].to_numpy(dtype=float))  # unknown values are not drawn
            axes.bar(
                deciles["value_decile"], value, bottom=np.where(value >= 0, above, below),
                width=0.68, color=color, label=name,
            )  # fmt: skip
            above += np.maximum(value, 0)
            below += np.minimum(value, 0)
        for decile, top, percent in zip(deciles["value_decile"], above, deciles["ranked_value_share"], strict=True):
            text = f"{percent * 100:.1f}%".replace("-", MINUS)
            axes.annotate(text, (decile, top), (0, 4), textcoords="offset points", ha="center", color=SOFT)
        if below.min() < 0:
            axes.axhline(0, color=SOFT, linewidth=0.8)
        axes.set_xticks(deciles["value_decile"])
        axes.set_xlabel(f"Value decile (1 = best); above each bar, its share of {ranked_by}")
        axes.set_ylabel(currency)
        axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(1.1 * below.min(), 1.1 * max(above.max(), 1.0))
        axes.legend(loc="upper right", ncols=2)
    return drawing.svg


def concentration(curve: pd.DataFrame, measures: Sequence[str], peak: tuple[float, float] | None = None) -> Markup:
    """Draw the share of value held by the best x % of customers: the whale curve, with its peak marked.

    The 20/80 point is marked for comparison.
    """
    with _drawing(
        "concentration", "Cumulative share of value by share of customers, best first", height=3.5
    ) as drawing:
        axes = drawing.figure.subplots()
        axes.plot([0, 1], [0, 1], color="#a9b4bd", linewidth=1, linestyle=(0, (4, 3)), label="All customers equal")
        for measure, color in zip(measures, (INK, PAST, FUTURE), strict=False):
            points = curve[curve["value_measure"] == measure]
            axes.plot(
                points["customer_percentile"] / 100, points["cumulative_value_share"],
                color=color, linewidth=2.4 if measure == measures[0] else 1.6, label=f"{label(measure)} value",
            )  # fmt: skip
        axes.plot(
            0.2,
            0.8,
            marker="o",
            markersize=6,
            markerfacecolor="white",
            markeredgecolor=WARN,
            linestyle="none",
        )
        axes.annotate("20% make 80%", (0.2, 0.8), (-8, 6), textcoords="offset points", color=WARN, ha="right")
        if peak:
            axes.plot(*peak, marker="o", markersize=6, color=INK, linestyle="none", clip_on=False, zorder=3)
            text = f"Peak: {peak[1] * 100:.{1 if peak[1] > 1.005 else 2}f}%"
            axes.annotate(text, peak, (-4, 6), textcoords="offset points", color=INK, ha="right")
        _share_of_customers(axes)
        axes.set_ylim(bottom=min(0.0, float(curve["cumulative_value_share"].min())))
        axes.margins(y=0.1)
        axes.set_xlabel("Share of customers, best first")
        axes.set_ylabel("Share of value held")
        axes.legend(loc="lower right")
    return drawing.svg


def value_bridge(bridge: pd.DataFrame, currency: str) -> Markup:
    """Draw what changed the total value: the changes float between the opening and the closing bar."""
    with _drawing("bridge", "Total value from the month before to this one, by what moved it", height=2.9) as drawing:
        axes = drawing.figure.subplots()
        amounts = bridge["amount"].to_numpy(dtype=float)
        is_move = ~bridge["component"].isin(["opening", "closing"]).to_numpy()
        after = np.cumsum(np.where(bridge["component"] == "closing", 0.0, amounts))
        bottom = np.where(is_move, after - amounts, 0.0)
        colors = np.where(is_move, np.where(amounts < 0, WARN, FUTURE), PAST)
        axes.bar(range(len(bridge)), amounts, bottom=bottom, width=0.62, color=colors)
        ends = np.stack([bottom, bottom + amounts])
        for place, (amount, top) in enumerate(zip(amounts, ends.max(axis=0), strict=True)):
            text = ("+" if amount > 0 else "") + _thousands(amount) if is_move[place] else number(amount)
            text = text.replace("-", MINUS)
            axes.annotate(text, (place, top), (0, 4), textcoords="offset points", ha="center", color=SOFT)
        axes.set_xticks(range(len(bridge)), [label(component) for component in bridge["component"]])
        # Starts near the smallest level, because the changes of a month are small compared with the total.
        low, high = ends[:, is_move].min(), ends.max()
        room = max(high - low, abs(high) * 0.02, 1.0)
        axes.set_ylim(low - 0.6 * room if low > 0 else low - 0.15 * room, high + 0.15 * room)
        axes.set_ylabel(currency)
        axes.set_yticks([])
    return drawing.svg


def survival(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Markup:
    """Draw the share of new customers remaining after each month: a line for the fit, dots for observations."""
    last = max(len(fitted) for fitted, _ in curves.values()) - 1
    with _drawing("survival", "Survival of new customers by group", width=5.7, height=3.3) as drawing:
        axes = drawing.figure.subplots()
        places = spread_labels([float(fitted[-1]) for fitted, _ in curves.values()], gap=0.065)
        for (name, (fitted, observed)), color, place in zip(curves.items(), SERIES, places, strict=False):
            axes.plot(range(len(fitted)), fitted, color=color, linewidth=1.9)
            axes.plot(
                range(len(observed)), observed,
                color=color, linestyle="none", marker="o", markersize=2.6, alpha=0.55, markeredgewidth=0,
            )  # fmt: skip
            axes.annotate(
                name, (last, place), (6, 0), textcoords="offset points",
                color=color, va="center", fontsize=8, annotation_clip=False,
            )  # fmt: skip
        axes.set_xlim(0, last)
        axes.set_ylim(0, 1.02)
        axes.set_xticks(range(0, last + 1, 6 if last > 12 else 3))
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.set_xlabel("Months of service")
        axes.set_ylabel("Still customers")
    return drawing.svg


def hazards(cohorts: pd.DataFrame) -> Markup:
    """Draw observed against fitted monthly churn: a cohort on the diagonal is fitted without bias."""
    with _drawing("hazards", "Observed against fitted monthly churn by cohort", width=3.1, height=3.4) as drawing:
        axes = drawing.figure.subplots()
        top = float(cohorts[["observed_hazard", "fitted_hazard"]].max().max()) * 1.12 or 1.0
        axes.plot([0, top], [0, top], color="#a9b4bd", linewidth=1, linestyle=(0, (4, 3)))
        months = cohorts["customer_months"].to_numpy(dtype=float)
        axes.scatter(
            cohorts["observed_hazard"], cohorts["fitted_hazard"], s=14 + 110 * months / months.max(),
            color=PAST, alpha=0.65, linewidth=0,
        )  # fmt: skip
        percent = FuncFormatter(lambda value, _position: f"{value * 100:.1f}%")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(percent)
            axis.set_major_locator(MaxNLocator(4))
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel("Observed monthly churn")
        axes.set_ylabel("Fitted monthly churn")
    return drawing.svg


def calibration(tenths: Mapping[str, pd.DataFrame]) -> Markup:
    """Draw observed against expected churn by tenth of predicted risk, one line per model, both axes logarithmic."""
    with _drawing("calibration", "Observed against expected churn by tenth of risk", width=4.2, height=3.4) as drawing:
        axes = drawing.figure.subplots()
        shares = pd.concat(list(tenths.values()))[["expected_churn", "observed_churn"]].to_numpy(dtype=float)
        low, high = float(shares[shares > 0].min()) / 1.5, min(1.0, float(shares.max()) * 1.5)
        axes.plot([low, high], [low, high], color="#a9b4bd", linewidth=1, linestyle=(0, (4, 3)))
        for (name, rows), color in zip(tenths.items(), (PAST, WARN), strict=False):
            # A tenth without churn is drawn at the edge, because the axis is logarithmic.
            observed = np.maximum(rows["observed_churn"].to_numpy(dtype=float), low)
            axes.plot(
                rows["expected_churn"], observed, color=color, linewidth=1.2, marker="o", markersize=4, label=name
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        percent = FuncFormatter(lambda value, _position: f"{value * 100:g}%")
        for axis, name in ((axes.xaxis, "Expected"), (axes.yaxis, "Observed")):
            axis.set_major_formatter(percent)
            axis.set_minor_formatter(NullFormatter())
            axis.set_label_text(f"{name} churn next month")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.legend(loc="upper left")
    return drawing.svg


def cluster_map(points: pd.DataFrame, names: Mapping[str, str], name: str) -> Markup:
    """Draw a sample of customers in the plane in which they differ most, colored by cluster; mixed ones are pale."""
    with _drawing(f"map-{name}", f"A sample of {name} customers by cluster", width=8.7, height=3.6) as drawing:
        axes = drawing.figure.subplots()
        mixed = points[~points["cluster_id"].isin(list(names))]
        if len(mixed):
            axes.scatter(mixed["x"], mixed["y"], s=6, color="#c5ced6", linewidths=0, label="Mixed")
        for place, (cluster_id, called) in enumerate(names.items()):
            own = points[points["cluster_id"] == cluster_id]
            axes.scatter(
                own["x"], own["y"], s=9, alpha=0.75, linewidths=0, label=called,
                color=SERIES[place % len(SERIES)], marker="os^DvP"[place // len(SERIES) % 6],
            )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0.2)
    return drawing.svg


def predicted_and_actual(tenths: pd.DataFrame, horizon: int) -> Markup:
    """Draw predicted beside actual margin by tenth of predicted margin, best first."""
    with _drawing("backtest", "Predicted and actual margin by tenth", width=4.2, height=3.4) as drawing:
        axes = drawing.figure.subplots()
        place = np.arange(len(tenths))
        for offset, column, color, name in (
            (-0.2, "predicted_margin", FUTURE, "Predicted"),
            (0.2, "actual_margin", PAST, "Actual"),
        ):
            axes.bar(place + offset, tenths[column].to_numpy(dtype=float), width=0.38, color=color, label=name)
        axes.set_xticks(place, [str(part) for part in tenths.index])
        axes.set_xlabel(f"Tenth of predicted margin, {horizon} months")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: number(value)))
        axes.legend(loc="upper right")
    return drawing.svg


def endings(months: pd.DataFrame) -> Markup:
    """Draw the share of customers at risk who left in each month; months that count are dark."""
    with _drawing("endings", "Customers who left by month, and the observation window") as drawing:
        axes = drawing.figure.subplots()
        at_risk = months["customers_at_risk"].to_numpy(dtype=float)
        left = months["customers_churned"].to_numpy(dtype=float)
        share_left = np.divide(left, at_risk, out=np.zeros(len(months)), where=at_risk > 0)
        is_observed = months["is_observed"].fillna(False).to_numpy(dtype=bool)
        place = np.arange(len(months))
        for mask, color, name in ((is_observed, PAST, "Counts"), (~is_observed, LINE, "Does not count")):
            axes.bar(place[mask], share_left[mask], width=0.9, color=color, label=name)
        if not is_observed.all() and is_observed.any():
            edge = float(np.argmax(is_observed)) - 0.5
            axes.axvline(edge, color=WARN, linewidth=1, linestyle="--")
        ticks = place[:: max(len(place) // 10, 1)]
        names = [f"{day:%Y-%m}" for day in pd.to_datetime(months["month_end_date"])]
        axes.set_xticks(ticks, [names[tick] for tick in ticks])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value * 100:.1f}%"))
        axes.legend(loc="upper left")
    return drawing.svg


def spread_labels(heights: Sequence[float], gap: float) -> list[float]:
    """Move labels up and down, keeping their order, until neighbors are ``gap`` apart, inside the plot."""
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, dtype=float)[order]
    for _ in range(200):
        for lower in range(len(placed) - 1):
            overlap = gap - (placed[lower + 1] - placed[lower])
            if overlap > 1e-9:
                placed[lower] -= overlap / 2
                placed[lower + 1] += overlap / 2
        placed = np.clip(placed, 0.02, 1.0)
    result = np.empty_like(placed)
    result[order] = placed
    return [float(height) for height in result]
