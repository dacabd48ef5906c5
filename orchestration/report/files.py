"""Where reports are stored, and how they are written."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings


def report_path(settings: Settings, version_id: str) -> Path:
    """Return the path of a version's report, whether or not it has been written."""
    return settings.report.path / f"{version_id}.html"


def write_report(warehouse: Warehouse, settings: Settings, version_id: str) -> Path:
    """Write the report of a version atomically, so that nobody ever opens half a report; return its path.

    Raises:
        VersionError: there is no such version.
    """
    # Imported here because the definitions import this module and must load fast; drawing needs matplotlib.
    from orchestration.report.build import build_report

    with warehouse.reader() as connection:
        document = build_report(connection, version_id, settings)
    target = report_path(settings, version_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".tmp", delete=False) as file:
        file.write(document)
    temporary = Path(file.name)
    temporary.chmod(0o644)  # a temporary file is private to its writer; the report is for its readers
    os.replace(temporary, target)
    return target
