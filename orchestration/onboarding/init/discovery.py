"""What lies in a folder: files that belong together become one relation, with the options that read them."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.readers import describe, rows_sql
from orchestration.onboarding.init.csv_dialect import dialect
from orchestration.onboarding.init.vocabulary import words
from orchestration.onboarding.init.workbooks import is_workbook, sheet_options
from orchestration.onboarding.source_heads import head_of
from orchestration.settings import LocationSettings

_DATA = re.compile(r"\.(csv|tsv|txt|json|jsonl|ndjson|parquet|pq|xlsx|xlsm)(\.(gz|zst))?$", re.IGNORECASE)
# Digits with what may stand between them in a date or a serial number.
_NUMBERS = re.compile(r"\d+(?:[-_.T]?\d+)*")
_DATED = re.compile(r"(?<!\d)(19|20)\d{2}[-_.]?(0[1-9]|1[0-2])|year=\d{4}|month=\d")
_ALIKE = 0.6
_LOOKED_AT = 3
_MOST_FILES = 60
_MOST_BYTES = 1 << 30
_SAMPLE_ROWS = 3_000


@dataclass
class Relation:
    """Rows of one kind: the files of a location, or a table of a database.

    ``rows`` is a query of a sample, ``whole`` of everything; ``origin`` is what a person calls it.
    """

    name: str
    origin: str
    rows: str
    whole: Callable[[], str]
    location: str
    settings: dict[str, Any]
    files: int = 0
    is_dated: bool = False
    table: str | None = None
    other_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, from the most telling name on."""
        return (self.name, *self.other_names)


def relations_in_folder(
    connection: duckdb.DuckDBPyConnection, folder: Path, base: Path, temporary: Path
) -> tuple[list[Relation], list[str]]:
    """Group the data files below a folder; what cannot be read comes back as sentences.

    Args:
        connection: where the files are sniffed.
        folder: the folder to look in.
        base: the folder of the settings file, that paths are written from where it holds them.
        temporary: an empty folder for the heads of large files.

    Raises:
        SourceError: there is no data file, or none can be read.
    """
    paths = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and _DATA.search(path.name) and not any(part[0] in "._" for part in path.parts[-1:])
    )
    if not paths:
        kinds = (
            "CSV (.csv .tsv .txt), JSON (.json .jsonl .ndjson), Parquet (.parquet), also .gz and .zst, or Excel (.xlsx)"
        )
        raise SourceError(f"{folder} has no data files. 'segmentation init' looks for {kinds}, in its folders too.")
    relations: list[Relation] = []
    unread: list[str] = []
    for group in _groups(paths):
        try:
            relations += _relations(
                connection, folder, base, temporary, group, paths, {each.location for each in relations}
            )
        except (SourceError, duckdb.Error, OSError, ValueError) as error:
            reason = " ".join(str(error).replace(str(folder) + "/", "").split("\n")[0].split())
            unread.append(f"{group[0]}: {reason}")
    if not relations:
        raise SourceError(f"None of the {len(paths)} files in {folder} can be read as a table. {' '.join(unread[:3])}")
    return relations, unread


def location_name(text: str, taken: set[str]) -> str:
    """Return a name that the user's SQL can use for a location, unlike those taken."""
    name = "_".join(word for word in words(text) if not word.isdigit()) or "files"
    serial = 2
    unique = name
    while unique in taken:
        unique, serial = f"{name}_{serial}", serial + 1
    return unique


def _groups(paths: Sequence[str]) -> list[list[str]]:
    by_pattern: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_pattern[_pattern(path, "*")].append(path)
    return list(by_pattern.values())


def _pattern(path: str, wildcard: str) -> str:
    ending = _DATA.search(path)
    assert ending is not None
    return _NUMBERS.sub(wildcard, path[: ending.start()]) + ending.group()


def _relations(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    base: Path,
    temporary: Path,
    group: Sequence[str],
    paths: Sequence[str],
    taken: set[str],
) -> list[Relation]:
    """Return a relation for each kind of file among files of like names, and for each sheet: usually one."""
    first = folder / group[0]
    if not is_workbook(first):
        return _laid_out(connection, folder, base, temporary, group, paths, taken, dialect(connection, first), None)
    found: list[Relation] = []
    sheets = sheet_options(first)
    for sheet, options in sheets.items():
        found += _laid_out(
            connection, folder, base, temporary, group, paths, taken | {each.location for each in found},
            {"options": dict(options)} if options else {}, sheet if len(sheets) > 1 else None,
        )  # fmt: skip
    return found


