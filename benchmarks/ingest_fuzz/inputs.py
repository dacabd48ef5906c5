"""Inputs: files of usage in each format and compression, whole, damaged or made of pieces; and SQL of mappings."""

import gzip
import io
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

NAMES = ["contract_id", "usage_date", "bytes_down", "bytes_up", "sessions"]
ROWS = [[f"K{number}", f"2025-01-{number + 1:02}", str(number * 1000), str(number), ""] for number in range(12)]
CALL_NAMES = ["contract_id", "call_date", "direction", "destination", "calls", "call_minutes", "messages"]
_CELLS: list[Any] = [
    None, None, "", " ", "K1", 1001.0, 1001.5, 89430103524123456789, "1.234,5", 0.1 + 0.2, -3, True, date(2025, 1, 7),
    date(1900, 2, 28), datetime.fromisoformat("2025-01-07T23:59"), time(4, 5), 45_000, "#N/A", "=1/0", "outgoing",
    "é\n", "x" * 500, 1e300, "2025-02-30", "'1",
]  # fmt: skip
_HEADER = ",".join(NAMES)
_CSV_LINES = [",".join(row) for row in ROWS]
_JSON_LINES = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS]
_CSV_PIECES = [
    '"', '"', '""', ",", ",", "\n", "\r\n", "\r", "\n\n", " ", "K1", "2025-01-01", '"x"', '"a,b"', '"a\nb"', ',"', '",',
    '"\n', '\n"', "é", "\0", "\x1b", "5\"", ";", "\t", "#", "=1+1", "NULL", "1e9", "-1", "9" * 30,
]  # fmt: skip
_JSON_PIECES = [
    "{", "}", "[", "]", '"', ",", ":", "\\", '\\"', "\\u0000", "\n", "\n\n", "\r\n", " ", "null", "1", "1.5e300",
    "true", '{"a":1}', '"contract_id"', "[" * 40, "{\"a\":" * 40, "\x01", "é", "NaN",
]  # fmt: skip
_BYTES = [b"\x00", b"\xff", b"\xc3", b'"', b",", b"\n", b"\r", b"{", b"}", b"[", b"\\", b"9", b"PAR1"]
_SQL_PIECES = [
    "select", "from", "where", "files", "union all", "with", "as", "(", ")", ",", ";", "*", "'{tripwire}'", "read_text",
    "read_csv", "read_parquet", "glob", "('{tripwire}')", "from '{tripwire}'", "copy (select 1) to '{out}'", "attach",
    "'{out}'", "set threads = 2", "load httpfs", "--", "/*", "*/", "contract_id", "1", "'x'", "$$", "query",
    "case when", "then", "end", "unnest([1])", "pragma version", "'http://127.0.0.1:9/x'", '"', "'", "::", "lambda x:",
    "exists", "in", "limit", "order by", "join", "getvariable('x')", "describe", "summarize", "pivot", "tablesample",
    "recursive", ".",
]  # fmt: skip


@dataclass(frozen=True)
class FileInput:
    """A file: what it is named and what it holds; ``form`` as the reader knows it, before any compression."""

    name: str
    form: str
    content: bytes


def a_file(random: Random, form: str) -> FileInput:
    """Return a file of csv, jsonl, json, parquet or xlsx, compressed now and then where it is text."""
    if form == "xlsx":
        content = _workbook(random)
        return FileInput("calls.xlsx", form, content if random.random() < 0.6 else _damaged(random, content))
    if form == "parquet":
        content = _parquet(random)
        return FileInput("usage.parquet", form, content if random.random() < 0.3 else _damaged(random, content))
    if form == "csv":
        lines = [_line(random, _CSV_LINES, _CSV_PIECES) for _ in range(random.randrange(14))]
        newline = random.choice(["\n", "\n", "\n", "\r\n"])
        text = newline.join([_HEADER, *lines]) + random.choice(["", newline])
        content = text.encode()
        head = len(_HEADER) + len(newline)
        content = content[:head] + (_damaged(random, content[head:]) if random.random() < 0.3 else content[head:])
    else:
        lines = [_line(random, _JSON_LINES, _JSON_PIECES) for _ in range(random.randrange(14))]
        text = (
            "\n".join(lines) if form == "jsonl" else f"[{','.join(lines)}]" if random.random() < 0.8 else "".join(lines)
        )
        content = _damaged(random, text.encode()) if random.random() < 0.3 else text.encode()
    compression = random.choice(["", "", "", "gz", "zst"])
    if not compression:
        return FileInput(f"usage.{form}", form, content)
    packed = gzip.compress(content, compresslevel=1, mtime=0) if compression == "gz" else _zstd(content)
    packed = _damaged(random, packed) if random.random() < 0.2 else packed
    return FileInput(f"usage.{form}.{compression}", form, packed)


def a_mapping(random: Random) -> str:
    """Return SQL made of pieces, a good part of it SQL that parses."""
    pieces = [random.choice(_SQL_PIECES) for _ in range(random.randrange(1, 14))]
    text = " ".join(pieces)
    match random.randrange(4):
        case 0:
            return text
        case 1:
            return f"select * from files where {text}"
        case 2:
            return f"select {text} from files"
        case _:
            return f"select * from ({text}) as t, files"


def _line(random: Random, good: list[str], pieces: list[str]) -> str:
    kind = random.random()
    if kind < 0.6:
        return random.choice(good)
    if kind < 0.9:
        line = random.choice(good)
        at = random.randrange(len(line) + 1)
        return line[:at] + random.choice(pieces) + line[at + random.randrange(2) :]
    return "".join(random.choice(pieces) for _ in range(random.randrange(10)))


def _damaged(random: Random, content: bytes) -> bytes:
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(content) + 1)
        until = at + random.randrange(1, 30)
        match random.randrange(5):
            case 0:
                content = content[:at] + random.randbytes(random.randrange(1, 4)) + content[at + 1 :]
            case 1:
                content = content[:at] + random.choice(_BYTES) + content[at:]
            case 2:
                content = content[:at] + content[until:]
            case 3:
                content = content[:until] + content[at:]
            case _:
                content = content[: max(at, len(content) // 2)]
    return content


def _parquet(random: Random) -> bytes:
    buffer = io.BytesIO()
    rows = ROWS[: random.randrange(1, len(ROWS))]
    columns = dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), buffer, row_group_size=random.choice([3, 100]))
    return buffer.getvalue()


def _workbook(random: Random) -> bytes:
    """Return a sheet of calls, some of its cells of another kind, some of its rows blank."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Calls")
    sheet.append(CALL_NAMES)
    for number in range(random.randrange(14)):
        row: list[Any] = [f"K{number}", date(2025, 1, number + 1), "outgoing", "national", number, 1.5 * number, 3]
        if random.random() < 0.4:
            row[random.randrange(len(row))] = random.choice(_CELLS)
        if random.random() < 0.1:
            row = random.choice([[], [None, " "], [*row, "beside"]])
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True) if content else b""
