"""How DuckDB reads JSON: text stays text, and an invalid line costs only itself, not the whole file.

DuckDB takes text that looks like a time for one and drops its offset, and rounds long whole numbers, so it is given the
columns once their structure is known (``json_types``). In JSON lines, broken lines are set aside, and lines that repeat
a name in one object, whose meaning is ambiguous; an array that is cut off has no good lines to keep.
"""

from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.reading.csv_files import rejects_of
from orchestration.ingest.reading.json_types import told_types
from orchestration.ingest.reading.text_files import TextFile, prepared, scratch_file, too_many_bad_lines, write_lines
from orchestration.ingest.sql_text import rendered, sql_name, sql_text, without_patterns
from orchestration.settings import LocationSettings

_FORMATS = {"json lines": "newline_delimited", "json array": "array", "json values": "unstructured"}
# Columns of a file whose records are not objects, or that has none.
_NO_OBJECTS = ["json"]
# A character that JSON never allows unescaped.
_NO_DELIMITER = "\x02"
# A good line becomes two empty columns, so DuckDB rejects only bad ones, which are one column.
_BAD_LINE = f"case when is_good or line is null then '{_NO_DELIMITER}' else line end"
_LONGEST = 1 << 24
_AS_LINES = f"auto_detect = false, header = false, delim = '{_NO_DELIMITER}', quote = '', escape = ''"
_READ_LINES = f"columns = {{'line': 'VARCHAR'}}, {_AS_LINES}, max_line_size = {_LONGEST}"
# Only lines with nested objects are walked through: the outermost names are cheaper to check.
_REPEATS_NAME = """(
    len(json_keys({0})) > list_unique(json_keys({0})) or (
        select coalesce(max(times) > 1, false) from (
            select count(*) as times
            from json_tree(case when contains(substr(ltrim({0}), 2), '{{') then cast({0} as json) end)
            where key is not null group by parent, key
        )
    )
)"""


def json_rows(connection: duckdb.DuckDBPyConnection, path: str, location: LocationSettings) -> str:
    """Return the table function, or the query in parentheses, that reads a file.

    Raises:
        SourceError: the file is damaged: not JSON at all, or an incomplete array.
    """
    file = prepared(path, location, "json")
    if "ignore_errors" in location.options:
        raise SourceError(
            f"{path}: options.ignore_errors would silently lose rows. Leave it out: bad lines"
            f" go to quarantine, each with its line."
        )
    options = {name: value for name, value in location.options.items() if name != "encoding"}
    options = {"sample_size": -1, "union_by_name": True, "format": _FORMATS[file.form]} | options
    if file.path != path:
        options["compression"] = "uncompressed"
    is_lines = file.form == "json lines"
    if file.is_empty or (is_lines and file.records.count == 0):
        return _no_rows(location)
    types, error = _types(connection, file.path, options)
    if is_lines and (error or list(types) == _NO_OBJECTS or _repeats_names(connection, file.path)):
        return _good_lines(connection, path, file, location, options)
    is_cut = file.head.lstrip()[:1] == "[" and file.last != "]" and not is_lines
    if error or is_cut:
        found = first_line(error) if error else "The array it begins does not end."
        raise SourceError(
            f"{path} is not JSON, or is incomplete: {found} Nothing of it was loaded; deliver it again. (Of JSON lines,"
            " one object per line in a file named .jsonl, only the broken lines would be lost.)"
        ) from error
    return _reader(connection, file.path, location, types, options)


def _types(
    connection: duckdb.DuckDBPyConnection, path: str, options: dict[str, Any]
) -> tuple[dict[str, DuckDBPyType], duckdb.Error | None]:
    # On a cursor of its own, because an error would end the caller's transaction.
    probe = connection.cursor()
    try:
        relation = probe.sql(f"from read_json([{sql_text(without_patterns(path))}]{rendered(options)})")
        return dict(zip(relation.columns, relation.types, strict=True)), None
    except duckdb.InvalidInputException as error:
        return {}, error
    finally:
        probe.close()


