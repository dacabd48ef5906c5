"""Why a mapping does not fit a source: an expression that cannot be read, a required column that nothing fills."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.reading.readers import ROW, describe
from orchestration.lake.contract import Table
from orchestration.masking import redact


@dataclass(frozen=True)
class Binder:
    """Finds the expression that does not fit a source; used only once an error is known.

    Args:
        rows: SQL of the rows, with the columns ``found``.
        place: the file or table they come from, as the user knows it.
        elsewhere: returns SQL of the rows of all files of the location; None if there are no others.
    """

    connection: duckdb.DuckDBPyConnection
    table: Table
    rows: str
    found: Mapping[str, str]
    place: str
    elsewhere: Callable[[], str] | None = None

    def check(self, name: str, expression: str) -> bool:
        """Whether the expression can be read here; an optional column may be missing if other files have it.

        Raises:
            SourceError: names the expression and the available columns.
        """
        try:
            self._bind(expression, self.rows)
        except duckdb.Error as error:
            redact(error)
            if isinstance(error, duckdb.BinderException) and self._is_elsewhere(name, expression):
                return False
            columns = ", ".join(column for column in self.found if column != ROW)
            raise SourceError(
                f"sources.{self.table.name}.columns.{name}: {expression!r} cannot be read from {self.place}: "
                f"{first_line(error)} Columns there: {columns}."
            ) from error
        return True

    def _is_elsewhere(self, name: str, expression: str) -> bool:
        if self.elsewhere is None or self.table.column(name).is_required:
            return False
        try:
            self._bind(expression, self.elsewhere())
        except (duckdb.Error, SourceError):
            return False
        return True

    def _bind(self, expression: str, rows: str) -> None:
        describe(self.connection, f"select (\n{expression}\n) as value from ({rows})")


def require_columns(
    table: Table, given: Mapping[str, str], complaint: str, found: Mapping[str, str] | None = None
) -> None:
    """Refuse a mapping that leaves a required column without a value.

    Raises:
        SourceError: names every such column.
    """
    names = {name.lower() for name in given}
    missing = [
        column.name
        for column in table.columns
        if column.is_required and column.name not in names and column.default is None
    ]
    if missing:
        there = [name for name in (found or given) if name != ROW]
        raise SourceError(
            f"{complaint} {', '.join(missing)}, required by {table.name}. Add to sources.{table.name}"
            f"{'.columns' if found is not None else '.query'}, for example '{missing[0]}: <SQL over the source "
            f"columns>'. Columns there: {', '.join(there)}."
        )
