"""CSV as DuckDB is told to read it: in the dialect its header shows, so that no odd line changes how others are read.

DuckDB guesses a dialect from a sample of the lines; a broken one among them can turn quoting off, or make it take a
line of data for the header. So delimiter and columns come from the header, and quoting is that of RFC 4180, unless the
location's options say how the file is laid out.
"""

import csv
import re
from collections.abc import Iterable
from typing import Any

from orchestration.lib.errors import SourceError
from orchestration.lib.ingest.sql_text import rendered, sql_text, without_patterns
from orchestration.lib.ingest.text_files import TextFile, prepared
from orchestration.lib.settings import LocationSettings

CSV_ERRORS, CSV_SCANS = "_csv_errors", "_csv_scans"
_DELIMITERS = ",;\t|"
_REJECTS = {"store_rejects": True, "rejects_table": CSV_ERRORS, "rejects_scan": CSV_SCANS}
# Options that say themselves what the columns are, or where they begin.
_LAYOUT = {
    "auto_detect", "column_names", "column_types", "columns", "comment", "dtypes", "header", "names", "null_padding",
    "skip", "types",
}  # fmt: skip
_TYPES = {"types", "columns", "column_types", "dtypes"}


def csv_rows(path: str, location: LocationSettings) -> str:
    """Return the table function that reads a file; its values are text unless the location's options type them.

    Raises:
        SourceError: the file is damaged, or holds nothing at all.
    """
    file = prepared(path, location)
    if file.is_empty:
        raise SourceError(f"{path} is empty: it has not even a header. Deliver it again, or remove it.")
    if "\0" in file.head.split("\n", 1)[0]:
        raise SourceError(
            f"{path} is no text, or text in another encoding than {file.encoding}: its first line holds NUL bytes. Set "
            f"'options.encoding' of its location, for example utf-16, or deliver it as CSV."
        )
    options: dict[str, Any] = {"header": True, **_REJECTS}
    if location.options.keys() & _LAYOUT:
        options |= {} if location.options.keys() & _TYPES else {"all_varchar": True}
    else:
        options |= _dialect(file, location)
    options |= location.options | {"encoding": file.encoding}
    if file.path != path:
        options["compression"] = "none"
    return f"read_csv([{sql_text(without_patterns(file.path))}]{rendered(options)})"


def _dialect(file: TextFile, location: LocationSettings) -> dict[str, Any]:
    """Read delimiter and columns off the header; Excel's first line ``sep=;`` names the delimiter."""
    head, skip = file.head, 0
    delimiter = next((str(location.options[name]) for name in ("delim", "sep") if name in location.options), None)
    if named := re.match(r"sep=(.)\r?\n", head):
        head, skip = head[named.end() :], 1
        delimiter = delimiter or named.group(1)
    quote = str(location.options.get("quote", '"'))
    first = head.split("\n", 1)[0]
    outside = re.sub(f"{re.escape(quote)}[^{re.escape(quote)}]*{re.escape(quote)}", "", first) if quote else first
    delimiter = delimiter or max(_DELIMITERS, key=outside.count)
    names = (
        next(csv.reader(head.splitlines(keepends=True), delimiter=delimiter, quotechar=quote))
        if (len(delimiter) == 1 and len(quote) == 1)
        else first.rstrip("\r").split(delimiter)
    )
    return {
        "auto_detect": False, "delim": delimiter, "quote": quote, "escape": quote, "skip": skip,
        "columns": dict.fromkeys(_distinct(names), "VARCHAR"),
    }  # fmt: skip


def _distinct(names: Iterable[str]) -> list[str]:
    """Name columns without a name by their place, and number those of the same name, as DuckDB does."""
    found: list[str] = []
    for place, name in enumerate(names):
        name = name.strip() or f"column{place}"
        taken, number = {other.lower() for other in found}, 0
        wanted = name
        while wanted.lower() in taken:
            number += 1
            wanted = f"{name}_{number}"
        found.append(wanted)
    return found
