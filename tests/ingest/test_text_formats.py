"""CSV and JSON as ISPs export them: any encoding, decimal sign, date and zone; what is broken costs itself."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from orchestration.errors import SourceError

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

HEADER = "contract_id,usage_date,bytes_down,bytes_up\n"
GERMAN = {"decimal_separator": ",", "date_format": "%d.%m.%Y", "options": {"delim": ";", "encoding": "ISO-8859-1"}}


def deliver(isp: Isp, name: str, content: bytes, **location: Any) -> None:
    (isp.folder / "source").mkdir(exist_ok=True)
    (isp.folder / "source" / name).write_bytes(content)
    isp.locate("export", name, **location)


def usage(isp: Isp, name: str, content: bytes, **location: Any) -> list[tuple[Any, ...]]:
    deliver(isp, name, content, **location)
    isp.map("usage", location="export")
    isp.ingest()
    return isp.rows("select day(usage_date), bytes_down from raw.usage order by all")


def test_a_semicolon_csv_in_iso_8859_1_with_decimal_commas_loads(small_isp: Isp) -> None:
    text = (
        "Vertrag;Kunde;Tarif;Art;Beginn;Entgelt\n"
        "K1;C1;Grün;internet;31.01.2024;1.234,56\nK2;C2;Gelb;internet;01.02.2024;29,9\nK3;C2;Blau;internet;1.2.2024;-,5\n"
        "K4;C1;Rot;internet;01.02.2024;12.5\nK5;C1;Rot;internet;2024-02-01;1,00\nK6;C1;Rot;internet;31.01.24;1,00\n"
        "K7;C1;Rot;internet;31.02.2024;1,00\nK8;C1;Rot;internet;01.02.2024;1,234.56\nK9;C1;Rot;internet;01.02.2024;1.23\n"
    )
    deliver(small_isp, "vertraege.csv", text.encode("iso-8859-1"), **GERMAN)
    columns = {
        "contract_id": "Vertrag", "customer_id": "Kunde", "product_code": "Tarif", "product_family": "Art",
        "start_date": "Beginn", "monthly_fee": "replace(Entgelt, '-,', '0,')",
    }  # fmt: skip
    small_isp.map("contracts", location="export", columns=columns)
    del small_isp.settings["sources"]["usage"]
    small_isp.ingest()
    found = small_isp.rows(
        "select contract_id, product_code, start_date::varchar, monthly_fee::varchar from raw.contracts order by all"
    )
    assert found == [
        ("K1", "Grün", "2024-01-31", "1234.5600"),
        ("K2", "Gelb", "2024-02-01", "29.9000"),
        ("K3", "Blau", "2024-02-01", "0.5000"),
    ]
    assert small_isp.rejected("contracts") == [
        ("monthly_fee", "wrong_type", "1,234.56"),
        ("monthly_fee", "wrong_type", "1.23"),
        ("monthly_fee", "wrong_type", "12.5"),
        ("start_date", "wrong_type", "2024-02-01"),
        ("start_date", "wrong_type", "31.01.24"),
        ("start_date", "wrong_type", "31.02.2024"),
    ]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "utf-8-sig", "iso-8859-15"])
def test_text_in_other_encodings_keeps_its_letters(isp: Isp, encoding: str) -> None:
    text = "customer_id,customer_type,created_date,region\nC1,person,2024-01-01,Łódź\n"
    text = text if encoding.startswith("utf") else text.replace("Łódź", "Köln €")
    deliver(isp, "customers.csv", text.encode(encoding), options={"encoding": encoding})
    isp.map("customers", location="export")
    isp.ingest("customers")
    assert isp.rows("select region from raw.customers") == [(text.strip().rpartition(",")[2],)]


def test_a_byte_that_the_encoding_does_not_know_costs_its_line(small_isp: Isp) -> None:
    content = (HEADER + "K1,2025-01-01,1,1\nK\x811,2025-01-02,2,1\nK1,2025-01-03,3,1\n").encode("latin-1")
    assert usage(small_isp, "usage.csv", content, options={"encoding": "windows-1252"}) == [(1, 1), (3, 3)]
    assert [row[1] for row in small_isp.rejected("usage")] == ["unparsable_line"]


def test_an_unknown_encoding_and_a_wrong_one_say_so(small_isp: Isp) -> None:
    with pytest.raises(SourceError, match=r"encoding: 'klingon' is not known.*windows-1252"):
        usage(small_isp, "usage.csv", HEADER.encode(), options={"encoding": "klingon"})
    with pytest.raises(SourceError, match=r"usage.csv is not utf-16.*Correct 'options.encoding'"):
        usage(small_isp, "usage.csv", b"\xff\xfea\x00b", options={"encoding": "utf-16"})


def test_what_is_no_text_says_so(small_isp: Isp) -> None:
    with pytest.raises(SourceError, match=r"usage.csv is not text, or not in the encoding.*utf-16"):
        usage(small_isp, "usage.csv", HEADER.encode("utf-16"))
    with pytest.raises(SourceError, match=r"format of .*usage.ods cannot be told from its name.*export anything else"):
        usage(small_isp, "usage.ods", b"PK")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\r\n", 2),
        lambda text: text.replace("\n", "\r\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "sep=;\n" + text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("K1", '"K1"'),
    ],
)
def test_line_ends_marks_and_delimiters_do_not_matter(small_isp: Isp, change: Any) -> None:
    text = HEADER + "".join(f"K1,2025-01-0{day},{day},1\n" for day in (1, 2, 3))
    assert usage(small_isp, "usage.csv", change(text).encode()) == [(1, 1), (2, 2), (3, 3)]


def test_one_broken_line_does_not_change_how_others_are_read(small_isp: Isp) -> None:
    lines = ["K1,2025-01-01,1,1", 'K1,2025-01-02,"2"x,1', "K1,2025-01-03,3", "K1,2025-01-04,4,1,9", "K1,2025-01-05,5,1"]
    assert usage(small_isp, "usage.csv", (HEADER + "\n".join(lines)).encode()) == [(1, 1), (5, 5)]
    assert [row[2] for row in small_isp.rejected("usage")] == sorted(lines[1:4])


def test_a_header_alone_is_no_rows_and_nothing_at_all_is_an_error(small_isp: Isp) -> None:
    assert usage(small_isp, "usage.csv", HEADER.encode()) == []
    with pytest.raises(SourceError, match=r"usage.csv is empty and has no header"):
        usage(small_isp, "usage.csv", b"")
    assert usage(small_isp, "usage.json", b"[]") == usage(small_isp, "usage.jsonl", b"") == []


@pytest.mark.parametrize("name", ["usage.csv.gz", "usage.csv.zst", "usage.jsonl.gz"])
def test_a_compressed_file_loads_and_one_cut_short_is_refused(small_isp: Isp, name: str) -> None:
    text = HEADER + "".join(f"K1,2025-01-{day:02},{day},1\n" for day in range(1, 29))
    if "json" in name:
        keys, *rows = (line.split(",") for line in text.splitlines())
        text = "\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in rows)
    whole = gzip.compress(text.encode())
    if name.endswith("zst"):
        whole = pa.Codec("zstd").compress(text.encode(), asbytes=True)
    assert len(usage(small_isp, name, whole)) == 28
    with pytest.raises(SourceError, match=rf"{name} is damaged or incomplete: .*deliver it again"):
        usage(small_isp, name, whole[:-9])
    assert small_isp.rows("select count(*) from raw.usage") == [(28,)]


def sessions(isp: Isp, times: list[str], **location: Any) -> list[str]:
    lines = "".join(f"I{number},C1,{time},web,other\n" for number, time in enumerate(times))
    deliver(
        isp,
        "interactions.csv",
        f"interaction_id,customer_id,occurred_at,channel,category\n{lines}".encode(),
        **location,
    )
    isp.map("interactions", location="export")
    isp.settings["schedule"] = {"timezone": "America/New_York"}
    isp.ingest("customers", "interactions")
    return [time for (time,) in isp.rows("select occurred_at::varchar from raw.interactions order by interaction_id")]


def test_times_without_an_offset_are_of_the_locations_zone(small_isp: Isp) -> None:
    times = ["2024-07-01 03:00:00", "2024-07-01T03:00:00Z", "2024-10-27 02:30:00", "2024-03-31 02:30:00"]
    # The third came twice that night and is taken as standard time; the fourth was skipped by the change of clocks.
    expected = ["2024-06-30 21:00:00", "2024-06-30 23:00:00", "2024-10-26 21:30:00"]
    assert sessions(small_isp, times, timezone="Europe/Berlin") == expected
    assert small_isp.rejected("interactions") == [("occurred_at", "wrong_type", "2024-03-31 02:30:00")]


def test_times_are_read_in_the_declared_format_only(small_isp: Isp) -> None:
    times = ["01/07/2024 03.00", "2024-07-01 03:00:00", "01/13/2024 03.00"]
    assert sessions(small_isp, times, timestamp_format="%d/%m/%Y %H.%M") == ["2024-07-01 03:00:00"]
    assert [value for *_, value in small_isp.rejected("interactions")] == ["01/13/2024 03.00", "2024-07-01 03:00:00"]


@pytest.mark.parametrize(
    ("setting", "value"), [("date_format", "%d.%Q"), ("timestamp_format", "%"), ("timezone", "Europe/Atlantis")]
)
def test_a_convention_that_is_none_is_named(small_isp: Isp, setting: str, value: str) -> None:
    with pytest.raises(SourceError, match=rf"locations.export.{setting}: '{value}' is not a known"):
        usage(small_isp, "usage.csv", (HEADER + "K1,2025-01-01,1,1\n").encode(), **{setting: value})


def test_a_query_over_locations_of_different_conventions_must_convert_itself(small_isp: Isp) -> None:
    deliver(small_isp, "usage.csv", HEADER.encode(), decimal_separator=",", timezone="UTC")
    small_isp.settings["locations"]["contracts"]["timezone"] = "Europe/Berlin"
    small_isp.map("usage", query="from export semi join contracts using (contract_id)")
    with pytest.raises(SourceError, match=r"'contracts' and 'export' differ in 'timezone'"):
        small_isp.ingest()


def test_a_nested_json_export_is_mapped_by_sql(small_isp: Isp) -> None:
    export = [
        {"id": 7, "profile": {"kind": "person", "address": {"zip": "01234"}}, "created": "2024-01-31T23:30:00Z",
         "services": [{"sku": "NET", "fee": 29.9}, {"sku": "TV", "fee": 5}]},
        {"id": 8, "profile": {"kind": "organization"}, "created": "2024-02-01T00:00:00+02:00", "services": []},
    ]  # fmt: skip
    deliver(small_isp, "crm.json", json.dumps(export).encode())
    small_isp.settings["schedule"] = {"timezone": "Europe/Berlin"}
    mapping = {
        "customer_id": "id", "customer_type": "profile.kind", "postal_code": "profile.address.zip",
        "created_date": "created",
    }  # fmt: skip
    small_isp.map("customers", location="export", columns=mapping)
    small_isp.map(
        "contracts",
        query="""
            select id || '-' || service.sku as contract_id, id as customer_id, service.sku as product_code,
                'internet' as product_family, created as start_date, service.fee as monthly_fee
            from (select id, created, unnest(services) as service from export)
        """,
    )
    small_isp.ingest("customers", "contracts")
    found = small_isp.rows("select customer_id, customer_type, created_date::varchar, postal_code from raw.customers")
    # Midnight in Berlin is an hour earlier in UTC: the day is the local one, of either way to write the offset.
    assert sorted(found) == [("7", "person", "2024-02-01", "01234"), ("8", "organization", "2024-01-31", None)]
    assert small_isp.rows("select contract_id, monthly_fee::double from raw.contracts order by all") == [
        ("7-NET", 29.9),
        ("7-TV", 5.0),
    ]


@pytest.mark.parametrize("around", [" ", "\t", "\r", "\t \n", " \t"])
def test_what_stands_around_an_identifier_is_no_part_of_it(small_isp: Isp, around: str) -> None:
    row = {"contract_id": f"{around}K1{around}", "usage_date": "2025-01-01", "bytes_down": 3, "bytes_up": 1}
    assert usage(small_isp, "usage.jsonl", json.dumps(row).encode()) == [(1, 3)]
    assert small_isp.rows("select contract_id from raw.usage") == [("K1",)]


def record(day: int) -> str:
    return json.dumps({"contract_id": "K1", "usage_date": f"2025-01-{day:02}", "bytes_down": day, "bytes_up": 1})


@pytest.mark.parametrize(
    "broken",
    [
        '{"contract_id": "K1", "usage',
        "[1, 2]",
        "7",
        '{"a": "\x00"}',
        b'{"contract_id": "\xff"}',
        "null",
        '{"contract_id": "K1", "usage_date": "2025-01-02", "bytes_down": 2, "bytes_up": 1, "bytes_up": 9}',
        '{"contract_id": "K1", "usage_date": "2025-01-02", "bytes_down": 2, "bytes_up": 1, "more": {"a": 1, "a": 2}}',
    ],
)
def test_a_broken_json_line_costs_itself(small_isp: Isp, broken: str | bytes) -> None:
    line = broken if isinstance(broken, bytes) else broken.encode()
    content = b"\n".join([record(1).encode(), line, b"", record(3).encode()]) + b"\n"
    assert usage(small_isp, "usage.jsonl", content) == [(1, 1), (3, 3)]
    ((reason, text),) = small_isp.rows("select reason, value from ops.quarantine")
    assert (reason, text is None or text[:2] == line.decode(errors="replace")[:2]) in {
        ("unparsable_line", True),
        ("missing_required", True),
    }


def test_a_json_array_that_breaks_off_loads_nothing_and_says_so(small_isp: Isp) -> None:
    with pytest.raises(SourceError, match=r"usage.json is not JSON, or is incomplete: .*Nothing of it was loaded"):
        usage(small_isp, "usage.json", f"[{record(1)},{record(2)},".encode())


@pytest.mark.parametrize("content", [b"", b"PAR1 this is no Parquet", b"contract_id\nK1\n"])
def test_a_file_that_is_no_parquet_says_so(small_isp: Isp, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"usage.parquet.*(?i:parquet).*deliver it again"):
        usage(small_isp, "usage.parquet", content)
