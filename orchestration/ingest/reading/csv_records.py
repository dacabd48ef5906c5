"""The records of a CSV file, counted without DuckDB: RFC 4180, for whole blocks at once where they are plain.

A value is quoted if it begins with a quote. If a record breaks that rule, is open at the end of the file, is longer
than the limit, or spans several lines without having as many values as the header, its first line is bad, and reading
continues with its second: so an open quote costs only its own line. The same holds for a record with the right number
of values if most of its further lines are records themselves.
"""

import re
from dataclasses import dataclass

import numpy as np

from orchestration.ingest.reading.bad_lines import LINE_TOO_LONG, UNPARSABLE_LINE, LineCounter, UncountableError

# Within DuckDB's default limit for a line, 2 MiB, unless 'max_line_size' changes it.
MOST_BYTES = 2_000_000
# Text values contain line breaks, but a record with more lines than this has swallowed others.
MOST_LINES = 1_000
# With fewer columns, ordinary text has enough commas to look like a record.
_TELLING_COLUMNS = 4
_FEED, _RETURN = b"\n"[0], b"\r"[0]


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is written.

    ``columns`` is the number of values of a record, None if it may vary. ``preamble`` counts the records before the
    data, blank lines included: those that are skipped, and the header. With a single column, a blank line in the data
    is a record without a value (``is_blank_a_record``).
    """

    delimiter: str
    quote: str
    escape: str
    columns: int | None
    preamble: int = 1
    comment: str = ""
    is_blank_a_record: bool = False
    most_bytes: int = MOST_BYTES


class CsvRecords(LineCounter):
    """Counts the records of CSV whose lines end with a line feed, or with a carriage return and a line feed."""

    def __init__(self, dialect: CsvDialect) -> None:
        super().__init__(dialect.most_bytes, b"" if dialect.is_blank_a_record else b"\n")
        self._dialect = dialect
        self._quote = dialect.quote.encode()
        self._delimiter = dialect.delimiter.encode()
        self._patterns = _Patterns(dialect)
        self._is_simple = len(self._delimiter) == 1 and dialect.escape in {"", dialect.quote} and not dialect.comment
        self.found.count = -dialect.preamble

    def close(self) -> bytes:
        """Take the end of the file; return what is left of the text."""
        clean = super().close()
        # For a file that ends before the data.
        self.found.count = max(self.found.count or 0, 0)
        return clean

    def count(self, lines: bytes, *, is_last: bool) -> tuple[bytes, int]:
        """Count the records of whole lines; see ``LineCounter``."""
        plain = self._count_at_once(lines) if self._is_simple and lines.endswith(b"\n") else 0
        if plain == len(lines):
            return lines, plain
        if plain and not is_last:
            return lines[:plain], plain
        clean, position = self._count_one_by_one(lines[plain:], is_last=is_last)
        return lines[:plain] + clean, plain + position

    def _count_at_once(self, lines: bytes) -> int:
        """Count the records up to one that may continue in the next block; none, returning 0, if one is not plain.

        Returns:
            The number of bytes of the counted records.
        """
        text = np.frombuffer(lines, dtype=np.uint8)
        ends = np.flatnonzero(text == _FEED)
        size, quotes = len(lines), np.empty(0, dtype=np.intp)
        if self._quote and self._quote in lines:
            quotes = np.flatnonzero(text == self._quote[0])
            if len(quotes) % 2:
                size = lines.rfind(b"\n", 0, quotes[-1]) + 1
                text, ends, quotes = text[:size], ends[ends < size], quotes[quotes < size]
            found = self._record_ends(text, ends, quotes) if size and len(quotes) % 2 == 0 else None
            if found is None:
                return 0
            records = found
        else:
            records = ends
        sizes = np.diff(records, prepend=-1)
        if sizes.max() > self.most_bytes:
            return 0
        is_blank = sizes == 1
        if (sizes == 2).any():
            is_blank |= (sizes == 2) & (text[np.maximum(records - 1, 0)] == _RETURN)
        is_blank[: self._preamble_left] = False
        self.found.expect_rejected(self._of_other_columns(text, records, quotes))
        self.found.add(len(records) - (0 if self._dialect.is_blank_a_record else int(is_blank.sum())))
        self.found.longest = max(self.found.longest, int(sizes.max()))
        self.lines += len(ends)
        return size

    def _of_other_columns(self, text: np.ndarray, ends: np.ndarray, quotes: np.ndarray) -> int:
        """Count records with a wrong number of values, apart from blank ones."""
        columns, is_delimiter = self._dialect.columns, text == self._delimiter[0]
        if columns is None:
            return 0
        if quotes.size:
            is_within = np.bitwise_xor.accumulate(text == self._quote[0])
            is_delimiter = is_delimiter & ~is_within
        if np.count_nonzero(is_delimiter) == len(ends) * (columns - 1):
            return 0
        values = np.diff(np.searchsorted(np.flatnonzero(is_delimiter), ends), prepend=0) + 1
        # DuckDB may accept one additional empty value at the end of a line.
        is_one_more = (values == columns + 1) & is_delimiter[np.maximum(ends - 1, 0)]
        is_blank = np.diff(ends, prepend=-1) <= 2
        return int(((values != columns) & ~is_one_more & ~is_blank).sum())

    def _record_ends(self, text: np.ndarray, ends: np.ndarray, quotes: np.ndarray) -> np.ndarray | None:
        """Return which line ends are ends of records; None if a quote is out of place."""
        opening, closing = quotes[::2], quotes[1::2]
        # The byte before the first value is a line end, because the last byte of the text is one.
        may_open, may_close = (np.zeros(256, dtype=bool) for _ in range(2))
        may_open[[self._delimiter[0], _FEED, self._quote[0]]] = True
        may_close[[self._delimiter[0], _FEED, _RETURN, self._quote[0]]] = True
        after = text[closing + 1]
        if not may_open[text[opening - 1]].all() or not may_close[after].all():
            return None
        returns = closing[after == _RETURN]
        if len(returns) and not (text[returns + 2] == _FEED).all():
            return None
        places = np.searchsorted(quotes, ends)
        is_outside = places % 2 == 0
        if is_outside.all():
            return ends
        last = np.flatnonzero(is_outside)
        lines, records = np.diff(last, prepend=-1), ends[last]
        columns = self._dialect.columns
        if columns is None:
            return None if lines.max() > MOST_LINES else records
        delimiters = np.flatnonzero(text == self._delimiter[0])
        alike = np.cumsum(np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1 == columns)
        alike = alike[last] - alike[last - lines + 1]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
        is_other = np.diff(np.searchsorted(delimiters, records), prepend=0) + 1 != columns
        is_bad = (is_other & (lines > 1)) | _has_swallowed(alike, lines - 1, columns)
        return None if lines.max() > MOST_LINES or is_bad.any() else records

    def _count_one_by_one(self, lines: bytes, *, is_last: bool) -> tuple[bytes, int]:
        clean: list[bytes] = []
        position = kept = 0
        while position < len(lines):
            record = self._patterns.record.match(lines, position)
            reason = self._judge(record[0], lines) if record else UNPARSABLE_LINE
            if record and not reason:
                self._count_record(record[0])
                position = record.end()
                continue
            is_open = record is None and self._patterns.begun.match(lines, position)
            if is_open and not is_last and len(lines) - position <= self.most_bytes:
                break
            if self._preamble_left == 1:
                raise UncountableError("its header is not a line of CSV")
            end = lines.find(b"\n", position)
            after = end + 1 if end >= 0 else len(lines)
            line = lines[position:after]
            number = self.lines + lines.count(b"\n", kept, position) + 1
            self.found.set_aside(number, LINE_TOO_LONG if len(line) > self.most_bytes else str(reason), line)
            clean += [lines[kept:position], self.in_place]
            self.lines += lines.count(b"\n", kept, after)
            position = kept = after
        clean.append(lines[kept:position])
        self.lines += lines.count(b"\n", kept, position)
        return b"".join(clean), position

    def _judge(self, record: bytes, lines: bytes) -> str | None:
        """Return why a record that follows the quoting rules is not one after all; None if it is."""
        if len(record) > self.most_bytes:
            return LINE_TOO_LONG if b"\n" not in record.removesuffix(b"\n") else UNPARSABLE_LINE
        further = record.removesuffix(b"\n").split(b"\n")[1:]
        if not further or self._preamble_left:
            return None
        columns = self._dialect.columns
        is_other = columns is not None and self._patterns.values_of(record) != columns
        alike = sum(line.count(self._delimiter) + 1 == columns for line in further)
        has_swallowed = bool(_has_swallowed(np.array(alike), np.array(len(further)), columns))
        return UNPARSABLE_LINE if len(further) >= MOST_LINES or is_other or has_swallowed else None

    @property
    def _preamble_left(self) -> int:
        return max(0, -(self.found.count or 0))

    def _count_record(self, record: bytes) -> None:
        is_blank = record in {b"\n", b"\r\n"} and not (self._dialect.is_blank_a_record or self._preamble_left)
        is_comment = bool(self._dialect.comment) and record.startswith(self._dialect.comment.encode())
        if not is_blank and not is_comment:
            self.found.add(1)
            self.found.longest = max(self.found.longest, len(record))


def _has_swallowed(alike: np.ndarray, further: np.ndarray, columns: int | None) -> np.ndarray:
    """Whether records have swallowed others: at least half of their further lines have the values of a record."""
    if columns is None or columns < _TELLING_COLUMNS:
        return np.zeros_like(alike, dtype=bool)
    return (alike > 1) & (2 * alike >= further)


class _Patterns:
    """Regular expressions of a dialect; possessive, so that any text takes only one pass."""

    def __init__(self, dialect: CsvDialect) -> None:
        delimiter = re.escape(dialect.delimiter)
        plain = rf"[^{delimiter}\n]*+" if len(dialect.delimiter) == 1 else rf"(?:(?!{delimiter})[^\n])*+"
        end = r"(?:\r?\n|\Z)"
        if dialect.quote:
            quote, escape = re.escape(dialect.quote), re.escape(dialect.escape or dialect.quote)
            escaped = rf"{quote}{quote}" if quote == escape else rf"{escape}."
            body = rf" *+{quote}(?:[^{quote}{'' if quote == escape else escape}]++|{escaped})*+"
            closed = rf"{body}{quote} *+(?={delimiter}|{end})"
            value = rf"(?>{closed}|(?! *+{quote}){plain})"
            # An escape at the very end may continue in the next block.
            begun = rf"(?:{value}{delimiter})*+{body}{'' if quote == escape else f'{escape}?'}\Z"
        else:
            value, begun = plain, r"(?!)"
        record = rf"{value}(?:{delimiter}{value})*+{end}"
        flags = re.DOTALL
        self.record = re.compile(record.encode(), flags)
        self.begun = re.compile(begun.encode(), flags)
        self._value = re.compile(rf"{value}({delimiter})?".encode(), flags)

    def values_of(self, record: bytes) -> int:
        """Return the number of values of a record."""
        count = position = 0
        while True:
            found = self._value.match(record, position)
            count += 1
            if not found or not found[1]:
                return count
            position = found.end()
