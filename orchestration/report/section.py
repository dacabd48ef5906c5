"""A section of the report: its message in one sentence, or why it has nothing to say."""

from dataclasses import dataclass, field
from typing import Any

from orchestration.report.data import ReportData
from orchestration.report.formats import label


@dataclass(frozen=True)
class Section:
    """A section as the template shows it; ``content`` is for its own block of the template."""

    id: str
    title: str
    takeaway: str = ""
    empty_because: str = ""
    content: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return one part of the content."""
        return self.content[name]


def empty(section_id: str, title: str, data: ReportData, reason: str) -> Section:
    """Say why a section has no data; an unpublished version has no rows in any published view."""
    status = str(data.version["status"])
    if status != "published":
        reason = f"The version is {label(status).lower()}, and the views of the bi schema show published versions only."
    return Section(section_id, title, empty_because=reason)
