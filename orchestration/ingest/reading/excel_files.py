"""Excel workbooks: one sheet of each, read cell by cell and written in the location's text conventions.

A cell has its own type, and a column may mix them: dates and text, or numbers and identifiers with leading zeros.
DuckDB's reader gives a column the type of its first row, so other values are lost or stop the file, and it reads dates
as serial numbers if everything is to be text. Here every cell becomes the text that a CSV export for the location would
contain (decimal separator, date and time format), and is typed and checked as such.

An Excel number has fifteen digits. A longer one was rounded when it was typed; it is written with an exponent, so that
it is refused as an identifier and still read as an amount.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    XmlError,
    ZipError,
)

from orchestration.errors import SourceError
from orchestration.ingest.reading.csv_dialect import distinct_names
from orchestration.ingest.reading.streams import open_stream, state_of
from orchestration.ingest.reading.text_files import scratch_file
from orchestration.ingest.sql_text import sql_text
from orchestration.settings import LocationSettings

# Cannot collide with a header: blanks in headers are collapsed, and this name has two spaces.
_ROW_NAME = "row  of the sheet"
SHEET_ROW = f'"{_ROW_NAME}"'
"""SQL of the column of the converted sheet that holds the row number, as shown by Excel."""

_OPTIONS = {"sheet", "range", "header_row"}
_CELLS = re.compile(r"([A-Z]{1,3})(\d*):([A-Z]{1,3})(\d*)")
# From here on, Excel has rounded.
_EXACT = 10**15

Cell = Any
"""Text, number, boolean, date, time or duration; an empty cell is empty text."""


@dataclass(frozen=True)
class _Area:
    """The cells that are read: columns from ``left`` up to ``right``, rows up to ``last``, header included."""

    left: int
    right: int | None
    header: int | None
    last: int | None


def excel_rows(path: str, location: LocationSettings) -> str:
    """Return the table function that reads a sheet; all its values are text, and ``SHEET_ROW`` is their row.

    Raises:
        SourceError: the file is not a workbook, its sheet is ambiguous or missing, or it has no header.
    """
    if unknown := sorted(location.options.keys() - _OPTIONS):
        raise SourceError(
            f"options.{unknown[0]} is not an option of an Excel file; it takes {', '.join(sorted(_OPTIONS))}."
        )
    try:
        state = state_of(path, location)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    return f"read_parquet({sql_text(_converted(path, _Chosen(location, state)))})"


def sheets_with_rows(path: str, location: LocationSettings) -> Mapping[str, Sequence[Sequence[Cell]]]:
    """Return the cells of each visible sheet that is not empty, by sheet name.

    Raises:
        SourceError: the file cannot be read as a workbook.
    """
    workbook = _opened(path, location)
    cells = {
        sheet.name: _cells(workbook, sheet.name, path)
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    }
    return {name: rows for name, rows in cells.items() if any(map(_is_filled, rows))}


@dataclass(frozen=True)
class _Chosen:
    """The location, hashed by the state of the file, so that a changed file is converted again."""

    location: LocationSettings
    state: tuple[int, ...]

    def __hash__(self) -> int:
        return hash(self.state)


@lru_cache(maxsize=128)
def _converted(path: str, chosen: _Chosen) -> str:
    """Write the sheet as Parquet, all of it text, and return the path."""
    location = chosen.location
    name, cells = _sheet(path, location)
    area = _area(location, path)
    header, names = _header(cells, area, f"{path}, sheet {name!r}")
    places = [area.left + offset for offset in range(len(names))]
    rows = [
        (number, row)
        for number, row in enumerate(cells[header:], header + 1)
        if _is_filled(row[area.left : area.right]) and (area.last is None or number <= area.last)
    ]
    columns: dict[str, pa.Array] = {_ROW_NAME: pa.array((number for number, _ in rows), pa.int64())}
    for place, column in zip(places, distinct_names(names), strict=True):
        texts = pa.array((_text(row[place], location) for _, row in rows), pa.string())
        # A range wider than its sheet gives columns without a name and values.
        if names[place - area.left] or texts.null_count < len(texts):
            columns[column] = texts
    target = scratch_file(f"{path}\0excel\0{location.model_dump_json(exclude={'files'})}\0{chosen.state}")
    pq.write_table(pa.table(columns), target)
    return str(target)


def _opened(path: str, location: LocationSettings) -> CalamineWorkbook:
    with _explained(path), open_stream(path, location) as stream:
        return CalamineWorkbook.from_filelike(BytesIO(stream.read()))


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Explain what may be wrong with a workbook that cannot be read.

    Raises:
        SourceError: reading failed.
    """
    try:
        yield
    except (CalamineError, XmlError, ZipError, PasswordError, ValueError, OverflowError, pa.ArrowException) as error:
        raise SourceError(
            f"{path} is not an Excel workbook (.xlsx), is incomplete, or is protected by a password: {error}. "
            f"Save it again without a password, or deliver it again."
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}.") from error


