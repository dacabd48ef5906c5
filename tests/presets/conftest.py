"""A deployment of one preset over its fixtures, or over what a test changes of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.ingest import LoadReport, ingest
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.mapping.table_source import locations_of
from orchestration.ingest.reading.files import list_files
from orchestration.lake.contract import load_contract
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings, load_settings
from orchestration.settings.presets import load_presets
from tests.lakes import lay_lake_for_loads

FIXTURES = Path(__file__).parent / "fixtures"


class Export:
    """The files of a system's export in a folder, and a lake loaded from them by a preset."""

    def __init__(self, folder: Path, preset: str) -> None:
        self.folder, self.preset = folder, preset
        self.parameters: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.locations: dict[str, Any] = {}
        self.timezone = "Europe/Berlin"
        shutil.copytree(FIXTURES / preset, folder / "export")
        rates = "".join(f"USD,{year}-01-01,0.9\n" for year in range(2020, 2025))
        (folder / "rates.csv").write_text(f"currency,rate_date,rate\n{rates}")
        lay_lake_for_loads(folder / "lake")

    def read(self, name: str) -> Any:
        return json.loads((self.folder / "export" / f"{name}.json").read_text(encoding="utf-8"))

    def write(self, name: str, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / "export" / (name if "." in name else f"{name}.json")).write_text(text, encoding="utf-8")

    def drop(self, *names: str) -> None:
        for name in names:
            next((self.folder / "export").glob(f"{name}.*")).unlink()

    @property
    def settings(self) -> Settings:
        """Every file ``name.*`` of the export is the location ``preset_name``; ``name-2.*`` adds to it."""
        names = {file.name.split(".")[0].split("-")[0] for file in (self.folder / "export").iterdir()}
        locations = {f"{self.preset}_{name}": {"files": f"export/{name}[.-]*"} for name in sorted(names)}
        assert locations.keys() <= load_presets()[self.preset].locations.keys()
        file = self.folder / "segmentation.yaml"
        document = {
            "warehouse": {"path": "lake", "threads": 1},
            "schedule": {"timezone": self.timezone},
            "presets": {self.preset: self.parameters},
            "exchange_rates": {"max_age_days": 366},
            "locations": locations | self.locations | {"rates": {"files": "rates.csv"}},
            "sources": self.sources | {"exchange_rates": {"location": "rates"}},
        }
        file.write_text(yaml.safe_dump(document))
        return load_settings(file)

    def ingest(self, *tables: str) -> dict[str, LoadReport]:
        settings = self.settings
        reports = ingest(Warehouse(settings.warehouse), settings, tables=tables or None)
        return {report.table: report for report in reports}

    def tables(self) -> list[str]:
        """Load everything; return the tables that the preset fills."""
        return [table for table, report in self.ingest().items() if report.is_mapped and table != "exchange_rates"]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the lake and the workspace of a run."""
        with Warehouse(self.settings.warehouse).writer() as connection:
            return connection.execute(sql).fetchall()

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows as literal values: dates and amounts as text, an amount without its trailing zeros."""
        types = {column.name: column.data_type for column in load_contract()[table].columns}
        shown = [
            f"cast({name} as double)"
            if types[name].startswith("decimal")
            else f"cast({name} as varchar)"
            if types[name] in {"date", "timestamp"}
            else name
            for name in columns
        ]
        return self.query(f"select {', '.join(shown)} from raw.{table} order by all")

    def mapped(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        """What a table's source gives, before it is typed and loaded."""
        settings = self.settings
        source = settings.sources[table]
        locations = locations_of(source, settings.locations)
        files = {name: list_files(settings.locations[name]) for name in locations}
        with duckdb.connect() as connection:
            rows = map_rows(connection, load_contract()[table], source, settings, files, None)
            return connection.execute(f"select {columns} from ({rows.sql}) order by all").fetchall()

    @property
    def rejected(self) -> list[tuple[Any, ...]]:
        return self.query("select source_table, column_name, reason, value from ops.quarantine order by all")


@pytest.fixture
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Export:
    """The fixtures, for a test to change before it loads them."""
    return Export(tmp_path, request.module.PRESET)


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The fixtures as they are, loaded once for the tests that only look."""
    export = Export(tmp_path_factory.mktemp(request.module.PRESET), request.module.PRESET)
    export.parameters = getattr(request.module, "PARAMETERS", {})
    export.timezone = getattr(request.module, "TIMEZONE", export.timezone)
    export.ingest()
    return export
