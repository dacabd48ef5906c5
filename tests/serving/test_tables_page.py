"""The documentation of the tables that BI tools read is written from their declaration."""

from orchestration.cli.tables_page import PAGE, page
from orchestration.lake.declarations import declared_tables


def test_the_committed_page_is_that_of_the_declaration() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run 'make docs' and commit docs/bi-tables.md"


def test_every_table_and_column_has_a_description() -> None:
    tables = declared_tables("bi").values()
    assert {table.name for table in tables if not table.description or not table.columns} == set()
    columns = [(table.name, column) for table in tables for column in table.columns]
    assert [f"{table}.{column.name}" for table, column in columns if not column.description] == []
