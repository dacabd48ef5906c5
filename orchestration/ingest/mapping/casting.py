"""Values checked against the contract: typed by ``try_cast``, and the first problem of each row named.

Text is trimmed of spaces, tabs and line ends, and blank text is missing; control characters are not part of any value
(``control_characters``). A number with a fraction is not an integer, and an infinite one is not a number; a time with
an offset becomes the operator's local time. The location's conventions say how text is written. A value that does not
fit is never altered until it does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.ingest.mapping.control_characters import REASON as CONTROL_CHARACTER
from orchestration.ingest.mapping.control_characters import has_control, readable, without_control
from orchestration.ingest.mapping.conventions import AS_USUAL, Conventions
from orchestration.ingest.mapping.identifiers import REASON as ROUNDED
from orchestration.ingest.mapping.identifiers import identifier, is_rounded
from orchestration.ingest.mapping.texts import BLANKS, as_text
from orchestration.ingest.reading.readers import ROW
from orchestration.lake.contract import EXCHANGE_RATES, Column, Table

_INTEGERS = {"integer", "bigint"}
_INTEGER_SOURCES = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}
# An earlier date is a year written with two digits, or a system's placeholder for no date.
_FIRST_DATE = "1000-01-01"
# Years with five digits are typing errors too, and infinite times are not times.
_AFTER_LAST_DATE = "10000-01-01"


@dataclass(frozen=True)
class Problem:
    """Why a row is rejected: the column, and the reason as recorded in quarantine."""

    column: str
    reason: str


@dataclass(frozen=True)
class TypedQuery:
    """A query that returns the contract's columns, ``_row``, ``_problem`` (a position in ``problems``, from 1),
    ``_value`` and ``_row_json`` (of a rejected row, as mapped).
    """

    sql: str
    problems: tuple[Problem, ...]


def typed(
    table: Table,
    mapped: str,
    types: Mapping[str, str],
    parents: Mapping[str, str],
    conventions: Conventions = AS_USUAL,
    also: Sequence[str] = (),
) -> TypedQuery:
    """Type and check the rows of ``mapped``, a query that returns ``_row`` and the columns in ``types`` by name.

    Args:
        table: what the rows must be.
        mapped: SQL of the rows; a contract column that it does not return is null.
        types: DuckDB's type of each column that it returns.
        parents: by table name, the relation in which references are looked up; others are not checked. Under
            ``exchange_rates``, the spans of days on which each currency can be converted (``mapping.currency``).
        conventions: how values are written as text.
        also: further columns of ``mapped`` to pass through.
    """
    given = [column for column in table.columns if column.name in types]
    raw = {column.name: f'"raw_{column.name}"' for column in given}
    renamed = ", ".join(f'"{name}" as {alias}' for name, alias in raw.items())
    casts = {
        column.name: identifier(column, raw[column.name], types[column.name], conventions.null_references)
        if column.is_identifier
        else _cast(raw[column.name], types[column.name], column.data_type, conventions)
        for column in given
    }
    casts |= {column.name: without_control(casts[column.name]) for column in given if column.free_text}
    casts |= {column.name: f"upper({casts[column.name]})" for column in given if column.upper_case}
    columns = ", ".join(f'{_or_default(table, column, casts)} as "{column.name}"' for column in table.columns)

    # Checks that depend on another column come last, so that an error in that column is reported as such.
    conditions = sorted(
        (
            (_depends_on_another(column), column.name, reason, condition)
            for column in table.columns
            for reason, condition in _conditions(
                column, raw.get(column.name), types.get(column.name, ""), parents, conventions
            )
        ),
        key=lambda found: found[0],
    )
    problems = tuple(Problem(name, reason) for _, name, reason, _ in conditions)
    whens = [f"when {condition} then {number}" for number, (*_, condition) in enumerate(conditions, 1)]
    values = "".join(
        f" when {number} then {readable(f'cast({raw[problem.column]} as varchar)')}"
        for number, problem in enumerate(problems, 1)
        if problem.column in raw
    )
    row_json = ", ".join(f"'{name}': {alias}" for name, alias in raw.items())
    names = ", ".join(f'"{name}"' for name in table.column_names)
    kept = ", ".join((ROW, *also))
    return TypedQuery(
        f"""
        select {names}, {kept}, _problem, case _problem{values or " when 0 then null"} end as _value,
            case when _problem is not null then cast(to_json({{{row_json}}}) as varchar) end as _row_json
        from (
            select *, cast(case {" ".join(whens)} end as utinyint) as _problem
            from (select *, {columns} from (select {renamed}, {kept} from ({mapped}))) as typed_row
        ) as judged_row
        """,
        problems,
    )


def _depends_on_another(column: Column) -> bool:
    return column.default is not None or bool(column.minimum_when) or bool(column.currency_of_date)


def _or_default(table: Table, column: Column, casts: Mapping[str, str]) -> str:
    """Return SQL of the column's value; if missing, that of its default column, which may have a default itself."""
    value = casts.get(column.name)
    if column.default is None:
        return value or f"cast(null as {column.data_type})"
    default = f"cast({_or_default(table, table.column(column.default), casts)} as {column.data_type})"
    return f"coalesce({value}, {default})" if value else default


