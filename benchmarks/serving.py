"""Serving to PostgreSQL at size: the first load beside a bare binary COPY of the same rows, a new version, readers.

``python -m benchmarks.serving FOLDER CONNECTION`` makes a lake of literal rows in the folder, serves it to an empty
database (a libpq connection string) and prints seconds, rows and the peak memory of the serving process. Then it
publishes again and again, on fewer rows, while readers poll through psql and SQLAlchemy: a poll is mixed when the
current customers, their history and the registry do not show the same version.
"""

import argparse
import resource
import subprocess
import tempfile
import threading
import time
from collections import Counter
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import sqlalchemy

from benchmarks.published_lakes import PublishedLake, make_lake, open_lake
from orchestration.serving.serve import serve
from orchestration.serving.tables import served_tables
from orchestration.settings import Settings

POLL = """
    select (select string_agg(distinct version_id, ',') from {schema}.customer_segments),
        (select max(version_id) from {schema}.customer_segment_history),
        (select max(version_id) from {schema}.segmentation_versions where status = 'published')
"""
POLLED_TABLES = ("segmentation_versions", "customer_segments", "customer_segment_history", "value_deciles")


def months(count: int) -> list[str]:
    """Return versions of so many months in a row."""
    return [f"{date(2020 + (n + 1) // 12, (n + 1) % 12 + 1, 1) - timedelta(days=1)}.1" for n in range(count)]


def settings(connection: str, schema: str, tables: tuple[str, ...]) -> Settings:
    """Return the settings of a target."""
    target = {"type": "postgres", "connection": connection, "schema": schema, "tables": list(tables)}
    return Settings.model_validate({"serving": {"target": target}})


def timed_serve(lake: Path, connection: str, tables: tuple[str, ...], results: Any) -> None:
    """Serve in a process of its own, so that its peak memory is its own: rows, seconds, MiB, differences."""
    begun = time.monotonic()
    warehouse = open_lake(lake, tables, threads=None).warehouse
    served, differences = serve(warehouse, settings(connection, "bi", tables), "target")
    seconds = time.monotonic() - begun
    results.put((served.rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(differences)))


def in_process(lake: Path, connection: str, tables: tuple[str, ...]) -> tuple[int, float, float, int]:
    """Run ``timed_serve`` and return what it measured."""
    context = get_context("spawn")
    results = context.Queue()
    process = context.Process(target=timed_serve, args=(lake, connection, tables, results))
    process.start()
    found: tuple[int, float, float, int] = results.get()
    process.join()
    return found


def bare_copy(connection: str, tables: tuple[str, ...]) -> float:
    """Return the seconds in which PostgreSQL takes the same rows by binary COPY into tables without keys."""

    def psql(command: str) -> None:
        subprocess.run(["psql", "-qc", command, connection], check=True, stdout=subprocess.DEVNULL)

    seconds = 0.0
    psql("create schema bare")
    for table in tables:
        with tempfile.NamedTemporaryFile() as file:
            psql(f"\\copy bi.{table} to '{file.name}' with (format binary)")
            psql(f"create table bare.{table} as select * from bi.{table} limit 0")
            begun = time.monotonic()
            psql(f"\\copy bare.{table} from '{file.name}' with (format binary)")
            seconds += time.monotonic() - begun
    psql("drop schema bare cascade")
    return seconds


def polls(lake: PublishedLake, connection: str, publishes: int) -> Counter[str]:
    """Publish again and again while two readers poll; count polls that were whole, mixed or failed."""
    found: Counter[str] = Counter()
    done = threading.Event()
    query = POLL.format(schema="polled")
    parts = dict(part.split("=", 1) for part in connection.split())
    engine = sqlalchemy.create_engine(
        f"postgresql+psycopg://{parts['user']}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"
    )

    def by_psql() -> tuple[Any, ...]:
        answer = subprocess.run(["psql", "-Atc", query, connection], capture_output=True, text=True, check=True)
        return tuple(answer.stdout.strip().split("|"))

    def by_sqlalchemy() -> tuple[Any, ...]:
        with engine.connect() as client:
            return tuple(client.execute(sqlalchemy.text(query)).one())

    def poll(ask: Any) -> None:
        while not done.is_set():
            try:
                found["whole" if len(set(ask())) == 1 else "mixed"] += 1
            except (sqlalchemy.exc.SQLAlchemyError, subprocess.CalledProcessError):
                found["failed"] += 1

    target = settings(connection, "polled", POLLED_TABLES)
    versions = months(publishes + 1)
    lake.publish(versions[0])
    serve(lake.warehouse, target, "target")
    readers = [threading.Thread(target=poll, args=(ask,)) for ask in (by_psql, by_sqlalchemy)]
    for reader in readers:
        reader.start()
    for version in versions[1:]:
        lake.publish(version)
        serve(lake.warehouse, target, "target")
    done.set()
    for reader in readers:
        reader.join()
    return found


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("connection")
    arguments.add_argument("--customers", type=int, default=1_000_000)
    arguments.add_argument("--versions", type=int, default=12)
    arguments.add_argument("--publishes", type=int, default=50, help="while readers poll; 0 leaves them out")
    arguments.add_argument("--tables", nargs="+", default=list(served_tables()), help="all, where none are named")
    chosen = arguments.parse_args()
    tables = tuple(chosen.tables)
    lake = make_lake(chosen.folder / "lake", tables)
    *first, last = months(chosen.versions + 1)
    for version in first:
        lake.publish(version, customers=chosen.customers)
    print("what              rows  seconds  MiB  differences")
    for what in ("first load", "up to date", "a new version"):
        if what == "a new version":
            lake.publish(last, customers=chosen.customers)
        rows, seconds, memory, different = in_process(chosen.folder / "lake", chosen.connection, tables)
        print(f"{what:<14} {rows:>10,} {seconds:>7.1f} {memory:>5.0f} {different}", flush=True)
        if what == "first load":
            print(f"bare COPY      {rows:>10,} {bare_copy(chosen.connection, tables):>7.1f}", flush=True)
    if chosen.publishes:
        small = make_lake(chosen.folder / "polled", POLLED_TABLES)
        print(dict(polls(small, chosen.connection, chosen.publishes)))


if __name__ == "__main__":
    main()
