"""What a step makes for a candidate: its tables, and facts to show about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.segments.tables import Frames

Fact = str | float | int | None


@dataclass(frozen=True)
class SegmentMonth:
    """The rows that a step makes for a candidate's month, not yet written.

    Attributes:
        tables: rows by table of ``segments``; an iterable of frames is consumed while writing, in this order.
        decision: what was decided and why, in sentences for the log.
        facts: what to show for a table besides its rows, by table.
        passed: whether the step's own check passes.
        finding: what that check found, in words.
    """

    tables: Mapping[str, Frames]
    decision: str
    facts: Mapping[str, Mapping[str, Fact]] = field(default_factory=dict)
    passed: bool = True
    finding: str = ""