def _conditions(
    column: Column, raw: str | None, source_type: str, parents: Mapping[str, str], conventions: Conventions
) -> list[tuple[str, str]]:
    """Return the reasons for which a value of the column can be rejected, each with its SQL condition, in order."""
    name = f'typed_row."{column.name}"'
    found: list[tuple[str, str]] = []
    if raw is not None:
        present = f"nullif(trim({raw}, {BLANKS}), '') is not null" if source_type == "VARCHAR" else f"{raw} is not null"
        if column.data_type != "varchar":
            cast = _cast(raw, source_type, column.data_type, conventions)
            found.append(("wrong_type", f"{cast} is null and {present}"))
    if column.is_required:
        found.append(("missing_required", f"{name} is null"))
    if raw is None:
        return found
    if _may_hold_control(column, source_type):
        found.insert(0, (CONTROL_CHARACTER, has_control(name)))
    if column.is_identifier:
        found.append((ROUNDED, is_rounded(name)))
    if column.accepted_values:
        allowed = ", ".join(f"'{value}'" for value in column.accepted_values)
        found.append(("not_accepted_value", f"{name} not in ({allowed})"))
    if column.pattern:
        found.append(("not_accepted_value", f"not regexp_full_match({name}, '{column.pattern}')"))
    if column.minimum is not None:
        reason = "negative_value" if column.minimum == 0 else "below_minimum"
        also = f" and ({column.minimum_when})" if column.minimum_when else ""
        found.append((reason, f"{name} < {column.minimum:g}{also}"))
    if column.references and column.references.table in parents:
        parent = f'select "{column.references.column}" from {parents[column.references.table]}'
        found.append(("unknown_reference", f"{name} not in ({parent})"))
    if column.currency_of_date and EXCHANGE_RATES in parents:
        span = f"select 1 from {parents[EXCHANGE_RATES]} as span where span.currency = {name}"
        day = f'typed_row."{column.currency_of_date}" between span.first_date and span.last_date'
        found.append(("no_exchange_rate", f"{name} is not null and not exists ({span} and {day})"))
    return found


def _may_hold_control(column: Column, source_type: str) -> bool:
    """Whether text is unrestricted; text that must match a list or pattern is checked by that."""
    is_text = column.data_type == "varchar" and (source_type in {"VARCHAR", "JSON"} or source_type.startswith("ENUM"))
    return is_text and not (column.free_text or column.accepted_values or column.pattern)


def _cast(raw: str, source_type: str, target: str, conventions: Conventions) -> str:
    """Return SQL of the value as ``target``, null if it does not fit."""
    if target == "varchar":
        return as_text(raw, source_type)
    if target in {"date", "timestamp"}:
        return _cast_time(raw, source_type, target, conventions)
    text = conventions.number(raw) if source_type == "VARCHAR" else f"cast({raw} as varchar)"
    if target in _INTEGERS:
        if source_type in _INTEGER_SOURCES:
            return f"try_cast({raw} as {target})"
        whole = f"try_cast({text} as {target})"
        return f"case when try_cast({text} as double) = {whole} then {whole} end"
    if target == "double":
        number = raw if source_type == "DOUBLE" else f"try_cast({text} as double)"
        return f"case when isfinite({number}) then {number} end"
    if target.startswith("decimal") and (source_type in _INTEGER_SOURCES | {"DOUBLE"} or "DECIMAL" in source_type):
        return f"try_cast({raw} as {target})"
    if target == "boolean" and source_type == "VARCHAR":
        text = raw
    return raw if source_type.lower() == target else f"try_cast(trim({text}) as {target})"


def _cast_time(raw: str, source_type: str, target: str, conventions: Conventions) -> str:
    if source_type == "DATE" or source_type.startswith("TIMESTAMP"):
        has_zone_to_change = source_type not in {"DATE", "TIMESTAMP WITH TIME ZONE"} and conventions.timezone
        time = conventions.local(f"try_cast({raw} as timestamp)") if has_zone_to_change else raw
        value = f"try_cast({time} as {target})"
    else:
        text = f"trim({raw if source_type == 'VARCHAR' else f'cast({raw} as varchar)'})"
        value = conventions.date(text) if target == "date" else conventions.timestamp(text)
    return f"case when {value} >= {target} '{_FIRST_DATE}' and {value} < {target} '{_AFTER_LAST_DATE}' then {value} end"
