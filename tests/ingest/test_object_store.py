"""Files on an object store, by a real HTTP server that speaks S3."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from orchestration.errors import SourceError
from orchestration.ingest.reading.files import list_files
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import Settings
from orchestration.settings.sources import LocationSettings

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

KEY = "the-key-nobody-may-see"
HEADER = "contract_id,usage_date,bytes_down,bytes_up\n"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Host and port."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    try:
        yield f"{host}:{port}"
    finally:
        moto.stop()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return {
        "key_id": "id", "secret": KEY, "region": "eu-central-1", "endpoint": server, "use_ssl": False,
        "url_style": "path",
    }  # fmt: skip


@pytest.fixture
def bucket(store: dict[str, Any]) -> Any:
    resource = boto3.resource(
        "s3",
        endpoint_url=f"http://{store['endpoint']}",
        aws_access_key_id="id",
        aws_secret_access_key=KEY,
        region_name="eu-central-1",
    )
    bucket = resource.Bucket("isp")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield bucket
    bucket.objects.delete()
    bucket.delete()


def locate(isp: Isp, files: str, store: dict[str, Any]) -> None:
    isp.settings["locations"]["traffic"] = {"files": files, "object_store": store}
    isp.map("usage", location="traffic", growth="append")


def rows(isp: Isp) -> list[tuple[Any, ...]]:
    isp.ingest()
    return isp.rows("select day(usage_date), bytes_down from raw.usage order by all")


def test_compressed_csv_loads_once_and_a_changed_object_is_noticed(
    small_isp: Isp, bucket: Any, store: dict[str, Any]
) -> None:
    for day in (1, 2):
        body = gzip.compress(f"{HEADER}K1,2025-01-0{day},{day},1\n".encode())
        bucket.put_object(Key=f"usage/[a]/2025-01-0{day}.csv.gz", Body=body)
    locate(small_isp, "s3://isp/usage/**/*.csv.gz", store)
    assert rows(small_isp) == [(1, 1), (2, 2)]
    assert small_isp.ingest()["usage"].rows_read == 0
    bucket.put_object(Key="usage/[a]/2025-01-02.csv.gz", Body=gzip.compress(f"{HEADER}K1,2025-01-02,22,1\n".encode()))
    assert rows(small_isp) == [(1, 1), (2, 22)]
    bucket.put_object(Key="usage/[a]/2025-01-03.csv.gz", Body=gzip.compress(HEADER.encode())[:-5])
    with pytest.raises(SourceError, match=r"s3://isp/usage/\[a\]/2025-01-03.csv.gz is damaged or incomplete"):
        small_isp.ingest()


def test_parquet_and_json_lines_are_read_where_they_lie(small_isp: Isp, bucket: Any, store: dict[str, Any]) -> None:
    query = "select 'K1' as contract_id, date '2025-01-01' as usage_date, 5 as bytes_down, 1 as bytes_up"
    path = small_isp.write_parquet("usage.parquet", query)
    bucket.upload_file(str(path), "p/usage.parquet")
    locate(small_isp, "s3://isp/p/*.parquet", store)
    assert rows(small_isp) == [(1, 5)]
    line = '{"contract_id": "K1", "usage_date": "2025-01-02", "bytes_down": 6, "bytes_up": 1}\n'
    bucket.put_object(Key="j/usage.jsonl", Body=f"{line}{{broken\n".encode())
    locate(small_isp, "s3://isp/j/*.jsonl", store)
    assert (2, 6) in rows(small_isp)
    assert [row[1] for row in small_isp.rejected("usage")] == ["unparsable_line"]


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_a_check_before_loading_looks_at_objects_too(
    small_isp: Isp, bucket: Any, store: dict[str, Any], ending: str
) -> None:
    if ending == "csv.gz":
        bucket.put_object(Key="c/usage.csv.gz", Body=gzip.compress(f"{HEADER}K1,2025-01-01,900000000,1\n".encode()))
    else:
        query = "select 'K1' as contract_id, date '2025-01-01' as usage_date, 900000000 as bytes_down, 1 as bytes_up"
        bucket.upload_file(str(small_isp.write_parquet("usage.parquet", query)), "c/usage.parquet")
    locate(small_isp, "s3://isp/c/*", store)
    report = preview_sources(Settings.model_validate(small_isp.settings))
    assert report.ok
    assert [(each.files, each.rows) for each in report.locations if each.name == "traffic"] == [(1, 1)]
    assert [check.accepted for check in report.tables if check.table == "usage"] == [1]


def test_an_object_that_was_listed_is_not_read_again(bucket: Any, store: dict[str, Any]) -> None:
    bucket.put_object(Key="usage/1.csv", Body=HEADER.encode())
    location = LocationSettings.model_validate({"files": "s3://isp/usage/*", "object_store": store})
    ((listed,), (again,)) = list_files(location), list_files(location)
    assert (listed.path, listed.size, listed.name) == ("s3://isp/usage/1.csv", len(HEADER), "1.csv")
    assert listed == again
    assert KEY not in repr(listed)


def test_two_locations_keep_their_own_keys(small_isp: Isp, bucket: Any, store: dict[str, Any]) -> None:
    body = f"{HEADER}K1,2025-01-01,1,1\n".encode()
    bucket.put_object(Key="usage/1.csv", Body=body)
    small_isp.settings["locations"]["other"] = {
        "files": "s3://isp/other/*",
        "object_store": store | {"endpoint": "127.0.0.1:1"},
    }
    locate(small_isp, "s3://isp/usage/*", store)
    assert rows(small_isp) == [(1, 1)]
    with small_isp.warehouse.reader() as connection:
        assert connection.execute("select count(*) from duckdb_secrets()").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("files", "changes", "words"),
    [
        ("s3://isp/none/*", {}, r"location 'traffic': no file matches s3://isp/none"),
        ("s3://nowhere/*", {}, r"s3://nowhere/\* cannot be listed.*There is no such bucket"),
        ("s3://isp/usage/*", {"endpoint": "127.0.0.1:1"}, r"cannot be listed.*Check endpoint"),
        ("gs://isp/usage/*", {}, r"gs:// is not supported. Google's store speaks S3.*endpoint: storage.googleapis.com"),
        ("az://isp/usage/*", {}, r"az:// is not supported. Mount it, or copy the files"),
    ],
)
def test_a_store_that_does_not_answer_says_what_to_do(
    small_isp: Isp, bucket: Any, store: dict[str, Any], files: str, changes: dict[str, Any], words: str
) -> None:
    locate(small_isp, files, store | changes)
    with pytest.raises(SourceError, match=words) as caught:
        small_isp.ingest("usage")
    assert KEY not in f"{caught.value} {caught.value.__cause__}"


@pytest.fixture
def strict_server(server: str) -> Iterator[None]:
    """The server asks for a known key for a while."""

    def allow_without_key(requests: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        with urlopen(Request(f"http://{server}/moto-api/reset-auth", data=requests, headers=headers)):
            pass

    allow_without_key(b"0")
    yield
    allow_without_key(b"Infinity")


def test_a_refusal_says_to_check_the_key(
    small_isp: Isp, bucket: Any, store: dict[str, Any], strict_server: None
) -> None:
    locate(small_isp, "s3://isp/usage/*", store)
    with pytest.raises(SourceError, match=r"The store refuses: check key_id"):
        small_isp.ingest("usage")


def test_no_secret_reaches_the_lake(small_isp: Isp, bucket: Any, store: dict[str, Any]) -> None:
    bucket.put_object(Key="usage/1.csv", Body=f"{HEADER}K1,2025-01-01,x,1\n".encode())
    locate(small_isp, "s3://isp/usage/*", store)
    small_isp.ingest()
    for file in (small_isp.folder / "lake").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    with duckdb.connect() as connection:
        assert connection.execute("from duckdb_secrets()").fetchall() == []
