"""How DuckDB reads CSV: in the dialect of its header or the location's options, with bad lines set aside."""

from typing import Any

from orchestration.errors import SourceError
from orchestration.ingest.reading.text_files import prepared
from orchestration.ingest.sql_text import rendered, sql_text, without_patterns
from orchestration.settings import LocationSettings

CSV_ERRORS, CSV_SCANS = "_csv_errors", "_csv_scans"


def csv_rows(path: str, location: LocationSettings) -> str:
    """Return the table function that reads a file; its values are text unless the location's options give types.

    Raises:
        SourceError: the file is damaged or empty.
    """
    file = prepared(path, location, "csv")
    if file.is_empty:
        raise SourceError(f"{path} is empty and has no header. Deliver it again, or remove it.")
    options = {**file.options, "encoding": file.encoding}
    if file.path != path:
        options["compression"] = "none"
    rejects = rendered(rejects_of(file.most_faults))
    return f"read_csv([{sql_text(without_patterns(file.path))}]{rendered(options)}{rejects})"


def rejects_of(most: int) -> dict[str, Any]:
    """Return the options that make DuckDB keep what it cannot read, up to one line more than allowed."""
    return {
        "store_rejects": True, "rejects_table": CSV_ERRORS, "rejects_scan": CSV_SCANS, "rejects_limit": most + 1,
    }  # fmt: skip
