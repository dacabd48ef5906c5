"""Conditions from the settings that become SQL: checked before they run, and explained if they fail."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb

from orchestration.errors import SettingsError
from orchestration.lake.sql_guard import RefusedSqlError, require_expression
from orchestration.settings.actions import ActionSettings

FACTS = "features.customer_days"


def require_sound_rules(connection: duckdb.DuckDBPyConnection, settings: ActionSettings) -> None:
    """Refuse a condition that is more than an expression over the facts, before anything is evaluated.

    Raises:
        SettingsError: names the rule, and says what is wrong with it.
    """
    texts = _texts(settings)
    for place, sql in texts.items():
        with _explained(place, sql):
            require_expression(sql)
    # One statement with every condition finds an error at once; only if it fails is each tried alone.
    try:
        connection.execute(f"select {', '.join(f'({sql})' for sql in texts.values())} from {FACTS} limit 0")
    except duckdb.Error:
        _try_each(connection, texts)
        raise


@contextmanager
def naming_the_rule(connection: duckdb.DuckDBPyConnection, settings: ActionSettings) -> Iterator[None]:
    """Name the rule if the facts of some customer make a statement fail, such as a text that is no number.

    Raises:
        SettingsError: names the rule, and says what is wrong with it.
    """
    try:
        yield
    except duckdb.Error:
        for place, sql in _texts(settings).items():
            with _explained(place, sql):
                connection.execute(f"select count(cast(({sql}) as {_TYPES[place.rpartition('.')[2]]})) from {FACTS}")
        raise


_TYPES = {
    "when": "boolean", "eligible": "boolean", "suitable": "boolean", "period": "varchar", "monthly_margin": "double"
}  # fmt: skip


def _texts(settings: ActionSettings) -> dict[str, str]:
    """Return every SQL text, by its place in the settings."""
    texts: dict[str, str] = {}
    for name, trigger in settings.triggers.items():
        texts |= {f"triggers.{name}.when": trigger.when, f"triggers.{name}.period": trigger.period}
    for name, offer in settings.offers.items():
        texts |= {f"offers.{name}.{part}": getattr(offer, part) for part in ("eligible", "suitable", "monthly_margin")}
    return texts | {f"guards.{name}.when": guard.when for name, guard in settings.guards.items()}


def _try_each(connection: duckdb.DuckDBPyConnection, texts: Mapping[str, str]) -> None:
    for place, sql in texts.items():
        with _explained(place, sql):
            connection.execute(f"select ({sql}) from {FACTS} limit 0")


@contextmanager
def _explained(place: str, sql: str) -> Iterator[None]:
    try:
        yield
    except (RefusedSqlError, duckdb.Error) as error:
        raise SettingsError(f"actions.{place} cannot be used: {error} It reads: {sql}") from error


def literal(value: str) -> str:
    """Return text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"
