"""What one run did to one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoadReport:
    """What one run did to one table.

    ``rows_superseded`` are rows of earlier loads that this run restated, ``rows_deleted`` rows that the source no
    longer has, ``rows_orphaned`` rows that went to quarantine because the row they refer to was deleted. ``reasons``
    counts the rows in quarantine. ``unmapped_columns`` are columns of the table that its source does not fill,
    ``new_columns`` columns that the source did not have at the last load.
    """

    table: str
    is_mapped: bool = True
    files_seen: int = 0
    files_new: int = 0
    files_known: int = 0
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_superseded: int = 0
    rows_deleted: int = 0
    rows_orphaned: int = 0
    rows_in_table: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    unmapped_columns: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    seconds: float = 0.0
