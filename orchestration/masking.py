"""Secrets: one register of what must never be shown, and one function that all output passes through.

Secrets declared in the settings, and values from the environment, are registered as soon as they are read. ``masked``
is applied where text leaves the process: the terminal, Dagster's event log, dbt's logs (through dbt's own scrubber),
and exceptions before anything else stores them.
"""

import html
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
_PASSWORD = re.compile(
    r"""(?i)\b(\w*password|passwd|pwd|secret|token)\s*=\s*("[^"]*"|'(?:[^'\\]|\\.|'')*'|[^\s&;"']+)"""
)
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):([^@\s]*)@")
# A shorter secret would mask innocent words; it is still masked as part of its connection string.
_SHORTEST = 4
# Minimum length of a line of a multi-line key; shorter lines are its delimiters.
_SHORTEST_LINE = 16
# Names of variables and settings that reveal that they contain secrets.
_TELLING = re.compile(r"(?i)pass|pwd|secret|token|key|credential|auth|dsn|webhook|private|salt|connection")
# Parts of a connection string that messages about it should show.
_PLAIN_PART = re.compile(r"(?i)\b(host|hostaddr|port|user|username|dbname|database|db|socket|sslmode)\s*=\s*[\"']?$")

_kept: set[str] = set()
_pattern: re.Pattern[str] | None = None


def keep_secret(value: str) -> None:
    """Mask ``value`` (a connection string, key or URL) and any password in it in everything this process writes."""
    global _pattern
    passwords = [match.group(2).strip("\"'") for match in (*_PASSWORD.finditer(value), *_URL_PASSWORD.finditer(value))]
    # Webhooks carry their secret in the path, which errors show without the host.
    path = "".join(urlsplit(value)[2:4]) if re.match(r"https?://", value) else ""
    lines = [line for line in value.splitlines() if len(line) >= _SHORTEST_LINE]
    found = {value, path.lstrip("/"), *lines, *passwords, *map(unquote, passwords)}
    forms = {form for secret in found if len(secret.strip()) >= _SHORTEST for form in _forms(secret)}
    if not forms <= _kept:
        _kept.update(forms)
        _pattern = re.compile("|".join(re.escape(each) for each in sorted(_kept, key=len, reverse=True)))


def is_secret(name: str, key: str, before: str) -> bool:
    """Whether the environment variable ``name``, used in the setting ``key`` after the text ``before``, is a secret.

    It is if the name of the variable or setting suggests it, except for a harmless part of a connection string.
    """
    if _TELLING.search(name):
        return True
    return bool(_TELLING.search(key) or key == "catalog") and not _PLAIN_PART.search(before)


def without_kept(text: str) -> str:
    """Return the text with every registered secret masked, without guessing at others, so that JSON stays valid."""
    return _pattern.sub(HIDDEN, text) if _pattern is not None else text


def masked(text: str) -> str:
    """Return the text with every registered secret masked, and whatever else looks like a password."""
    return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", _PASSWORD.sub(rf"\1={HIDDEN}", without_kept(text)))


def redact(error: BaseException) -> None:
    """Mask secrets in an exception, its causes and its notes: any of them may end up in a traceback or a log."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.args = tuple(_redacted(part) for part in each.args)
        if getattr(each, "__notes__", None):
            each.__notes__ = [masked(note) for note in each.__notes__]
        waiting += [each.__cause__, each.__context__]


@contextmanager
def redacting() -> Iterator[None]:
    """Mask secrets in exceptions that leave the block."""
    try:
        yield
    except BaseException as error:
        redact(error)
        raise


class MaskedStream:
    """A text stream that masks secrets in what is written to it; everything else is passed to the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the masked text, and return the length of the original."""
        self._stream.write(masked(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Return the underlying stream's attribute."""
        return getattr(self._stream, name)


@contextmanager
def masked_output() -> Iterator[None]:
    """Mask standard output, standard error, and exceptions that leave the block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", MaskedStream(stream)) for stream in before)
    try:
        with redacting():
            yield
    finally:
        sys.stdout, sys.stderr = before


def dbt_secrets() -> dict[str, str]:
    """Return the registered secrets as environment variables whose values dbt removes from its logs and errors."""
    return {f"DBT_ENV_SECRET_{number}": secret for number, secret in enumerate(sorted(_kept), start=1)}


def _forms(secret: str) -> set[str]:
    """Return the secret as written in SQL, Python, a URL, a connection string and HTML, each also in JSON."""
    escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
    plain = {
        secret,
        secret.replace("'", "''"),
        repr(secret)[1:-1],
        escaped,
        escaped.replace("'", "''"),
        quote(secret, safe=""),
        html.escape(secret),
    }
    as_json = {json.dumps(form, ensure_ascii=is_ascii)[1:-1] for form in plain for is_ascii in (True, False)}
    return plain | as_json


def _redacted(part: Any) -> Any:
    return masked(part) if isinstance(part, str) else part
