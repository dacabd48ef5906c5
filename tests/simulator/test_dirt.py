"""The dirt that is counted in the truth is the dirt in the files."""

from pathlib import Path

import duckdb
import pytest

from simulator import SimulationParameters, simulate
from simulator.dirt import TABLES

CLEAN = SimulationParameters(customers=1_000, months=3, seed=11)


@pytest.fixture(scope="module", params=["parquet", "csv"])
def dirty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    clean, dirty = (tmp_path_factory.mktemp(name) for name in ("clean", "dirty"))
    simulate(CLEAN, clean, file_format=request.param)
    simulate(CLEAN.model_copy(update={"dirt": 0.03}), dirty, file_format=request.param)
    return clean, dirty, request.param


def _facts(folder: Path) -> list[dict[str, object]]:
    return duckdb.connect().sql(f"from '{folder}/truth/dirt.parquet'").df().to_dict("records")


def _read(path: str) -> str:
    if path.endswith("parquet"):
        return f"(select columns(*)::varchar from read_parquet('{path}'))"
    return f"read_csv('{path}', all_varchar = true)"


def test_every_dirty_row_is_wrong_in_the_one_way_that_is_counted(dirty: tuple[Path, Path, str]) -> None:
    _, folder, _ = dirty
    connection = duckdb.connect()
    facts = [fact for fact in _facts(folder) if fact["expected"] == "quarantined"]
    for name, table in TABLES.items():
        of_table = [fact for fact in facts if fact["source_table"] == name]
        assert {fact["kind"] for fact in of_table} == set(table.bad)
        path = f"{folder}/source/{of_table[0]['file']}"
        for fact in of_table:
            column, value = table.bad[str(fact["kind"])]
            query = f"select count(*) from {_read(path)} where coalesce({column}, '') = '{value}'"
            assert connection.sql(query).fetchall()[0][0] == fact["rows"]
        total = connection.sql(f"select count(*) from {_read(path)}").fetchall()[0][0]
        assert total == sum(int(str(fact["rows"])) for fact in of_table)


@pytest.mark.parametrize("name", TABLES)
def test_late_restated_and_duplicate_rows_reconcile_with_the_clean_table(
    dirty: tuple[Path, Path, str], name: str
) -> None:
    clean, folder, ending = dirty
    connection = duckdb.connect()
    table = TABLES[name]
    pattern = f"{name}/{name}_*.{ending}" if table.is_monthly else f"{name}*.{ending}"
    before = sorted(str(path) for path in (clean / "source").glob(pattern))
    after = sorted(str(path) for path in (folder / "source").glob(pattern) if "dirty" not in path.name)
    assert after[-1].endswith(f"_late.{ending}")
    reading = " union all by name ".join(
        f"select *, {turn} as turn from {_read(path)}" for turn, path in enumerate(after)
    )
    connection.execute(f"create table dirtied as {reading}")
    connection.execute(f"create table clean as {' union all by name '.join(f'from {_read(path)}' for path in before)}")
    keys = ", ".join(table.key)
    rows = {fact["kind"]: fact["rows"] for fact in _facts(folder) if fact["source_table"] == name}
    clean_count = connection.sql("select count(*) from clean").fetchall()[0][0]
    dirty_count = connection.sql("select count(*) from dirtied").fetchall()[0][0]
    assert dirty_count == clean_count + rows["restated"] + rows["duplicate"]
    # Keeping the last row of a key gives the clean keys back, with the restated values.
    connection.execute(
        f"create table kept as from dirtied qualify row_number() over (partition by {keys} order by turn desc) = 1"
    )
    assert connection.sql(
        f"select count(*) from (select {keys} from clean except select {keys} from kept)"
    ).fetchall() == [(0,)]
    changed = connection.sql("select count(*) from (select * exclude (turn) from kept except from clean)").fetchall()
    assert changed[0][0] == rows["restated"]


def test_without_the_switch_there_is_no_dirt(tmp_path: Path) -> None:
    simulate(CLEAN, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if "dirt" in path.name or "late" in path.name]
