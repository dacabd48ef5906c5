"""Identifiers as text: values that went through a floating-point number, and texts that mean a missing one.

A spreadsheet, pandas or a JSON reader may hand ``1001`` on as ``1001.0``: both are the same identifier. One that was
rounded on the way (``8.94301E+19``) is lost: nobody can say which it was. In a column that may be empty
people write ``NULL``, ``none`` or ``0``: taken as an identifier, such a text makes one group of strangers.
"""

from collections.abc import Sequence

from orchestration.ingest.mapping.texts import as_text
from orchestration.ingest.sql_text import sql_text
from orchestration.lake.contract import Column

REASON = "rounded_identifier"
# What a rounded identifier is called where its digits must not show.
ANY_ROUNDED = "0.0e+0"
# Whole numbers beyond have neighbours that the type cannot tell apart (IEEE 754).
_EXACT_BELOW = {"DOUBLE": 2**53, "FLOAT": 2**24}
_WHOLE = r"-?\d+\.0+"
# As spreadsheets, pandas, Java and databases write what they have rounded.
_ROUNDED = r"[+-]?\d([.,]\d+)?[eE]\+\d+|[+-]?\d[.,]\d+[eE]\d+"


def identifier(column: Column, raw: str, source_type: str, null_texts: Sequence[str]) -> str:
    """Return SQL of an identifier as text; null where it is blank, or optional and one of ``null_texts``."""
    text = _plain(raw, source_type)
    if column.is_required or not null_texts:
        return text
    listed = ", ".join(sql_text(each.lower()) for each in null_texts)
    longest = max(map(len, null_texts))
    return f"case when length({text}) > {longest} or lower({text}) not in ({listed}) then {text} end"


def is_rounded(text: str) -> str:
    """Return SQL of whether an identifier lost digits."""
    # Two cheap looks spare nearly all identifiers the costly one.
    return f"(contains({text}, '+') or contains({text}, '.')) and regexp_full_match({text}, '{_ROUNDED}')"


def _plain(raw: str, source_type: str) -> str:
    text = as_text(raw, source_type)
    if limit := _EXACT_BELOW.get(source_type):
        return f"case when abs({raw}) >= {limit} then format('{{:.15e}}', {raw}) else {text} end"
    if source_type == "VARCHAR" or source_type.startswith("DECIMAL") or source_type == "JSON":
        is_whole = f"{text}[-1] = '0' and regexp_full_match({text}, '{_WHOLE}')"
        return f"case when {is_whole} then split_part({text}, '.', 1) else {text} end"
    return text
