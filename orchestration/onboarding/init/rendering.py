"""The settings file as text: what a person reads and edits, and ``load_settings`` accepts."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from orchestration.lake.contract import Table
from orchestration.onboarding.init.drafting import MISSING, Draft, Line
from orchestration.onboarding.init.matching import Candidate

_WIDTH = 118
_HEADER = """\
Written by 'segmentation init' from {target}. Read it, fix it, and look at what it gives before anything is loaded:

  segmentation check-sources --config {output}

Each line ends with how sure it is:
  sure       the name says it, and the values fit
  likely     the name says it nearly, or the values need a conversion
  guess      look at this one
  not found  nothing in the source says it, and it is required: write SQL, and take the # off its line

Every column is SQL over the source's columns. docs/source-contract.md has the tables and columns that can be filled,
docs/your-data.md has recipes."""


@dataclass(frozen=True)
class LocationDraft:
    """One entry of ``locations``; a comment a line above it."""

    name: str
    settings: Mapping[str, Any]
    comments: Sequence[str] = ()


@dataclass(frozen=True)
class Document:
    """Everything that is written."""

    target: str
    output: str
    name: str
    title: str
    currency: tuple[str, str]
    locations: Sequence[LocationDraft]
    drafts: Sequence[Draft]
    absent_tables: Sequence[Table]
    left: Sequence[Candidate]
    unread: Sequence[str]
    presets: Sequence[str]
    unused: Mapping[str, Sequence[str]]


def render(document: Document) -> str:
    """Return the text of the settings file."""
    currency, why = document.currency
    lines = [
        *_comment(_HEADER.format(target=document.target, output=document.output)),
        "",
        f"name: {document.name}",
        f"title: {_scalar(document.title)}",
        f"currency: {currency}  # {why}",
        "",
        "# The first month that can be segmented. Earlier rows still count for tenure and past value.",
        'first_month: "2020-01"  # guess: the default',
        "",
        "# Days are local days: write the zone of your customers, such as Europe/Berlin.",
        "schedule:",
        "  timezone: UTC  # guess: the default",
        "",
        "warehouse:",
        f"  path: data/{document.name}/warehouse",
        "",
        "report:",
        f"  path: data/{document.name}/reports",
        "",
    ]
    for preset in document.presets:
        lines += _comment(preset)
    lines += _comment("\n".join(f"Not read: {each}" for each in document.unread))
    lines += ["locations:"]
    for location in document.locations:
        lines += _comment("\n".join(location.comments), 2)
        lines += [f"  {location.name}:", *_mapping(location.settings, 4)]
    lines += ["", "sources:"] if document.drafts else ["", "sources: {}"]
    for draft in document.drafts:
        lines += [*_source(draft, document.unused), ""]
    for table in document.absent_tables:
        lines += [*_absent(table), ""]
    for candidate in document.left:
        columns = ", ".join(candidate.profiles)
        lines += _comment(f"Fills no table: {candidate.relation.origin}. Columns: {columns or 'none'}.", 2)
    return "\n".join(lines).rstrip() + "\n"


def _source(draft: Draft, unused: Mapping[str, Sequence[str]]) -> list[str]:
    match, relation = draft.match, draft.match.candidate.relation
    name = match.table.name
    comments = []
    if match.is_shared:
        comments.append(f"{name}: nothing else looks like it, so it is taken from {relation.origin} too.")
    comments += [
        f"{other.relation.origin} also looks like {name}; a query can put several together (union all by name)."
        for other in match.others
    ]
    lines = [*_comment("\n".join(comments), 2), f"  {name}:", f"    location: {relation.location}"]
    if relation.table:
        lines.append(f"    table: {_scalar(relation.table)}")
    if draft.growth:
        lines.append(f"    growth: {draft.growth}  # {draft.growth_why}")
    if draft.cursor:
        lines += ["    # To read only what has changed since the last run:", "    # growth: append"]
        lines += [f"    # cursor: {_scalar(draft.cursor)}"]
    written = [line for line in draft.lines if line.sql is not None]
    lines.append("    columns:" if written else "    columns: {}")
    for line in draft.lines:
        lines += _column(line)
    if draft.absent:
        lines += _comment(f"not found, optional: {', '.join(draft.absent)}", 6)
    if rest := unused.get(name):
        lines += _comment(f"columns not used: {', '.join(rest)}", 6)
    return lines


def _column(line: Line) -> list[str]:
    if line.sql is None:
        suggestion, _, why = line.why.partition("|") if line.certainty == MISSING else ("…", "", line.why)
        return [
            f"      # {line.column}: {_scalar(suggestion or '…')}",
            *_comment(f"  ↑ {line.certainty}: {why}", 6),
        ]
    why = f"# {line.certainty}: {line.why}" if line.why else f"# {line.certainty}"
    if "\n" in line.sql:
        return [f"      {line.column}: |  {why}", *textwrap.indent(line.sql, " " * 8).splitlines()]
    return [f"      {line.column}: {_scalar(line.sql)}  {why}"]


def _absent(table: Table) -> list[str]:
    required = [column for column in table.columns if column.is_required and column.default is None]
    if not table.is_required:
        return _comment(f"{table.name}: not found, optional. It would need {', '.join(c.name for c in required)}.", 2)
    lines = ["  # Not found, but required. Say where it is and how its columns are made:"]
    lines += [f"  # {table.name}:", "  #   location: …", "  #   columns:"]
    return lines + [f"  #     {column.name}: …  # {column.description}" for column in required]


def _mapping(settings: Mapping[str, Any], indent: int) -> list[str]:
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            rendered = "{" + ", ".join(f"{name}: {_scalar(each)}" for name, each in value.items()) + "}"
            lines.append(f"{' ' * indent}{key}: {rendered}")
        elif isinstance(value, list):
            lines += [f"{' ' * indent}{key}:", *(f"{' ' * indent}  - {_scalar(each)}" for each in value)]
        else:
            lines.append(f"{' ' * indent}{key}: {_scalar(value)}")
    return lines


def _comment(text: str, indent: int = 0) -> list[str]:
    start = " " * indent + "# "
    lines = []
    for line in text.splitlines():
        hanging = start + " " * (len(line) - len(line.lstrip()))
        wrapped = textwrap.wrap(
            line.strip(), _WIDTH, initial_indent=hanging, subsequent_indent=hanging, break_on_hyphens=False
        )
        lines += wrapped or [start.rstrip()]
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, str) and value.startswith("${"):
        return value
    if isinstance(value, str) and (("'" in value and '"' not in value) or not re.search(r"\w", value)):
        return json.dumps(value, ensure_ascii=False)
    return yaml.safe_dump(value, width=10_000, allow_unicode=True).removesuffix("\n").removesuffix("\n...").strip()
