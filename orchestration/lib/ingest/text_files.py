"""Text files made ready for DuckDB: whole, in UTF-8 or Latin-1, with one kind of line end.

DuckDB reads a compressed file that was cut short as if it ended there, and refuses a file whose line ends are mixed. So
each file is passed over once, a block at a time, and copied into a temporary file only if it needs another encoding or
other line ends. A byte that its encoding does not know stays as it is, so that it costs its line and not the file.
"""

import codecs
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from orchestration.lib.errors import SourceError
from orchestration.lib.ingest.object_store import is_remote
from orchestration.lib.ingest.streams import open_stream, state_of
from orchestration.lib.settings import LocationSettings

_BLOCK = 1 << 22
# What DuckDB reads by itself; it knows Latin-1 by this name alone.
_NATIVE = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1"}
# Enough for a header of a thousand columns.
_HEAD = 1 << 15


@dataclass(frozen=True)
class TextFile:
    """A text file as DuckDB shall read it: where, in which of its encodings, how it begins and its last character."""

    path: str
    encoding: str
    head: str
    last: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but space in it."""
        return not self.head.strip()


def prepared(path: str, location: LocationSettings) -> TextFile:
    """Return the file ready to read.

    Raises:
        SourceError: it is gone or damaged, or its encoding is not known.
    """
    try:
        untouched = _Untouched(location, state_of(path, location))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    return _prepared(path, str(location.options.get("encoding", "utf-8")), untouched)


@dataclass(frozen=True)
class _Untouched:
    """The location, told apart by whether the file has been touched since."""

    location: LocationSettings
    state: tuple[int, ...]

    def __hash__(self) -> int:
        return hash(self.state)


@lru_cache(maxsize=512)
def _prepared(path: str, encoding: str, untouched: _Untouched) -> TextFile:
    try:
        "".encode(encoding)
        codec = codecs.lookup(encoding).name
    except LookupError as error:
        raise SourceError(
            f"options.encoding: {encoding!r} is not known; usual ones are utf-8, latin-1, windows-1252, utf-16."
        ) from error
    native = _NATIVE.get(codec)
    ends = _LineEnds()
    head, tail = b"", b""
    for block in _blocks(path, untouched.location):
        head = head if len(head) >= _HEAD else head + block[:_HEAD]
        tail = (tail + block.rstrip())[-8:]
        ends.count(block)
    last = tail.decode(errors="replace").strip("\0 \r\n\t")[-1:]
    has_mark = head.startswith(codecs.BOM_UTF8)
    # An object is read from the network once more for this copy, and then no more.
    if native and not ends.are_mixed and not has_mark and not is_remote(path):
        text = head.decode(native, errors="replace")
        return TextFile(path, native, text, last)
    copy = _scratch() / sha256(f"{path}\0{codec}\0{untouched.state}".encode()).hexdigest()
    try:
        with copy.open("wb") as target:
            for block in _in_utf8(_blocks(path, untouched.location), "utf-8-sig" if native == "utf-8" else codec):
                target.write(block)
    except UnicodeError as error:
        raise SourceError(f"{path} is not {encoding}: {error}. Correct 'options.encoding' of its location.") from error
    with copy.open("rb") as source:
        head = source.read(_HEAD)
    return TextFile(str(copy), "utf-8", head.decode(errors="replace"), last)


def scratch_file(name: str) -> Path:
    """Return the path of a temporary file of this process; ``name`` tells it from others."""
    return _scratch() / sha256(name.encode()).hexdigest()


def write_lines(path: str, location: LocationSettings, target: Path) -> None:
    """Copy a file of lines, with a character no line may have in place of bytes that are no UTF-8."""
    with target.open("wb") as lines:
        for block in _in_utf8(_blocks(path, location), "utf-8-sig"):
            text = block.decode("utf-8", errors="surrogateescape")
            lines.write(re.sub("[\udc80-\udcff\x00-\x08]", "\x1a", text).encode())


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="segmentation_", ignore_cleanup_errors=True)


def _scratch() -> Path:
    return Path(_folder().name)


@dataclass
class _LineEnds:
    """Counts of line ends, of each kind."""

    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    last: bytes = b""

    def count(self, block: bytes) -> None:
        self.feeds += block.count(b"\n")
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
            f"{path} is damaged or not whole: {error}. Nothing of it was kept; deliver it again, or correct the "
            f"location's 'options.compression' if it is not compressed as its name says."
        ) from error


def _in_utf8(blocks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """Yield the text as UTF-8 with line feeds; bytes that the encoding does not know are passed on as they are."""
    decoder = codecs.getincrementaldecoder(codec)(errors="surrogateescape")
    rest = ""
    for block in blocks:
        text = rest + decoder.decode(block)
        # A return at the end of a block may be the first half of a pair.
        whole = text.rstrip("\r")
        rest = text[len(whole) :]
        yield _with_feeds(whole)
    yield _with_feeds(rest + decoder.decode(b"", final=True))


def _with_feeds(text: str) -> bytes:
    text = re.sub(r"\r+\n|\r", "\n", text) if "\r" in text else text
    return text.encode("utf-8", errors="surrogateescape")
