"""What a step makes of a candidate: its tables, and what there is to say of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.segments.tables import Frames

Fact = str | float | int | None


@dataclass(frozen=True)
class SegmentMonth:
    """The rows that a step makes of a candidate's month, not yet written.

    Attributes:
        tables: rows by table of ``segments``; an iterable of frames is read while it is written, in this order.
        decision: what was decided and why, in sentences for the log.
        facts: what to show of a table beside its rows, by table.
        passed: whether the step's own check passes.
        finding: what that check found, in words.
    """

    tables: Mapping[str, Frames]
    decision: str
    facts: Mapping[str, Mapping[str, Fact]] = field(default_factory=dict)
    passed: bool = True
    finding: str = ""
