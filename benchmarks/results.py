"""What was measured: one record a step, the final tables, the JSON file."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.answer import Answer
from benchmarks.process import Usage


@dataclass(frozen=True)
class Measurement:
    """A step: what its process used, and what it says about its work. Several rounds are told by their medians."""

    step: str
    usage: Usage
    answer: Answer
    rounds: int = 1

    @property
    def rows_per_second(self) -> float | None:
        """Rows by seconds of work; by seconds of the whole process if the step does not tell them apart."""
        seconds = self.answer.work_seconds or self.usage.wall_seconds
        return self.answer.rows / seconds if self.answer.rows else None


def median_of(step: str, rounds: Sequence[Measurement]) -> Measurement:
    """Return the medians over the rounds of one step, figure by figure."""

    def middle(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return median(known) if known else None

    usages, answers = [each.usage for each in rounds], [each.answer for each in rounds]
    usage = Usage(
        median(each.wall_seconds for each in usages),
        median(each.cpu_seconds for each in usages),
        median(each.peak_rss_mib for each in usages),
    )
    answer = Answer(
        answers[0].rows,
        middle(each.work_seconds for each in answers),
        middle(each.work_cpu_seconds for each in answers),
    )
    return Measurement(step, usage, answer, len(rounds))


@dataclass
class Results:
    """Everything a benchmark found out."""

    customers: int
    months: int
    measurements: list[Measurement] = field(default_factory=list)
    rounds: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tables(self) -> RenderableType:
        """Return the final tables and what they come to."""
        notes = [Text(f"• {note}") for note in self.notes]
        return Group(_steps_table(self), _parts_table(self.measurements), *notes)

    def write_json(self, file: Path) -> None:
        """Write every figure, rounds one by one."""
        document = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cores": os.cpu_count(),
                "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
                "load_average_at_end": os.getloadavg(),
                "python": platform.python_version(),
                "packages": {name: version(name) for name in ("duckdb", "dagster", "dbt-core", "scikit-learn")},
            },
            **asdict(self),
        }
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _steps_table(results: Results) -> Table:
    table = Table(title=f"{results.customers:,} customers, {results.months} months", title_justify="left")
    table.add_column("step")
    for column in ("wall s", "CPU s", "work s", "rows", "rows/s", "peak RSS MiB"):
        table.add_column(column, justify="right")
    for each in results.measurements:
        table.add_row(
            each.step + (f" (median of {each.rounds})" if each.rounds > 1 else ""),
            f"{each.usage.wall_seconds:,.1f}",
            f"{each.usage.cpu_seconds:,.1f}",
            _figure(each.answer.work_seconds, "{:,.2f}"),
            _figure(each.answer.rows, "{:,}"),
            _figure(each.rows_per_second, "{:,.0f}"),
            f"{each.usage.peak_rss_mib:,.0f}",
        )
    return table


def _parts_table(measurements: Iterable[Measurement]) -> Table:
    table = Table(title="Where the seconds went", title_justify="left")
    table.add_column("step")
    table.add_column("part")
    for column in ("seconds", "rows"):
        table.add_column(column, justify="right")
    for each in measurements:
        for number, part in enumerate(each.answer.parts):
            name = each.step if number == 0 else ""
            table.add_row(name, part.name, f"{part.seconds:,.2f}", _figure(part.rows, "{:,}"))
        if each.answer.parts:
            table.add_section()
    return table


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
