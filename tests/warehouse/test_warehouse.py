"""The lake takes a writer and readers at once, in several processes, without a network."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.lake.warehouse import SCHEMAS, Warehouse, transaction
from orchestration.settings import WarehouseSettings


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(WarehouseSettings(path=tmp_path / "lake"))


@pytest.fixture
def filled(warehouse: Warehouse) -> Iterator[Warehouse]:
    with warehouse.writer() as connection:
        connection.execute("create table raw.numbers (number integer)")
        connection.execute("insert into raw.numbers select * from range(100)")
    return warehouse


COUNT = "select count(*) from raw.numbers"


def test_a_new_lake_has_the_schemas_of_the_flow(warehouse: Warehouse) -> None:
    assert not warehouse.exists
    with warehouse.writer() as connection:
        found = connection.execute("select schema_name from information_schema.schemata where catalog_name = 'lake'")
        assert set(SCHEMAS) <= {name for (name,) in found.fetchall()}
    assert warehouse.exists


def test_opening_a_lake_again_changes_nothing(filled: Warehouse) -> None:
    def snapshots() -> list[tuple]:
        with filled.reader() as connection:
            return connection.execute("select snapshot_id from ducklake_snapshots('lake')").fetchall()

    before = snapshots()
    with filled.writer():
        pass
    assert snapshots() == before


def test_a_reader_open_all_through_a_write_sees_all_of_it_or_none(filled: Warehouse) -> None:
    with filled.reader() as reader, filled.writer() as writer:
        with transaction(writer):
            writer.execute("delete from raw.numbers where number < 50")
            assert reader.execute(COUNT).fetchall() == [(100,)]
            writer.execute("insert into raw.numbers select * from range(1000)")
            assert reader.execute(COUNT).fetchall() == [(100,)]
        assert reader.execute(COUNT).fetchall() == [(1050,)]


def test_a_failed_transaction_leaves_no_trace(filled: Warehouse) -> None:
    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        with transaction(connection):
            connection.execute("delete from raw.numbers")
            raise RuntimeError

    with filled.writer() as connection:
        with pytest.raises(RuntimeError):
            fail(connection)
        assert connection.execute(COUNT).fetchall() == [(100,)]


@pytest.mark.parametrize(
    "statement", ["insert into raw.numbers values (1)", "delete from raw.numbers", "create table raw.other (a int)"]
)
def test_a_reader_cannot_write(filled: Warehouse, statement: str) -> None:
    with filled.reader() as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute(statement)


_OTHER = """
import sys
from pathlib import Path
from orchestration.settings import WarehouseSettings
from orchestration.lake.warehouse import Warehouse
warehouse = Warehouse(WarehouseSettings(path=Path(sys.argv[1]), catalog=sys.argv[2]))
with getattr(warehouse, sys.argv[3])() as connection:
    print(connection.execute(sys.argv[4]).fetchall()[0][0])
"""


def in_another_process(warehouse: Warehouse, role: str, statement: str) -> int:
    arguments = [sys.executable, "-c", _OTHER, str(warehouse.path), warehouse.catalog, role, statement]
    return int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def test_a_second_process_reads_while_this_one_writes(filled: Warehouse) -> None:
    with filled.writer() as writer, transaction(writer):
        writer.execute("insert into raw.numbers values (1)")
        assert in_another_process(filled, "reader", COUNT) == 100
    assert in_another_process(filled, "reader", COUNT) == 101


def test_a_second_process_writes_while_this_one_reads(filled: Warehouse) -> None:
    with filled.reader() as reader:
        assert reader.execute(COUNT).fetchall() == [(100,)]
        assert in_another_process(filled, "writer", "insert into raw.numbers values (1)") == 1
        assert reader.execute(COUNT).fetchall() == [(101,)]


def test_no_extension_is_ever_downloaded(filled: Warehouse) -> None:
    with filled.reader() as connection:
        setting = "select current_setting('autoinstall_known_extensions')"
        assert connection.execute(setting).fetchall() == [(False,)]
        with pytest.raises(duckdb.Error, match=r"(?i)extension"):
            connection.execute("from st_read('nowhere.shp')")


def test_what_does_not_fit_in_memory_goes_beside_the_lake(filled: Warehouse) -> None:
    with filled.writer() as connection:
        found = connection.execute("select current_setting('temp_directory')").fetchall()
    assert found == [(str(filled.path / "tmp"),)]
