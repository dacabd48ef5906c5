"""Values as text, without surrounding blanks."""

BLANKS = r"e' \t\r\n'"


def as_text(raw: str, source_type: str) -> str:
    """Return SQL of the value as text without surrounding spaces, tabs and line ends, null if it is blank.

    A whole number is written without a fraction even if it is a double: the identifier 17 in one system and 17.0 in
    another are the same.
    """
    text = raw if source_type == "VARCHAR" else f"cast({raw} as varchar)"
    if source_type in {"DOUBLE", "FLOAT"}:
        is_whole = f"{raw} = trunc({raw}) and abs({raw}) < 1e16"
        text = f"case when {is_whole} then cast(try_cast({raw} as bigint) as varchar) else {text} end"
    # Trimming more than spaces costs as much as everything else together: only if the first or last character needs it.
    trimmed = f"trim({text})"
    is_clean = f"{trimmed} >= '!' and {trimmed}[-1] >= '!'"
    return f"case when {is_clean} then {trimmed} else nullif(trim({text}, {BLANKS}), '') end"