def _laid_out(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    base: Path,
    temporary: Path,
    group: Sequence[str],
    paths: Sequence[str],
    taken: set[str],
    options: dict[str, Any],
    sheet: str | None,
) -> list[Relation]:
    """Return the relations of files read with ``options``; of a workbook with several sheets, of one sheet."""
    location = LocationSettings(files=[str(folder / group[0])], **options)
    dated = bool(_DATED.search(group[0]))
    looked_at = group if len(group) <= 24 and not dated else [group[0], group[len(group) // 2], group[-1]]
    kinds: list[tuple[set[str], list[str]]] = []
    for path in dict.fromkeys(looked_at):
        columns = set(describe(connection, rows_sql(connection, [_head(folder / path, location, temporary)], location)))
        same = next((members for known, members in kinds if _jaccard(known, columns) >= _ALIKE), None)
        if same is None:
            kinds.append((columns, [path]))
        else:
            same.append(path)
    if len(kinds) == 1:
        kinds = [(kinds[0][0], list(group))]
    found: list[Relation] = []
    for _, members in kinds:
        stem = Path(members[0]).name.split(".")[0]
        parent = Path(members[0]).parent.name
        telling = sheet or _telling(stem, parent, alone=len(kinds) == 1)
        # Only names that say nothing borrow the folder's: data.csv, part-0.parquet.
        name = location_name(telling, taken | {each.location for each in found})
        chosen = [members[at] for at in sorted({0, len(members) // 2, len(members) - 1})][:_LOOKED_AT]
        more = f" and {len(members) - 1:,} more" if len(members) > 1 else ""
        found.append(
            Relation(
                name=telling,
                origin=members[0] + more + (f", sheet {sheet}" if sheet else ""),
                rows=_sampled(connection, [_head(folder / path, location, temporary) for path in chosen], location),
                whole=_whole(connection, [folder / path for path in members], location),
                location=name,
                settings={"files": _written(folder, base, members, paths)} | options,
                files=len(members),
                is_dated=dated,
                other_names=tuple(filter(None, (stem if sheet else "", parent, folder.name if parent == "" else ""))),
            )
        )
    return found


def _telling(stem: str, parent: str, *, alone: bool) -> str:
    plain = [word for word in words(stem) if not word.isdigit()]
    if set(plain) <= {"data", "part", "export", "file", "extract", "page", "dump"}:
        return parent or stem
    return " ".join(plain) if alone else stem


def _sampled(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], location: LocationSettings) -> str:
    """Return a query of the first rows of each file."""
    limit = -(-_SAMPLE_ROWS // len(paths))
    each = [f"(select * from ({rows_sql(connection, [path], location)}) limit {limit})" for path in paths]
    return " union all by name ".join(each)


def _written(folder: Path, base: Path, members: Sequence[str], paths: Sequence[str]) -> str | list[str]:
    """Return the members as one glob if it takes in no other file, else as a list."""
    prefix = folder.relative_to(base).as_posix() if folder.is_relative_to(base) else folder.as_posix()
    prefix = "" if prefix == "." else f"{prefix}/"
    # One file with a date in its name is the first of many.
    if len(members) == 1 and not _DATED.search(members[0]):
        return prefix + members[0]
    for wildcard in ("*", "[0-9]*"):
        pattern = _pattern(members[0], wildcard)
        if {path for path in paths if _matches(path, pattern)} == set(members):
            return prefix + pattern
    return [prefix + path for path in members]


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch, parts, patterns))


def _head(path: Path, location: LocationSettings, temporary: Path) -> str:
    return head_of(SourceFile(str(path), path.stat().st_size, 0), location, temporary, _SAMPLE_ROWS).path


def _whole(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], location: LocationSettings
) -> Callable[[], str]:
    """Return what gives a query of the latest files, up to a size that is scanned in seconds."""
    chosen: list[str] = []
    size = 0
    for path in reversed(paths):
        size += path.stat().st_size
        if chosen and (size > _MOST_BYTES or len(chosen) == _MOST_FILES):
            break
        chosen.append(str(path))
    return lambda: rows_sql(connection, chosen, location)


def _jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / max(1, len(left | right))
