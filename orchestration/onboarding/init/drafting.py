"""What is written for each table: one line per column, with how sure it is and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.lake.contract import Column, Table
from orchestration.onboarding.init.expressions import Conventions, Expression, as_date, mapped, sql_path
from orchestration.onboarding.init.matching import Pair, TableMatch
from orchestration.onboarding.init.profiling import ISO, NEARLY_ALL, Profile
from orchestration.onboarding.init.vocabulary import SAME, SAME_WORDS, fill, words

SURE, LIKELY, GUESS, MISSING = "sure", "likely", "guess", "not found"
_COMPANY = {"company", "firma", "empresa", "entreprise", "azienda", "bedrijf", "organization", "organisation"}
_IDENTIFIER = {"id", "no", "nr", "number", "nummer", "key", "uuid", "ref", "reference"}
_CHANGED = {"updated", "modified", "changed", "geaendert", "aktualisiert"}


@dataclass(frozen=True)
class Line:
    """A contract column: its SQL, None where only a comment says what could be done."""

    column: str
    sql: str | None
    certainty: str
    why: str


@dataclass(frozen=True)
class Draft:
    """One entry of ``sources``."""

    match: TableMatch
    lines: tuple[Line, ...]
    absent: tuple[str, ...]
    growth: str | None
    growth_why: str
    cursor: str | None


def conventions_of(matches: Sequence[TableMatch], profiles: Sequence[Profile]) -> Conventions:
    """Return how one location writes numbers and dates.

    Mapped columns decide, if they agree. Where they say nothing, every column of the location does: whoever maps one of
    them by hand needs the same convention.
    """
    mapped_as = [
        (match.candidate.profiles[pair.source], match.table.column(name).data_type)
        for match in matches
        for name, pair in match.pairs.items()
    ]
    times_mapped = [profile for profile, kind in mapped_as if kind in {"date", "timestamp"} and profile.is_text]
    day = _agreed(times_mapped, "date_format") or _agreed(profiles, "date_format", is_mapped=False)
    time = _agreed(times_mapped, "time_format") or _agreed(profiles, "time_format", is_mapped=False)
    has_comma = any(profile.comma_numbers > 0 for profile, _ in mapped_as)
    if not any(profile.integers < profile.numbers for profile, _ in mapped_as):
        has_comma = has_comma or any(profile.comma_numbers >= NEARLY_ALL for profile in profiles)
    return Conventions("," if has_comma else ".", day or ISO, time or ISO)


def _agreed(profiles: Iterable[Profile], setting: str, *, is_mapped: bool = True) -> str | None:
    """Return the format that all text columns with one share; ISO if they differ, None if no column has one.

    Digits alone are dates only where a mapping says so.
    """
    formats = {
        getattr(profile, setting)
        for profile in profiles
        if profile.is_text and (is_mapped or profile.integers < NEARLY_ALL)
    } - {None}
    if len(formats) > 1:
        return ISO
    return next(iter(formats), None)


def draft(connection: duckdb.DuckDBPyConnection, match: TableMatch, conventions: Conventions) -> Draft:
    """Write the lines of a table."""
    table, profiles = match.table, match.candidate.profiles
    lines, absent = [], []
    for column in table.columns:
        pair = match.pairs.get(column.name)
        expression = mapped(table, column, profiles[pair.source], conventions) if pair else None
        if pair and expression:
            lines.append(_line(match, column, pair, profiles[pair.source], expression))
        elif line := _fallback(table, column, profiles):
            lines.append(line)
        elif pair:
            lines.append(_unread(column, profiles[pair.source]))
        elif column.is_required and column.default is None:
            lines.append(_missing(match, column))
        else:
            absent.append(column.name)
    lines = _doubt_direction(connection, match, lines)
    growth, why = _growth(match)
    return Draft(match, tuple(lines), tuple(absent), growth, why, _cursor(match))


def _line(match: TableMatch, column: Column, pair: Pair, profile: Profile, expression: Expression) -> Line:
    certainty, reasons = SURE, []
    if pair.by_values:
        certainty = GUESS
        reasons.append("by its values, not by its name")
    elif pair.name >= SAME:
        reasons.append("same name")
    elif pair.name >= 0.97 * SAME_WORDS:
        reasons.append("a usual name")
    else:
        certainty = LIKELY if pair.name >= 0.75 else GUESS
        reasons.append("a similar name")
    # The same name means the same whatever else is there.
    if pair.is_rivalled and pair.name < SAME:
        certainty = _less_sure(certainty)
        reasons.append("another column would do as well")
    if pair.fit < 0.9:
        certainty = GUESS
        reasons.append("not all values fit" if profile.present else "it has no values")
    elif pair.fit < 1:
        certainty = _less_sure(certainty)
    if pair.overlap is not None and column.references:
        reasons.append(f"{pair.overlap:.0%} of its values are in {column.references.table}")
        certainty = GUESS if pair.overlap < 0.5 else _less_sure(certainty) if pair.overlap < 0.9 else certainty
    if expression.note:
        certainty = _less_sure(certainty)
        reasons.append(expression.note)
    if not expression.is_plain and certainty == SURE:
        certainty = LIKELY
    if match.is_shared and pair.name < SAME:
        certainty = _less_sure(certainty)
    if rival := _unique_rival(match, column, profile):
        certainty = GUESS
        reasons.append(f"its values come again, those of '{rival}' do not")
    return Line(column.name, expression.sql, certainty, "; ".join(reasons))


def _unique_rival(match: TableMatch, column: Column, profile: Profile) -> str | None:
    """Return another identifier that tells rows apart where the one chosen does not: numbers are used again."""
    if column.name != match.table.key[0] or column.references or profile.distinct == profile.present:
        return None
    used = {pair.source for pair in match.pairs.values()}
    for other in match.candidate.profiles.values():
        if other.is_unique and other.name not in used and _IDENTIFIER & set(words(other.name)):
            return other.name
    return None


def _less_sure(certainty: str) -> str:
    return {SURE: LIKELY, LIKELY: GUESS}.get(certainty, certainty)


def _unread(column: Column, profile: Profile) -> Line:
    values = ", ".join(f"'{value}'" for value in profile.values[:12])
    if column.accepted_values:
        allowed = ", ".join(column.accepted_values)
        how = f"write a case expression over its values ({values}) that gives {allowed}"
    else:
        how = f"its values ({values}) need SQL that makes them {column.data_type}"
    return Line(column.name, None, GUESS, f"{sql_path(profile.expression)}: {how}")


def _missing(match: TableMatch, column: Column) -> Line:
    """Suggest SQL for a required column that nothing gives, over the columns that others of the table were found in."""
    suggested = fill(match.table.name, column.name)
    if suggested is None:
        return Line(column.name, None, MISSING, f"|required; {column.description}")

    def over_source(found: re.Match[str]) -> str:
        pair = match.pairs.get(found.group())
        if pair is None:
            return found.group()
        profile = match.candidate.profiles[pair.source]
        is_date = match.table.column(found.group()).data_type == "date" and profile.date_format
        return as_date(profile) if is_date else sql_path(profile.expression)

    return Line(column.name, None, MISSING, f"{re.sub(r'[a-z_]+', over_source, suggested[0])}|required; {suggested[1]}")


def _fallback(table: Table, column: Column, profiles: Mapping[str, Profile]) -> Line | None:
    """Tell persons and organizations apart by a company name, where nothing says it outright."""
    if (table.name, column.name) != ("customers", "customer_type"):
        return None
    for profile in profiles.values():
        named = _COMPANY & set(words(profile.name.rsplit(".", 1)[-1]))
        if named and profile.present < profile.rows and not profile.numbers:
            path = sql_path(profile.expression)
            filled = f"nullif(trim({path}), '')" if profile.is_text else path
            sql = f"case when {filled} is null then 'person' else 'organization' end"
            return Line(column.name, sql, GUESS, f"who has '{profile.name}' is an organization")
    return None


def _doubt_direction(connection: duckdb.DuckDBPyConnection, match: TableMatch, lines: Sequence[Line]) -> list[Line]:
    """Doubt the direction of traffic where the sample uploads more than it downloads."""
    down, up = match.pairs.get("bytes_down"), match.pairs.get("bytes_up")
    if match.table.name != "usage" or down is None or up is None:
        return list(lines)
    ((more_up,),) = connection.execute(
        f"select coalesce(sum(try_cast(value as double)) filter (name = $up) "
        f"> sum(try_cast(value as double)) filter (name = $down), false) from _values_{match.candidate.number}",
        {"up": up.source, "down": down.source},
    ).fetchall()
    if not more_up:
        return list(lines)
    doubt = "the sample uploads more than it downloads: swap the two?"
    return [
        Line(line.column, line.sql, GUESS, f"{line.why}; {doubt}")
        if line.column in {"bytes_down", "bytes_up"}
        else line
        for line in lines
    ]


def _growth(match: TableMatch) -> tuple[str | None, str]:
    relation = match.candidate.relation
    if relation.files > 1 and relation.is_dated:
        return "append", f"{LIKELY}: {relation.files:,} files with dates in their names"
    if relation.is_dated and not match.table.is_required:
        return "append", f"{GUESS}: one file with a date in its name, the first of many"
    return None, ""


def _cursor(match: TableMatch) -> str | None:
    """Return a column of a database table that only grows, as far as its name says."""
    if match.candidate.relation.table is None:
        return None
    for profile in match.candidate.profiles.values():
        is_time = profile.time_format is not None or profile.date_format is not None
        if is_time and _CHANGED & set(words(profile.name)):
            return sql_path(profile.expression)
    return None
