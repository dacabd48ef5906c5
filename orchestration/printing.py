"""Safe output to terminals and spreadsheets, which interpret some text as commands, markup or formulas."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.text import Text

# All except tab and line feed; escape sequences can send commands to a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BEGINS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_UNBOUNDED = 1_000_000
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def printable(value: object, style: str = "") -> Text:
    """Return a value as text for a terminal, without markup, and with control characters escaped."""
    return Text(_CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value)), style=style)


def print_whole(console: Console, renderable: RenderableType) -> None:
    """Print at the width of the terminal; to a file or pipe, as wide as needed, so that nothing is cut."""
    if console.is_terminal:
        console.print(renderable)
        return
    needed = Measurement.get(console, console.options.update(width=_UNBOUNDED), renderable).maximum
    Console(file=console.file, width=needed).print(renderable)


def are_numbers(values: Iterable[object]) -> bool:
    """Whether a column is numeric, so that a table aligns it right: it has values, and all of them are numbers."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in known)


def without_formula(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: such text is preceded by an apostrophe.

    See OWASP, "CSV Injection". Numbers stay unchanged, even as text.
    """
    if isinstance(value, str) and value[:1] in _BEGINS_FORMULA and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
