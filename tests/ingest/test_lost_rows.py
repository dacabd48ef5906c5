"""Files in which DuckDB would lose rows without a word: every record is counted by a pass of our own."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from orchestration.errors import SourceError
from orchestration.ingest.reading import bad_lines, readers
from orchestration.ingest.reading.csv_records import MOST_LINES
from orchestration.settings import Settings
from orchestration.source_checks.run import check_sources, raise_if_blocked
from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

HEADER = "customer_id,customer_type,created_date,occupation\n"
MEGABYTE = 1_000_000
NOON = datetime(2025, 1, 1, 12)


def row(number: int, occupation: str = "") -> str:
    return f"C{number},person,2024-01-01,{occupation}\n"


def load(isp: Isp, name: str, content: bytes, **location: object) -> dict[str, int]:
    """Load customers from one file and return what became of its rows, by reason where they are in quarantine."""
    path = isp.folder / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    isp.locate("customers", name, **location)
    isp.map("customers", location="customers")
    report = isp.ingest("customers")["customers"]
    assert_accounted(isp)
    assert report.rows_read == report.rows_accepted + report.rows_quarantined + report.rows_duplicate
    return {"accepted": report.rows_accepted, **report.reasons}


def test_a_field_of_50_megabytes_goes_to_quarantine_as_the_line_it_is(isp: Isp) -> None:
    lines = [HEADER, *map(row, range(351)), row(351, "x" * 50 * MEGABYTE)]
    assert load(isp, "customers.csv", "".join(lines).encode()) == {"accepted": 351, "line_too_long": 1}
    assert isp.rows("select line, length(value) from ops.quarantine") == [(353, 501)]


def test_an_identifier_of_50_megabytes_costs_no_other_line(isp: Isp) -> None:
    lines = [HEADER, *map(row, range(20)), row(0, "").replace("C0", "C" * 50 * MEGABYTE), *map(row, range(20, 40))]
    assert load(isp, "customers.csv", "".join(lines).encode()) == {"accepted": 40, "line_too_long": 1}


def test_a_gzip_bomb_is_one_line_that_is_too_long(isp: Isp) -> None:
    zeros = gzip.compress(bytes(1 << 24), compresslevel=1)
    head = gzip.compress((HEADER + row(1)).encode())
    pa_before = pa.total_allocated_bytes()
    assert load(isp, "customers.csv.gz", head + zeros * 64) == {"accepted": 1, "line_too_long": 1}
    assert pa.total_allocated_bytes() - pa_before < 50 * MEGABYTE


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_of_nothing_but_zero_bytes_is_never_taken_for_an_empty_one(isp: Isp, form: str) -> None:
    zeros = gzip.compress(bytes(1 << 24), compresslevel=1) * 4
    if form == "csv":
        with pytest.raises(SourceError, match="NUL"):
            load(isp, "customers.csv.gz", zeros)
    else:
        assert load(isp, "customers.jsonl.gz", zeros) == {"accepted": 0, "line_too_long": 1}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", ["", '"x"'])
def test_an_open_quote_costs_the_line_it_stands_in(isp: Isp, newline: str, quoted: str) -> None:
    lines = [HEADER, *map(row, range(1000)), row(1000, '"never closed'), *(row(n, quoted) for n in range(1001, 60_000))]
    content = "".join(lines).replace("\n", newline).encode()
    assert load(isp, "customers.csv", content) == {"accepted": 59_999, "unparsable_line": 1}
    assert isp.rows("select line, value from ops.quarantine") == [(1002, 'C1000,person,2024-01-01,"never closed')]


def test_a_quote_that_closes_far_below_takes_no_other_line_with_it(isp: Isp) -> None:
    lines = [HEADER, row(0, '"opened here'), *map(row, range(1, 500)), row(500, 'closed here"'), row(501)]
    assert load(isp, "customers.csv", "".join(lines).encode()) == {"accepted": 501, "unparsable_line": 1}


def test_a_value_of_many_lines_is_one_record(isp: Isp) -> None:
    text = "\n".join(f"line {number}" for number in range(MOST_LINES - 2))
    content = HEADER + row(0, f'"{text}"') + row(1, f'"{text} {text} {text}"') + row(2)
    found = load(isp, "customers.csv", content.encode())
    assert found["accepted"] == 2
    assert found["unparsable_line"] == 3 * (MOST_LINES - 3) + 1


def test_lines_that_are_no_json_and_lines_that_are_too_long_or_deep_are_told_apart(isp: Isp) -> None:
    good = [json.dumps(dict(zip(HEADER.strip().split(","), row(n).strip().split(","), strict=True))) for n in range(5)]
    deep = '{"customer_id": ' + "[" * 10_000 + "]" * 10_000 + "}"
    long = json.dumps({"customer_id": "x" * 50 * MEGABYTE})
    lines = [good[0], deep, good[1], long, good[2], "{broken", "", "   ", good[3], good[4]]
    found = load(isp, "customers.jsonl", "\n".join(lines).encode())
    assert found == {"accepted": 5, "line_too_long": 1, "nested_too_deep": 1, "unparsable_line": 1}
    places = isp.rows("select reason, line from ops.quarantine order by line")
    assert places == [("nested_too_deep", 2), ("line_too_long", 4), ("unparsable_line", 6)]


@pytest.mark.parametrize(
    "end", [b"\xef", b'{"customer_id": "C2"', b"1,{" + b'"a":{' * 40, b'{"customer_id": "C2"}\x00']
)
def test_a_last_line_that_breaks_off_goes_to_quarantine(isp: Isp, end: bytes) -> None:
    whole = json.dumps({"customer_id": "C1", "customer_type": "person", "created_date": "2024-01-01"}).encode()
    assert load(isp, "customers.jsonl", whole + b"\n" + end) == {"accepted": 1, "unparsable_line": 1}


@pytest.mark.parametrize("wrap", ["[{}]", "{}", '[{{"customer_id": {}}}]'])
def test_deep_json_is_refused_with_the_name_of_the_file(isp: Isp, wrap: str) -> None:
    with pytest.raises(SourceError, match=r"customers\.json cannot be read: it nests values more than 100 levels"):
        load(isp, "customers.json", wrap.format("[" * 10_000 + "]" * 10_000).encode())


@pytest.mark.parametrize("line", ["a,b", '"a",b', '"a,c,d",b', '"a"b,c', "a,b,c,d,e"])
def test_a_csv_file_of_bad_lines_is_refused_by_a_bound(isp: Isp, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(bad_lines, "MOST_BAD_LINES", 1000)
    monkeypatch.setattr(bad_lines, "MOST_REJECTED_LINES", 1000)
    with pytest.raises(SourceError, match=r"too many of its lines cannot be read.*Nothing of it was loaded"):
        load(isp, "customers.csv", (HEADER + f"{line}\n" * 2000).encode())


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [("customers.csv.gz", HEADER, '"C1","person, of sorts"'), ("customers.jsonl.gz", "", '{"customer_id": "C1",')],
)
def test_a_gigabyte_of_bad_lines_is_refused_by_the_true_bounds(isp: Isp, name: str, head: str, line: str) -> None:
    lines = f"{line}\n".encode() * 1_000_000
    data = gzip.compress(head.encode()) + gzip.compress(lines, compresslevel=1) * (1 + 10**9 // len(lines))
    with pytest.raises(SourceError, match=r"too many of its lines cannot be read.*Nothing of it was loaded"):
        load(isp, name, data)


@pytest.mark.parametrize("name", ["customers.csv", "customers.jsonl"])
def test_faults_of_the_kind_that_duckdb_alone_finds_are_bounded_too(
    isp: Isp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("orchestration.ingest.reading.text_files._MOST_FAULTS", 1000)
    text = (HEADER + "a,b\n" * 2000).encode() if name.endswith("csv") else b"{broken\n" * 2000
    with pytest.raises(SourceError, match="too many of its lines cannot be read"):
        load(isp, name, text)


@pytest.mark.parametrize("option", ["ignore_errors", "strict_mode", "store_rejects", "rejects_limit"])
def test_an_option_that_loses_rows_is_refused(isp: Isp, option: str) -> None:
    with pytest.raises(SourceError, match=f"options.{option} would silently lose"):
        load(isp, "customers.csv", (HEADER + row(1)).encode(), options={option: 1})


QUERY = "select * from customers_file where customer_type = 'person'"


@pytest.mark.parametrize("name", ["customers.csv", "customers.csv.gz", "customers.jsonl", "customers.json"])
@pytest.mark.parametrize(
    "source",
    [{"location": "customers_file"}, {"location": "customers_file", "where": "customer_id <> 'C7'"}, {"query": QUERY}],
    ids=["columns", "where", "query"],
)
def test_a_record_that_nobody_gave_is_read_and_unaccounted_for_so_the_check_blocks(
    isp: Isp, monkeypatch: pytest.MonkeyPatch, name: str, source: dict[str, str]
) -> None:
    """The reader is made to hold back a row; the count of records does not come from it."""
    names = HEADER.strip().split(",")
    records = [dict(zip(names, row(n).strip().split(","), strict=True)) for n in range(50)]
    lines = [json.dumps(record) for record in records]
    text = {"csv": HEADER + "".join(map(row, range(50))), "jsonl": "\n".join(lines), "json": f"[{','.join(lines)}]"}
    content = text[name.split(".")[1]].encode()
    path = isp.folder / "source" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    isp.locate("customers_file", name)
    isp.map("customers", **source)
    isp.ingest("customers")
    loading = Settings.model_validate(isp.settings)

    def blocked() -> str:
        with isp.warehouse.writer() as connection:
            outcomes = [o for o in check_sources(connection, loading, [], NOON) if o.check_name == "row_accounting"]
        try:
            raise_if_blocked(outcomes)
        except SourceError as error:
            return str(error)
        return ""

    assert not blocked()
    hold_back(monkeypatch)
    isp.settings["warehouse"] = {"path": isp.folder / "other", "threads": 1}
    isp.ingest("customers")
    assert "1 unaccounted for" in blocked()


def hold_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the readers of text keep a row to themselves."""
    for name in ("csv_rows", "json_rows"):
        whole = getattr(readers, name)
        monkeypatch.setattr(readers, name, lambda *of, whole=whole: f"(from {whole(*of)} where customer_id <> 'C3')")
