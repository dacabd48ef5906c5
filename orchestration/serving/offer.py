"""What a target may have: its tables and columns."""

from dataclasses import replace

from orchestration.errors import SettingsError
from orchestration.serving.tables import VERSION, ServedTable, served_tables
from orchestration.settings.serving import TargetSettings


def offered_tables(name: str, target: TargetSettings) -> tuple[ServedTable, ...]:
    """Return the tables of a target, without the columns that it does not get.

    A table that loses a column of its grain no longer has a key, because its rows need not be unique.

    Raises:
        SettingsError: the settings name an unknown table or column, or leave nothing to serve.
    """
    known = served_tables()
    for table in target.tables or ():
        if table not in known:
            raise SettingsError(f"serving.{name}.tables: there is no table {table!r}. Tables: {', '.join(known)}.")
    left_out = {_known(name, entry, known) for entry in target.leave_out}
    for each in known.values():
        hidden = {column for of, column in left_out if of in ("*", each.name)}
        for column in each.columns:
            if column.name in hidden and column.name in (VERSION, each.part_by):
                raise SettingsError(
                    f"serving.{name}.leave_out: {each.name}.{column.name} cannot be left out: rows are served by it."
                )
    offered = tuple(
        _without(table, left_out)
        for table in known.values()
        if (target.tables is None or table.name in target.tables) and (table.name, "") not in left_out
    )
    if not offered:
        raise SettingsError(f"serving.{name}: no table is left to serve.")
    return offered


def _known(name: str, entry: str, known: dict[str, ServedTable]) -> tuple[str, str]:
    table, _, column = entry.partition(".")
    having = [each for each in known.values() if table in ("*", each.name)]
    if not having or (table == "*" and not column):
        raise SettingsError(f"serving.{name}.leave_out: there is no table {table!r}. Tables: {', '.join(known)}.")
    if column and not any(column == each.name for one in having for each in one.columns):
        raise SettingsError(f"serving.{name}.leave_out: there is no column {entry!r}.")
    return table, column


def _without(table: ServedTable, left_out: set[tuple[str, str]]) -> ServedTable:
    gone = {column for of, column in left_out if of in ("*", table.name) and column}
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name not in gone),
        grain=() if gone & set(table.grain) else table.grain,
        filters=tuple(column for column in table.filters if column not in gone),
    )
