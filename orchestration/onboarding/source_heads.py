"""The beginnings of large text files, for those who only want a look.

Ingestion passes over a text file once before it is read, to know that it is whole. A look need not: it reads a copy of
the first megabytes. Parquet, and a JSON array, which means nothing without its end, are left as they are.
"""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from orchestration.errors import SourceError
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.readers import file_format
from orchestration.ingest.reading.streams import compression_of, open_stream
from orchestration.settings import LocationSettings

_LEAST_BYTES = 16 << 20
# A row of a wide export.
_BYTES_A_ROW = 2 << 10


def head_of(file: SourceFile, location: LocationSettings, folder: Path, rows: int) -> SourceFile:
    """Return a file of the first rows of ``file``, a copy in ``folder`` where it is large, with whole lines only.

    Raises:
        SourceError: the file cannot be read.
    """
    size = max(_LEAST_BYTES, rows * _BYTES_A_ROW)
    compression = compression_of(file.path, location)
    is_text = file_format(file.path, location) in {"csv", "json"}
    is_small = file.size <= (size if compression is None else size // 20)
    if not is_text or is_small or "compression" in location.options:
        return file
    try:
        with open_stream(file.path, location) as stream:
            head = stream.read(size)
            is_whole = not stream.read(1)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{file.path} cannot be read: {error}.") from error
    width = 2 if str(location.options.get("encoding", "utf-8")).lower().replace("_", "-").startswith("utf-16") else 1
    is_array = head.lstrip()[:1] == b"[" and file_format(file.path, location) == "json"
    if is_whole or is_array or width > 1:
        return file
    name = Path(file.path).name
    copy = folder / f"{len(list(folder.iterdir()))}" / (name.rsplit(".", 1)[0] if compression else name)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(_whole_lines(head))
    return replace(file, path=str(copy), store=None)


def _whole_lines(head: bytes) -> bytes:
    """Cut after the last line that ends outside of quotes."""
    end = head.rfind(b"\n")
    quotes = head.count(b'"', 0, end)
    while end > 0 and quotes % 2:
        before = head.rfind(b"\n", 0, end)
        quotes -= head.count(b'"', before, end)
        end = before
    # Without quoting a stray quote tells nothing, and the last line end is as good as any.
    return head[: end + 1] if end > 0 else head[: head.rfind(b"\n") + 1]
