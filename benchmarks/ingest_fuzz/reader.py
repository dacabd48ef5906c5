"""How many records a file holds, told character by character and without any code of the pipeline.

CSV is as RFC 4180 has it, with this where a file breaks it: a record with a wrong quote, one that is open at the end,
and one of several lines that has not as many values as the header, or has swallowed records, counts its first line, and
reading goes on with the second. Blank lines are not records.
"""

import gzip
import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import load_workbook

from benchmarks.ingest_fuzz.inputs import FileInput

_COLUMNS = 5
_MOST_LEVELS = 100


class UnreadableError(Exception):
    """This reader makes nothing of the file; it must have been refused."""


def records_of(file: FileInput) -> int:
    """Return the number of records in a file, without a header.

    Raises:
        UnreadableError: there is no telling.
    """
    if file.form == "parquet":
        try:
            return pq.read_table(io.BytesIO(file.content), use_threads=False).num_rows
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UnreadableError from error
    if file.form == "xlsx":
        return _sheet_rows(file.content)
    text = _unpacked(file).decode(errors="surrogateescape").removeprefix("\ufeff")
    if re.search(r"\r(?!\n)|(?<!\r)\n", text) and "\r" in text:
        text = re.sub(r"\r+\n|\r", "\n", text)
    if file.form == "csv":
        return _csv_records(text)
    if file.form == "jsonl" or re.fullmatch(r"\{.*\}", text.split("\n", 1)[0].strip()):
        return sum(bool(line.strip(" \t\r")) for line in text.split("\n"))
    return _json_values(text)


def _sheet_rows(content: bytes) -> int:
    """Count the rows under the first that is not blank."""
    try:
        rows = list(load_workbook(io.BytesIO(content), data_only=True).worksheets[0].iter_rows(values_only=True))
    except Exception as error:
        raise UnreadableError from error
    filled = [any(cell is not None and str(cell).strip() for cell in row) for row in rows]
    return max(sum(filled) - 1, 0)


def _unpacked(file: FileInput) -> bytes:
    try:
        if file.name.endswith(".gz"):
            return gzip.decompress(file.content)
        if file.name.endswith(".zst"):
            with pa.input_stream(io.BytesIO(file.content), compression="zstd") as stream:
                return stream.read() if file.content else b""
    except (OSError, EOFError, pa.ArrowException, Exception) as error:
        raise UnreadableError from error
    return file.content


def _json_values(text: str) -> int:
    try:
        if text.lstrip().startswith("["):
            return len(json.loads(text))
        decoder, at, count = json.JSONDecoder(), 0, 0
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            value, at = decoder.raw_decode(text, at)
            count += isinstance(value, dict | list)
    except (ValueError, RecursionError) as error:
        raise UnreadableError from error
    return count


def _csv_records(text: str) -> int:
    at = text.find("\n") + 1
    if not at:
        return 0
    count = 0
    while at < len(text):
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end + 1
        end, values = _csv_record(text, at)
        further = text[at:end].removesuffix("\n").split("\n")[1:] if end else []
        alike = sum(line.count(",") + 1 == _COLUMNS for line in further)
        has_swallowed = alike > 1 and 2 * alike >= len(further)
        is_record = end and not (further and (values != _COLUMNS or has_swallowed))
        end = end if is_record else line_end
        count += text[at:end] not in {"\n", "\r\n"}
        at = end
    return count


def _csv_record(text: str, at: int) -> tuple[int, int]:
    """Return where a record ends and how many values it has; 0 and 0 if it breaks a rule of quoting."""
    values = 1
    while True:
        start = at
        while text[start : start + 1] == " ":
            start += 1
        if text[start : start + 1] == '"':
            at = start + 1
            while True:
                at = text.find('"', at)
                if at < 0:
                    return 0, 0
                if text[at + 1 : at + 2] != '"':
                    break
                at += 2
            at += 1
            while text[at : at + 1] == " ":
                at += 1
        else:
            while text[at : at + 1] not in {",", "\n", ""}:
                at += 1
        if text[at : at + 1] == ",":
            values, at = values + 1, at + 1
            continue
        if text[at : at + 2] == "\r\n":
            return at + 2, values
        if text[at : at + 1] in {"\n", ""}:
            return min(at + 1, len(text)), values
        return 0, 0
