"""A lake that cannot be opened says in one sentence what is wrong and what to do, and is never written over."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.errors import LakeError
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A lake with a hundred numbers in two files."""
    warehouse = Warehouse(WarehouseSettings(path=tmp_path / "lake", threads=1))
    with warehouse.writer() as connection:
        connection.execute("create table raw.numbers as select range as number from range(50)")
        connection.execute("insert into raw.numbers select range from range(50, 100)")
    return warehouse


def _cut(bytes_kept: Callable[[int], int]) -> Callable[[Path], None]:
    def damage(catalog: Path) -> None:
        whole = catalog.read_bytes()
        catalog.write_bytes(whole[: bytes_kept(len(whole))])

    return damage


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(catalog: Path) -> None:
        with sqlite3.connect(catalog) as connection:
            connection.execute(statement)
        connection.close()

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut(lambda size: 0), "gone or empty, but"),
        (_cut(lambda size: 5_000), "is damaged"),
        (_cut(lambda size: size // 2), "is damaged"),
        (lambda catalog: catalog.write_bytes(b"no catalog" * 1_000), "is damaged"),
        (lambda catalog: catalog.unlink(), "gone or empty, but"),
        (_sql("drop table ducklake_snapshot"), "is damaged"),
        (_sql("update ducklake_metadata set value = '9.1' where key = 'version'"), "a newer release (format 9.1;"),
        (_sql("update ducklake_metadata set value = '0.2' where key = 'version'"), "an older release (format 0.2;"),
    ],
)
def test_a_damaged_lost_or_foreign_catalog_is_said_to_readers_and_writers_and_nothing_is_made_anew(
    warehouse, tmp_path, damage, words
):
    damage(warehouse.catalog_file)
    left = warehouse.catalog_file.read_bytes() if warehouse.catalog_file.exists() else None
    for role in (warehouse.reader, warehouse.writer):
        with pytest.raises(LakeError) as error, role() as connection:
            connection.execute("select sum(number) from raw.numbers").fetchall()
        assert words in str(error.value)
    assert (warehouse.catalog_file.read_bytes() if warehouse.catalog_file.exists() else None) == left

    settings = tmp_path / "segmentation.yaml"
    settings.write_text("warehouse: {path: lake, threads: 1}")
    for command in (["sql", "from raw.numbers"], ["backup", str(tmp_path / "backup")]):
        shown = CliRunner().invoke(app, [*command, "--config", str(settings)])
        assert shown.exit_code == 1, shown.output
        assert words in shown.stderr
        assert "Traceback" not in shown.stderr
        assert "segmentation run" not in shown.stderr


def test_a_lost_data_file_is_named(warehouse):
    lost = sorted(Path(warehouse.data_path).rglob("*.parquet"))[0]
    lost.unlink()
    with pytest.raises(LakeError, match=lost.name), warehouse.reader() as connection:
        connection.execute("select sum(number) from raw.numbers").fetchall()


def test_a_lake_opens_where_it_was_moved_or_is_mounted(warehouse, tmp_path):
    moved = tmp_path / "on another disk" / "the lake"
    moved.parent.mkdir()
    shutil.move(warehouse.path, moved)
    mounted = tmp_path / "mounted"
    mounted.symlink_to(moved)
    for number, path in enumerate((moved, mounted)):
        there = Warehouse(WarehouseSettings(path=path, threads=1))
        with there.writer() as connection:
            connection.execute("insert into raw.numbers select range from range(100, 120)")
        with there.reader() as connection:
            count = connection.execute("select count(*), sum(number) from raw.numbers").fetchone()
        assert count == (120 + 20 * number, 4950 + (2190 * (number + 1)))


def test_a_postgresql_that_is_down_or_empty_is_said(tmp_path, postgres_database):
    down = Warehouse(WarehouseSettings.model_validate({"path": tmp_path, "catalog": "postgres:host=127.0.0.1 port=1"}))
    with pytest.raises(LakeError, match="cannot be reached"), down.writer():
        pass
    empty = Warehouse(WarehouseSettings.model_validate({"path": tmp_path, "catalog": f"postgres:{postgres_database}"}))
    with pytest.raises(LakeError, match="no lake in it yet"), empty.reader():
        pass
    with empty.writer() as connection:
        connection.execute("create table raw.numbers as select range as number from range(50)")
    another = postgres_database.replace("dbname=", "dbname=no_such_")
    gone = Warehouse(WarehouseSettings.model_validate({"path": tmp_path, "catalog": f"postgres:{another}"}))
    with pytest.raises(LakeError, match="does not exist"), gone.writer():
        pass


def test_data_files_whose_postgresql_catalog_is_empty_are_not_taken_for_a_new_lake(
    warehouse, postgres_database, tmp_path
):
    other = Warehouse(
        WarehouseSettings.model_validate({"path": warehouse.path, "catalog": f"postgres:{postgres_database}"})
    )
    for role in (other.reader, other.writer):
        with pytest.raises(LakeError, match="gone or empty"), role():
            pass
