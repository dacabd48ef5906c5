"""Bytes gone wrong in every way: a file loads, its bad rows go to quarantine, or it is refused in words.

Files of each format are damaged at random: bytes changed, cut off, doubled or swapped, invalid UTF-8 and NULs put in.
Whatever comes in must keep the contract, whatever was read must be accounted for, and of line-based formats no line
that was left alone may be lost.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.reading.files import list_files
from orchestration.lake.contract import load_contract
from orchestration.settings import Settings

# More than CI can wait for, and other examples each time, are run by hand: FUZZ_EXAMPLES=5000.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
IS_BY_HAND = "FUZZ_EXAMPLES" in os.environ
NAMES = ["contract_id", "usage_date", "bytes_down", "bytes_up", "sessions"]
ROWS = [[f"K{number}", f"2025-01-{number + 1:02}", str(number * 1000), str(number), ""] for number in range(30)]
LINES = {
    "csv": [",".join(NAMES), *(",".join(row) for row in ROWS)],
    "jsonl": [json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS],
}
TABLE = load_contract()["usage"]
BYTES = st.sampled_from(
    [b"\x00", b"\xff", b"\xc3", b'"', b",", b";", b"\n", b"\r", b"{", b"}", b"[", b"\\", b"'", b"9"]
)


def whole(form: str) -> bytes:
    if form == "parquet":
        buffer = io.BytesIO()
        columns = zip(*ROWS, strict=True)
        pq.write_table(pa.table(dict(zip(NAMES, map(list, columns), strict=True))), buffer)
        return buffer.getvalue()
    if form == "json":
        return ("[" + ",\n".join(LINES["jsonl"]) + "]").encode()
    text = "\n".join(LINES[form.removesuffix(".gz")]).encode() + b"\n"
    return gzip.compress(text, mtime=0) if form.endswith(".gz") else text


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        until = min(len(content), at + draw(st.integers(1, 40)))
        match draw(st.sampled_from(["change", "put in", "cut off", "take out", "double", "swap"])):
            case "change":
                content = content[:at] + draw(st.binary(min_size=1, max_size=4)) + content[at + 1 :]
            case "put in":
                content = content[:at] + draw(BYTES) + content[at:]
            case "cut off":
                content = content[:at]
            case "take out":
                content = content[:at] + content[until:]
            case "double":
                content = content[:until] + content[at:]
            case _:
                content = content[:at].replace(draw(BYTES), draw(BYTES)) + content[at:]
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connected:
        yield connected


def judged(
    connection: duckdb.DuckDBPyConnection, folder: Path, form: str, content: bytes
) -> tuple[int, list[tuple[object, ...]], int]:
    """Return the rows read, those accepted and the number of those rejected."""
    (folder / f"usage.{form}").write_bytes(content)
    location = {"files": str(folder / f"usage.{form}")}
    read_from = Settings.model_validate({"locations": {"all": location}, "sources": {"usage": {"location": "all"}}})
    files = {"all": list_files(read_from.locations["all"])}
    # As in a load: an error must not be answered by a statement in the transaction it ended.
    connection.execute("begin")
    try:
        mapped = map_rows(connection, TABLE, read_from.sources["usage"], read_from, files, files["all"])
        with explained("sources.usage", location["files"]):
            read = batch.judge(connection, TABLE, mapped, {})
            accepted = connection.execute(f"select {', '.join(NAMES)} from {batch.GOOD}").fetchall()
            rejected = connection.execute(f"select count(*) from {batch.REJECTED}").fetchall()[0][0]
        return read, accepted, rejected
    finally:
        connection.execute("rollback")


def accepted_of(connection: duckdb.DuckDBPyConnection, folder: Path, form: str, content: bytes) -> set[tuple[str, ...]]:
    """Judge the content and check what must hold of any; return the accepted rows as text; none of a refused file."""
    try:
        read, accepted, rejected = judged(connection, folder, form, content)
    except SourceError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert 20 < len(told) < 2000, told
        return set()
    assert read == len(accepted) + rejected
    for contract_id, day, down, up, _ in accepted:
        assert contract_id
        assert contract_id == contract_id.strip(" \t\r\n")
        assert day.year >= 1000
        assert down >= 0
        assert up >= 0
    return {(row[0], str(row[1]), str(row[2]), str(row[3])) for row in accepted}


def profile(examples: int) -> settings:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples, suppress_health_check=checks, derandomize=not IS_BY_HAND, database=None)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "json", "jsonl", "jsonl.gz", "parquet"])
def test_a_damaged_file_loads_or_is_refused_in_words(
    connection: duckdb.DuckDBPyConnection, folder: Path, form: str
) -> None:
    content = whole(form)
    assert len(accepted_of(connection, folder, form, content)) == len(ROWS)

    @profile(EXAMPLES)
    @given(damaged(content))
    def check(broken: bytes) -> None:
        accepted_of(connection, folder, form, broken)

    check()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_damaged_line_costs_no_other_line(connection: duckdb.DuckDBPyConnection, folder: Path, form: str) -> None:
    """A line's own damage; a quote that opens and never closes may take what follows, by the rules of CSV."""
    lines = [line.encode() for line in LINES[form]]
    first = 1 if form == "csv" else 0
    good = {tuple(row[:4]) for row in ROWS}

    @profile(EXAMPLES)
    @given(st.integers(first, len(lines) - 1).flatmap(lambda at: st.tuples(st.just(at), damaged(lines[at]))))
    def check(case: tuple[int, bytes]) -> None:
        at, broken = case
        if form == "csv" and b'"' in broken:
            return
        content = b"\n".join([*lines[:at], broken, *lines[at + 1 :]]) + b"\n"
        lost = good - accepted_of(connection, folder, form, content) - {tuple(ROWS[at - first][:4])}
        # The same contract and day twice, with other numbers, are a contradiction: both wait in quarantine.
        fields = broken.replace(b"\r", b"\n").split(b"\n")
        lost -= {row for row in lost if any(row[0].encode() in field and row[1].encode() in field for field in fields)}
        assert not lost

    check()
