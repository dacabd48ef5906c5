"""A disk that fills up while the lake is written: nothing is half kept, and with room again all goes on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.operations.deployment import Deployment, make_deployment

SIZE = 24 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"only who may mount can make a small disk: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _customers(deployment: Deployment) -> int:
    with deployment.warehouse.reader() as connection:
        return int(connection.execute("select count(*) from raw.customers").fetchall()[0][0])


def _deliver(deployment: Deployment, customers: int) -> None:
    rows = duckdb.sql(
        f"""select 'C' || i || case when i >= 50 then md5(i::varchar) else '' end as customer_id,
        'person' as customer_type, date '2024-01-01' as created_date from range({customers}) as numbers(i)"""
    )
    rows.write_parquet(str(deployment.folder / "source" / "customers.parquet"))


def test_a_full_disk_is_said_in_one_sentence_and_the_lake_stays_as_it_was(small_disk: Path, tmp_path: Path) -> None:
    deployment = make_deployment(tmp_path / "isp")
    (deployment.folder / "lake").symlink_to(small_disk)
    assert deployment.command("ingest").returncode == 0
    before = _customers(deployment)
    _deliver(deployment, 100_000)
    for left in (0, 100_000, 2_000_000):
        filler = small_disk / "filler"
        free = subprocess.check_output(["stat", "-f", "-c", "%a %S", str(small_disk)], text=True).split()
        filler.write_bytes(bytes(int(free[0]) * int(free[1]) - left))
        failed = deployment.command("ingest")
        assert failed.returncode in {1, 3}, failed.stderr
        assert "The disk is full" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert _customers(deployment) == before
        filler.unlink()
    repeated = deployment.command("ingest")
    assert repeated.returncode == 0, repeated.stderr
    assert _customers(deployment) == 100_000
