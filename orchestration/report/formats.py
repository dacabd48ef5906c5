"""How the report writes numbers, dates and names: in one place, so that all tables agree.

An unknown value is written as a dash, never as zero.
"""

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

UNKNOWN = "–"
MINUS = "\u2212"
NO_BREAK = "\u00a0"  # keeps a number and its unit on one line

Number = int | float | Decimal | None

# Identifiers whose words are not simply their parts.
_SAID = {"tv": "TV", "36_months": "36-month", "value_decile_fixed": "fixed value decile"}


def is_unknown(value: Any) -> bool:
    """Whether ``value`` is SQL null in any of the forms that pandas gives it."""
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def number(value: Number, decimals: int = 0) -> str:
    """Write with thousands separators: ``1,234,567``."""
    if value is None or is_unknown(value):
        return UNKNOWN
    text = f"{abs(float(value)):,.{decimals}f}"
    is_zero = not text.strip("0.,")
    return (MINUS if value < 0 and not is_zero else "") + text


def signed(value: Number, decimals: int = 0) -> str:
    """Write a change with its sign: ``+12``, ``−3``, ``0``."""
    text = number(value, decimals)
    has_no_sign = text == UNKNOWN or text.startswith(MINUS) or not text.strip("0.,")
    return text if has_no_sign else f"+{text}"


def money(value: Number, currency: str) -> str:
    """Write an amount for a sentence: ``EUR 1,234``; in millions from ten million on."""
    if value is None or is_unknown(value):
        return UNKNOWN
    if abs(float(value)) >= 10_000_000:
        return f"{currency}{NO_BREAK}{number(float(value) / 1e6, 1)}{NO_BREAK}million"
    return f"{currency}{NO_BREAK}{number(value)}"


def share(value: Number, decimals: int = 1) -> str:
    """Write a ratio as a percentage: ``53.6%``."""
    return UNKNOWN if value is None or is_unknown(value) else number(float(value) * 100, decimals) + "%"


def signed_share(value: Number, decimals: int = 1) -> str:
    """Write a relative change: ``+1.4%``."""
    if value is None or is_unknown(value):
        return UNKNOWN
    return signed(float(value) * 100, decimals) + "%"


def date(value: Any) -> str:
    """Write a date in words: ``31 October 2026``."""
    return UNKNOWN if is_unknown(value) else f"{value.day} {value:%B %Y}"


def moment(value: dt.datetime | None) -> str:
    """Write a point in time: ``1 November 2026, 04:12``."""
    return UNKNOWN if value is None or is_unknown(value) else f"{date(value)}, {value:%H:%M}"


def label(identifier: Any) -> str:
    """Turn an identifier of the warehouse into words: ``won_back`` → ``Won back``."""
    if is_unknown(identifier):
        return UNKNOWN
    words = _SAID.get(str(identifier), str(identifier)).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words as in a sentence: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count and its noun: ``1 customer``, ``2,000 customers``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
