from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.ingest import LoadReport, ingest
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings
from tests.lakes import lay_lake_for_loads


class Isp:
    """A small provider: source files in a folder, settings over them, and a lake of its own."""

    CUSTOMERS = "customer_id,customer_type,created_date\nC1,person,2024-01-01\nC2,organization,2024-02-01\n"
    CONTRACTS = (
        "contract_id,customer_id,product_code,product_family,start_date,monthly_fee\n"
        "K1,C1,NET,internet,2024-01-05,29.90\nK2,C2,NET,internet,2024-02-05,49.90\n"
    )

    def __init__(self, folder: Path) -> None:
        self.settings: dict[str, Any]
        self._readers: dict[Path, duckdb.DuckDBPyConnection] = {}
        self._open = ExitStack()
        self.begin(folder)

    def begin(self, folder: Path) -> None:
        """Begin in a folder, with a lake into which nothing was loaded and nothing mapped."""
        self.folder = folder
        lay_lake_for_loads(folder / "lake")
        self.settings = {"warehouse": {"path": folder / "lake", "threads": 1}, "locations": {}, "sources": {}}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_parquet(self, name: str, query: str) -> Path:
        path = self.folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        duckdb.sql(query).write_parquet(str(path))
        return path

    def map(self, table: str, files: str | None = None, /, **source: Any) -> None:
        """Fill ``table`` from ``files``, a pattern below the source folder that becomes a location of its name."""
        if files:
            self.locate(table, files)
            source.setdefault("location", table)
        self.settings["sources"][table] = source

    def locate(self, name: str, files: str, **location: Any) -> None:
        self.settings["locations"][name] = {"files": str(self.folder / "source" / files)} | location

    def with_fresh_lake(self) -> "Isp":
        """The same sources, never loaded."""
        other = Isp(self.folder / "fresh")
        other.folder, other.settings = self.folder, self.settings | {"warehouse": other.settings["warehouse"]}
        return other

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(Settings.model_validate(self.settings).warehouse)

    def ingest(self, *tables: str, **options: Any) -> dict[str, LoadReport]:
        reports = ingest(self.warehouse, Settings.model_validate(self.settings), tables=tables or None, **options)
        return {report.table: report for report in reports}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a reader sees who stays: opening the lake takes ten times as long as a statement."""
        warehouse = self.warehouse
        if warehouse.path not in self._readers:
            self._readers[warehouse.path] = self._open.enter_context(warehouse.reader())
        return self._readers[warehouse.path].execute(query).fetchall()

    def close(self) -> None:
        self._open.close()

    def rejected(self, table: str) -> list[tuple[Any, ...]]:
        return self.rows(
            f"select column_name, reason, value from ops.quarantine where source_table = '{table}' order by all"
        )


@pytest.fixture
def isp(tmp_path: Path) -> Iterator[Isp]:
    isp = Isp(tmp_path)
    yield isp
    isp.close()


@pytest.fixture
def small_isp(isp: Isp) -> Isp:
    """Two customers with a contract each, and usage that grows by one file per day."""
    isp.write("customers.csv", isp.CUSTOMERS)
    isp.write("contracts.csv", isp.CONTRACTS)
    isp.map("customers", "customers*.csv")
    isp.map("contracts", "contracts*.csv")
    isp.map("usage", "usage*", growth="append")
    return isp
