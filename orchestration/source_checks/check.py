"""What a source check is, and how a number found in the lake becomes a verdict.

A check finds one number per table and never decides by itself: the limits, and what happens beyond them, are settings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from orchestration.errors import SettingsError
from orchestration.settings import Settings
from orchestration.settings.sources import CheckLimits

Action = Literal["off", "warn", "block"]
Say = Callable[[duckdb.DuckDBPyConnection, str], str]
Find = Callable[[duckdb.DuckDBPyConnection, Settings, Mapping[str, Any]], tuple[float | None, str]]


@dataclass(frozen=True)
class Check:
    """A statement about a source table after it was loaded.

    Attributes:
        name: also the key of its limits in the settings section ``checks``.
        tables: the tables it is made for; one number each.
        description: what it shows, for the UI.
        sql: returns one row; its column ``value`` is judged (null, or no row: nothing to judge) and all of its columns
            can be used in ``says``. ``{table}`` is the table, ``{date}`` its time column, ``$name`` a parameter.
        find: instead of SQL, a function that returns the number and the message, for checks that need statistics.
        says: template of the message about what was found.
        otherwise: why there was nothing to judge.
        remedy: what to do if the number is beyond its limits.
        needs: other tables that must be mapped.
        details: returns more text for a failure.
        amount: what ``{amount}`` in the SQL stands for, by table.
        is_of_days: judges single days, so it does not apply to monthly usage.
        is_of_load: the number belongs to one load, and stays until the table is loaded again.
        is_costly: it reads all history, so unless it blocks, its number stays until the table is loaded again.
    """

    name: str
    tables: tuple[str, ...]
    description: str
    remedy: str
    sql: str = ""
    says: str = ""
    otherwise: str = ""
    find: Find | None = None
    needs: tuple[str, ...] = ()
    details: Say | None = None
    amount: Mapping[str, str] = field(default_factory=dict)
    is_of_days: bool = False
    is_of_load: bool = False
    is_costly: bool = False


@dataclass(frozen=True)
class Limits:
    """The limits of a number, and what happens if it is beyond them."""

    action: Action
    minimum: float | None = None
    maximum: float | None = None

    def hold(self, value: float | None) -> bool:
        """Whether ``value`` is within the limits; None, which cannot be judged, is."""
        if value is None:
            return True
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def __str__(self) -> str:
        """Return the limits as text for people."""
        lower = None if self.minimum is None else f"{self.minimum:g}"
        upper = None if self.maximum is None else f"{self.maximum:g}"
        if lower and upper:
            return f"{lower} to {upper}"
        return f"at least {lower}" if lower else f"at most {upper}" if upper else "any number"


@dataclass(frozen=True)
class Outcome:
    """A check of one table: the number, its limits, the verdict, and a sentence for people."""

    source_table: str
    check_name: str
    value: float | None
    limits: Limits
    message: str

    @property
    def action(self) -> Action:
        """What happens if the check fails."""
        return self.limits.action

    @property
    def passed(self) -> bool:
        """Whether the number is within its limits."""
        return self.limits.hold(self.value)

    @property
    def blocks(self) -> bool:
        """Whether the run must stop."""
        return not self.passed and self.action == "block"


def limits_of(name: str, table: str, settings: Settings) -> Limits:
    """Return the configured limits of a check for one table."""
    if name == "row_accounting":
        # Rows that are lost or counted twice are an error of this software, never a matter of settings.
        return Limits("block", maximum=0)
    if name == "quarantine_share":
        source = settings.sources.get(table)
        if source is None:
            return Limits("off")
        return Limits(source.quarantine.action, maximum=source.quarantine.max_share)
    limits: CheckLimits = getattr(settings.checks, name)
    own = limits.tables.get(table)
    if own is None:
        return Limits(limits.action, limits.minimum, limits.maximum)
    return Limits(
        own.action or limits.action,
        limits.minimum if own.minimum is None else own.minimum,
        limits.maximum if own.maximum is None else own.maximum,
    )


def measure(
    connection: duckdb.DuckDBPyConnection, check: Check, table: str, date: str, parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    """Return the number that a check finds in one table, and the message about it."""
    sql = (
        check.sql.replace("{table}", table).replace("{date}", date).replace("{amount}", check.amount.get(table, "null"))
    )
    used = {name: value for name, value in parameters.items() if f"${name}" in sql}
    result = connection.execute(sql, used)
    names = [column[0] for column in result.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    if not rows or rows[0]["value"] is None:
        return None, check.otherwise
    (row,) = rows
    return float(row["value"]), check.says.format(**row)


def require_known_tables(settings: Settings, tables: Mapping[str, Any]) -> None:
    """Refuse limits for tables that are not in the source contract.

    Raises:
        SettingsError: names the check and the table.
    """
    for name in type(settings.checks).model_fields:
        limits = getattr(settings.checks, name)
        if isinstance(limits, CheckLimits) and (unknown := limits.tables.keys() - tables.keys()):
            raise SettingsError(
                f"checks.{name}.tables: {', '.join(sorted(unknown))} is not a source table."
                f" Tables: {', '.join(tables)}."
            )
