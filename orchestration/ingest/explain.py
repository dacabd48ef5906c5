"""DuckDB's errors in the user's terms, without the secrets that DuckDB prints in them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from orchestration.errors import SourceError
from orchestration.masking import masked, redact


@contextmanager
def explained(what: str, path: str | None = None) -> Iterator[None]:
    """Turn DuckDB's errors into one that names the setting and the file.

    Raises:
        SourceError: DuckDB failed.
    """
    try:
        yield
    except duckdb.Error as error:
        redact(error)
        where = f"{what}, {path}" if path else what
        raise SourceError(f"{where}: {first_line(error)}{_advice(error)}") from error


def first_line(error: Exception) -> str:
    """Return the start of DuckDB's message, without its list of functions and the excerpt of generated SQL."""
    text = re.split(r"\s*Candidate functions:|\n\nLINE", masked(str(error)), maxsplit=1)[0]
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _advice(error: duckdb.Error) -> str:
    if '"NaN" to DECIMAL' in str(error):
        return " A numeric column of the database holds NaN, which no decimal is: read a view that casts it to text."
    if isinstance(error, duckdb.ConversionException):
        return " Use try_cast in the expression, so that a bad value costs its row and not the load."
    if "parquet" in str(error).lower() or isinstance(error, duckdb.InternalException | duckdb.SerializationException):
        return " The file is not Parquet, or is incomplete; deliver it again."
    return ""
