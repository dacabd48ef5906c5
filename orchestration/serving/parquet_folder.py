"""A folder of Parquet files as a target, local or on an object store.

    version_id=2025-12-31.1/customer_segment_history.4f0c….parquet   one folder per version, one file per table
    current/customer_segments.91ab….parquet                          tables of the latest version only
    manifests/7b1e….json                                             the files that make up one state
    current.json                                                     names the manifest in force

Files are never overwritten. A state becomes current when one small file is replaced. Files of the previous state stay
until the next publish, for readers who still use them.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock
from pyarrow import fs

from orchestration.ingest.reading.object_store import file_system
from orchestration.ingest.sql_text import sql_text
from orchestration.lake.warehouse import transaction
from orchestration.serving.contents import Contents, Part, Stamp
from orchestration.serving.tables import CURRENT, OPEN, REGISTRY, VERSION
from orchestration.serving.target import Served, explained, served, sync
from orchestration.settings.serving import ParquetTarget

_POINTER = "current.json"
_MANIFESTS = "manifests"
# Null in the name of a folder, by the convention of Hive.
_NULL = "__HIVE_DEFAULT_PARTITION__"


class ParquetFolder:
    """One folder of Parquet files."""

    def __init__(self, name: str, settings: ParquetTarget) -> None:
        self.name, self.path = name, settings.path
        self._is_remote = "://" in settings.path
        self._root = settings.path.partition("://")[2] if self._is_remote else settings.path
        self._files = file_system(settings.object_store) if self._is_remote else fs.LocalFileSystem()

    @property
    def place(self) -> str:
        """Where the target is, for messages."""
        return self.path

    def update(self, connection: duckdb.DuckDBPyConnection, contents: Contents) -> Served:
        """Write the files that are missing, then point to the new state.

        Raises:
            ServingError: the folder cannot be written; the state in force is unchanged.
        """
        with self._explained(), self._alone():
            before = self._manifest()
            present = self._present()
            held = {
                _part(entry): Stamp(entry["rows"], entry["fingerprint"])
                for entry in before.get("parts", [])
                if entry["file"] in present
            }
            with transaction(connection):
                contents.read()
                moves = contents.moves(held)
                entries = {_part(entry): entry for entry in before.get("parts", []) if _part(entry) not in moves.delete}
                for part in moves.write:
                    entries[part] = self._write(connection, contents, part)
            if moves.delete or moves.write or not before:
                self._publish([entries[part] for part in sorted(entries)], contents)
                self._forget(entries.values(), before)
        return served(self.place, moves, contents)

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str, Callable[[str], str]], list[Any]]]:
        """Open the state in force for reading.

        Raises:
            ServingError: there is none, or one of its files is missing.
        """
        with self._explained(), tempfile.TemporaryDirectory() as name:
            manifest = self._manifest()

            def read(table: str, query: Callable[[str], str]) -> list[Any]:
                files = [entry["file"] for entry in manifest.get("parts", []) if entry["table"] == table]
                if not files:
                    return []
                local = [self._fetched(file, Path(name)) for file in files]
                found = f"read_parquet([{', '.join(map(sql_text, local))}], hive_partitioning = false)"
                return connection.execute(query(found)).fetchall()

            yield read

    def _fetched(self, file: str, folder: Path) -> str:
        """Return a local path of a file; objects are downloaded first."""
        if not self._is_remote:
            return f"{self._root}/{file}"
        local = folder / hashlib.sha256(file.encode()).hexdigest()
        fs.copy_files(f"{self._root}/{file}", str(local), source_filesystem=self._files)
        return str(local)

    def _write(self, connection: duckdb.DuckDBPyConnection, contents: Contents, part: Part) -> dict[str, Any]:
        """Write the rows of a part to a file named after its stamp."""
        table, stamp = contents.tables[part.table], contents.stamps[part]
        folder = f"{table.part_by}={_NULL if part.key == OPEN else part.key}" if table.part_by else CURRENT
        file = f"{folder}/{part.table}.{stamp.fingerprint}.parquet"
        rows = contents.rows_sql(table, [part.key])
        with self._aside() as aside:
            connection.execute(f"copy ({rows}) to {sql_text(str(aside))} (format parquet, compression zstd)")
            self._put(aside, file)
        return {
            "table": part.table,
            VERSION: part.key,
            "rows": stamp.rows,
            "fingerprint": stamp.fingerprint,
            "file": file,
        }

    def _publish(self, entries: list[dict[str, Any]], contents: Contents) -> None:
        manifest = {
            "tables": {
                table.name: {
                    "description": table.description,
                    "grain": list(table.grain),
                    "columns": {
                        column.name: {"type": column.sql_type, "description": column.description}
                        for column in table.columns
                    },
                }
                for table in contents.tables.values()
            },
            "parts": entries,
        }
        text = json.dumps(manifest, indent=1)
        name = f"{_MANIFESTS}/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        # The registry also lists withdrawn versions, which have no other tables.
        of_versions = [e for e in entries if e["table"] != REGISTRY and e["file"].startswith(f"{VERSION}=")]
        versions = sorted({entry[VERSION] for entry in of_versions})
        self._put_text(text, name)
        pointer = {"manifest": name, "versions": versions, "served_at": datetime.now(UTC).isoformat(timespec="seconds")}
        self._put_text(json.dumps(pointer, indent=1), _POINTER)

    def _forget(self, entries: Any, before: Mapping[str, Any]) -> None:
        """Delete the files of states before the previous one, and what killed publishes left."""
        kept = {entry["file"] for entry in (*entries, *before.get("parts", []))}
        kept |= {_POINTER, self._pointer()["manifest"], before.get("name", "")}
        for file in self._present() - kept:
            self._files.delete_file(f"{self._root}/{file}")

    def _present(self) -> set[str]:
        """Return the Parquet and JSON files of the folder, as the manifest names them."""
        found = self._files.get_file_info(fs.FileSelector(self._root, allow_not_found=True, recursive=True))
        names = {each.path.removeprefix(f"{self._root}/") for each in found if each.type == fs.FileType.File}
        return {name for name in names if name.endswith((".parquet", ".json"))}

    def _manifest(self) -> dict[str, Any]:
        """Return the manifest in force with its name; empty if there is none yet."""
        pointer = self._pointer()
        if not pointer:
            return {}
        return {"name": pointer["manifest"], **self._read_json(pointer["manifest"])}

    def _pointer(self) -> dict[str, Any]:
        if self._files.get_file_info(f"{self._root}/{_POINTER}").type == fs.FileType.NotFound:
            return {}
        return self._read_json(_POINTER)

    def _read_json(self, name: str) -> dict[str, Any]:
        with self._files.open_input_stream(f"{self._root}/{name}") as stream:
            document: dict[str, Any] = json.loads(stream.read())
        return document

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """Yield the path of a temporary file, in the same file system so that it can be renamed into place."""
        parent = None if self._is_remote else Path(self._root)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=parent) as name:
            yield Path(name) / "file"

    def _put(self, aside: Path, name: str) -> None:
        """Move a finished file to its place."""
        place = f"{self._root}/{name}"
        if self._is_remote:
            fs.copy_files(str(aside), place, destination_filesystem=self._files)
        else:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            sync(aside)
            aside.replace(place)

    def _put_text(self, text: str, name: str) -> None:
        with self._aside() as aside:
            aside.write_text(text, encoding="utf-8")
            self._put(aside, name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one publish write at a time; for object stores, the lock of the lake's writers must suffice."""
        if self._is_remote:
            yield
            return
        Path(self._root).mkdir(parents=True, exist_ok=True)
        with FileLock(Path(self._root) / ".lock"):
            for left in Path(self._root).glob(".new-*"):
                with suppress(OSError):
                    for file in left.iterdir():
                        file.unlink()
                    left.rmdir()
            yield

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.place, self.name, duckdb.Error, OSError, pa.ArrowException, KeyError, ValueError)


def _part(entry: Mapping[str, Any]) -> Part:
    return Part(entry["table"], entry[VERSION])
