"""What the values of each column look like in a sample: how many, how different, and what they could be read as."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
from duckdb.sqltypes import DuckDBPyType

from orchestration.onboarding.init.discovery import Relation

# Day first comes before month first: where both fit, it is the commoner and the guess is marked as one.
DATE_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d", "%d.%m.%y",
                "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d %b %Y")  # fmt: skip
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
TIME_FORMATS = tuple(
    f"{day} {clock}" for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d") for clock in _CLOCKS
)
_TWINS = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}
ISO = "iso"
_COMMA_NUMBER = r"[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+"
_INTEGER_LIKE = r"[-+]?\d{1,3}(\.\d{3})*|[-+]?\d+"
# Braces are doubled: the text is formatted once more.
_DATE_LIKE = r"^\d{{1,4}}[-./ ]?(\d{{1,2}}|[A-Za-z]{{3}})[-./ ]?\d{{2,4}}"
_SHOWN_VALUES = 24
NEARLY_ALL = 0.98
_SERIAL_DAYS = (20_000, 80_000)
_DEPTH = 4


@dataclass(frozen=True)
class Profile:
    """A column, or a field inside a nested one: shares are of the values present, from 0 to 1."""

    name: str
    expression: str
    source_type: str
    rows: int
    present: int
    distinct: int
    integers: float
    numbers: float
    comma_numbers: float
    epochs: float
    booleans: float
    date_format: str | None
    time_format: str | None
    is_day_unsure: bool
    lowest: str | None
    highest: str | None
    values: tuple[str, ...] = field(default=())

    @property
    def is_unique(self) -> bool:
        """Whether no value comes twice and none is missing."""
        return self.rows > 0 and self.present == self.rows and self.distinct == self.rows

    @property
    def is_serial_days(self) -> bool:
        """Whether the values could be the days since 1899-12-30 that spreadsheets count: 1954 to 2119."""
        if self.integers < NEARLY_ALL or self.lowest is None or self.highest is None:
            return False
        first, last = _SERIAL_DAYS
        return first <= float(self.lowest) and float(self.highest) <= last

    @property
    def is_text(self) -> bool:
        """Whether the source keeps it as text."""
        return self.source_type == "VARCHAR"


def profile(connection: duckdb.DuckDBPyConnection, relation: Relation, number: int) -> dict[str, Profile]:
    """Profile the columns of a relation on a sample, kept as the temp table ``_values_<number>`` (name, value)."""
    sample = f"_sample_{number}"
    connection.execute(f"create temp table {sample} as {relation.rows}")
    fields = leaves(connection, sample)
    if not fields:
        return {}
    listed = ", ".join(
        f"nullif(trim(cast({path} as varchar)), '') as {quoted(name)}" for name, (path, _) in fields.items()
    )
    connection.execute(f"""
        create temp table _values_{number} as
        select name, value
        from (unpivot (select {listed} from {sample}) on columns(*) into name name value value)
    """)
    rows = connection.execute(f"select count(*) from {sample}").fetchall()[0][0]
    measured = connection.execute(_MEASURES.format(values=f"_values_{number}"))
    names = [column[0] for column in measured.description or ()]
    by_name = {row[0]: dict(zip(names, row, strict=True)) for row in measured.fetchall()}
    return {
        name: _profile(name, path, source_type, rows, by_name.get(name)) for name, (path, source_type) in fields.items()
    }


def leaves(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, tuple[str, str]]:
    """Return name, SQL and type of each column, and of each field inside a nested one; lists are left out."""
    found: dict[str, tuple[str, str]] = {}

    def add(name: str, path: str, kind: DuckDBPyType, depth: int) -> None:
        if kind.id == "struct" and depth < _DEPTH:
            for child, child_kind in kind.children:
                assert isinstance(child_kind, DuckDBPyType)
                add(f"{name}.{child}", f"{path}.{quoted(child)}", child_kind, depth + 1)
        elif kind.id not in {"list", "map", "array", "struct"}:
            found[name] = (path, str(kind))

    described = connection.table(relation)
    for column, kind in zip(described.columns, described.types, strict=True):
        add(column, quoted(column), kind, 1)
    return found


def quoted(name: str) -> str:
    """Return a name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def _share(condition: str) -> str:
    return f"coalesce(sum(times) filter ({condition}), 0) / sum(times)"


