"""Counting the records of a text file in any format: lines that are not records, and limits they exceed.

DuckDB silently drops lines longer than it reads, and takes everything after an open quote for one value. So the records
of a file are counted by the pass that checks whether it is complete, and DuckDB is given only what it cannot lose.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

UNPARSABLE_LINE, LINE_TOO_LONG, NESTED_TOO_DEEP = "unparsable_line", "line_too_long", "nested_too_deep"
# With more bad lines a file is not what it was taken for; each is kept, so this bounds memory too.
MOST_BAD_LINES = 100_000
# The same for lines that DuckDB rejects: it keeps each error in memory, beyond the limit that it is given.
MOST_REJECTED_LINES = 1_000_000
_KEPT_BYTES = 500


@dataclass(frozen=True)
class BadLine:
    """A line that is not a record and begins none: its number in the file from 1, the reason, and its beginning."""

    number: int
    reason: str
    text: str


class TooManyBadLinesError(Exception):
    """A file has more bad lines than ``MOST_BAD_LINES``, or DuckDB would reject more than ``MOST_REJECTED_LINES``."""


class UncountableError(Exception):
    """A file contains something that cannot be read at all; the message says what."""


@dataclass
class Records:
    """The result of a count: ``count`` records that are left for DuckDB to read, and the lines that are not records.

    ``count`` is None if records cannot be distinguished. ``longest`` bounds the bytes of one record. DuckDB will reject
    at least ``rejected`` of them.
    """

    count: int | None = 0
    longest: int = 0
    rejected: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def add(self, count: int) -> None:
        """Count records."""
        if self.count is not None:
            self.count += count

    def expect_rejected(self, count: int) -> None:
        """Count records that DuckDB will reject.

        Raises:
            TooManyBadLinesError: there are too many to be errors of single lines.
        """
        self.rejected += count
        if self.rejected > MOST_REJECTED_LINES:
            raise TooManyBadLinesError

    def set_aside(self, number: int, reason: str, line: bytes) -> None:
        """Record a line that is not a record.

        Raises:
            TooManyBadLinesError: there are too many to be errors of single lines.
        """
        if len(self.bad) == MOST_BAD_LINES:
            raise TooManyBadLinesError
        text = line[:_KEPT_BYTES].decode(errors="replace").rstrip("\r\n")
        self.bad.append(BadLine(number, reason, text if len(line) <= _KEPT_BYTES else f"{text}…"))


class Counter(ABC):
    """Counts the records of a file that arrives in blocks, and passes on what DuckDB may read of it."""

    def __init__(self) -> None:
        self.found = Records()

    @abstractmethod
    def feed(self, block: bytes) -> bytes:
        """Take the next block; return text that DuckDB may read."""

    def close(self) -> bytes:
        """Take the end of the file; return what is left of the text."""
        return b""


class LineCounter(Counter):
    """A counter for files whose records end with a line end; a line longer than ``most_bytes`` is not a record.

    Attributes:
        lines: number of lines before those being examined.
        in_place: what DuckDB is given instead of a bad line, so that lines keep their numbers.
    """

    def __init__(self, most_bytes: int, in_place: bytes = b"\n") -> None:
        super().__init__()
        self.most_bytes = most_bytes
        self.in_place = in_place
        self.lines = 0
        self._rest = b""
        self._is_skipping = False

    @abstractmethod
    def count(self, lines: bytes, *, is_last: bool) -> tuple[bytes, int]:
        """Count the records of whole lines, and advance ``self.lines``.

        Returns:
            Text that DuckDB may read, with a blank line in place of a bad one, and how many bytes have been examined:
            fewer than given if a record may continue in the next block.
        """

    def feed(self, block: bytes) -> bytes:
        """Take the next block; return text that DuckDB may read."""
        if self._is_skipping:
            end = block.find(b"\n")
            if end < 0:
                return b""
            self._is_skipping = False
            self.lines += 1
            return self.in_place + self._look_at(block[end + 1 :])
        return self._look_at(self._rest + block)

    def close(self) -> bytes:
        """Take the end of the file; return what is left of the text."""
        data, self._rest = self._rest, b""
        return self.count(data, is_last=True)[0] if data else b""

    def _look_at(self, data: bytes) -> bytes:
        end = data.rfind(b"\n") + 1
        clean, position = self.count(data[:end], is_last=False) if end else (b"", 0)
        rest = data[position:]
        if position == end and len(rest) > self.most_bytes:
            self.found.set_aside(self.lines + 1, LINE_TOO_LONG, rest)
            self._is_skipping = True
            rest = b""
        self._rest = rest
        return clean
