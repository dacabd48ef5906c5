"""Text files prepared for DuckDB: complete, counted, in UTF-8 or Latin-1, with one kind of line end.

DuckDB reads a truncated compressed file as if it ended there, and refuses a file with mixed line ends. So each file is
read through once, block by block, and copied to a temporary file only if it needs another encoding or other line ends,
or has lines that DuckDB would lose. Its records are counted in the same pass. A byte that is invalid in its encoding is
passed on, so that it costs its line and not the file.
"""

import codecs
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from orchestration.errors import SourceError
from orchestration.ingest.reading.bad_lines import Counter, Records, TooManyBadLinesError, UncountableError
from orchestration.ingest.reading.csv_dialect import dialect_of
from orchestration.ingest.reading.csv_records import CsvRecords
from orchestration.ingest.reading.json_records import JsonLines, JsonValues
from orchestration.ingest.reading.object_store import is_remote
from orchestration.ingest.reading.streams import open_stream, state_of
from orchestration.settings import LocationSettings

_BLOCK = 1 << 22
# Encodings that DuckDB reads itself; it knows Latin-1 only by this name.
_NATIVE = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1"}
# Enough for a header of a thousand columns.
_HEAD = 1 << 15
_LINES = ("jsonl", "ndjson")
# The other characters that Python strips are not space in CSV or JSON.
_SPACE = " \t\r\n\ufeff"


# What DuckDB may reject: a line with several errors counts several times, and all are kept in memory.
_MOST_FAULTS, _MOST_FAULT_BYTES = 1_000_000, 1 << 29
Form = Literal["csv", "json lines", "json array", "json values"]


@dataclass(frozen=True)
class TextFile:
    """A text file as DuckDB should read it: its path, one of DuckDB's encodings, its beginning and its last character.

    ``records`` are those that are left for DuckDB to read, each of which it returns as a row or rejects; lines that it
    is not given are in ``records.bad``. ``options`` are those with which DuckDB reads CSV.
    """

    path: str
    encoding: str
    head: str
    last: str
    form: Form
    records: Records = field(compare=False)
    options: Mapping[str, Any] = field(compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether it contains nothing but space."""
        return not self.head.strip(_SPACE)

    @property
    def most_faults(self) -> int:
        """How many errors DuckDB may find before the file counts as something else than assumed."""
        return max(1, min(_MOST_FAULTS, _MOST_FAULT_BYTES // max(1, self.records.longest)))


def prepared(path: str, location: LocationSettings, form: Literal["csv", "json"]) -> TextFile:
    """Return the file prepared for reading.

    Raises:
        SourceError: it is missing or damaged, its encoding is unknown, or too much of it cannot be read.
    """
    try:
        untouched = _Untouched(location, state_of(path, location))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    return _prepared(path, str(location.options.get("encoding", "utf-8")), form, untouched)


@dataclass(frozen=True)
class _Untouched:
    """The location, hashed by the state of the file, so that a changed file is prepared again."""

    location: LocationSettings
    state: tuple[int, ...]

    def __hash__(self) -> int:
        return hash(self.state)


@lru_cache(maxsize=512)
def _prepared(path: str, encoding: str, form: Literal["csv", "json"], untouched: _Untouched) -> TextFile:
    try:
        "".encode(encoding)
        codec = codecs.lookup(encoding).name
    except LookupError as error:
        raise SourceError(
            f"options.encoding: {encoding!r} is not known; usual ones are utf-8, latin-1, windows-1252, utf-16."
        ) from error
    native = _NATIVE.get(codec)
    # A remote object is always copied, so that it is read from the network only once.
    if native and not is_remote(path):
        seen = _Seen(path, form, native, untouched.location)
        with suppress(TooManyBadLinesError, UncountableError):
            for block in _blocks(path, untouched.location):
                seen.take(block)
                if seen.has_mark:
                    break
            seen.close()
            if not seen.ends.are_mixed and not seen.has_mark and not seen.records.bad:
                return seen.file(path)
    copy = scratch_folder() / sha256(f"{path}\0{codec}\0{form}\0{untouched.state}".encode()).hexdigest()
    seen = _Seen(path, form, "utf-8", untouched.location)
    try:
        with copy.open("wb") as target:
            for block in _in_utf8(_blocks(path, untouched.location), "utf-8-sig" if native == "utf-8" else codec):
                target.write(seen.take(block))
            target.write(seen.close())
    except UnicodeError as error:
        raise SourceError(f"{path} is not {encoding}: {error}. Correct 'options.encoding' of its location.") from error
    except TooManyBadLinesError as error:
        raise too_many_bad_lines(path) from error
    except UncountableError as error:
        raise SourceError(f"{path} cannot be read: {error}. Nothing of it was loaded; deliver it again.") from error
    return seen.file(str(copy))


def too_many_bad_lines(path: str) -> SourceError:
    """Return the error for a file that is not what it was taken for."""
    return SourceError(
        f"{path}: too many of its lines cannot be read for it to be what it is taken for. Nothing of it was loaded. "
        f"Check its format, and delimiter, quote and encoding in the location's 'options'."
    )


class _Seen:
    """What one pass over a file finds."""

    def __init__(self, path: str, form: Literal["csv", "json"], encoding: str, location: LocationSettings) -> None:
        self._path, self._form, self._encoding, self._location = path, form, encoding, location
        self._head = self._tail = b""
        self._counter: Counter | None = None
        self._options: Mapping[str, Any] = {}
        self.ends = _LineEnds()

    @property
    def has_mark(self) -> bool:
        return self._head.startswith(codecs.BOM_UTF8)

    @property
    def records(self) -> Records:
        return self._counter.found if self._counter else Records()

    def take(self, block: bytes) -> bytes:
        """Examine the next block; return what DuckDB may read of it."""
        if self._counter is None:
            head = block.decode(self._encoding, errors="replace")
            # In blank space nothing is counted.
            self._counter = self._counter_of(head) if head.strip(_SPACE) else JsonLines()
        self._head = self._head if len(self._head) >= _HEAD else self._head + block[:_HEAD]
        self._tail = (self._tail + block.rstrip())[-8:]
        self.ends.count(block)
        return self._counter.feed(block)

    def close(self) -> bytes:
        """End the pass; return what DuckDB may read of the rest."""
        return self._counter.close() if self._counter else b""

    def file(self, path: str) -> TextFile:
        last = self._tail.decode(errors="replace").strip("\0 \r\n\t")[-1:]
        head = self._head.decode(self._encoding, errors="replace")
        return TextFile(path, self._encoding, head, last, self._form_of(head), self.records, self._options)

    def _form_of(self, head: str) -> Form:
        if self._form == "csv":
            return "csv"
        if is_json_lines(self._path, head, self._location):
            return "json lines"
        return "json array" if head.lstrip()[:1] == "[" else "json values"

    def _counter_of(self, head: str) -> Counter:
        match self._form_of(head):
            case "csv":
                if "\0" in head.split("\n", 1)[0]:
                    raise SourceError(
                        f"{self._path} is not text, or not in the encoding {self._encoding}: its first line "
                        f"holds NUL bytes. Set 'options.encoding' of its location, for example utf-16, or deliver it "
                        f"as CSV."
                    )
                try:
                    self._options, dialect = dialect_of(head, self._location)
                except SourceError as error:
                    raise SourceError(f"{self._path}: {error}") from error
                return CsvRecords(dialect)
            case "json lines":
                return JsonLines()
            case form:
                return JsonValues(is_array=form == "json array")


def is_json_lines(path: str, head: str, location: LocationSettings) -> bool:
    """Whether each line is a separate value: by the options or the file name, or shown by the first line."""
    if chosen := location.options.get("format"):
        return chosen in {"newline_delimited", "nd"}
    if any(ending in _LINES for ending in Path(path).name.lower().split(".")[1:]):
        return True
    return bool(re.fullmatch(r"\{.*\}", head.split("\n", 1)[0].strip()))


def scratch_file(name: str) -> Path:
    """Return the path of a temporary file of this process, identified by ``name``."""
    return scratch_folder() / sha256(name.encode()).hexdigest()


def write_lines(file: TextFile, source: str, location: LocationSettings, target: Path) -> None:
    """Copy a file of lines, replacing bytes that are not UTF-8 by a character that no line may contain.

    Args:
        file: the prepared file; a copy is not compressed.
        source: the path that it was made from.
        location: of the source.
        target: the path to write.
    """
    location = location if file.path == source else LocationSettings(files=[file.path])
    with target.open("wb") as lines:
        for block in _in_utf8(_blocks(file.path, location), "utf-8-sig"):
            text = block.decode("utf-8", errors="surrogateescape")
            lines.write(re.sub("[\udc80-\udcff\x00-\x08]", "\x1a", text).encode())


def scratch_folder() -> Path:
    """Return the folder of this process's temporary files."""
    return Path(_folder().name)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="segmentation_", ignore_cleanup_errors=True)