def _fits(form: str) -> str:
    return _share(f"looks_dated and try_strptime(value, '{form}') is not null")


def _written_as(pattern: str) -> str:
    # The text is formatted once more.
    return _share(f"regexp_full_match(value, '{pattern}')").replace("{", "{{").replace("}", "}}")


_FORMATS = ", ".join(f"'{form}': {_fits(form)}" for form in (*DATE_FORMATS, *TIME_FORMATS))
_MEASURES = f"""
    with counted as (
        select name, value, count(*) as times, regexp_matches(value, '{_DATE_LIKE}') as looks_dated
        from {{values}} group by name, value
    ),
    profiled as (
        select
            name,
            sum(times) as present,
            count(*) as distinct_values,
            {_share("try_cast(value as hugeint) is not null and not contains(value, '.')")} as integers,
            {_share("isfinite(try_cast(value as double))")} as numbers,
            {_written_as(_COMMA_NUMBER)} as with_comma,
            {_written_as(f"{_COMMA_NUMBER}|{_INTEGER_LIKE}")} as comma_or_integer,
            {_share("try_cast(value as bigint) between 600000000 and 4100000000")} as epochs,
            {_share("try_cast(value as boolean) is not null")} as booleans,
            {_share("try_cast(value as date) is not null and length(value) <= 10")} as iso_dates,
            {_share("try_cast(value as timestamptz) is not null and length(value) > 10")} as iso_times,
            map {{{{{_FORMATS}}}}} as formats,
            cast(min(try_cast(value as double)) as varchar) as lowest,
            cast(max(try_cast(value as double)) as varchar) as highest
        from counted
        group by name
    ),
    common as (
        select name, list(value order by times desc, value) as common_values
        from (select * from counted qualify row_number() over (partition by name order by times desc, value) <= {_SHOWN_VALUES})
        group by name
    )
    select * from profiled inner join common using (name)
"""  # noqa: E501


def _profile(name: str, path: str, source_type: str, rows: int, found: Mapping[str, object] | None) -> Profile:
    if found is None:
        return Profile(name, path, source_type, rows, 0, 0, 0, 0, 0, 0, 0, None, None, False, None, None)
    shares: Mapping[str, float] = found["formats"]  # type: ignore[assignment]

    def share(key: str) -> float:
        return float(found[key])  # type: ignore[arg-type]

    def best(formats: tuple[str, ...], iso: float) -> str | None:
        if iso >= NEARLY_ALL:
            return ISO
        # Python's sort is stable: where several fit alike, the first declared.
        ranked = sorted(formats, key=lambda form: -shares[form])
        return ranked[0] if shares[ranked[0]] >= NEARLY_ALL else None

    day = best(DATE_FORMATS, share("iso_dates"))
    time = best(TIME_FORMATS, share("iso_times"))
    twin = _TWINS.get((day or time or "").split(" ")[0])
    clock = "".join(f" {part}" for part in (time or "").split(" ")[1:]) if day is None else ""
    comma = share("comma_or_integer") if share("with_comma") > 0 else 0.0
    return Profile(
        name, path, source_type, rows,
        present=int(share("present")),
        distinct=int(share("distinct_values")),
        integers=share("integers"),
        numbers=share("numbers"),
        comma_numbers=comma if comma > share("numbers") else 0.0,
        epochs=share("epochs"),
        booleans=share("booleans"),
        date_format=day,
        time_format=time,
        is_day_unsure=twin is not None and shares.get(f"{twin}{clock}", 0) >= NEARLY_ALL,
        lowest=found["lowest"],  # type: ignore[arg-type]
        highest=found["highest"],  # type: ignore[arg-type]
        values=tuple(found["common_values"]),  # type: ignore[arg-type]
    )  # fmt: skip
