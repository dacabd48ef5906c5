"""What the source systems of the simulated ISP deliver, and when: a history, then a day more, then the month's rest."""

from pathlib import Path

import duckdb

from orchestration.lake.contract import load_contract

SNAPSHOTS = ("customers", "contracts")


def deliver_history(simulated: Path, delivered: Path, month: str) -> None:
    """Deliver everything but the monthly files of ``month``."""
    for file in sorted(simulated.rglob("*.parquet")):
        if not file.stem.endswith(f"_{month}"):
            target = delivered / file.relative_to(simulated)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(file)


def deliver_day(simulated: Path, delivered: Path, month: str) -> None:
    """Deliver the first day of ``month`` in files of its own, and the snapshots anew, as a nightly extract does."""
    with duckdb.connect() as connection:
        for file, target, is_first_day in _month_files(simulated, delivered, month):
            _copy(connection, f"'{file}' where {is_first_day}", target.with_stem(f"{target.stem}-01"))
        for table in SNAPSHOTS:
            # Linked to the simulated file, and the same rows in other bytes: known as changed, so loaded again.
            (delivered / f"{table}.parquet").unlink()
            _copy(connection, f"'{simulated / table}.parquet'", delivered / f"{table}.parquet")


def deliver_rest(simulated: Path, delivered: Path, month: str) -> None:
    """Deliver the other days of ``month``."""
    with duckdb.connect() as connection:
        for file, target, is_first_day in _month_files(simulated, delivered, month):
            _copy(connection, f"'{file}' where not {is_first_day}", target)


def _month_files(simulated: Path, delivered: Path, month: str) -> list[tuple[Path, Path, str]]:
    """Return each simulated file of the month, where it goes, and the condition of its first day's rows."""
    return [
        (
            file,
            delivered / file.relative_to(simulated),
            f"coalesce(cast({load_contract()[file.parent.name].time_column} as date) = date '{month}-01', false)",
        )
        for file in sorted(simulated.rglob(f"*_{month}.parquet"))
    ]


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, target: Path) -> None:
    connection.execute(f"copy (from {rows}) to '{target}' (format parquet, compression zstd)")