@dataclass
class _LineEnds:
    """Counts of line ends, of each kind."""

    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    last: bytes = b""

    def count(self, block: bytes) -> None:
        self.feeds += block.count(b"\n")
        if b"\r" in block or self.last == b"\r":
            self.returns += block.count(b"\r")
            self.pairs += block.count(b"\r\n") + (self.last == b"\r" and block[:1] == b"\n")
        self.last = block[-1:]

    @property
    def are_mixed(self) -> bool:
        return self.returns > 0 and not self.feeds == self.returns == self.pairs


def _blocks(path: str, location: LocationSettings) -> Iterator[bytes]:
    """Yield the content, decompressed.

    Raises:
        SourceError: the file cannot be read to its end.
    """
    try:
        with open_stream(path, location) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{path} is damaged or incomplete: {error}. Nothing of it was loaded; deliver it again, or correct the "
            f"location's 'options.compression' if it is not compressed as its name says."
        ) from error


def _in_utf8(blocks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """Yield the text as UTF-8 with line feeds; bytes that are invalid in the encoding are passed on unchanged."""
    decoder = codecs.getincrementaldecoder(codec)(errors="surrogateescape")
    rest = ""
    for block in blocks:
        text = rest + decoder.decode(block)
        # A carriage return at the end of a block may be the first half of a pair.
        whole = text.rstrip("\r")
        rest = text[len(whole) :]
        yield _with_feeds(whole)
    yield _with_feeds(rest + decoder.decode(b"", final=True))


def _with_feeds(text: str) -> bytes:
    text = re.sub(r"\r+\n|\r", "\n", text) if "\r" in text else text
    return text.encode("utf-8", errors="surrogateescape")
