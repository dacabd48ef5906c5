"""The documentation of the source contract is written from its declaration."""

import re
from pathlib import Path

from orchestration.lake.contract import load_contract
from orchestration.lake.contract_page import PAGE, REASONS, page

INGEST = Path(__file__).parents[2] / "orchestration" / "ingest"


def test_the_committed_page_is_that_of_the_declaration() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run 'make docs' and commit docs/source-contract.md"


def test_every_table_and_column_has_a_row_of_five_cells() -> None:
    sections = re.split(r"(?m)^## ", page())[1:-1]
    assert [section.partition("\n")[0] for section in sections] == list(load_contract())
    for section, table in zip(sections, load_contract().values(), strict=True):
        rows = re.findall(r"(?m)^\| (?!column|---)(.*) \|$", section)
        cells = [re.split(r" (?<!\\)\| ", row) for row in rows]
        assert [row[0].strip("*") for row in cells] == list(table.column_names)
        assert {len(row) for row in cells} == {5}


def test_every_reason_for_quarantine_is_explained() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in INGEST.rglob("*.py"))
    known = {reason for reason, _ in REASONS}
    assert all(reason in code for reason in known)
    named = set(re.findall(r"""found\.append\(\("(\w+)",""", code))
    named |= set(re.findall(r"'(duplicate_\w+|un\w+_line)'", code))
    assert named
    assert named <= known
