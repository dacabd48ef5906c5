"""Build one HTML document from a version in the warehouse."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestration.report import (
    action_section,
    cluster_section,
    formats,
    home_section,
    mid_band_section,
    observation_section,
    provenance_sections,
    retention_section,
    segment_sections,
    value_sections,
)
from orchestration.report.caveats import warnings
from orchestration.report.data import ReportData, read_report_data
from orchestration.report.section import Section
from orchestration.settings import Settings

_FOLDER = Path(__file__).parent
_LOG = logging.getLogger(__name__)
Make = Callable[[ReportData, Settings], Section]


def _headline(data: ReportData, settings: Settings) -> Section:
    return value_sections.headline(data, settings, warnings(data, settings))


# In page order, by the names of their blocks in the template.
SECTIONS: Mapping[str, Make] = {
    "headline": _headline,
    "deciles": value_sections.deciles,
    "concentration": lambda data, _: value_sections.concentration(data),
    "observation": lambda data, _: observation_section.observation(data),
    "retention": retention_section.retention,
    "clusters": lambda data, _: cluster_section.clusters(data),
    "lifecycle": segment_sections.lifecycle,
    "market": segment_sections.market,
    "mid_band": mid_band_section.mid_band,
    "homes": home_section.homes,
    "actions": action_section.actions,
    "changes": segment_sections.changes,
    "quality": lambda data, _: provenance_sections.quality(data),
    "definitions": lambda _data, _settings: provenance_sections.definitions(),
}


def build_report(
    connection: duckdb.DuckDBPyConnection,
    version_id: str,
    settings: Settings,
    only: Collection[str] = SECTIONS.keys(),
) -> str:
    """Return the report as one HTML document.

    Args:
        connection: its current catalog is the lake; only published views and registries are read.
        version_id: a published version; for any other the report gives its status and no segments.
        settings: title, currency, and the rules that determine the order of stages and segments.
        only: names of the wanted sections; the others say that they were left out.

    Raises:
        VersionError: there is no such version.
    """
    data = read_report_data(connection, version_id)
    sections = [
        _made(name, make, data, settings) if name in only else _left_out(name, formats.label(name))
        for name, make in SECTIONS.items()
    ]
    template = _environment().get_template("template.html.jinja")

    def render(shown: Sequence[Section]) -> str:
        return template.render(
            style=Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
            title=settings.title,
            currency=settings.currency,
            version=data.version,
            previous=data.previous,
            loads=int(data["loads"]["loads"].sum()),
            sources=[formats.label(name).lower() for name in data["loads"].query("rows_accepted > 0")["source_table"]],
            sections=shown,
        )

    try:
        return render(sections)
    except Exception:
        _LOG.exception("The report of %s could not be drawn; it goes without the sections at fault.", version_id)
        return render([_drawn(sections, place, render) for place in range(len(sections))])


def _made(name: str, make: Make, data: ReportData, settings: Settings) -> Section:
    """Make one section. An error in it costs that section, but never the report or the version."""
    try:
        return make(data, settings)
    except Exception as error:
        _LOG.exception("Section %s of the report could not be made.", name)
        return _failed(name, formats.label(name), error)


def _drawn(sections: Sequence[Section], place: int, render: Callable[[Sequence[Section]], str]) -> Section:
    """Return a section if it can be rendered alone, else one that says why not."""
    section = sections[place]
    others = [_left_out(each.id, each.title) for each in sections]
    try:
        render([*others[:place], section, *others[place + 1 :]])
    except Exception as error:
        return _failed(section.id, section.title, error)
    return section


def _left_out(section_id: str, title: str) -> Section:
    return Section(section_id, title, empty_because="left out")


def _failed(section_id: str, title: str, error: Exception) -> Section:
    reason = f"This section could not be made ({type(error).__name__}); the log of the run says why."
    return Section(section_id, title, empty_because=reason)


@cache
def _environment() -> Environment:
    """Return what compiles the templates: once in a process, which takes longer than to fill them in."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(formats, name)
        for name in (
            "number",
            "signed",
            "money",
            "share",
            "signed_share",
            "date",
            "moment",
            "label",
            "listed",
            "plural",
            "is_unknown",
        )
    }
    return environment
