"""The line of a CSV file on which a record begins, which DuckDB does not report.

A record may span lines (a quoted line break), lines may contain no record (blank ones), and an invalid line may leave a
quote open. So the file is read once more as lines: those that DuckDB could not parse are identified by their bytes, and
any other line begins a record if all quotes before it are closed. If that does not give as many records as DuckDB
read, no lines are reported instead of wrong ones.
"""

import re

import duckdb

from orchestration.ingest.reading.csv_files import CSV_ERRORS, CSV_SCANS
from orchestration.ingest.reading.readers import ROW
from orchestration.ingest.sql_text import sql_text, without_patterns

LINES = "_lines"
_PLACED = "_placed"
# A character that no text file contains, so that a line is one value.
_NO_DELIMITER = "\x01"


def find_lines(connection: duckdb.DuckDBPyConnection, rows: int | None, *, is_filtered: bool) -> None:
    """Fill ``_lines``: the line of each row, by ``_row``, and of each unparsable line by its negative ``_row``.

    Args:
        connection: has DuckDB's tables of what it could not parse, if CSV was read.
        rows: how many rows were read from the single file; None if rows no longer correspond to a file.
        is_filtered: whether rows of the file were left out.
    """
    scans = connection.execute(
        f"select distinct file_path, quote, newline_delimiter, skip_rows, has_header, user_arguments from {CSV_SCANS}"
    ).fetchall()
    # With these errors the file cannot be read as lines either.
    unreadable = f"from {CSV_ERRORS} where error_type in ('LINE SIZE OVER MAXIMUM', 'INVALID ENCODING') limit 1"
    if len(scans) != 1 or connection.execute(unreadable).fetchall():
        return
    ((path, quote, newline, skip, has_header, arguments),) = scans
    _place(connection, path, _quote(quote), 2 if newline == "\\r\\n" else 1, arguments)
    connection.execute(f"""
        insert into {LINES}
        select -cast(error_line as bigint), min(number)
        from {_PLACED} where error_line is not null and not is_blank group by error_line
    """)
    if rows is not None:
        records = f"""
            select row_number() over (order by number) - {int(has_header)} as {ROW}, number as line
            from {_PLACED} where error_line is null and not is_blank and is_closed and number > {skip}
        """
        ((found,),) = connection.execute(f"select count(*) from ({records}) where {ROW} > 0").fetchall()
        if found == rows or (is_filtered and found > rows):
            connection.execute(f"insert into {LINES} from ({records}) where {ROW} > 0")
    connection.execute(f"drop table temp.{_PLACED}")


def _place(connection: duckdb.DuckDBPyConnection, path: str, quote: str, newline_bytes: int, arguments: str) -> None:
    """Create the table of lines: number, whether blank, in which unparsable record, whether all quotes are closed."""
    options = "".join(
        f", {name} = {sql_text(value)}"
        for name, value in re.findall(r"\b(encoding|compression|max_line_size)='?([^',]*)", arguments)
    )
    quotes = f"length(line) - length(replace(line, {sql_text(quote)}, ''))" if quote else "0"
    connection.execute(f"""
        create or replace temp table {_PLACED} as
        with lines as (
            select row_number() over () as number, coalesce(line, '') as line
            from read_csv([{sql_text(without_patterns(path))}], columns = {{'line': 'VARCHAR'}}, auto_detect = false,
                header = false, delim = '{_NO_DELIMITER}', quote = '', escape = ''{options})
        ),
        begun as (
            select number, line = '' as is_blank, {quotes} as quotes,
                sum(strlen(line) + {newline_bytes}) over (order by number) - strlen(line) - {newline_bytes} as byte
            from lines
        ),
        unparsable as (
            select line as error_line, min(line_byte_position) - 1 as first_byte,
                min(line_byte_position) - 1 + coalesce(max(strlen(csv_line)), 1) as end_byte
            from {CSV_ERRORS} group by line
        ),
        judged as (
            select begun.*, error_line
            from begun left join unparsable on byte >= first_byte and byte < end_byte
        )
        select number, is_blank, error_line,
            coalesce(sum(case when error_line is null then quotes else 0 end)
                over (order by number rows between unbounded preceding and 1 preceding), 0) % 2 = 0 as is_closed
        from judged
    """)


def _quote(quote: str | None) -> str:
    """Return the quote as a character; DuckDB uses a word for one that is not set."""
    return quote if quote and len(quote) == 1 and quote != "\0" else ""
