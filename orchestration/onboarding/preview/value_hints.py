"""How values that are no numbers, no yes or no, and no known reference could be read after all."""

import duckdb

from orchestration.ingest.loading.batch import REJECTED
from orchestration.lake.contract import Column, Table

_FEWEST = 5
_FITS = 0.95
# Of references unknown in a sample, found in the sample of the other table, from which it is no chance.
_MOST = 0.5
_SHOWN = 4
# Of the rejected values, a pattern that nearly all have, and what to do. The first that fits is said.
_NUMBERS = (
    (r"\(.*\)", "Brackets stand for a minus: write regexp_replace({name}, '^\\((.*)\\)$', '-\\1') in its column."),
    (r"[\d.,+\s-]+-", "The minus stands at the end: write regexp_replace({name}, '^(.*)-$', '-\\1') in its column."),
    (r"[+-]?[\d.]*,\d{1,2}", "They have a decimal comma: set {setting}.decimal_separator to ','."),
    (r"[+-]?\d+\.\d+", "They have a decimal point: set {setting}.decimal_separator to '.'."),
    (r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", "Commas group thousands: write replace({name}, ',', '') in its column."),
    (
        r"\D*[+-]?\d[\d.,\s]*\D*",
        "A unit goes with them: write regexp_replace({name}, '[^0-9.,-]', '', 'g') in its column.",
    ),
)
_SPELLINGS = (
    ("ltrim({}, '0')", "leading zeros are taken off on both sides: write ltrim(…, '0') in both columns"),
    ("lower({})", "case is the same on both sides: write lower(…) in both columns"),
    (
        "regexp_replace({}, '[^0-9A-Za-z]', '', 'g')",
        "signs and blanks are taken off on both sides:"
        " write regexp_replace(…, '[^0-9A-Za-z]', '', 'g') in both columns",
    ),
)


def number_and_flag_hints(connection: duckdb.DuckDBPyConnection, table: Table, location: str | None) -> list[str]:
    """Return a sentence for each column of numbers, or of yes and no, whose values can be read; reads ``_rejected``."""
    hints = []
    setting = f"locations.{location}" if location else "the location"
    for column in table.columns:
        if column.data_type in {"date", "timestamp", "varchar"}:
            continue
        values = f"(select trim(_value) as value from {REJECTED} where column_name = '{column.name}'"
        values += " and reason = 'wrong_type' and trim(_value) <> '')"
        count, example = connection.execute(f"select count(value), min(value) from {values}").fetchall()[0]
        if count < _FEWEST:
            continue
        advice = _flags(connection, values) if column.data_type == "boolean" else _numbers(connection, values, setting)
        if advice:
            what = "yes or no" if column.data_type == "boolean" else "numbers"
            said = advice.format(name="…", setting=setting)
            hints.append(
                f"{column.name}: {count:,} values are not {what} as they are read (for example {example!r}). {said}"
            )
    return hints


def _flags(connection: duckdb.DuckDBPyConnection, values: str) -> str:
    words = [
        row[0]
        for row in connection.execute(f"select value from {values} group by all order by count(*) desc, 1").fetchall()
    ]
    if len(words) > _SHOWN:
        return ""
    cases = " ".join(f"when '{word}' then …" for word in words)
    return f"Write case … {cases} end with true and false in its column."


def _numbers(connection: duckdb.DuckDBPyConnection, values: str, setting: str) -> str:
    for pattern, advice in _NUMBERS:
        share = connection.execute(
            f"select avg(if(regexp_full_match(value, ?), 1, 0)) from {values}", [pattern]
        ).fetchall()[0][0]
        if share >= _FITS:
            return advice
    return ""


def rate_hints(connection: duckdb.DuckDBPyConnection, max_age_days: int) -> list[str]:
    """Return a sentence for each currency whose rates do not reach the rows that need them.

    Reads ``_rejected`` and the accepted rates, ``raw.exchange_rates``.
    """
    waiting = dict(
        connection.execute(
            f"select _value, count(*) from {REJECTED} where reason = 'no_exchange_rate' group by _value order by _value"
        ).fetchall()
    )
    if not waiting:
        return []
    found = [
        (currency, waiting[currency], first, last)
        for currency, first, last in connection.execute(
            "select currency, min(rate_date), max(rate_date) from raw.exchange_rates group by all order by all"
        ).fetchall()
        if currency in waiting
    ]
    return [
        f"currency: {count:,} rows in {currency} have no rate of the {max_age_days} days up to theirs; its rates are of"
        f" {first} to {last}. A rate that was fixed needs a row a month."
        for currency, count, first, last in found
    ]


def spelling_hint(connection: duckdb.DuckDBPyConnection, child: str, column: Column, keys: str) -> str:
    """Return how the references of a sample that no key has would find one, '' where no other spelling does.

    Args:
        connection: holds the samples of both tables as ``raw.<table>``.
        child: the table that refers.
        column: its reference.
        keys: the table of those keys that are known as they are written.
    """
    if column.references is None:
        return ""
    parent, key = column.references.table, column.references.column
    name = f'"{column.name}"'
    for spelling, said in _SPELLINGS:
        count, found, example, known = connection.execute(f"""
            with asked as (
                select distinct {name} as value, {spelling.format(name)} as spelt
                from raw.{child} where {name} is not null and {name} not in (from {keys})
            ),
            parents as (
                select {spelling.format(f'"{key}"')} as spelt, min("{key}") as key
                from raw.{parent} group by spelt having count(distinct "{key}") = 1
            )
            select count(*), count(parents.key), min(value) filter (where parents.key is not null),
                arg_min(parents.key, value)
            from asked left join parents using (spelt)
        """).fetchall()[0]
        if count >= _FEWEST and found >= _MOST * count:
            return (
                f"{column.name}: {example!r} is not in {parent}, and {known!r} is. {found:,} of {count:,} that are not"
                f" known are, once {said}."
            )
    return ""
