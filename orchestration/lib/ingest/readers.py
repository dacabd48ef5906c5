"""How a file is opened: one SQL table function by format, with the options that keep its values as they are."""

import re
from collections.abc import Sequence
from typing import Any

import duckdb

from orchestration.lib.errors import SourceError
from orchestration.lib.settings import LocationSettings

ROW = "_row"
CSV_ERRORS, CSV_SCANS = "_csv_errors", "_csv_scans"
_ENDINGS = {
    "csv": "csv", "tsv": "csv", "txt": "csv",
    "json": "json", "jsonl": "json", "ndjson": "json",
    "parquet": "parquet", "pq": "parquet",
}  # fmt: skip
_COMPRESSED = {"gz", "zst"}


def file_format(path: str, location: LocationSettings) -> str:
    """Return csv, json or parquet: as set, else by the file's ending.

    Raises:
        SourceError: the ending says nothing.
    """
    if location.format:
        return location.format
    endings = path.lower().rsplit("/", 1)[-1].split(".")[1:]
    if endings and endings[-1] in _COMPRESSED:
        endings.pop()
    if not endings or endings[-1] not in _ENDINGS:
        raise SourceError(f"The format of {path} is not plain from its name. Set 'format' of its location.")
    return _ENDINGS[endings[-1]]


def rows_sql(paths: Sequence[str], location: LocationSettings, *, with_filename: bool = False) -> str:
    """Return a query of the rows of ``paths``, all of one format; files may differ in their columns.

    CSV values stay text, so that leading zeros and long identifiers survive and a bad value costs its row only; lines
    that are no rows go to the table ``_csv_errors``.

    Raises:
        SourceError: the format is not known, or the files differ in it.
    """
    formats = {file_format(path, location) for path in paths}
    if len(formats) > 1:
        raise SourceError(f"One location mixes {' and '.join(sorted(formats))} files. Make one location of each.")
    (form,) = formats
    columns = "*, filename" if with_filename else "*"
    # DuckDB's reader either unites columns by name or keeps what it cannot parse, so CSV files are united here.
    groups = [[path] for path in paths] if form == "csv" else [list(paths)]
    parts = [f"select {columns} from {_reader(form, group, location)}" for group in groups]
    if location.columns and form != "json":
        parts.append(f"select {_no_values(location)} where false")
    return " union all by name ".join(parts)


def numbered(path: str, location: LocationSettings, *, with_filename: bool) -> str:
    """Return a query of the rows of a file with ``_row``, their number in it from 1."""
    number = "file_row_number + 1" if is_parquet(path, location) else "row_number() over ()"
    rows = rows_sql([path], location, with_filename=with_filename)
    return rows.replace("select *", f"select {number} as {ROW}, *", 1)


def _reader(form: str, paths: Sequence[str], location: LocationSettings) -> str:
    options: dict[str, Any] = {}
    if form == "csv":
        typed = location.options.keys() & {"types", "columns", "column_types", "dtypes"}
        options |= {} if typed else {"all_varchar": True}
        options |= {"header": True, "store_rejects": True, "rejects_table": CSV_ERRORS, "rejects_scan": CSV_SCANS}
    elif form == "json":
        options |= {"union_by_name": True, "sample_size": -1}
        options |= {"columns": location.columns} if location.columns else {}
    else:
        options |= {"union_by_name": True}
    options |= location.options
    files = ", ".join(_text(_without_patterns(path)) for path in paths)
    rendered = "".join(f", {_name(name)} = {_value(value)}" for name, value in options.items())
    return f"read_{form}([{files}]{rendered})"


def _no_values(location: LocationSettings) -> str:
    return ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in location.columns.items())


def is_parquet(path: str, location: LocationSettings) -> bool:
    """Whether the file is Parquet: read twice as cheaply as copied once, and with row numbers of its own."""
    return file_format(path, location) == "parquet"


def describe(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Return the columns and types of a query, in order."""
    return {row[0]: row[1] for row in connection.execute(f"describe {query}").fetchall()}


def _without_patterns(path: str) -> str:
    """Keep a path that has been found from being taken for a pattern once more."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _name(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise SourceError(f"{name!r} is not the name of a reader option.")
    return name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_value(item)}" for key, item in value.items()) + "}"
    return _text(str(value))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
