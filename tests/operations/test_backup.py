"""A backup is one moment of the lake, whatever goes on meanwhile, and comes back anywhere."""

import math
from pathlib import Path

import pytest

from orchestration.errors import LakeError
from orchestration.lake.backup import back_up, restore
from orchestration.lake.warehouse import Warehouse, transaction
from orchestration.settings import WarehouseSettings
from tests.operations.deployment import make_deployment

# Kept in the catalog itself: few rows of every kind of type. Kept in files: many.
MAKE = """
    create table raw.few (i integer, t varchar, d date, s timestamp, n decimal(18, 4), f double, b boolean, x blob);
    insert into raw.few values
        (1, 'it''s', date '2024-02-29', timestamp '2024-02-29 10:00:00.123456', 1.2345, 0.1, true, '\\x00\\xFF'::blob),
        (2, null, null, null, null, 'inf', null, null);
    create table raw.many as select range as number from range(10000);
    delete from raw.many where number % 7 = 0;
    update raw.many set number = -number where number % 11 = 0;
"""
FEW, MANY = "from raw.few order by i", "select count(*), sum(number) from raw.many"
BEFORE = "select count(*) from raw.many at (version => {})"


def _warehouse(path: Path, catalog: str = "sqlite") -> Warehouse:
    return Warehouse(WarehouseSettings.model_validate({"path": path, "catalog": catalog, "threads": 1}))


def _contents(warehouse: Warehouse, version: int) -> list[object]:
    with warehouse.reader() as connection:
        return [connection.execute(query).fetchall() for query in (FEW, MANY, BEFORE.format(version))]


def _filled(warehouse: Warehouse) -> int:
    """Fill a lake, and return the snapshot before rows of the table in files were deleted."""
    with warehouse.writer() as connection:
        made, changed = MAKE.split("delete", 1)
        connection.execute(made)
        ((version,),) = connection.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchall()
        connection.execute(f"delete {changed}")
    return version


@pytest.mark.parametrize("kinds", ["sqlite to sqlite", "sqlite to postgres", "postgres to postgres"])
def test_what_was_backed_up_comes_back_at_another_place_with_its_past_and_goes_on(
    kinds, tmp_path, new_postgres_database
):
    def catalog(kind: str, name: str) -> str:
        return "sqlite" if kind == "sqlite" else f"postgres:{new_postgres_database(f'{name}_{abs(hash(kinds))}')}"

    source, target = kinds.split(" to ")
    here = _warehouse(tmp_path / "here", catalog(source, "here"))
    version = _filled(here)
    before = _contents(here, version)
    made = back_up(here, tmp_path / "backup")
    assert made.files == len(list((tmp_path / "backup" / "data").rglob("*.parquet"))) > 0

    there = _warehouse(tmp_path / "there", catalog(target, "there"))
    assert restore(tmp_path / "backup", there) == made
    assert _contents(there, version) == before
    with there.writer() as connection, transaction(connection):
        connection.execute("insert into raw.few (i, f, n) values (3, 1.5, 2.5)")
        connection.execute("insert into raw.many from range(3)")
        connection.execute("create table raw.later as select 1 as number")
    after = _contents(there, version)
    assert len(after[0]) == 3
    assert after[1][0][0] == before[1][0][0] + 3
    assert _contents(here, version) == before, "the lake that was backed up is another"


def test_not_a_number_survives_in_postgresql(tmp_path, new_postgres_database):
    here = _warehouse(tmp_path / "here", f"postgres:{new_postgres_database('nan_here')}")
    with here.writer() as connection:
        connection.execute("create table raw.few as select 'nan'::double as f")
    back_up(here, tmp_path / "backup")
    there = _warehouse(tmp_path / "there", f"postgres:{new_postgres_database('nan_there')}")
    restore(tmp_path / "backup", there)
    with there.reader() as connection:
        assert math.isnan(connection.execute("select f from raw.few").fetchall()[0][0])
    with pytest.raises(LakeError, match="goes to PostgreSQL"):
        restore(tmp_path / "backup", _warehouse(tmp_path / "elsewhere"))


WRITE = """
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse, transaction
with Warehouse(load_settings().warehouse).writer() as connection:
    connection.execute("create table raw.one (number integer)")
    connection.execute("create table raw.two (number integer)")
    for number in range(10_000):
        with transaction(connection):
            for table in ("one", "two"):
                connection.execute(f"insert into raw.{table} select range from range({number % 40} * 20)")
                connection.execute(f"delete from raw.{table} where number % 3 = {number} % 3")
        print(f"commit {number}.")
"""


def test_backups_made_while_a_run_writes_are_each_of_one_moment(tmp_path):
    deployment = make_deployment(tmp_path / "deployment")
    run = deployment.python(WRITE)
    run.wait_for("commit 3.")
    try:
        for number in range(4):
            run.wait_for(f"commit {number * 4 + 8}.")
            taken = deployment.command("backup", tmp_path / f"backup {number}")
            assert taken.returncode == 0, taken.stderr
    finally:
        run.kill()
    counts = set()
    for number in range(4):
        there = _warehouse(tmp_path / f"there {number}")
        restore(tmp_path / f"backup {number}", there)
        with there.reader() as connection:
            one, two = (
                connection.execute(f"select count(*), sum(number) from raw.{table}").fetchall()
                for table in ("one", "two")
            )
        assert one == two
        counts.add(one[0])
    assert len(counts) == 4, "each is of a moment of its own"


def test_a_backup_mixes_with_nothing_a_restore_overwrites_nothing_and_half_a_backup_is_none(tmp_path):
    here = _warehouse(tmp_path / "here")
    _filled(here)
    back_up(here, tmp_path / "backup")
    with pytest.raises(LakeError, match="not empty"):
        back_up(here, tmp_path / "backup")
    with pytest.raises(LakeError, match="overwrites nothing"):
        restore(tmp_path / "backup", here)
    lost = next((tmp_path / "backup" / "data").rglob("*.parquet"))
    lost.write_bytes(lost.read_bytes()[:-1])
    with pytest.raises(LakeError, match=lost.name):
        restore(tmp_path / "backup", _warehouse(tmp_path / "there"))
    (tmp_path / "backup" / "backup.json").unlink()
    with pytest.raises(LakeError, match="is not a complete backup"):
        restore(tmp_path / "backup", _warehouse(tmp_path / "elsewhere"))
