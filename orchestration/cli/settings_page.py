"""The documentation page of the settings, written from their declarations.

``python -m orchestration.cli.settings_page`` writes ``docs/settings.md``.
"""

from collections.abc import Iterator
from pathlib import Path

from orchestration.settings import Settings
from orchestration.settings.reference import Entry, entries
from orchestration.source_checks.run import BY_NAME

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
_LIMITS = "checks."
_HEAD = """\
# Settings

Every key of the settings file, with its type, default and meaning. `make docs` writes this page from the declarations.
Keys are written as paths: `costs.per_gb` is `per_gb` in the section `costs`, `<name>` is a name of your own, and `[]`
is each element of a list. Every key has a default unless it says *required*. Money is in the reporting currency. An
unknown key is an error that lists the keys allowed in its place.
[`examples/simulated_isp`](../examples/simulated_isp/segmentation.yaml) shows the settings in use.

A source check (section `checks`) has an `action` (`warn`, `block` or `off`), a `minimum` and a `maximum`, and can have
other limits for single tables:

```yaml
checks:
  days_behind: {maximum: 10, tables: {usage: {maximum: 2, action: block}}}
```
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD.rstrip("\n"), *_lines()]) + "\n"


def described() -> Iterator[Entry]:
    """Yield every setting; the meaning of a check's limits is the description of the check."""
    for each in entries(Settings):
        name = each.key.removeprefix(_LIMITS)
        yield (
            each._replace(meaning=BY_NAME[name].description)
            if each.key.startswith(_LIMITS) and name in BY_NAME
            else each
        )


def _lines() -> Iterator[str]:
    in_table = False
    for each in sorted(described(), key=_is_below_a_section):
        if each.is_section and "." not in each.key:
            yield from ("", f"## {each.key}", "", f"{_sentence(each.meaning)}", "", *_TABLE)
            in_table = True
            continue
        if not in_table:
            yield from ("", "## The deployment", "", *_TABLE)
            in_table = True
        if not each.is_section:
            default = "*required*" if each.default is None else f"`{each.default}`"
            yield f"| `{each.key}` | {_cell(each.type)} | {_cell(default)} | {_cell(_sentence(each.meaning))} |"


_TABLE = ("| key | type | default | meaning |", "|---|---|---|---|")


def _is_below_a_section(entry: Entry) -> bool:
    """Sort key: keys outside any section come first; the order of all others is kept."""
    return entry.is_section or "." in entry.key


def _sentence(text: str) -> str:
    text = text.replace("``", "`").strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
