"""Settings of the observation window of endings: when recording of customers who leave began."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from models.observation.parameters import ObservationParameters
from orchestration.settings.sources import Section

Since = Literal["auto"] | date


class ObservationSettings(Section):
    """From when on, and through when, customers who leave are on record."""

    endings_from: Since = Field(
        "auto",
        description="day from which every ended contract is on record; 'auto' finds the month from the data",
    )
    endings_from_by_source: dict[str, Since] = Field(
        default_factory=dict, description="the same for customers of one source_system, where systems differ"
    )
    endings_from_by_market_segment: dict[str, Since] = Field(
        default_factory=dict,
        description="the same for one market segment; it overrides endings_from_by_source, which overrides "
        "endings_from",
    )
    endings_booked_within_days: Literal["auto"] | Annotated[int, Field(ge=0, le=365)] = Field(
        "auto",
        description="days after which nearly every ending is booked; 'auto' learns it from when endings became "
        "known or, if that is unknown, leaves out final months with too few endings",
    )
    test: ObservationParameters = ObservationParameters()

    def given_for(self, source_system: str, market_segment: str) -> date | None:
        """Return the configured day for a source system and market segment; None for 'auto'."""
        by_segment, by_source = self.endings_from_by_market_segment, self.endings_from_by_source
        since = by_segment.get(market_segment, by_source.get(source_system, self.endings_from))
        return since if isinstance(since, date) else None
