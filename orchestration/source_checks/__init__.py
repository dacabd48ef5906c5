"""Checks of what was loaded: rows accounted for, directions, units, volume, freshness, reconciliation.

``check_sources`` makes them all after a load, and ``require_sound_sources`` refuses to segment if one blocks. Modules:
``check`` defines what a check is; ``accounting``, ``usage_checks``, ``growth_checks``, ``money_checks``,
``history_checks``, ``reference_checks`` and ``attribute_checks`` declare them; ``scope`` sets the days and months they
cover; ``run`` makes them and stores the outcomes.
"""

from orchestration.source_checks.check import Check, Limits, Outcome
from orchestration.source_checks.run import (
    CHECKS,
    check_sources,
    latest,
    raise_if_blocked,
    require_sound_sources,
    said,
    tally,
    warnings,
)

__all__ = [
    "CHECKS",
    "Check",
    "Limits",
    "Outcome",
    "check_sources",
    "latest",
    "raise_if_blocked",
    "require_sound_sources",
    "said",
    "tally",
    "warnings",
]
