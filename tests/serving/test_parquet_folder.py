"""A folder of Parquet files: a state becomes current by one small file, and its files never change."""

import json
from pathlib import Path

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.published_lakes import make_lake
from orchestration.errors import ServingError
from tests.serving.conftest import DECEMBER, NOVEMBER, bring_up, serving


def _current(folder: Path) -> tuple[dict, dict]:
    pointer = json.loads((folder / "current.json").read_text())
    return pointer, json.loads((folder / pointer["manifest"]).read_text())


def _files(folder: Path, table: str) -> list[str]:
    return [str(folder / part["file"]) for part in _current(folder)[1]["parts"] if part["table"] == table]


def test_the_manifest_names_files_that_hold_what_the_lake_holds(lake, brought_up, tmp_path):
    lake.publish(DECEMBER, seed=2)
    brought_up(type="parquet", path=str(tmp_path / "served"))
    for table in lake.tables:
        rows = duckdb.sql(
            f"select * from read_parquet({_files(tmp_path / 'served', table)}, hive_partitioning = false) order by all"
        ).fetchall()
        assert rows == lake.rows(table)
    pointer, manifest = _current(tmp_path / "served")
    assert pointer["versions"] == [NOVEMBER, DECEMBER]
    assert manifest["tables"]["customer_segment_history"]["columns"]["total_value"]["type"] == "decimal(18,2)"


def test_a_pattern_over_the_folders_of_versions_reads_them_as_partitions(lake, brought_up, tmp_path):
    lake.publish(DECEMBER)
    brought_up(type="parquet", path=str(tmp_path / "served"))
    pattern = tmp_path / "served" / "version_id=*" / "customer_segment_history.*.parquet"
    counted = duckdb.sql(f"select version_id, count(*) from '{pattern}' group by 1 order by 1").fetchall()
    assert counted == [(NOVEMBER, 40), (DECEMBER, 40)]


def test_files_of_the_state_before_stay_for_those_who_read_them_and_go_with_the_next(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    brought_up(type="parquet", path=str(folder))
    before = _files(folder, "customer_segments")
    for version in (DECEMBER, "2026-01-31.1"):
        assert all(Path(file).exists() for file in before)
        lake.publish(version)
        brought_up(type="parquet", path=str(folder))
    assert not any(Path(file).exists() for file in before)
    assert len(list((folder / "manifests").iterdir())) == 2


def test_a_new_version_writes_no_file_of_the_older_ones(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    brought_up(type="parquet", path=str(folder))
    before = {file: file.stat().st_mtime_ns for file in (folder / f"version_id={NOVEMBER}").iterdir()}
    lake.publish(DECEMBER)
    brought_up(type="parquet", path=str(folder))
    assert {file: file.stat().st_mtime_ns for file in (folder / f"version_id={NOVEMBER}").iterdir()} == before


def test_a_version_that_is_withdrawn_and_pruned_is_in_no_table_but_the_registry(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    lake.publish(DECEMBER, seed=2)
    brought_up(type="parquet", path=str(folder))
    for take_back, status in ((lake.withdraw, "withdrawn"), (lake.prune, "pruned")):
        take_back(DECEMBER)
        brought_up(type="parquet", path=str(folder))
        assert _current(folder)[0]["versions"] == [NOVEMBER]
        having = {
            table
            for table in lake.tables
            for file in _files(folder, table)
            if duckdb.sql(f"from '{file}' where version_id = '{DECEMBER}'").fetchall()
        }
        assert having == {"segmentation_versions"}
        registry = _files(folder, "segmentation_versions")
        said = duckdb.sql(f"select version_id, status from read_parquet({registry}, hive_partitioning = false)")
        assert (DECEMBER, status) in said.fetchall()


def test_a_file_that_somebody_deleted_is_written_again(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    brought_up(type="parquet", path=str(folder))
    (lost,) = _files(folder, "churn_reasons")
    Path(lost).unlink()
    assert brought_up(type="parquet", path=str(folder)).rows == 40
    assert Path(lost).exists()


def test_a_folder_that_cannot_be_written_is_told_and_the_state_in_force_stays(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    brought_up(type="parquet", path=str(folder))
    pointer = (folder / "current.json").read_bytes()
    lake.publish(DECEMBER)
    # A file where the folder of the version belongs.
    (folder / f"version_id={DECEMBER}").touch()
    with pytest.raises(ServingError, match="Its contents are unchanged"):
        brought_up(type="parquet", path=str(folder))
    assert (folder / "current.json").read_bytes() == pointer
    (folder / f"version_id={DECEMBER}").unlink()
    brought_up(type="parquet", path=str(folder))
    assert _current(folder)[0]["versions"] == [NOVEMBER, DECEMBER]


def test_a_publish_that_is_killed_leaves_the_state_in_force_and_the_next_one_catches_up(lake, brought_up, tmp_path):
    folder = tmp_path / "served"
    brought_up(type="parquet", path=str(folder))
    pointer = (folder / "current.json").read_bytes()
    lake.publish(DECEMBER, customers=20_000)
    process = serving(lake, type="parquet", path=str(folder))
    while not any(folder.glob(f"version_id={DECEMBER}/*.parquet")):
        assert process.is_running, process.lines.read()
    process.kill()
    assert (folder / "current.json").read_bytes() == pointer, "killed while it wrote"
    brought_up(type="parquet", path=str(folder))
    assert _current(folder)[0]["versions"] == [NOVEMBER, DECEMBER]
    assert [file for file in folder.rglob(".new-*") if file.is_dir()] == []


def test_an_object_store_holds_the_same(lake, brought_up, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        login = {
            "aws_access_key_id": "id",
            "aws_secret_access_key": "secret of the store",
            "region_name": "eu-central-1",
        }
        bucket = boto3.resource("s3", endpoint_url=f"http://{host}:{port}", **login).Bucket("served")
        bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        store = {
            "key_id": "id",
            "secret": "secret of the store",
            "region": "eu-central-1",
            "endpoint": f"{host}:{port}",
        }
        target = {"path": "s3://served/isp", "object_store": store | {"use_ssl": False, "url_style": "path"}}
        for version in (DECEMBER, "2026-01-31.1", "2026-02-28.1"):
            lake.publish(version)
            brought_up(type="parquet", **target)
        keys = {found.key for found in bucket.objects.all()}
        pointer = json.loads(bucket.Object("isp/current.json").get()["Body"].read())
        assert pointer["versions"] == [NOVEMBER, DECEMBER, "2026-01-31.1", "2026-02-28.1"]
        assert len({key for key in keys if "/current/customer_segments." in key}) == 2, "the state before stays"
        lake.publish("2026-03-31.1")
        wrong = target | {"object_store": target["object_store"] | {"endpoint": "127.0.0.1:1"}}
        with pytest.raises(ServingError, match="Its contents are unchanged"):
            brought_up(type="parquet", **wrong)
    finally:
        moto.stop()


def test_open_periods_have_no_end_read_as_files_or_as_partitions(tmp_path):
    lake = make_lake(tmp_path / "lake", ("segmentation_versions", "customer_segment_periods"))
    lake.publish(NOVEMBER)
    with lake.warehouse.writer() as connection:
        connection.execute("update segments.rows_customer_segment_periods set valid_to = null")
    folder = tmp_path / "served"
    bring_up(lake, type="parquet", path=str(folder))
    for hive in ("", ", hive_partitioning = false"):
        source = f"read_parquet({_files(folder, 'customer_segment_periods')}{hive})"
        assert duckdb.sql(f"select count(*), count(valid_to) from {source}").fetchall() == [(40, 0)]