def _reader(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    location: LocationSettings,
    types: dict[str, DuckDBPyType],
    options: dict[str, Any],
) -> str:
    columns = location.columns
    if not columns and "columns" not in options and list(types) != _NO_OBJECTS:
        columns = told_types(connection, path, types, options)
    given = {"columns": columns} if columns and "columns" not in options else {}
    return f"read_json([{sql_text(without_patterns(path))}]{rendered(given | options)})"


def _no_rows(location: LocationSettings) -> str:
    columns = location.columns or {"json": "JSON"}
    return (
        "(select "
        + ", ".join(f"cast(null as {kind}) as {sql_name(name)}" for name, kind in columns.items())
        + " where false)"
    )


def _repeats_names(connection: duckdb.DuckDBPyConnection, path: str) -> bool:
    """Whether a line repeats a name in one object, for which DuckDB would refuse the whole file."""
    probe = connection.cursor()
    lines = f"read_csv([{sql_text(without_patterns(path))}], {_READ_LINES})"
    try:
        return bool(probe.execute(f"select 1 from {lines} where {_REPEATS_NAME.format('line')} limit 1").fetchall())
    except duckdb.Error:
        # Some lines are not even text: they are then separated one by one.
        return True
    finally:
        probe.close()


def _good_lines(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    file: TextFile,
    location: LocationSettings,
    options: dict[str, Any],
) -> str:
    """Split the lines into two files, and read the bad ones so that DuckDB rejects each under its line number.

    Both files have every line, left empty where the line belongs to the other file, so that lines keep their numbers.
    """
    lines, good, bad = (scratch_file(f"{kind} lines of {file.path}") for kind in ("all", "good", "bad"))
    write_lines(file, path, location, lines)
    told_apart = f"""
        select line, is_object and not coalesce({_REPEATS_NAME.format("object")}, false) as is_good
        from (
            select case when trim(text, e' \\t\\r') <> '' then text end as line,
                coalesce(json_valid(line) and ltrim(line)[1] = '{{', false) as is_object,
                case when is_object then line end as object
            from (select line as text from read_csv([{sql_text(str(lines))}], {_READ_LINES}))
        )
    """
    # Counted before any is kept: a file that is something else entirely would fill the disk.
    some_bad = f"select 1 from ({told_apart}) where not is_good and line is not null limit {file.most_faults + 1}"
    ((bad_lines,),) = connection.execute(f"select count(*) from ({some_bad})").fetchall()
    if bad_lines > file.most_faults:
        raise too_many_bad_lines(path)
    connection.execute(f"create or replace temp table _json_lines as {told_apart}")
    for target, line in ((good, "case when is_good then line end"), (bad, _BAD_LINE)):
        connection.execute(
            f"copy (select {line} from _json_lines) to {sql_text(str(target))} "
            f"(format csv, header false, delimiter '{_NO_DELIMITER}', quote '', escape '')"
        )
    connection.execute("drop table _json_lines")
    lines.unlink()
    told = {"format": "newline_delimited", "ignore_errors": True, "compression": "uncompressed"}
    types, error = _types(connection, str(good), options | told)
    if error:
        raise SourceError(f"{path}: {first_line(error)}") from error
    rows = (
        _no_rows(location)
        if list(types) == _NO_OBJECTS
        else _reader(connection, str(good), location, types, options | told)
    )
    rejects = rendered(rejects_of(file.most_faults)).removeprefix(", ")
    return f"""(
        select * from {rows}
        union all by name
        select null as {sql_name((list(location.columns) or list(types))[0])}
        from read_csv([{sql_text(str(bad))}], columns = {{'one': 'VARCHAR', 'two': 'VARCHAR'}}, {_AS_LINES}, {rejects},
            max_line_size = {_LONGEST})
        where two is not null
    )"""
