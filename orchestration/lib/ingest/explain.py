"""DuckDB's errors in words for the user, without the secrets that DuckDB prints in them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import duckdb

from orchestration.lib.errors import SourceError

_HIDDEN = "***"
_PASSWORD = re.compile(r"""(?i)\b(password|passwd|pwd|secret|token)\s*=\s*("[^"]*"|'(?:[^'\\]|\\.)*'|[^\s&;"']+)""")
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):([^@\s]*)@")
# A shorter one would blank out innocent words; it still goes with the connection string it is part of.
_SHORTEST_SECRET = 4
_secrets: set[str] = set()


def keep_secret(value: str) -> None:
    """Let no error of this process show ``value``, a connection string or a key, nor a password within it."""
    passwords = [match.group(2).strip("\"'") for match in (*_PASSWORD.finditer(value), *_URL_PASSWORD.finditer(value))]
    found = {value, *passwords, *map(unquote, passwords)}
    _secrets.update(secret for secret in found if len(secret) >= _SHORTEST_SECRET)


def redacted(text: str) -> str:
    """Return the text with every secret blanked out, and whatever else looks like a password."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", _PASSWORD.sub(rf"\1={_HIDDEN}", text))


def redact(error: Exception) -> None:
    """Blank the secrets out of the error itself, which a traceback or a log may show as the cause of another."""
    error.args = tuple(redacted(part) if isinstance(part, str) else part for part in error.args)


@contextmanager
def explained(what: str, path: str | None = None) -> Iterator[None]:
    """Turn DuckDB's errors into one that says which setting and which file they are about.

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
    """Return what DuckDB says first, without its list of functions and without an excerpt of generated SQL."""
    text = re.split(r"\s*Candidate functions:|\n\nLINE", redacted(str(error)), maxsplit=1)[0]
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _advice(error: duckdb.Error) -> str:
    if '"NaN" to DECIMAL' in str(error):
        return " A numeric column of the database holds NaN, which no decimal is: read a view that casts it to text."
    if isinstance(error, duckdb.ConversionException):
        return " Use try_cast in the expression, so that a bad value costs its row and not the load."
    if "parquet" in str(error).lower() or isinstance(error, duckdb.InternalException | duckdb.SerializationException):
        return " The file is no Parquet, or not whole: deliver it again."
    return ""
