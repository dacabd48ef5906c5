"""Which sheets of an Excel workbook are tables, and the row that their header stands in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.errors import SourceError
from orchestration.ingest.reading.excel_files import sheets_with_rows
from orchestration.settings import LocationSettings

_ENDINGS = (".xlsx", ".xlsm")
_LOOKED_AT = 50
# A title or a note fills fewer cells than a header does.
_HEADER_SHARE = 0.6


def is_workbook(path: Path) -> bool:
    """Whether the file is an Excel workbook, by its name."""
    return path.suffix.lower() in _ENDINGS


def sheet_options(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the options that read each sheet that is a table, by the sheet's name.

    Raises:
        SourceError: the file is not a workbook, or none of its sheets has rows and columns.
    """
    sheets = sheets_with_rows(str(path), LocationSettings(files=[str(path)]))
    found: dict[str, Mapping[str, Any]] = {}
    for name, cells in sheets.items():
        filled = [number for number, row in enumerate(cells, 1) if _names(row)]
        header = _header_row(cells[:_LOOKED_AT])
        if header is None:
            continue
        options: dict[str, Any] = {"sheet": name} if len(sheets) > 1 else {}
        found[name] = options | ({"header_row": header} if header != filled[0] else {})
    if not found:
        raise SourceError(f"{path} has no sheet with a header and columns.")
    return found


def _header_row(cells: Sequence[Sequence[Any]]) -> int | None:
    """Return the number of the first row of words that is nearly as wide as the table; None without columns."""
    widest = max((len(_names(row)) for row in cells), default=0)
    if widest < 2:
        return None
    return next(
        (
            number
            for number, row in enumerate(cells, 1)
            if len(_names(row)) >= max(2, _HEADER_SHARE * widest) and all(isinstance(cell, str) for cell in row)
        ),
        None,
    )


def _names(row: Sequence[Any]) -> list[Any]:
    return [cell for cell in row if not isinstance(cell, str) or cell.strip()]
