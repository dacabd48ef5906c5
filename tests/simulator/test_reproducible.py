"""The same parameters give the same files; nothing else matters."""

import hashlib
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from simulator import NotASimulationError, SimulationParameters, simulate

SMALL = SimulationParameters(customers=1_000, months=3, seed=3, dirt=0.02)
CHECKSUM = (35819, 541055126374000)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "one")
    simulate(SMALL, tmp_path / "two")
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_the_days_are_those_of_the_pinned_engine(tmp_path: Path) -> None:
    """DuckDB's hash() draws the days; a version that hashes differently must be noticed, not blamed on the data."""
    simulate(SMALL.model_copy(update={"dirt": 0.0}), tmp_path)
    november = pq.read_table(tmp_path / "source" / "usage" / "usage_2025-11.parquet")
    assert (november.num_rows, pc.sum(november["bytes_down"]).as_py()) == CHECKSUM


def test_another_seed_gives_another_base(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "one")
    simulate(SMALL.model_copy(update={"seed": 4}), tmp_path / "two")
    one, two = _digests(tmp_path / "one"), _digests(tmp_path / "two")
    assert set(one) == set(two)
    assert all(one[name] != two[name] for name in one if name.endswith(".parquet") and "dirt" not in name)


def test_chunk_size_changes_neither_rows_nor_their_order(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "whole")
    simulate(SMALL.model_copy(update={"chunk_customers": 137}), tmp_path / "chunked")
    for path in sorted((tmp_path / "whole").rglob("*.parquet")):
        other = tmp_path / "chunked" / path.relative_to(tmp_path / "whole")
        assert pq.read_table(path).equals(pq.read_table(other)), path.name


def test_csv_holds_the_rows_of_parquet(tmp_path: Path) -> None:
    clean = SMALL.model_copy(update={"dirt": 0.0})
    as_parquet = simulate(clean, tmp_path / "parquet")
    assert simulate(clean, tmp_path / "csv", file_format="csv") == as_parquet
    month = "usage/usage_2025-12"
    typed = pq.read_table(tmp_path / "parquet" / "source" / f"{month}.parquet")
    text = pacsv.read_csv(tmp_path / "csv" / "source" / f"{month}.csv")
    assert text.column_names == typed.column_names
    assert text["bytes_down"].to_pylist() == typed["bytes_down"].to_pylist()


def test_a_second_run_replaces_the_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    simulate(SMALL, tmp_path)
    simulate(SMALL.model_copy(update={"end_month": "2024-06", "dirt": 0.0}), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "truth"]
    assert not list(tmp_path.rglob("*2025*"))
    assert not list(tmp_path.rglob("*dirt*"))


def test_a_source_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "customers.csv").write_text("mine")
    with pytest.raises(NotASimulationError, match="not written by a simulation"):
        simulate(SMALL, tmp_path)
    assert (tmp_path / "source" / "customers.csv").read_text() == "mine"
