"""Control characters in text: they are never part of an identifier, a code or a name, and a zero byte does damage.

DuckLake writes values into the SQL with which its catalog prunes files, where a zero byte ends the statement: with one
in an identifier, no later load works. So text with a control character (C0, DELETE, C1) goes to quarantine; in
``free_text`` columns of the contract, which people write by hand, line breaks and the like become spaces.
"""

REASON = "control_character"
_CLEAN = r"[^\x00-\x1f\x7f-\x{9f}]*"
# For text that is kept for people to read: line breaks and tabs do no harm there.
_HARMLESS = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]*"
_CONTROL = r"[\x00-\x1f\x7f-\x{9f}]+"


def has_control(text: str) -> str:
    """Return SQL of whether the text contains a control character; null for null."""
    # Half as expensive as searching for one.
    return f"not regexp_full_match({text}, '{_CLEAN}')"


def without_control(text: str) -> str:
    """Return SQL of the text with each run of control characters replaced by a space, and trimmed."""
    spaced = f"trim(regexp_replace({text}, '{_CONTROL}', ' ', 'g'))"
    return f"case when {has_control(text)} then nullif({spaced}, '') else {text} end"


def readable(text: str) -> str:
    """Return SQL of the text in readable form: control characters escaped as in JSON, quotes unchanged."""
    escaped = f"replace(cast(to_json({text}) as varchar)[2:-2], '\\\"', '\"')"
    return f"case when regexp_full_match({text}, '{_HARMLESS}') then {text} else {escaped} end"
