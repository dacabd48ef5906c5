"""How a file is opened: one SQL table function per format, with the options that keep its values unchanged."""

from collections.abc import Sequence

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.reading.csv_files import CSV_ERRORS, CSV_SCANS, csv_rows
from orchestration.ingest.reading.excel_files import SHEET_ROW, excel_rows
from orchestration.ingest.reading.json_files import json_rows
from orchestration.ingest.sql_text import describe, rendered, sql_name, sql_text, without_patterns
from orchestration.settings import LocationSettings

__all__ = [
    "CSV_ERRORS",
    "CSV_SCANS",
    "ROW",
    "describe",
    "file_format",
    "is_parquet",
    "number_of",
    "numbered",
    "place_of",
    "rows_sql",
]

ROW = "_row"
_ENDINGS = {
    "csv": "csv", "tsv": "csv", "txt": "csv",
    "json": "json", "jsonl": "json", "ndjson": "json",
    "parquet": "parquet", "pq": "parquet",
    "xlsx": "excel", "xlsm": "excel",
}  # fmt: skip
_COMPRESSED = {"gz", "zst"}
_NUMBERS = {"parquet": "file_row_number + 1", "excel": SHEET_ROW}
# Bits for a row's number in its file: a trillion rows, which leaves bits for millions of files.
_NUMBER_BITS = 40


def file_format(path: str, location: LocationSettings) -> str:
    """Return csv, json, parquet or excel: as configured, else by the file's extension.

    Raises:
        SourceError: the extension is unknown.
    """
    if location.format:
        return location.format
    endings = path.lower().rsplit("/", 1)[-1].split(".")[1:]
    if endings and endings[-1] in _COMPRESSED:
        endings.pop()
    if not endings or endings[-1] not in _ENDINGS:
        raise SourceError(
            f"The format of {path} cannot be told from its name. If it is CSV, JSON, Parquet or Excel (.xlsx), set "
            f"'format' of its location; export anything else as one of them."
        )
    return _ENDINGS[endings[-1]]


def rows_sql(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[str],
    location: LocationSettings,
    *,
    with_filename: bool = False,
) -> str:
    """Return a query of the rows of ``paths``, all of one format; files may differ in their columns.

    CSV values stay text, so that leading zeros and long identifiers survive and a bad value costs only its row; lines
    that are not rows go to the table ``_csv_errors``. Text in JSON stays text too, and everything in an Excel sheet is
    text.

    Raises:
        SourceError: the format is unknown or differs between files, or one of them is damaged.
    """
    formats = {file_format(path, location) for path in paths}
    if len(formats) > 1:
        raise SourceError(f"One location mixes {' and '.join(sorted(formats))} files. Make one location of each.")
    (form,) = formats
    if form == "parquet":
        files = ", ".join(sql_text(without_patterns(path)) for path in paths)
        columns = "*, filename" if with_filename else "*"
        parts = [f"select {columns} from read_parquet([{files}]{rendered({'union_by_name': True} | location.options)})"]
    else:
        # DuckDB's reader can either unite columns by name or keep what it cannot parse, so text files are united here.
        def reader(path: str) -> str:
            if form == "json":
                return json_rows(connection, path, location)
            return (excel_rows if form == "excel" else csv_rows)(path, location)

        columns = f"* exclude ({SHEET_ROW})" if form == "excel" else "*"
        names = [f", {sql_text(path)} as filename" if with_filename else "" for path in paths]
        parts = [f"select {columns}{name} from {reader(path)}" for path, name in zip(paths, names, strict=True)]
    if location.columns and form != "json":
        parts.append(f"select {_no_values(location)} where false")
    return " union all by name ".join(parts)


def numbered(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str], location: LocationSettings, *, with_filename: bool
) -> str:
    """Return a query of the rows of files with ``_row``, their number in the file from 1; in a sheet, Excel's number.

    For several files, which must be Parquet, the number also contains the position of the file in ``paths`` (see
    ``place_of`` and ``number_of``).
    """
    number = _NUMBERS.get(file_format(paths[0], location), "row_number() over ()")
    if len(paths) > 1:
        number = f"(file_index::bigint << {_NUMBER_BITS}) + {number}"
    rows = rows_sql(connection, paths, location, with_filename=with_filename)
    return rows.replace("select *", f"select {number} as {ROW}, *", 1)


def place_of(row: str) -> str:
    """Return SQL of the zero-based position of a row's file among the files read together."""
    return f"({row} >> {_NUMBER_BITS})"


def number_of(row: str) -> str:
    """Return SQL of a row's number in its file, from 1."""
    return f"({row} & {2**_NUMBER_BITS - 1})"


def _no_values(location: LocationSettings) -> str:
    return ", ".join(f"cast(null as {kind}) as {sql_name(name)}" for name, kind in location.columns.items())


def is_parquet(path: str, location: LocationSettings) -> bool:
    """Whether the file is Parquet: reading it twice is as cheap as copying it once, and its rows are numbered."""
    return file_format(path, location) == "parquet"
