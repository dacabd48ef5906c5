"""How a location writes numbers and times as text, as SQL that reads them that way and no other.

Text that does not follow the declared convention is not a value: '12.5' with a decimal comma is neither 12.5 nor 125.

Times without an offset are in the location's zone, if declared, and become the operator's local time. A time skipped
by a change of clocks does not exist, so it is not a value; one that occurs twice is taken as the second, standard
time. A declared zone also applies to times without an offset from a database or a Parquet file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.settings import LocationSettings
from orchestration.settings.sources import NULL_REFERENCES

_WITH_COMMA = r"[+-]?((\d{1,3}(\.\d{3})+|\d+)(,\d*)?|,\d+)([eE][+-]?\d+)?"
_OFFSET = r"[ T].*(Z|[+-]\d{2}(:?\d{2})?)$"


@dataclass(frozen=True)
class Conventions:
    """The conventions of a location; by default ISO 8601 and a decimal point."""

    decimal_separator: str = "."
    date_format: str | None = None
    timestamp_format: str | None = None
    timezone: str | None = None
    null_references: tuple[str, ...] = NULL_REFERENCES

    def number(self, text: str) -> str:
        """Return SQL of the text with a decimal point and no grouping; null if it is written in another way."""
        if self.decimal_separator == ".":
            return text
        plain = f"replace(replace(trim({text}), '.', ''), ',', '.')"
        return f"case when regexp_full_match(trim({text}), '{_WITH_COMMA}') then {plain} end"

    def date(self, text: str) -> str:
        """Return SQL of the text as a date; for a time, its local day."""
        if self.date_format is None and self.timestamp_format is None:
            return (
                f"case when length({text}) <= 10 then try_cast({text} as date) else cast({self._iso(text)} as date) end"
            )
        day = f"cast({_parsed(text, self.date_format)} as date)" if self.date_format else _short(text, "date")
        return f"coalesce({day}, cast({self._time(text)} as date))"

    def timestamp(self, text: str) -> str:
        """Return SQL of the text as the operator's local time; for a date, its midnight."""
        if self.date_format is None and self.timestamp_format is None:
            short = f"try_cast({text} as timestamp)"
            return f"case when length({text}) <= 10 then {short} else {self._iso(text)} end"
        day = _parsed(text, self.date_format) if self.date_format else _short(text, "timestamp")
        return f"coalesce({self._time(text)}, {day})"

    def local(self, time: str) -> str:
        """Return SQL of a time without an offset as the operator's local time."""
        if self.timezone is None:
            return time
        zone = "'" + self.timezone.replace("'", "''") + "'"
        moment = f"timezone({zone}, {time})"
        return f"case when timezone({zone}, {moment}) = {time} then cast({moment} as timestamp) end"

    def _time(self, text: str) -> str:
        if self.timestamp_format is None:
            return f"case when length({text}) > 10 then {self._iso(text)} end"
        time = _parsed(text, self.timestamp_format)
        has_offset = "%z" in self.timestamp_format.lower()
        return f"cast({time} as timestamp)" if has_offset else self.local(time)

    def _iso(self, text: str) -> str:
        with_offset = f"cast(try_cast({text} as timestamptz) as timestamp)"
        without = self.local(f"try_cast({text} as timestamp)")
        return f"case when regexp_matches({text}, '{_OFFSET}') then {with_offset} else {without} end"


AS_USUAL = Conventions()


def conventions_of(
    connection: duckdb.DuckDBPyConnection, locations: Mapping[str, LocationSettings], names: Iterable[str]
) -> Conventions:
    """Return the conventions that the locations declare.

    Raises:
        SourceError: a format or zone is invalid, or a query reads locations that declare different ones.
    """
    chosen: dict[str, Any] = {}
    given_by: dict[str, str] = {}
    for name in names:
        _require_known(connection, name, locations[name])
        for setting in Conventions.__dataclass_fields__:
            value = getattr(locations[name], setting)
            if value == getattr(AS_USUAL, setting):
                continue
            if chosen.setdefault(setting, value) != value:
                raise SourceError(
                    f"locations {given_by[setting]!r} and {name!r} differ in {setting!r}, so a query over both cannot "
                    f"tell how its text is written. Leave the setting out of one, and convert its values in the query."
                )
            given_by.setdefault(setting, name)
    return Conventions(**chosen)


def _require_known(connection: duckdb.DuckDBPyConnection, name: str, location: LocationSettings) -> None:
    checks = {
        "date_format": "select try_strptime('', ?)",
        "timestamp_format": "select try_strptime('', ?)",
        "timezone": "select timezone(?, timestamp '2000-01-01')",
    }
    for setting, query in checks.items():
        if value := getattr(location, setting):
            try:
                connection.execute(query, [value])
            except duckdb.Error as error:
                what = "time zone" if setting == "timezone" else "strptime format"
                raise SourceError(
                    f"locations.{name}.{setting}: {value!r} is not a known {what}. {first_line(error)}"
                ) from error


def _parsed(text: str, form: str) -> str:
    quoted = form.replace("'", "''")
    return f"try_strptime({text}, '{quoted}')"


def _short(text: str, kind: str) -> str:
    return f"case when length({text}) <= 10 then try_cast({text} as {kind}) end"
