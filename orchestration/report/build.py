"""From a version in the warehouse to one HTML document."""

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
from orchestration.report.data import read_report_data
from orchestration.settings import Settings

_FOLDER = Path(__file__).parent


def build_report(connection: duckdb.DuckDBPyConnection, version_id: str, settings: Settings) -> str:
    """Return the report as one HTML document.

    Args:
        connection: its current catalog is the lake; only published views and registries are read.
        version_id: a published version; of any other the report says its status and shows no segments.
        settings: title, currency, and the rules that give stages and segments their order.

    Raises:
        VersionError: there is no such version.
    """
    data = read_report_data(connection, version_id)
    sections = (
        value_sections.headline(data, settings, observation_section.warnings(data, settings)),
        value_sections.deciles(data, settings),
        value_sections.concentration(data),
        observation_section.observation(data),
        retention_section.retention(data, settings),
        cluster_section.clusters(data),
        segment_sections.lifecycle(data, settings),
        segment_sections.market(data),
        mid_band_section.mid_band(data, settings),
        home_section.homes(data, settings),
        action_section.actions(data, settings),
        segment_sections.changes(data, settings),
        provenance_sections.quality(data),
        provenance_sections.definitions(),
    )
    template = _environment().get_template("template.html.jinja")
    return template.render(
        style=Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
        title=settings.title,
        currency=settings.currency,
        version=data.version,
        previous=data.previous,
        loads=int(data["loads"]["loads"].sum()),
        sources=[formats.label(name).lower() for name in data["loads"].query("rows_accepted > 0")["source_table"]],
        sections=sections,
    )


def _environment() -> Environment:
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
