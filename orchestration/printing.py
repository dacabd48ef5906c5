"""Data on their way to a person's terminal or spreadsheet, where some text would be taken for more than text."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.text import Text

# All but tab and line feed; with the first of them, text can tell a terminal what to do.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BEGINS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_UNBOUNDED = 1_000_000
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def printable(value: object, style: str = "") -> Text:
    """Return a value as text for a terminal: no markup, and control characters as escapes instead of as commands."""
    return Text(_CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value)), style=style)


def print_whole(console: Console, renderable: RenderableType) -> None:
    """Print at the width of a terminal, or as wide as it takes where there is none: a file or a pipe cuts nothing."""
    if console.is_terminal:
        console.print(renderable)
        return
    needed = Measurement.get(console, console.options.update(width=_UNBOUNDED), renderable).maximum
    Console(file=console.file, width=needed).print(renderable)


def are_numbers(values: Iterable[object]) -> bool:
    """Whether a column holds numbers, which a table aligns right: all that are not null, and at least one."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in known)


def without_formula(value: Any) -> Any:
    """Return a value as a spreadsheet shows it: text that it would take for a formula comes after an apostrophe.

    See OWASP, "CSV Injection". Numbers stay as they are, also where they come as text.
    """
    if isinstance(value, str) and value[:1] in _BEGINS_FORMULA and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
