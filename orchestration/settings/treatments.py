"""Settings of treatments: the recommendation for the customers of each segment."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from orchestration.settings.sources import Section

SHIPPED = Path(__file__).with_name("shipped_treatments.yaml")


class Treatment(Section):
    """What is recommended for the customers of a segment."""

    treatment: Annotated[str, Field(min_length=1)] = Field(description="what is recommended, in words")
    channel: str | None = Field(None, description="recommended channel")


Treatments = dict[str, dict[str, Treatment]]


@cache
def _shipped() -> dict[str, dict[str, dict[str, Any]]]:
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return document


def over_shipped(given: Any) -> Any:
    """Return the treatments that come with the project, with those of a settings file added or in their place."""
    if not isinstance(given, dict):
        return given
    shipped = _shipped()
    merged = {scheme: dict(segments) for scheme, segments in shipped.items()}
    for scheme, segments in given.items():
        if not isinstance(segments, dict):
            return given
        for segment, each in segments.items():
            known = shipped.get(scheme, {}).get(str(segment), {})
            merged.setdefault(scheme, {})[str(segment)] = known | each if isinstance(each, dict) else each
    return merged