def _sheet(path: str, location: LocationSettings) -> tuple[str, Sequence[Sequence[Cell]]]:
    wanted = location.options.get("sheet")
    if wanted is not None:
        workbook = _opened(path, location)
        there = workbook.sheet_names
        if isinstance(wanted, int) and 1 <= wanted <= len(there):
            wanted = there[wanted - 1]
        if wanted not in there:
            raise SourceError(
                f"{path} has no sheet {wanted!r}. Correct 'options.sheet' of its location; there are: "
                f"{', '.join(there)}."
            )
        return wanted, _cells(workbook, wanted, path)
    found = sheets_with_rows(path, location)
    if len(found) > 1:
        raise SourceError(
            f"{path} has {len(found)} sheets with rows: {', '.join(found)}. Name the one to read as 'options.sheet' of "
            f"its location, and make one location for each."
        )
    if not found:
        raise SourceError(f"{path} is empty: no sheet has a header. Deliver it again, or remove it.")
    return next(iter(found.items()))


def _cells(workbook: CalamineWorkbook, name: str, path: str) -> Sequence[Sequence[Cell]]:
    with _explained(f"{path}, sheet {name!r},"):
        return workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)


def _area(location: LocationSettings, path: str) -> _Area:
    header, cells = location.options.get("header_row"), location.options.get("range")
    if header is not None and (isinstance(header, bool) or not isinstance(header, int) or header < 1):
        raise SourceError(f"options.header_row: {header!r} is not a row; rows of a sheet count from 1.")
    if cells is None:
        return _Area(0, None, header, None)
    found = _CELLS.fullmatch(str(cells).upper().replace("$", ""))
    if found is None or _place(found[1]) > _place(found[3]):
        raise SourceError(f"{path}: options.range {cells!r} is not a range of cells; write it as A3:H200, A3:H or A:H.")
    return _Area(
        _place(found[1]),
        _place(found[3]) + 1,
        header or (int(found[2]) if found[2] else None),
        int(found[4]) if found[4] else None,
    )


def _place(letters: str) -> int:
    """Return the zero-based position of a column: A is 0, AA is 26."""
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _header(cells: Sequence[Sequence[Cell]], area: _Area, where: str) -> tuple[int, list[str]]:
    """Return the row number of the header, as configured or else the first row that is not empty, and its names."""
    filled = (number for number, row in enumerate(cells, 1) if _is_filled(row[area.left : area.right]))
    header = area.header or next(filled, None)
    if header is None or header > len(cells) or not _is_filled(cells[header - 1][area.left : area.right]):
        raise SourceError(
            f"{where}: {'there is no header' if header is None else f'row {header} is empty and no header'}. Correct "
            f"'header_row', 'range' or 'sheet' in the location's 'options'."
        )
    return header, [" ".join(str(cell).split()) for cell in cells[header - 1][area.left : area.right]]


def _is_filled(row: Sequence[Cell]) -> bool:
    return any(not isinstance(cell, str) or cell.strip() for cell in row)


def _text(cell: Cell, location: LocationSettings) -> str | None:
    """Return the cell as text in the location's conventions."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        number = format(cell, ".0f") if cell == int(cell) and abs(cell) < _EXACT else format(cell, ".15g")
        return number.replace(".", location.decimal_separator)
    if isinstance(cell, datetime):
        return cell.strftime(location.timestamp_format) if location.timestamp_format else cell.isoformat(" ")
    if isinstance(cell, date):
        return cell.strftime(location.date_format) if location.date_format else cell.isoformat()
    return cell.isoformat() if isinstance(cell, time) else str(cell)
