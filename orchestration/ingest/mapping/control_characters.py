"""Control characters in text: none of them is part of an identifier, a code or a name, and a zero byte does harm.

DuckLake writes values into the SQL that its catalog prunes files by, where a zero byte ends the statement: one in an
identifier, and no later load works. So text with a control character (C0, DELETE, C1) goes to quarantine; where the
contract says ``free_text``, which people write by hand, line breaks and the like become spaces.
"""

REASON = "control_character"
_CLEAN = r"[^\x00-\x1f\x7f-\x{9f}]*"
# Of text that is kept as it came, for people to read: line breaks and tabs do no harm there.
_HARMLESS = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]*"
_CONTROL = r"[\x00-\x1f\x7f-\x{9f}]+"


def has_control(text: str) -> str:
    """Return SQL of whether the text holds a control character; null for a null."""
    # Cheaper by half than looking for one.
    return f"not regexp_full_match({text}, '{_CLEAN}')"


def without_control(text: str) -> str:
    """Return SQL of the text with a space for each run of control characters, and none around it."""
    spaced = f"trim(regexp_replace({text}, '{_CONTROL}', ' ', 'g'))"
    return f"case when {has_control(text)} then nullif({spaced}, '') else {text} end"


def readable(text: str) -> str:
    """Return SQL of the text as a person can read it: control characters as JSON writes them, quotes as they are."""
    escaped = f"replace(cast(to_json({text}) as varchar)[2:-2], '\\\"', '\"')"
    return f"case when regexp_full_match({text}, '{_HARMLESS}') then {text} else {escaped} end"
