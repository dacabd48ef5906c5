"""A report as its reader has it: the words of each section."""

from html.parser import HTMLParser

import duckdb

from orchestration.report.build import build_report
from orchestration.settings import Settings
from tests.report.conftest import VERSION

VOID = {"meta", "br", "path", "use", "polyline", "rect", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting while it reads, and collects ids, links and the words of each section."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.words: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(document)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [named["id"]] if named.get("id") else []
        self.loads += [value for name in ("src", "href", "xlink:href") if (value := named.get(name))]
        if tag not in VOID:
            self._open.append((tag, named.get("id") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for tag, name in self._open:
            if tag == "section":
                self.words[name] = f"{self.words.get(name, '')} {' '.join(data.split())}".replace("\u00a0", " ")


def words_of(section: str, lake: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """Return the words of one section of the report, which is made alone."""
    return Page(build_report(lake, VERSION, settings, only=[section])).words[section.replace("_", "-")]
