"""A source's columns compared with its earlier ones: new ones are reported, changed kinds of required ones refused."""

import re
from collections.abc import Mapping, Sequence

from orchestration.errors import SourceError
from orchestration.lake.contract import Table
from orchestration.settings import SourceSettings

_KINDS = {
    "nested": r".*\[\d*\]|(STRUCT|MAP|UNION)\(.*",
    "number": r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*|FLOAT|DOUBLE",
    "text": r"VARCHAR|UUID|ENUM\(.*",
    "time": r"DATE|TIME.*|INTERVAL",
    "boolean": r"BOOLEAN",
}


def new_columns(source_columns: Mapping[str, str], before: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that a source did not have before."""
    return tuple(name for name in source_columns if name not in before)


def require_kinds(
    table: Table,
    source: SourceSettings,
    source_columns: Mapping[str, str],
    before: Mapping[str, str],
    place: str,
    form: str | None,
) -> None:
    """Refuse a source if a column used for a required one has become another kind of value.

    Args:
        table: the table the rows are for.
        source: which columns its columns are made of.
        source_columns: the type of each column of the source.
        before: its types at the last load.
        place: the file or table, as the user knows it.
        form: the files' format, None for databases. CSV has only text, and JSON no times: a value that looks like a
            time today may be followed by one that does not.

    Raises:
        SourceError: names the column, both types, and how to accept the new one.
    """
    if form == "csv":
        return
    for name, data_type in source_columns.items():
        was, now = _kind(before.get(name), form), _kind(data_type, form)
        if was is None or now is None or was == now:
            continue
        required = _required_of(table, source, name)
        if required:
            raise SourceError(
                f"{place}: column {name!r} has become {now} ({data_type}); it was {was} ({before[name]}) at the last "
                f"load, and {', '.join(required)} is made of it. If that is right, accept it by saying how it is read, "
                f"for example sources.{table.name}.columns.{required[0]}: cast({name} as "
                f"{table.column(required[0]).data_type}); all is read again with it then."
            )


def _kind(data_type: str | None, form: str | None) -> str | None:
    kind = next((kind for kind, pattern in _KINDS.items() if re.fullmatch(pattern, data_type or "", re.DOTALL)), None)
    return "text" if form == "json" and kind == "time" else kind


def _required_of(table: Table, source: SourceSettings, name: str) -> Sequence[str]:
    """Return the required columns that use a column of the source."""
    return [
        column.name
        for column in table.columns
        if column.is_required
        and re.search(rf"\b{re.escape(name)}\b", source.columns.get(column.name, column.name), re.IGNORECASE)
    ]
