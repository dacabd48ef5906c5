"""From a source column to a contract column: how well the values fit, and the SQL that makes them fit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import duckdb

from orchestration.lake.contract import Column, Table
from orchestration.onboarding.init.profiling import ISO, NEARLY_ALL, Profile, quoted
from orchestration.onboarding.init.vocabulary import boolean_words, unit_factor, value_words, words

_MOST_VALUES = 24


@dataclass(frozen=True)
class Conventions:
    """How the text of a location writes numbers and dates, where its settings say it once for all columns."""

    decimal_separator: str = "."
    date_format: str = ISO
    time_format: str = ISO


@dataclass(frozen=True)
class Expression:
    """SQL of a contract column, and what a reader should know of it."""

    sql: str
    note: str = ""
    is_plain: bool = True


def fit(table: Table, column: Column, profile: Profile) -> float:
    """Return from 0 to 1 how well the values of a source column fit a contract column."""
    if not profile.present:
        return 0.3 if column.is_required else 0.6
    value = _value_fit(table, column, profile)
    if column.is_required and column.default is None:
        value *= min(1.0, 0.5 + 0.5 * profile.present / profile.rows)
    if column.name == table.key[0] and column.references is None:
        # A contract may come once a state; an identifier is never the same in most rows.
        repeats = profile.present / profile.distinct
        is_category = repeats >= 4 and profile.distinct <= _MOST_VALUES
        value *= 0.4 if is_category else 0.6 if repeats >= 1.02 and table.key == (column.name,) else 1.0
    return value


def _value_fit(table: Table, column: Column, profile: Profile) -> float:
    kind = column.data_type
    if column.accepted_values:
        known = _known_share(table, column, profile)
        return max(known, 0.9 if _truth_of(table, column, profile) else 0.55 if profile.distinct <= _MOST_VALUES else 0)
    if kind in {"date", "timestamp"}:
        if profile.date_format or profile.time_format:
            return 1.0
        return 0.9 if profile.epochs >= NEARLY_ALL or profile.is_serial_days else 0.0
    if column.name == "birth_year":
        is_year = profile.integers >= NEARLY_ALL and 1880 <= float(profile.lowest or 0) <= 2100
        return 1.0 if is_year or profile.date_format else 0.2
    if kind == "boolean":
        truths = profile.booleans >= NEARLY_ALL and profile.distinct <= 2
        return 1.0 if truths else 0.9 if _boolean_cases(profile) else 0.85 if column.name == "has_tax_number" else 0.0
    if kind in {"integer", "bigint"}:
        return (
            profile.integers
            if not unit_factor(profile.name, column.name)
            else max(profile.numbers, profile.comma_numbers)
        )
    if kind == "double" or kind.startswith("decimal"):
        return max(profile.numbers, profile.comma_numbers)
    if column.name.endswith("_id"):
        is_measure = (
            profile.integers < 0.5 < max(profile.numbers, profile.comma_numbers) and profile.source_type != "DOUBLE"
        )
        return 0.2 if profile.date_format or profile.time_format or is_measure else 1.0
    return 1.0 if not (profile.date_format and profile.date_format != "%Y%m%d") else 0.6


def mapped(table: Table, column: Column, profile: Profile, conventions: Conventions) -> Expression | None:
    """Return the SQL that gives the contract column, None if the values cannot be read as it."""
    path = sql_path(profile.expression)
    kind = column.data_type
    if column.accepted_values:
        return _accepted(table, column, profile, path)
    if kind in {"date", "timestamp"}:
        return _time(column, profile, path, conventions)
    if column.name == "birth_year" and profile.date_format:
        return Expression(f"year({as_date(profile)})", "the year of the date", is_plain=False)
    if kind == "boolean":
        return _boolean(column, profile, path)
    if kind in {"integer", "bigint", "double"} or kind.startswith("decimal"):
        return _number(column, profile, path, conventions)
    if column.name.endswith("_id") and profile.source_type in {"DOUBLE", "FLOAT"}:
        return Expression(f"cast({path} as bigint)", "an identifier kept as a number with a fraction", is_plain=False)
    return Expression(path)


def _number(column: Column, profile: Profile, path: str, conventions: Conventions) -> Expression:
    is_comma = profile.comma_numbers > 0
    has_point = profile.integers < profile.numbers and profile.is_text
    number = path
    if is_comma and conventions.decimal_separator != ",":
        number = f"try_cast(replace(replace({path}, '.', ''), ',', '.') as double)"
    elif has_point and conventions.decimal_separator == ",":
        number = f"try_cast({path} as double)"
    factor = unit_factor(profile.name, column.name)
    if factor is None:
        return Expression(number, is_plain=number == path)
    if number == path and profile.is_text:
        plain = f"replace(replace({path}, '.', ''), ',', '.')" if conventions.decimal_separator == "," else path
        number = f"try_cast({plain} as double)"
    scaled = f"{number} * {factor:.15g}" if factor >= 1 else f"{number} / {1 / factor:.15g}"
    if column.data_type in {"integer", "bigint"}:
        scaled = f"cast(round({scaled}) as {column.data_type})"
    unit = next(word for word in words(profile.name) if unit_factor(word, column.name) == factor)
    return Expression(scaled, f"'{unit}' in the name is taken as the unit", is_plain=False)


def _time(column: Column, profile: Profile, path: str, conventions: Conventions) -> Expression | None:
    unsure = "day and month could be the other way round" if profile.is_day_unsure else ""
    if profile.date_format:
        if profile.date_format == conventions.date_format or (not profile.is_text and profile.date_format == ISO):
            return Expression(path, unsure)
        return Expression(as_date(profile), unsure, is_plain=False)
    if profile.time_format == conventions.time_format or (profile.time_format == ISO and not profile.is_text):
        return Expression(path, unsure)
    if profile.time_format == ISO:
        return Expression(f"try_cast({path} as timestamp)", is_plain=False)
    if profile.time_format:
        return Expression(f"try_strptime({path}, '{profile.time_format}')", unsure, is_plain=False)
    if profile.epochs >= NEARLY_ALL:
        seconds = path if not profile.is_text else f"try_cast({path} as bigint)"
        return Expression(f"to_timestamp({seconds})", "seconds since 1970", is_plain=False)
    if profile.is_serial_days:
        return Expression(
            f"date '1899-12-30' + try_cast({path} as integer)", "days as spreadsheets count them", is_plain=False
        )
    return Expression(path) if not profile.present else None


def as_date(profile: Profile) -> str:
    """Return SQL of a date, for a column whose values are dates."""
    path = sql_path(profile.expression)
    if profile.date_format == ISO:
        return f"try_cast({path} as date)" if profile.is_text else path
    text = path if profile.is_text else f"cast({path} as varchar)"
    return f"try_strptime({text}, '{profile.date_format}')"


def _boolean(column: Column, profile: Profile, path: str) -> Expression | None:
    if (profile.booleans >= NEARLY_ALL and profile.distinct <= 2) or not profile.present:
        return Expression(path)
    if cases := _boolean_cases(profile):
        listed = " ".join(f"when {_text(value)} then {str(truth).lower()}" for value, truth in cases.items())
        return Expression(f"case {path} {listed} end", is_plain=False)
    if column.name == "has_tax_number":
        present = f"nullif(trim({path}), '')" if profile.is_text else path
        return Expression(f"{present} is not null", "whether there is a number", is_plain=False)
    return None


def _boolean_cases(profile: Profile) -> Mapping[str, bool]:
    """Return what each value means if all are words for yes and no; no answer at all is no 'no'."""
    known = boolean_words()
    truths = {value: known.get(value.lower(), _duckdb_boolean(value.lower())) for value in profile.values}
    cases = {value: truth for value, truth in truths.items() if truth is not None}
    return cases if profile.distinct == len(cases) <= 4 else {}


@cache
def _duckdb_boolean(value: str) -> bool | None:
    return duckdb.execute("select try_cast(? as boolean)", [value]).fetchall()[0][0]


def _accepted(table: Table, column: Column, profile: Profile, path: str) -> Expression | None:
    if not profile.present:
        return Expression(path)
    if truth := _truth_of(table, column, profile):
        other = next(value for value in column.accepted_values if value != truth)
        condition = path if profile.source_type == "BOOLEAN" else f"try_cast({path} as boolean)"
        sql = f"case when {condition} then '{truth}' when not {condition} then '{other}' end"
        return Expression(sql, is_plain=False)
    if profile.distinct > _MOST_VALUES:
        return None
    if set(profile.values) <= set(column.accepted_values):
        return Expression(path)
    known = value_words(table.name, column.name)
    cases = {value: known[key] for value in profile.values if (key := " ".join(words(value))) in known}
    if not cases:
        return None
    whens = "\n".join(f"    when {_text(value)} then '{accepted}'" for value, accepted in cases.items())
    unknown = [value for value in profile.values if value not in cases]
    note = f"values without a meaning yet: {', '.join(map(_text, unknown))}" if unknown else ""
    subject = f"trim({path})" if profile.is_text else f"cast({path} as varchar)"
    return Expression(f"case {subject}\n{whens}\nend", note, is_plain=False)


def _known_share(table: Table, column: Column, profile: Profile) -> float:
    if profile.distinct > _MOST_VALUES:
        return 0.0
    known = value_words(table.name, column.name)
    return sum(" ".join(words(value)) in known for value in profile.values) / len(profile.values)


def _truth_of(table: Table, column: Column, profile: Profile) -> str | None:
    """Return the value that 'true' stands for: ``is_business`` is 'organization'."""
    if len(column.accepted_values) != 2 or profile.booleans < NEARLY_ALL or profile.distinct > 2:
        return None
    known = value_words(table.name, column.name)
    return next((known[word] for word in words(profile.name) if len(word) > 2 and word in known), None)


def sql_path(expression: str) -> str:
    """Return a path without the quotes that it does not need."""
    parts = re.findall(r'"(?:[^"]|"")*"', expression)
    return ".".join(_plain(part[1:-1].replace('""', '"')) for part in parts)


def _plain(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _reserved() else quoted(name)


@cache
def _reserved() -> frozenset[str]:
    rows = duckdb.execute(
        "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
    ).fetchall()
    return frozenset(name for (name,) in rows)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
