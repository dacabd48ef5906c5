"""The documentation page of the tables that BI tools read, written from their declaration.

``python -m orchestration.cli.tables_page`` writes ``docs/bi-tables.md``.
"""

from collections.abc import Iterator
from pathlib import Path

from orchestration.lake.declarations import DeclaredTable, declared_tables

PAGE = Path(__file__).parents[2] / "docs" / "bi-tables.md"
_HEAD = """\
# Tables of the schema bi

Every table and column that BI tools read. `make docs` writes this page from the declaration in
[`_bi.yml`](../dbt_project/models/bi/_bi.yml), which also drives the contracts that dbt enforces, the types and keys of
the serving targets, and the tests. [Results in BI tools](bi.md) says how to connect and join, and
[definitions](definitions.md) explains how the numbers are computed.

- All tables show published versions only. Money is in the reporting currency, decimal. Decile 1 is the best tenth;
  wholesale customers have a value but are not ranked.
- Columns of the key are **bold**. *Personal* columns identify or describe a person or household; a serving target can
  leave them out or replace identifiers by pseudonyms.

| table | content |
|---|---|
"""


def page() -> str:
    """Return the page as Markdown."""
    tables = declared_tables("bi").values()
    lines = [_HEAD.rstrip("\n")]
    lines += [f"| [{table.name}](#{table.name}) | {_cell(_first_sentence(table.description))} |" for table in tables]
    for table in tables:
        lines += ["", *_section(table)]
    return "\n".join(lines) + "\n"


def _section(table: DeclaredTable) -> Iterator[str]:
    yield from (f"## {table.name}", "", table.description, "")
    yield from ("| column | type | personal | description |", "|---|---|---|---|")
    for column in table.columns:
        name = f"**{column.name}**" if column.name in table.grain else column.name
        yield f"| {name} | {column.sql_type} | {column.personal or ''} | {_cell(column.description)} |"


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
