"""The report for a terminal, narrow ones too, and as JSON.

The verdict and what matters most come first, then each table, then what is missing, once, and what that costs.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from orchestration.onboarding.preview.findings import LocationFound, Rejected, SourcesReport, TableCheck
from orchestration.printing import printable

_LONGEST_VALUE = 36
_MOST_REASONS = 8
_MOST_FINDINGS = 3


def as_json(report: SourcesReport) -> str:
    """Return the report as JSON; dates and decimals as text."""
    document = asdict(report) | {"ok": report.ok}
    for shown, check in zip(document["tables"], report.tables, strict=True):
        shown |= {"ok": check.ok, "failure": check.failure, "quarantine_share": check.quarantine_share}
    return json.dumps(document, indent=2, default=str, ensure_ascii=False)


def render(report: SourcesReport) -> RenderableType:
    """Return the report for a terminal."""
    parts: list[RenderableType] = [*_verdict(report), Text(), _locations(report.locations)]
    for check in report.tables:
        if check.is_mapped:
            parts += _table(check)
    return Group(*parts, *_missing(report), _outputs(report))


def _locations(found: Sequence[LocationFound]) -> Grid:
    grid = _grid("Locations", "location", "holds", "rows about", "used by")
    for each in found:
        held = each.kind
        if each.tables:
            held += f", {len(each.tables)} tables: {', '.join(each.tables)}"
        elif each.files:
            held = f"{each.files:,} {each.kind} file{'s' if each.files > 1 else ''}, {_size(each.bytes or 0)}"
        rows = "" if each.rows is None else f"{each.rows:,}"
        grid.add_row(
            each.name,
            printable(each.error, "red") if each.error else printable(held),
            rows,
            ", ".join(each.used_by) or "nothing",
        )
    return grid


def _table(check: TableCheck) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(), Text(f"{check.table}", style="bold")]
    counts = f"{check.sampled:,} rows looked at: {check.accepted:,} accepted, {check.quarantined:,} to quarantine"
    counts += f" ({check.quarantine_share:.1%})" if check.quarantined else ""
    counts += f", {check.duplicate:,} known duplicates" if check.duplicate else ""
    parts.append(_line(f"{counts}; from {', '.join(check.from_locations)}." if check.sampled else "No row was read."))
    if check.sample:
        parts.append(Padding(_sample(check), (0, 0, 0, 2), expand=False))
    shown = sorted(check.rejected, key=lambda found: -found.rows)
    parts += [_line(f"quarantine: {_rejected(found)}", "yellow") for found in shown[:_MOST_REASONS]]
    if len(shown) > _MOST_REASONS:
        parts.append(_line(f"quarantine: {len(shown) - _MOST_REASONS} reasons more", "yellow"))
    parts += [_line(f"warning: {warning}", "yellow") for warning in check.warnings]
    parts += [_line(f"note: {note}") for note in check.notes]
    if check.ignored_columns:
        parts.append(_line(f"source columns not used: {', '.join(check.ignored_columns)}", "dim"))
    return parts


def _sample(check: TableCheck) -> Grid:
    """Contract columns down, rows across: it fits where one row per line would not."""
    grid = _grid(None, "column", "source type", *(f"row {number}" for number in range(1, len(check.sample) + 1)))
    for name in check.sample[0]:
        values = [row[name] for row in check.sample]
        if name in check.mapped_columns:
            kind = check.mapped_columns[name].lower()
            grid.add_row(
                name, Text(kind or "empty"), *(Text("–", style="dim") if v is None else _cut(v) for v in values)
            )
    return grid


def _rejected(found: Rejected) -> str:
    column = f"{found.column} " if found.column else ""
    where = f"line {found.line}" if found.line else f"row {found.row}"
    example = "" if found.example is None else f": {_shortened(found.example)!r}"
    return f"{column}{found.reason} in {found.rows:,} rows, first in {where} of {found.file}{example}."


def _outputs(report: SourcesReport) -> RenderableType:
    """Say what will be published; tables that lack the same things share a row."""
    grid = _grid("What will be published", "table", "", "because")
    marks = {"full": ("yes", "green"), "partial": ("in part", "yellow"), "none": ("no", "red")}
    alike: dict[tuple[str, Sequence[str]], list[str]] = {}
    for output in report.outputs:
        alike.setdefault((output.availability, output.reasons), []).append(output.name)
    for (availability, reasons), names in alike.items():
        mark, style = marks[availability]
        grid.add_row("\n".join(names), Text(mark, style=style), "\n".join(f"{reason}." for reason in reasons))
    return Group(Text(), grid)


def _missing(report: SourcesReport) -> list[RenderableType]:
    """Say what nothing fills, and what that costs; columns that cost the same share a line."""
    lines: list[RenderableType] = [Text(), Text("Missing", style="bold")]
    absent = {check.table for check in report.tables if not check.is_mapped}
    lines += [
        _line(f"{'without' if table in absent else 'with nothing accepted of'} {table}: {costs}.")
        for table, costs in report.unavailable.items()
    ]
    alike: dict[str, list[str]] = {}
    unneeded = 0
    for check in report.tables:
        for each in check.missing if check.is_mapped else ():
            unneeded += each.costs is None
            if each.costs:
                alike.setdefault(each.costs, []).append(f"{check.table}.{each.column}")
    lines += [_line(f"{', '.join(names)}: {costs}", "dim") for costs, names in alike.items()]
    if unneeded:
        lines.append(_line(f"and {unneeded} columns that nothing needs yet (--format json names them).", "dim"))
    return lines


def _verdict(report: SourcesReport) -> list[RenderableType]:
    """Say whether a load would work, and the findings that matter most: failures, quarantine, doubts."""
    failures = [(check.table, check.failure) for check in report.tables if check.failure]
    if failures:
        said = f"{len(failures)} of {len(report.tables)} tables would fail."
        lines: list[RenderableType] = [Text(said, style="bold red")]
    else:
        lines = [Text("Every source can be loaded.", style="bold green")]
    findings = [(f"{table}: {failure}", "red") for table, failure in failures]
    for check in report.tables:
        if check.quarantine_share > check.max_share and check.ok:
            share = f"{check.quarantine_share:.1%} to quarantine, above the {check.max_share:.1%} that is warned of"
            findings.append((f"{check.table}: {share}.", "yellow"))
    findings += [(f"{check.table}: {warning}", "yellow") for check in report.tables for warning in check.warnings]
    lines += [_line(text, style) for text, style in findings[: max(_MOST_FINDINGS, len(failures))]]
    if (more := len(findings) - max(_MOST_FINDINGS, len(failures))) > 0:
        lines.append(_line(f"{more} more below.", "dim"))
    return lines


def _grid(title: str | None, *columns: str) -> Grid:
    grid = Grid(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid


def _line(text: str, style: str = "") -> RenderableType:
    return Padding(printable(text, style), (0, 0, 0, 2), expand=False)


def _cut(value: Any) -> Text:
    return printable(_shortened(value))


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
