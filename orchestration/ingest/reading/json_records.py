"""The records of a JSON file, counted without DuckDB: the lines of JSON lines, or the values of an array.

Everything but structural characters is deleted first, so that a block takes only a few passes. Values nested deeper
than ``MOST_LEVELS`` are refused: reading them takes disproportionate memory, and ends in an error that names no file.
"""

import json
import re

import numpy as np

from orchestration.ingest.reading.bad_lines import (
    LINE_TOO_LONG,
    NESTED_TOO_DEEP,
    UNPARSABLE_LINE,
    Counter,
    LineCounter,
    UncountableError,
)

# Of one record, within DuckDB's default limit of 16 MiB.
MOST_BYTES = 16_000_000
MOST_LEVELS = 100
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BLANK_LINE = re.compile(rb"^[ \t\r]*+\n", re.MULTILINE)
_QUOTE, _COMMA, _FEED = b'",\n'
_IS_SPACE = np.zeros(256, dtype=bool)
_IS_SPACE[list(b" \t\r\n")] = True
# By the first and the last byte of a line that does not begin with space.
_MAY_BE_AN_OBJECT = np.zeros((256, 256), dtype=bool)
_MAY_BE_AN_OBJECT[b"{"[0], list(b"} \t\r")] = True
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def _all_but(kept: bytes) -> bytes:
    return bytes(byte for byte in range(256) if byte not in kept)


_NOT_OPENING, _NOT_STRUCTURE = _all_but(b"[{\n"), _all_but(b'"[]{},')


class JsonLines(LineCounter):
    """Counts the lines of JSON lines that are not blank; whether each is valid JSON is decided elsewhere."""

    def __init__(self) -> None:
        super().__init__(MOST_BYTES)

    def count(self, lines: bytes, *, is_last: bool) -> tuple[bytes, int]:
        """Count the records of whole lines; see ``LineCounter``."""
        size = len(lines)
        if is_last:
            # DuckDB silently drops an incomplete value at the end of a file.
            if lines.strip() and not _is_json(lines):
                self.found.set_aside(self.lines + 1, UNPARSABLE_LINE, lines)
                lines = b""
            lines += b"\n"
        ends = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == _FEED)
        if np.diff(ends, prepend=-1).max() > self.most_bytes or self._may_be_deep(lines, len(ends)):
            lines = self._without_bad(lines)
            ends = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == _FEED)
        text = np.frombuffer(lines, dtype=np.uint8)
        first = text[np.concatenate(([0], ends[:-1] + 1))]
        may_be_blank = _IS_SPACE[first]
        is_object = _MAY_BE_AN_OBJECT[first, text[np.maximum(ends - 1, 0)]]
        self.found.expect_rejected(int((~may_be_blank & ~is_object).sum()))
        self.found.add(len(ends) - (len(_BLANK_LINE.findall(lines)) if may_be_blank.any() else 0))
        self.found.longest = max(self.found.longest, int(np.diff(ends, prepend=-1).max()))
        self.lines += len(ends)
        return lines, size

    def _may_be_deep(self, lines: bytes, ends: int) -> bool:
        """Whether a line may be nested too deeply; flat lines have one opening bracket each, so few are checked."""
        opening = lines.count(b"{") + lines.count(b"[")
        if opening - ends < MOST_LEVELS:
            return False
        return max(map(len, lines.translate(None, _NOT_OPENING).split(b"\n"))) > MOST_LEVELS

    def _without_bad(self, lines: bytes) -> bytes:
        kept = lines[:-1].split(b"\n")
        for number, line in enumerate(kept):
            if len(line) > self.most_bytes:
                reason = LINE_TOO_LONG
            elif line.count(b"[") + line.count(b"{") > MOST_LEVELS and _levels(line) > MOST_LEVELS:
                reason = NESTED_TOO_DEEP
            else:
                continue
            self.found.set_aside(self.lines + number + 1, reason, line)
            kept[number] = b""
        return b"\n".join(kept) + b"\n"


class JsonValues(Counter):
    """Counts the values of an array, or of a sequence of values (``is_array`` false), in which scalars do not count.

    A file that is not JSON gives an arbitrary number, and is refused when it is read.
    """

    def __init__(self, *, is_array: bool) -> None:
        super().__init__()
        self._is_array = is_array
        self._level = self._quotes = 0
        self._rest = b""
        self._is_empty = True
        self._commas = 0
        self._has_children = False

    def feed(self, block: bytes) -> bytes:
        """Take the next block; return it unchanged."""
        text = self._rest + block
        # An escape at the end may continue in the next block.
        end = len(text.rstrip(b"\\")) if text.endswith(b"\\") else len(text)
        text, self._rest = text[:end], text[end:]
        if self._is_empty:
            self._is_empty = not text.translate(None, b"[] \t\r\n")
        if b"\\" in text:
            text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
        self._count(np.frombuffer(text.translate(None, _NOT_STRUCTURE), dtype=np.uint8))
        return block

    def close(self) -> bytes:
        """Take the end of the file."""
        if self._is_array:
            self.found.count = 0 if self._is_empty and not self._has_children else self._commas + 1
        elif not self.found.count:
            # Only scalars, which are not counted.
            self.found.count = None
        return b""

    def _count(self, structure: np.ndarray) -> None:
        if not len(structure):
            return
        quotes = np.cumsum(structure == _QUOTE) + self._quotes
        is_outside = quotes % 2 == 0
        steps = _STEPS[structure] * is_outside
        levels = np.cumsum(steps, dtype=np.int64) + self._level
        if levels.max() > MOST_LEVELS:
            raise UncountableError(f"it nests values more than {MOST_LEVELS} levels deep")
        if self._is_array:
            self._commas += int(((structure == _COMMA) & is_outside & (levels == 1)).sum())
            self._has_children = self._has_children or bool(levels.max() > 1)
        else:
            self.found.add(int(((steps < 0) & (levels == 0)).sum()))
        self._level, self._quotes = int(levels[-1]), int(quotes[-1]) % 2


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _levels(line: bytes) -> int:
    """Return the nesting depth of a line."""
    structure = np.frombuffer(_TEXT.sub(b"", line), dtype=np.uint8)
    return int(np.cumsum(_STEPS[structure], dtype=np.int64).max(initial=0))
