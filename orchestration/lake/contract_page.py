"""The documentation page of the source contract, written from its declaration.

``python -m orchestration.lake.contract_page`` writes ``docs/source-contract.md``.
"""

from pathlib import Path

from orchestration.lake.contract import Column, Table, load_contract

PAGE = Path(__file__).parents[2] / "docs" / "source-contract.md"

# The reason as recorded in quarantine, and its meaning.
REASONS: tuple[tuple[str, str], ...] = (
    ("wrong_type", "The value cannot be read as the column's type: `n/a` as a number, 31 February, a fraction where "
                   "a whole number is expected, an infinite number."),
    ("missing_required", "A required column is empty, or blank text."),
    ("not_accepted_value", "The value is not one of those allowed. Words of the source are translated by a `case` "
                           "expression in the mapping."),
    ("negative_value", "The value is negative although it cannot be."),
    ("below_minimum", "The value is below the smallest one allowed."),
    ("no_exchange_rate", "The amount is in a currency that has no rate for its day, or only one that is too old. The "
                         "row is loaded automatically when a rate arrives."),
    ("unknown_reference", "The row refers to a customer or contract that does not exist, or whose own row is in "
                          "quarantine. Fixing that row brings this one back automatically."),
    ("duplicate_key_conflict", "Several rows of one load have the same key and contradict each other; none of them is "
                               "loaded, because nothing says which is right. Identical rows count as known "
                               "duplicates, and the first is loaded."),
    ("control_character", "An identifier or a code contains a zero byte or another control character. In free text "
                          "these become spaces."),
    ("rounded_identifier", "An identifier in scientific notation, or a number too long for its type: a spreadsheet or "
                           "a program has rounded it, and the original is lost. Export the column as text."),
    ("unparsable_line", "A line of a CSV file is not a row: too many or too few fields, a quote never closed, bytes "
                        "that are not of the encoding; or a line of JSON lines is not JSON. Each counts by itself."),
    ("line_too_long", "A line is longer than 2 MB in CSV or 16 MB in JSON lines. Its beginning is kept."),
    ("nested_too_deep", "A line of JSON lines nests values more than 100 levels deep."),
)  # fmt: skip

_TYPES = {
    "varchar": "text",
    "date": "date",
    "timestamp": "timestamp, local",
    "boolean": "boolean",
    "integer": "integer",
    "bigint": "integer, 64 bits",
    "double": "number",
}

_HEAD = """\
# Source contract

The tables a deployment can fill, and what their rows must satisfy. `make docs` writes this page from the declaration in
[`_sources.yml`](../dbt_project/models/staging/_sources.yml), which also drives the casts, the quarantine, the tables of
the schema `raw` and the tests. [Your data](your-data.md) says how to fill the tables.

- Only {required} are required. A table or optional column that nothing fills is empty, and what depends on it is null.
- Money is in the reporting currency unless the row has a currency, and without tax unless the column says so. Volumes
  are in bytes, rates in megabits a second, and dates are days in the operator's local time.
- Directions are from the customer's side: *down* is what the customer received. RADIUS `Acct-Input-Octets` is therefore
  **up**.
- A blank value is a missing value. Identifiers are text, and leading zeros count. An identifier that went through a
  floating-point number (`1001.0`) is read as the whole number it was. In optional identifiers, texts such as `NULL`,
  `none`, `n/a`, `-` and `0` are missing values too (`null_references` of a location).

| table | key | required | |
|---|---|---|---|
"""


def page() -> str:
    """Return the page as Markdown."""
    tables = load_contract()
    required = " and ".join(f"`{table.name}`" for table in tables.values() if table.is_required)
    lines = [_HEAD.format(required=required).rstrip("\n")]
    for table in tables.values():
        must = "yes" if table.is_required else "no"
        lines.append(f"| [{table.name}](#{table.name}) | {_key(table)} | {must} | {len(table.columns)} columns |")
    for table in tables.values():
        lines += ["", *_section(table)]
    lines += ["", *_quarantine()]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> list[str]:
    lines = [
        f"## {table.name}",
        "",
        table.description,
        "",
        f"- **Key**: {_key(table)}. A row with the key of an earlier row restates it; an identical row is a duplicate.",
        f"- **Table**: {'required' if table.is_required else 'optional'}.",
        f"- **Growth**: {_growth(table)}",
        "",
        "| column | type | required | rule | description |",
        "|---|---|---|---|---|",
    ]
    return lines + [_row(table, column) for column in table.columns]


def _row(table: Table, column: Column) -> str:
    must = "no" if not column.is_required else f"yes, else `{column.default}`" if column.default else "yes"
    name = f"**{column.name}**" if column.name in table.key else column.name
    kind = _TYPES.get(column.data_type, column.data_type)
    return f"| {name} | {kind} | {must} | {_rules(column)} | {_escaped(column.description)} |"


def _rules(column: Column) -> str:
    rules = []
    if column.accepted_values:
        rules.append(", ".join(f"`{value}`" for value in column.accepted_values))
    if column.pattern:
        rules.append(f"written as `{column.pattern}`")
    if column.currency_of_date:
        rules.append("the reporting currency, or one with a rate for the day (`exchange_rates`)")
    if column.references:
        rules.append(f"a known [{column.references.table}](#{column.references.table}).{column.references.column}")
    if column.minimum is not None:
        condition = f" where `{column.minimum_when}`" if column.minimum_when else ""
        rules.append(f"≥ {column.minimum:g}{condition}")
    return _escaped("; ".join(rules))


def _key(table: Table) -> str:
    return " × ".join(f"`{name}`" for name in table.key)


def _growth(table: Table) -> str:
    if table.partition_by:
        return (
            f"facts that arrive day by day: `append`, with files read once or a cursor; stored by month or year of "
            f"`{table.time_column}`. A late row goes to its own month."
        )
    if table.is_required:
        return "the state of the system: `snapshot`, the whole table each time; rows that disappear are noticed."
    return f"`append` if the source delivers only what is new, otherwise `snapshot`; dated by `{table.time_column}`."


def _quarantine() -> list[str]:
    lines = [
        "## Quarantine",
        "",
        "A row that breaks the contract goes to `ops.quarantine` with its file, line, column, value and the first of",
        "these reasons that applies. Accepted, quarantined and known duplicate rows always add up to the rows read.",
        "",
        "| reason | what it means |",
        "|---|---|",
    ]
    return lines + [f"| `{reason}` | {_escaped(meaning)} |" for reason, meaning in REASONS]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
