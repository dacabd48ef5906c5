"""Identifiers as text: values that passed through a floating-point number, and texts that mean a missing one.

A spreadsheet, pandas or a JSON reader may turn ``1001`` into ``1001.0``: both are the same identifier. One that was
rounded on the way (``8.94301E+19``) is lost, because the original cannot be known. In a column that may be empty,
people write ``NULL``, ``none`` or ``0``: taken as an identifier, such a text would join strangers into one group.
"""

from collections.abc import Sequence

from orchestration.ingest.mapping.texts import as_text
from orchestration.ingest.sql_text import sql_text
from orchestration.lake.contract import Column

REASON = "rounded_identifier"
# Shown for a rounded identifier whose digits must be hidden.
ANY_ROUNDED = "0.0e+0"
# Whole numbers beyond these limits cannot be distinguished from their neighbors (IEEE 754).
_EXACT_BELOW = {"DOUBLE": 2**53, "FLOAT": 2**24}
_WHOLE = r"-?\d+\.0+"
# The ways in which spreadsheets, pandas, Java and databases write rounded numbers.
_ROUNDED = r"[+-]?\d([.,]\d+)?[eE]\+\d+|[+-]?\d[.,]\d+[eE]\d+"


def identifier(column: Column, raw: str, source_type: str, null_texts: Sequence[str]) -> str:
    """Return SQL of an identifier as text; null if it is blank, or optional and one of ``null_texts``."""
    text = _plain(raw, source_type)
    if column.is_required or not null_texts:
        return text
    listed = ", ".join(sql_text(each.lower()) for each in null_texts)
    longest = max(map(len, null_texts))
    return f"case when length({text}) > {longest} or lower({text}) not in ({listed}) then {text} end"


def is_rounded(text: str) -> str:
    """Return SQL of whether an identifier has lost digits."""
    # Two cheap tests spare nearly all identifiers the expensive one.
    return f"(contains({text}, '+') or contains({text}, '.')) and regexp_full_match({text}, '{_ROUNDED}')"


def _plain(raw: str, source_type: str) -> str:
    text = as_text(raw, source_type)
    if limit := _EXACT_BELOW.get(source_type):
        return f"case when abs({raw}) >= {limit} then format('{{:.15e}}', {raw}) else {text} end"
    if source_type == "VARCHAR" or source_type.startswith("DECIMAL") or source_type == "JSON":
        is_whole = f"{text}[-1] = '0' and regexp_full_match({text}, '{_WHOLE}')"
        return f"case when {is_whole} then split_part({text}, '.', 1) else {text} end"
    return text
