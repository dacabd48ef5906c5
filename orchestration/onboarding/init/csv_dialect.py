"""How the text files of a location are written: encoding, delimiter, header."""

import codecs
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.errors import SourceError

_HEAD = 1 << 20
_COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TEXT = {"csv", "tsv", "txt"}


def dialect(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """Return the settings of a location that the file needs: reader options where the defaults would not do.

    Raises:
        SourceError: it is empty, or no table of rows and columns.
    """
    endings = path.name.lower().split(".")[1:]
    if not _TEXT & set(endings):
        return {}
    head = read_head(path)
    if not head.strip():
        raise SourceError(f"{path} is empty.")
    encoding = _encoding(head, whole=len(head) < _HEAD)
    if encoding is None or (b"\0" in head and encoding == "utf-8"):
        raise SourceError(f"{path} is not a text file.")
    sniffed = connection.execute(
        "select Delimiter, HasHeader, SkipRows, len(Columns) from sniff_csv($path, encoding = $encoding)",
        {"path": str(path), "encoding": encoding},
    ).fetchall()
    delimiter, has_header, skipped, columns = sniffed[0]
    if columns < 2:
        raise SourceError(f"{path} has one column only: no delimiter is found in it.")
    options: dict[str, Any] = {}
    if delimiter != ",":
        options["delim"] = delimiter
    if encoding != "utf-8":
        options["encoding"] = encoding
    if skipped:
        options["skip"] = skipped
    if not has_header and not _first_line_is_words(head, encoding, delimiter):
        options["header"] = False
    return {"options": options} if options else {}


def read_head(path: Path) -> bytes:
    """Return the first megabyte of a file, uncompressed.

    Raises:
        OSError: it cannot be read, or is not compressed as its name says.
    """
    with pa.input_stream(str(path), compression=_COMPRESSION.get(path.suffix.lower())) as stream:
        return stream.read(_HEAD)


def _encoding(head: bytes, *, whole: bool) -> str | None:
    """Return the name DuckDB knows the encoding by; bytes that are no UTF-8 are taken for Western European."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
        return "latin-1" if controls == 0 else None
    return "utf-8"


def _first_line_is_words(head: bytes, encoding: str, delimiter: str) -> bool:
    """Whether a first line could be a header: sniffing cannot tell where all columns are text."""
    line = head.decode(encoding, "replace").splitlines()[0]
    cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
    return len(set(cells)) == len(cells) and all(cell and not any(c.isdigit() for c in cell[:1]) for cell in cells)
