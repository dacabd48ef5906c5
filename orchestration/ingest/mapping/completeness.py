"""Whether DuckDB returned every record in the files, and the lines that it was not even given.

The records were counted when the files were prepared (``text_files``). If the rows of a load are those of one file,
they are compared with that count directly; if a condition or a query comes between, the rows of each file are counted
separately.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.ingest.mapping.rejection import UNPARSABLE, has_errors
from orchestration.ingest.reading.bad_lines import BadLine
from orchestration.ingest.reading.readers import CSV_ERRORS, rows_sql
from orchestration.ingest.reading.text_files import TextFile, prepared, too_many_bad_lines
from orchestration.settings import LocationSettings


@dataclass(frozen=True)
class SourceText:
    """A text file that the rows of a load come from.

    ``count_sql`` counts its rows before any condition; None if the rows of the load are those of the file.
    """

    path: str
    file: TextFile
    count_sql: str | None


@dataclass(frozen=True)
class Lines:
    """Lines of the files that are not rows: those that DuckDB rejected, and those it was not given."""

    unparsable: int
    bad: Sequence[BadLine]

    @property
    def count(self) -> int:
        """The number of such lines."""
        return self.unparsable + len(self.bad)


def source_text(
    connection: duckdb.DuckDBPyConnection, path: str, location: LocationSettings, form: str, *, is_direct: bool
) -> SourceText | None:
    """Return the text file that was prepared for a path; None for other formats."""
    if form not in {"csv", "json"}:
        return None
    file = prepared(path, location, "csv" if form == "csv" else "json")
    count = None if is_direct else f"select count(*) from ({rows_sql(connection, [path], location)})"
    return SourceText(path, file, count)


def lines_of(connection: duckdb.DuckDBPyConnection, texts: Sequence[SourceText]) -> Lines:
    """Return the lines that are not rows; call it after the rows have been read.

    Raises:
        SourceError: a file has too many of them.
    """
    bad = [line for text in texts for line in text.file.records.bad]
    if not has_errors(connection):
        return Lines(0, bad)
    ((unparsable, faults),) = connection.execute(
        f"select (select count(*) from ({UNPARSABLE})), (select count(*) from {CSV_ERRORS})"
    ).fetchall()
    if faults > min((text.file.most_faults for text in texts), default=faults):
        raise too_many_bad_lines(", ".join(text.path for text in texts))
    return Lines(unparsable, bad)


def rows_lost(connection: duckdb.DuckDBPyConnection, texts: Sequence[SourceText], rows: int, unparsable: int) -> int:
    """Return how many records of the files are missing among the rows read; negative if there are too many rows."""
    if not texts or any(text.file.records.count is None for text in texts):
        return 0
    counts = [text.count_sql for text in texts if text.count_sql is not None]
    if counts:
        rows = sum(connection.execute(count).fetchall()[0][0] for count in counts)
    return sum(text.file.records.count or 0 for text in texts) - rows - unparsable
