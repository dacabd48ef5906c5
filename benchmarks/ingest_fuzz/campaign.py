"""The campaign: inputs are judged as ingestion judges them, and each is held against an independent count."""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import duckdb

from benchmarks.ingest_fuzz.inputs import FileInput, a_file, a_mapping
from benchmarks.ingest_fuzz.reader import UnreadableError, records_of
from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch
from orchestration.ingest.mapping.completeness import lines_of, rows_lost
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.reading.files import list_files
from orchestration.ingest.reading.text_files import scratch_folder
from orchestration.lake.contract import Table, load_contract
from orchestration.lake.sql_guard import Allowed, RefusedSqlError, require_query
from orchestration.lake.warehouse import lock_down
from orchestration.settings import Settings

# Of every ten inputs.
_KINDS = ("csv", "mapping", "jsonl", "parquet", "xlsx", "csv", "json", "mapping", "parquet", "mapping")
# Of so many files one is judged row by row; of the others the rows are read and counted.
_JUDGED_OF = 4
_TOLD_EVERY = 1_000
_CONTRACT = load_contract()


@dataclass
class Results:
    """Inputs by kind and their outcome; ``failures`` are those that must not be, with the input."""

    inputs: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_mib: int = 0


def run(inputs: int, seed: int, folder: Path, tell: Callable[[str], None] = lambda _: None) -> Results:
    """Run a campaign.

    Args:
        inputs: how many.
        seed: the same one gives the same inputs.
        folder: an empty folder for files.
        tell: called with a sentence now and then.
    """
    random, results, started, told = Random(seed), Results(), time.perf_counter(), 0
    with _locked(folder) as connection:
        for number in range(inputs):
            kind = _KINDS[number % len(_KINDS)]
            try:
                if kind == "mapping":
                    _try_mapping(connection, folder, a_mapping(random), results)
                else:
                    _try_file(connection, folder, a_file(random, kind), results)
            except Exception as error:
                results.failures.append(f"{kind}: {type(error).__name__}: {error}")
            for failure in results.failures[told:]:
                tell(f"input {number}: {failure}")
            told = len(results.failures)
            if (number + 1) % _TOLD_EVERY == 0:
                tell(f"{number + 1:,} inputs, {told} failures")
    results.seconds = time.perf_counter() - started
    results.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return results


@contextmanager
def _locked(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection that reaches the folder alone, with a file beside it that no mapping may read."""
    (folder / "in").mkdir()
    (folder / "tripwire.csv").write_text("contract_id\nTRIPWIRE\n")
    with duckdb.connect(config={"threads": "1"}) as connection:
        lock_down(connection, [f"{folder}/in/", f"{scratch_folder()}/"])
        connection.execute("create temp table files as select 'K1' as contract_id, 1 as bytes_down")
        yield connection


def _try_file(connection: duckdb.DuckDBPyConnection, folder: Path, file: FileInput, results: Results) -> None:
    path = folder / "in" / file.name
    path.write_bytes(file.content)
    kind = file.name.partition(".")[2]
    connection.execute("begin")
    try:
        judged = _judged if results.inputs.total() % _JUDGED_OF == 0 else _read
        read, accepted, rejected = judged(connection, path)
    except SourceError as error:
        results.inputs[kind, "refused in words"] += 1
        if not 20 < len(str(error)) < 2000:
            results.failures.append(f"{file}: {error}")
        return
    finally:
        connection.execute("rollback")
        path.unlink()
    results.inputs[kind, "read"] += 1
    results.records["accepted" if judged is _judged else "read as rows"] += accepted
    results.records["quarantined or known" if judged is _judged else "set aside as lines"] += rejected
    try:
        there = records_of(file)
    except UnreadableError:
        results.inputs[kind, "read, and unreadable to the independent reader"] += 1
        there = read
    if not read == accepted + rejected == there:
        results.failures.append(f"{file}: {there} records, {read} read, {accepted} accepted, {rejected} rejected")


def _judged(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int, int]:
    """Return the rows that a load would count as read, those accepted, and those rejected or known."""
    table, mapped = _mapped(connection, path)
    with explained(f"sources.{table.name}", str(path)):
        query, seen = batch.prepare(connection, table, mapped, {})
        lines = lines_of(connection, mapped.texts)
        lost = rows_lost(connection, mapped.texts, seen.rows, lines.unparsable)
        batch.reject(connection, table, query, seen, lines.bad)
        accepted = connection.execute(f"select contract_id from {batch.GOOD}").fetchall()
        ((rejected,),) = connection.execute(f"select count(*) from {batch.REJECTED}").fetchall()
    for (value,) in accepted:
        assert value == value.strip()
        assert value.isprintable()
    return seen.rows + lines.count + lost, len(accepted), rejected


def _read(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int, int]:
    """Return the rows that a load would count as read, those that the file gave, and the lines that are none."""
    table, mapped = _mapped(connection, path)
    with explained(f"sources.{table.name}", str(path)):
        # Every value is looked at, as a value that cannot be decoded costs its row.
        given = connection.execute(f"select count(*), bit_xor(hash(t)) from ({mapped.sql}) as t").fetchall()[0][0]
        lines = lines_of(connection, mapped.texts)
        lost = rows_lost(connection, mapped.texts, given, lines.unparsable)
    return given + lines.count + lost, given, lines.count


def _mapped(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[Table, Mapped]:
    """Map a file to the table of its name."""
    settings, table = _settings(path), _CONTRACT[path.name.partition(".")[0]]
    files = {"all": list_files(settings.locations["all"])}
    return table, map_rows(connection, table, settings.sources[table.name], settings, files, files["all"])


@cache
def _settings(path: Path) -> Settings:
    return Settings.model_validate(
        {"locations": {"all": {"files": str(path)}}, "sources": {path.name.partition(".")[0]: {"location": "all"}}}
    )


def _try_mapping(connection: duckdb.DuckDBPyConnection, folder: Path, text: str, results: Results) -> None:
    out = folder / "in" / "out"
    text = text.replace("{tripwire}", str(folder / "tripwire.csv")).replace("{out}", str(out))
    allowed = Allowed(lambda catalog, schema, table: (catalog, schema, table) == ("", "", "files"))
    try:
        require_query(text, allowed)
    except RefusedSqlError:
        results.inputs["mapping", "refused in words"] += 1
    else:
        try:
            rows = connection.execute(text).fetchmany(1000)
            results.inputs["mapping", "read"] += 1
        except duckdb.Error as error:
            if "disabled by configuration" in str(error):
                results.failures.append(f"let through, and only the connection refused it: {text}")
            results.inputs["mapping", "let through, fails in DuckDB"] += 1
            rows = []
        if "TRIPWIRE" in str(rows):
            results.failures.append(f"read the file beside: {text}")
    if out.exists():
        out.unlink()
        results.failures.append(f"wrote a file: {text}")
