"""How many columns init recognizes on exports it has not been written for, and that what it calls sure is right."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.onboarding.init import draft_settings
from tests.ingest.unseen_exports import EXPORTS


def drafted(name: str, folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """The file, contract column, SQL and certainty of every line that init writes."""
    export = EXPORTS[name]()
    exports = folder / "exports"
    exports.mkdir()
    export.write(exports)
    text = draft_settings(str(exports), folder / "segmentation.yaml").text
    locations, sources = text.split("\nsources:", 1)
    files = dict(re.findall(r"(?m)^  (\w+):\n    files: exports/(.*)$", locations))
    for table, body in re.findall(r"(?ms)^  ([a-z_]+):\n(    .*?)(?=^  [a-z#]|\Z)", sources):
        location = re.search(r"location: (\w+)", body)
        lines = re.findall(
            r"(?m)^      ([a-z_]+): (\|)?(.*?)  # (sure|likely|guess)[^\n]*((?:\n        [^\n]*)*)", body
        )
        for column, _, sql, certainty, more in lines:
            yield files[location[1]], f"{table}.{column}", sql + more, certainty


def recognized(name: str, folder: Path) -> tuple[int, int, list[str]]:
    """The columns recognized, those there are, and what is called sure and is wrong."""
    answers = EXPORTS[name]().answers
    right, wrong = set(), []
    for file, column, sql, certainty in drafted(name, folder):
        # A file with a month in its name is the first of many.
        (known,) = [each for each in answers if re.fullmatch(re.escape(file).replace(r"\*", ".*"), each)]
        named = [source for source in answers[known] if re.search(rf"(?<!\w){re.escape(source)}(?!\w)", sql)]
        found = [source for source in named if answers[known][source] == column]
        right |= {(known, source) for source in found}
        if certainty == "sure" and not found:
            wrong.append(f"{file}: {column} is {sql}")
    return len(right), sum(map(len, answers.values())), wrong


@pytest.mark.parametrize("name", EXPORTS)
def test_nothing_that_is_called_sure_is_wrong(name: str, tmp_path: Path) -> None:
    assert recognized(name, tmp_path)[2] == []


def test_two_thirds_of_the_columns_are_recognized(tmp_path: Path) -> None:
    found = {}
    for name in EXPORTS:
        (tmp_path / name).mkdir()
        found[name] = recognized(name, tmp_path / name)[:2]
    print(found)
    right, there = map(sum, zip(*found.values(), strict=True))
    assert right >= 2 / 3 * there
    # No kind of export is left behind.
    assert all(right >= there / 2 for right, there in found.values())
