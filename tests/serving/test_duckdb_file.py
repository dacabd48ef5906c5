"""A DuckDB file: replaced whole, whoever reads it, and kept where writing it fails."""

import os
from pathlib import Path

import duckdb
import pytest

from benchmarks.published_lakes import make_lake
from orchestration.serving.tables import served_tables
from tests.commands import Told, run_command
from tests.serving.conftest import DECEMBER, FEW, NOVEMBER, bring_up

SERVE = """
import resource, sys
from pathlib import Path
from orchestration.errors import SegmentationError
from orchestration.lake.warehouse import Warehouse
from orchestration.serving.serve import serve
from orchestration.settings import Settings, WarehouseSettings
lake, file, limit, tables = sys.argv[1:]
if limit != "none":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
settings = Settings.model_validate({"serving": {"file": {"type": "duckdb", "path": file, "tables": tables.split(",")}}})
try:
    print(serve(Warehouse(WarehouseSettings(path=Path(lake), threads=1)), settings, "file"))
except SegmentationError as error:
    sys.exit(str(error))
"""


def _rows(file: Path, table: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(f"from bi.{table} order by all").fetchall()


def _versions(file: Path) -> list[str]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return [
            v for (v,) in connection.execute("select distinct version_id from bi.value_deciles order by 1").fetchall()
        ]


def test_every_table_has_the_types_comments_and_values_of_the_lake(whole_lake, whole_file):
    with duckdb.connect(str(whole_file), read_only=True) as file, whole_lake.warehouse.reader() as lake:
        for table in served_tables():
            rows = f"from bi.{table} order by all"
            assert file.execute(rows).fetchall() == lake.execute(rows).fetchall()
        described = file.execute(
            "select table_name, column_name, lower(data_type), comment from duckdb_columns()"
            " where schema_name = 'bi' and table_name <> 'served_parts'"
        ).fetchall()
    assert set(described) == {
        (table.name, column.name, column.sql_type, column.description)
        for table in served_tables().values()
        for column in table.columns
    }


def test_a_reader_keeps_what_it_has_open_and_the_next_one_sees_the_new_version(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    brought_up(type="duckdb", path=file)
    query = "select max(version_id), count(*) from bi.customer_segments"
    with duckdb.connect(str(file), read_only=True) as reader:
        before = reader.execute(query).fetchall()
        lake.publish(DECEMBER, customers=50)
        served = brought_up(type="duckdb", path=file)
        assert reader.execute(query).fetchall() == before == [(NOVEMBER, 40)]
    with duckdb.connect(str(file), read_only=True) as reader:
        assert reader.execute(query).fetchall() == [(DECEMBER, 50)]
    assert NOVEMBER not in served.written, "the history of older versions is not written again"


def test_a_withdrawn_version_is_in_no_table_but_the_registry(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    lake.publish(DECEMBER)
    brought_up(type="duckdb", path=file)
    lake.withdraw(DECEMBER)
    served = brought_up(type="duckdb", path=file)
    with duckdb.connect(str(file), read_only=True) as connection:
        left = {
            table
            for table in FEW
            if connection.execute(f"select 1 from bi.{table} where version_id = ? limit 1", [DECEMBER]).fetchall()
        }
        assert left == {"segmentation_versions"}
        assert connection.execute(
            "select status from bi.segmentation_versions where version_id = ?", [DECEMBER]
        ).fetchall() == [("withdrawn",)]
    assert served.rows < 100, "going back costs no more than what is current"
    lake.prune(DECEMBER)
    brought_up(type="duckdb", path=file)
    assert _versions(file) == [NOVEMBER]


def test_a_full_disk_leaves_the_file_as_it_was(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    brought_up(type="duckdb", path=file)
    before = file.read_bytes()
    lake.publish(DECEMBER, customers=20_000)
    arguments = (str(lake.warehouse.path), str(file), str(len(before) + 100_000), ",".join(FEW))
    limited = run_command(["-c", SERVE, *arguments], os.environ, tmp_path)
    assert limited.returncode == 1
    assert "was not updated" in limited.stderr
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.glob("segments.duckdb*")] == ["segments.duckdb"]
    brought_up(type="duckdb", path=file)
    assert _versions(file) == [NOVEMBER, DECEMBER]


def test_a_killed_publish_leaves_the_file_as_it_was_and_the_next_one_catches_up(lake, brought_up, tmp_path):
    file = tmp_path / "segments.duckdb"
    brought_up(type="duckdb", path=file)
    lake.publish(DECEMBER, customers=20_000)
    aside = tmp_path / "segments.duckdb.new"
    arguments = (str(lake.warehouse.path), str(file), "none", ",".join(FEW))
    serving = Told(["-c", SERVE, *arguments], os.environ, tmp_path)
    while not aside.exists():
        assert serving.is_running, serving.lines.read()
    serving.kill()
    assert aside.exists(), "killed while it wrote"
    assert _versions(file) == [NOVEMBER]
    brought_up(type="duckdb", path=file)
    assert _versions(file) == [NOVEMBER, DECEMBER]
    assert not aside.exists()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000])
def test_a_damaged_file_is_written_from_the_start(lake, brought_up, tmp_path, content):
    file = tmp_path / "segments.duckdb"
    file.write_bytes(content)
    brought_up(type="duckdb", path=file)
    assert _versions(file) == [NOVEMBER]


def test_a_lake_in_which_nothing_is_published_is_served_empty(tmp_path):
    tables = ("segmentation_versions", "customer_segments", "customer_segment_history", "triggers")
    file = tmp_path / "segments.duckdb"
    assert bring_up(make_lake(tmp_path / "empty", tables), type="duckdb", path=file).rows == 0
    assert [_rows(file, table) for table in tables] == [[]] * 4
