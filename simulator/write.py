"""Source files: typed columns, one writer per table and month, Parquet or CSV."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from simulator.months import NEVER, label

FileFormat = Literal["parquet", "csv"]


def text_ids(prefix: str, numbers: Any, width: int) -> pa.Array:
    """Return identifiers like C0000042, null where the number is negative."""
    numbers = np.asarray(numbers, dtype=np.int64)
    known = pa.array(numbers, mask=numbers < 0) if (numbers < 0).any() else pa.array(numbers)
    padded = pc.utf8_lpad(pc.cast(known, pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), padded, "")


def texts(codes: Any, names: tuple[str | None, ...]) -> pa.Array:
    """Return the names of codes."""
    return pa.array(names, pa.string()).take(pa.array(np.asarray(codes, dtype=np.int64)))


def dates(days: Any) -> pa.Array:
    """Return dates; null for 0 and for days that never come."""
    days = np.asarray(days, dtype=np.int64)
    unknown = (days == 0) | (days >= NEVER)
    return pa.array(np.where(unknown, 0, days).astype(np.int32), mask=unknown).cast(pa.date32())


def timestamps(seconds: Any, unknown: Any = None) -> pa.Array:
    """Return timestamps from whole seconds."""
    return pa.array(np.asarray(seconds, dtype=np.int64) * 1_000_000, mask=unknown).cast(pa.timestamp("us"))


def money(amounts: Any) -> pa.Array:
    """Return decimals with two digits, as billing systems keep them."""
    return pa.array(np.round(np.asarray(amounts, dtype=np.float64), 2)).cast(pa.decimal128(18, 2))


def numbers_or_null(values: Any, kind: pa.DataType) -> pa.Array:
    """Return numbers with NaN as null."""
    values = np.asarray(values, dtype=np.float64)
    unknown = np.isnan(values)
    return pa.array(np.where(unknown, 0, values), mask=unknown).cast(kind)


class Writer:
    """Writes tables under a folder, `table.ext` or `table/table_YYYY-MM.ext`, and counts their rows."""

    def __init__(self, folder: Path, file_format: FileFormat) -> None:
        """Write under the folder; it must not hold an older run's files."""
        self.folder = folder
        self.file_format = file_format
        self.rows: dict[str, int] = {}
        self._open: dict[Path, pq.ParquetWriter | pacsv.CSVWriter] = {}

    def path(self, table: str, month: int | None = None, suffix: str = "") -> Path:
        """Return the path of a table's file."""
        if month is None:
            return self.folder / f"{table}{suffix}.{self.file_format}"
        return self.folder / table / f"{table}_{label(month)}{suffix}.{self.file_format}"

    def write(self, table: str, rows: pa.Table, month: int | None = None) -> None:
        """Append rows to a table's file."""
        path = self.path(table, month)
        if path not in self._open:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.file_format == "parquet":
                self._open[path] = pq.ParquetWriter(path, rows.schema, compression="zstd", store_schema=False)
            else:
                self._open[path] = pacsv.CSVWriter(path, rows.schema)
        if rows.num_rows:
            self._open[path].write_table(rows)
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def close(self) -> None:
        """Finish every file."""
        for writer in self._open.values():
            writer.close()
        self._open.clear()

    def __enter__(self) -> Writer:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish every file."""
        self.close()
