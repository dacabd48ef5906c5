"""Secrets: one register of what must never be shown, and one function that everything written passes.

What is declared a secret in the settings, and what the environment puts there, is kept from the moment it is read.
``masked`` is applied where text leaves the process: the terminal, Dagster's event log, dbt's logs (through dbt's own
scrubber), and exceptions, before anything else stores them.
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
# A shorter one would blank out innocent words; it still goes with the connection string it is part of.
_SHORTEST = 4
# A line of a key that spans lines; shorter ones are its brackets.
_SHORTEST_LINE = 16
# Names of variables and settings that say what they hold.
_TELLING = re.compile(r"(?i)pass|pwd|secret|token|key|credential|auth|dsn|webhook|private|salt|connection")
# Parts of a connection string that every message about it should name.
_PLAIN_PART = re.compile(r"(?i)\b(host|hostaddr|port|user|username|dbname|database|db|socket|sslmode)\s*=\s*[\"']?$")

_kept: set[str] = set()
_pattern: re.Pattern[str] | None = None


def keep_secret(value: str) -> None:
    """Let nothing that this process writes show ``value``, a connection string, key or URL, nor a password in it."""
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
    """Whether what the environment variable ``name`` puts into the setting ``key``, after ``before``, is a secret.

    It is where variable or setting is named like one, unless it fills a part of a connection string that is plain.
    """
    if _TELLING.search(name):
        return True
    return bool(_TELLING.search(key) or key == "catalog") and not _PLAIN_PART.search(before)


def without_kept(text: str) -> str:
    """Return the text with every kept secret blanked out, and no guess at others: JSON stays JSON."""
    return _pattern.sub(HIDDEN, text) if _pattern is not None else text


def masked(text: str) -> str:
    """Return the text with every kept secret blanked out, and whatever else looks like a password."""
    return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", _PASSWORD.sub(rf"\1={HIDDEN}", without_kept(text)))


def redact(error: BaseException) -> None:
    """Blank the secrets out of an exception, its causes and its notes: any may end in a traceback or a log."""
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
    """Let no exception leave the block with a secret in it."""
    try:
        yield
    except BaseException as error:
        redact(error)
        raise


class MaskedStream:
    """A text stream that blanks secrets out of what is written to it; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the masked text, and answer as if it had been written as it came."""
        self._stream.write(masked(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has of that name."""
        return getattr(self._stream, name)


@contextmanager
def masked_output() -> Iterator[None]:
    """Mask standard output, standard error and the exceptions that leave the block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", MaskedStream(stream)) for stream in before)
    try:
        with redacting():
            yield
    finally:
        sys.stdout, sys.stderr = before


def dbt_secrets() -> dict[str, str]:
    """Return the kept secrets as the environment variables whose values dbt scrubs from its logs and errors."""
    return {f"DBT_ENV_SECRET_{number}": secret for number, secret in enumerate(sorted(_kept), start=1)}


def _forms(secret: str) -> set[str]:
    """Return the secret as it reads in SQL, Python, a URL, a connection string and HTML, and each of these in JSON."""
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
