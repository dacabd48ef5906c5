"""The dialect of a CSV file: derived from its header, or from the location's options.

DuckDB guesses a dialect from a sample of the lines; a broken one among them can turn quoting off, or make it take a
line of data for the header. So delimiter and columns come from the header, and quoting follows RFC 4180, unless the
location's options describe the layout of the file: then DuckDB determines what they leave open.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.reading.csv_records import MOST_BYTES, CsvDialect
from orchestration.ingest.sql_text import rendered, sql_text
from orchestration.settings import LocationSettings

_DELIMITERS = ",;\t|"
# Options that define the columns, or where they begin.
_LAYOUT = {
    "auto_detect", "column_names", "column_types", "columns", "comment", "dtypes", "header", "names", "null_padding",
    "skip", "types",
}  # fmt: skip
# Options that are replaced by the columns that DuckDB has found.
_COLUMNS = {"all_varchar", "column_names", "column_types", "dtypes", "names", "types"}
_TYPES = {"types", "columns", "column_types", "dtypes"}
# With these options DuckDB silently skips or misreads what it cannot parse.
_LOSING = {
    "ignore_errors", "rejects_limit", "rejects_scan", "rejects_table", "skip_blank_lines", "store_rejects",
    "strict_mode",
}  # fmt: skip
# Kept free below DuckDB's own limit, because it counts the bytes of a line differently.
_MARGIN = 64
# Enough for a header of a thousand columns.
_MOST_HEADER = 1 << 15


def dialect_of(head: str, location: LocationSettings) -> tuple[dict[str, Any], CsvDialect]:
    """Return the options with which DuckDB reads the file, including the location's, and the dialect they describe.

    Args:
        head: the beginning of the file; whole lines, if it has more than one.
        location: its options take precedence.

    Raises:
        SourceError: an option would lose rows, or DuckDB cannot read the file with these options.
    """
    if losing := sorted(_LOSING & location.options.keys()):
        raise SourceError(
            f"options.{losing[0]} would silently lose or change rows. Leave it out: bad lines"
            f" go to quarantine, each with its line."
        )
    most_bytes = int(location.options.get("max_line_size", MOST_BYTES + _MARGIN)) - _MARGIN
    is_laid_out = bool(location.options.keys() & _LAYOUT)
    options, dialect = (_laid_out if is_laid_out else _by_header)(head, location, most_bytes)
    # Options that the dialect covers have already taken the location's into account.
    left_out = (_COLUMNS if "columns" in options else set()) | ({"sep"} if "delim" in options else set())
    given = {name: value for name, value in location.options.items() if name not in left_out}
    return {"header": True} | given | options, dialect


def _by_header(head: str, location: LocationSettings, most_bytes: int) -> tuple[dict[str, Any], CsvDialect]:
    """Derive delimiter and columns from the header; Excel's first line ``sep=;`` names the delimiter."""
    blank = re.match(r"(\r?\n)*", head)
    skip = blank[0].count("\n") if blank else 0
    head = head[:_MOST_HEADER].lstrip("\r\n")
    delimiter = next((str(location.options[name]) for name in ("delim", "sep") if name in location.options), None)
    if named := re.match(r"sep=(.)\r?\n", head):
        head, skip = head[named.end() :], skip + 1
        delimiter = delimiter or named.group(1)
    quote = str(location.options.get("quote", '"'))
    escape = str(location.options.get("escape", quote))
    first = head.split("\n", 1)[0]
    outside = re.sub(f"{re.escape(quote)}[^{re.escape(quote)}]*{re.escape(quote)}", "", first) if quote else first
    delimiter = delimiter or max(_DELIMITERS, key=outside.count)
    names = (
        next(csv.reader(head.splitlines(keepends=True), delimiter=delimiter, quotechar=quote))
        if (len(delimiter) == 1 and len(quote) == 1)
        else first.rstrip("\r").split(delimiter)
    )
    columns = distinct_names(names)
    options = {
        "auto_detect": False, "delim": delimiter, "quote": quote, "escape": escape, "skip": skip,
        "columns": dict.fromkeys(columns, "VARCHAR"),
    }  # fmt: skip
    return options, CsvDialect(delimiter, quote, escape, len(columns), 1 + skip, "", len(columns) == 1, most_bytes)


def _laid_out(head: str, location: LocationSettings, most_bytes: int) -> tuple[dict[str, Any], CsvDialect]:
    """Let DuckDB determine from the first lines what the options leave open, so that nothing is left open."""
    given = {name: value for name, value in location.options.items() if name not in {"encoding", "compression"}}
    typed: dict[str, Any] = {} if given.keys() & _TYPES else {"all_varchar": True}
    if given.get("auto_detect") is False:
        delimiter, quote = str(given.get("delim", given.get("sep", ","))), str(given.get("quote", '"'))
        escape, comment = str(given.get("escape", quote)), str(given.get("comment", ""))
        skip, has_header = int(given.get("skip", 0)), bool(given.get("header", True))
        columns = next((len(given[name]) for name in ("columns", "names") if name in given), None)
        options: dict[str, Any] = dict(typed)
    else:
        found = _sniffed(head, {"header": True} | typed | given)
        delimiter, quote, comment = (_character(found[name]) for name in ("Delimiter", "Quote", "Comment"))
        escape = _character(found["Escape"]) or quote
        skip, has_header = int(found["SkipRows"]), bool(found["HasHeader"])
        types = {column["name"]: column["type"] for column in found["Columns"]}
        columns = len(types)
        options = {
            "auto_detect": False, "delim": delimiter, "quote": quote, "escape": escape, "comment": comment,
            "skip": skip, "header": has_header, "columns": types,
        }  # fmt: skip
    is_single = columns == 1
    if given.get("null_padding"):
        # With it, DuckDB reads multi-line values in one thread only.
        columns, options = None, options | {"parallel": False}
    preamble = skip + has_header
    return options, CsvDialect(delimiter, quote, escape, columns, preamble, comment, is_single, most_bytes)


def _sniffed(head: str, options: dict[str, Any]) -> dict[str, Any]:
    with TemporaryDirectory(prefix="segmentation_") as folder, duckdb.connect() as connection:
        sample = Path(folder) / "head.csv"
        sample.write_text(head, encoding="utf-8", newline="")
        try:
            found = connection.execute(
                f"from sniff_csv({sql_text(str(sample))}{rendered(options)})"
            ).fetch_arrow_table()
        except duckdb.Error as error:
            raise SourceError(f"with these options it cannot be read: {first_line(error)}") from error
    (row,) = found.to_pylist()
    return row


def _character(value: str | None) -> str:
    """Return a character of the dialect; DuckDB uses a word for one that is not set."""
    return value if value and len(value) == 1 and value != "\0" else ""


def distinct_names(names: Iterable[str]) -> list[str]:
    """Name columns without a name by position, and number those with the same name, as DuckDB does."""
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
