"""Maintenance deletes what killed runs left, and nothing that anybody needs."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.lake.maintenance import maintain
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings
from tests.operations.deployment import make_deployment

# Rows reach files well before the transaction would commit.
WRITE = """
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse
with Warehouse(load_settings().warehouse).writer() as connection:
    connection.execute("create table if not exists raw.numbers (number integer)")
    connection.execute("insert into raw.numbers select range from range(1000)")
    connection.execute("begin")
    connection.execute("insert into raw.numbers select range from range(200000)")
    print("written, not committed")
    import time
    time.sleep(60)
"""
SUM = "select count(*), sum(number) from raw.numbers"


def _files(warehouse: Warehouse) -> set[Path]:
    return set(Path(warehouse.data_path).rglob("*.parquet"))


def _maintain(warehouse: Warehouse, orphans_before: datetime):
    return maintain(warehouse, datetime.now(UTC) - timedelta(days=30), orphans_before)


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_files_of_a_killed_writer_go_at_their_age_and_readers_and_old_snapshots_keep_theirs(catalog, tmp_path, request):
    name = "sqlite" if catalog == "sqlite" else f'"postgres:{request.getfixturevalue("postgres_database")}"'
    deployment = make_deployment(tmp_path / "deployment", name)
    writer = deployment.python(WRITE)
    writer.wait_for("not committed")
    writer.kill()
    warehouse = deployment.warehouse
    spilled = warehouse.path / "tmp" / "duckdb_temp_storage_DEFAULT-0.tmp"
    spilled.parent.mkdir(exist_ok=True)
    spilled.write_bytes(b"rows that did not fit in memory")
    with warehouse.reader() as reader:
        assert reader.execute(SUM).fetchall() == [(1000, 499_500)]
        reader.execute("begin")
        assert reader.execute(SUM).fetchall() == [(1000, 499_500)]
        with warehouse.writer() as connection:
            connection.execute("delete from raw.numbers where number < 500")
        kept = _files(warehouse)
        young = _maintain(warehouse, datetime.now(UTC) - timedelta(hours=1))
        assert (young.orphans, young.spilled) == (0, 0), "another program may still be writing them"
        assert kept <= _files(warehouse)
        time.sleep(1.1)
        gone = _maintain(warehouse, datetime.now(UTC))
        assert (gone.orphans, gone.spilled) == (1, 1)
        assert reader.execute(SUM).fetchall() == [(1000, 499_500)], "it still reads its own snapshot"
    assert not spilled.exists()
    with warehouse.reader() as connection:
        assert connection.execute(SUM).fetchall() == [(500, 374_750)]
        snapshots = connection.execute(
            "select max(snapshot_id) from ducklake_snapshots('lake') where snapshot_id <"
            " (select max(snapshot_id) from ducklake_snapshots('lake'))"
        ).fetchall()
        assert connection.execute(f"{SUM} at (version => {snapshots[0][0]})").fetchall()[0][0] in (500, 1000)
    assert _maintain(warehouse, datetime.now(UTC)).orphans == 0


def test_the_files_of_a_write_that_goes_on_are_safe_for_maintenance_waits(tmp_path):
    deployment = make_deployment(tmp_path / "deployment")
    writer = deployment.python(WRITE.replace("time.sleep(60)", "time.sleep(3); connection.execute('commit')"))
    writer.wait_for("not committed")
    assert _maintain(deployment.warehouse, datetime.now(UTC) + timedelta(hours=1)).orphans == 0
    assert writer.wait() == 0
    with deployment.warehouse.reader() as connection:
        assert connection.execute(SUM).fetchall() == [(201_000, 499_500 + 199_999 * 100_000)]


def test_a_lake_known_by_another_spelling_of_its_folder_loses_nothing(tmp_path):
    folder = tmp_path / "a [1] 'folder'"
    real = Warehouse(WarehouseSettings(path=folder / "lake", threads=1))
    with real.writer() as connection:
        connection.execute("create table raw.numbers as select range as number from range(1000)")
    link = tmp_path / "link"
    link.symlink_to(folder)
    for path in (folder / "lake", link / "lake", Path(f"{link}/../link//lake")):
        warehouse = Warehouse(WarehouseSettings(path=path, threads=1))
        for file in _files(warehouse):
            os.utime(file, (0, 0))
        assert _maintain(warehouse, datetime.now(UTC) + timedelta(hours=1)).orphans == 0
        with warehouse.reader() as connection:
            assert connection.execute(SUM).fetchall() == [(1000, 499_500)]
