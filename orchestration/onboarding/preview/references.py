"""References of the sample, looked up among all keys of the table they refer to, never among a sample of it.

Only the key column of the parent is read, and only the keys that the sample names are kept. Text files have to be
scanned for that, so beyond a number of bytes references are not looked up, and the report says so.
"""

from collections.abc import Mapping, Sequence

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.mapping.casting import typed
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.readers import ROW, is_parquet
from orchestration.lake.contract import Column, Table
from orchestration.onboarding.preview.findings import Rejected, TableCheck
from orchestration.onboarding.preview.value_hints import spelling_hint
from orchestration.settings import Settings

FILE, LINE = "_file", "_line"
_MOST_TEXT_BYTES = 2 * 1024**3


def look_up(
    connection: duckdb.DuckDBPyConnection,
    contract: Mapping[str, Table],
    settings: Settings,
    files: Mapping[str, Mapping[str, Sequence[SourceFile]]],
    checks: Mapping[str, TableCheck],
) -> None:
    """Find the rows of every sample that refer to nothing, and take them from the accepted ones.

    Args:
        connection: holds the accepted rows of each sample as ``raw.<table>``.
        contract: the tables, parents first.
        settings: the sources.
        files: by table, the files of the locations it reads.
        checks: what has been found so far; amended.
    """
    for parent in contract.values():
        children = [
            (checks[child.name], column)
            for child in contract.values()
            for column in child.columns
            if column.references and column.references.table == parent.name and checks[child.name].accepted
        ]
        if not children:
            continue
        check = checks[parent.name]
        if check.error or not check.is_mapped:
            _not_looked_up(children, f"{parent.name} cannot be read")
            continue
        if _text_bytes(settings, files[parent.name]) > _MOST_TEXT_BYTES:
            _not_looked_up(children, f"the files of {parent.name} are too large to scan in a check")
            continue
        try:
            keys = _known_keys(connection, parent, settings, files[parent.name], children)
        except SourceError as error:
            _not_looked_up(children, str(error))
            continue
        for child, column in children:
            # An example would show identifiers that are to be pseudonyms, which are alike or not.
            hint = "" if settings.pseudonyms else spelling_hint(connection, child.table, column, keys)
            child.warnings += [hint] if hint else []
            _reject_unknown(connection, child, column, keys)


def _known_keys(
    connection: duckdb.DuckDBPyConnection,
    parent: Table,
    settings: Settings,
    files: Mapping[str, Sequence[SourceFile]],
    children: Sequence[tuple[TableCheck, Column]],
) -> str:
    """Return a table of those keys of the parent's whole source that the samples refer to."""
    source = settings.sources[parent.name]
    wanted = " union ".join(f'select "{column.name}" as key from raw.{child.table}' for child, column in children)
    connection.execute(f"create or replace temp table _wanted as select key from ({wanted}) where key is not null")
    connection.execute("create or replace temp table _found (key varchar)")
    every: Sequence[SourceFile | None] = files.get(source.location or "") or [None]
    name = parent.key[0]
    for file in every:
        mapped = map_rows(connection, parent, source, settings, files, [file] if file else [])
        rows = typed(parent, mapped.sql, mapped.types, {}, mapped.conventions).sql
        with explained(f"sources.{parent.name}", file.path if file else None):
            connection.execute(
                f'insert into _found select distinct "{name}" from ({rows}) where "{name}" in (from _wanted)'
            )
    return "_found"


def _reject_unknown(connection: duckdb.DuckDBPyConnection, check: TableCheck, column: Column, keys: str) -> None:
    name = f'"{column.name}"'
    found = connection.execute(f"""
        select {FILE}, count(*), arg_min({name}, {ROW}), min({ROW}), min({LINE})
        from raw.{check.table} where {name} is not null and {name} not in (from {keys})
        group by {FILE} order by {FILE}
    """).fetchall()
    for file, rows, example, row, line in found:
        check.rejected.append(Rejected(column.name, "unknown_reference", rows, file, row, line, example))
    connection.execute(f"delete from raw.{check.table} where {name} is not null and {name} not in (from {keys})")
    check.accepted -= sum(rows for _, rows, *_ in found)


def _not_looked_up(children: Sequence[tuple[TableCheck, Column]], why: str) -> None:
    for check, column in children:
        check.warnings.append(f"{column.name} was not looked up: {why}.")


def _text_bytes(settings: Settings, files: Mapping[str, Sequence[SourceFile]]) -> int:
    return sum(
        file.size
        for name, found in files.items()
        for file in found
        if not is_parquet(file.path, settings.locations[name])
    )
