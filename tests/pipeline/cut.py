"""The same sources as they were at the end of a month: nothing dated later, rows and files in another order."""

import shutil
from pathlib import Path

import duckdb

from tests.pipeline.deployments import Deployment

MONTH, AS_OF = "2025-11", "2025-11-30"
# When a row of each source became known.
KNOWN_SINCE = {
    "customers": "created_date",
    "contracts": "valid_from_date",
    "usage": "usage_date",
    "invoices": "invoice_date",
    "payments": "paid_date",
    "interactions": "occurred_at::date",
    "service_quality": "date",
}


def cut_and_shuffle(source: Deployment, folder: Path) -> Deployment:
    """Copy settings and source files, with the rows that were known on the day."""
    shutil.copy(source.settings_file, folder)
    for file in sorted((source.folder / "source").rglob("*.parquet")):
        relative = file.relative_to(source.folder)
        known = KNOWN_SINCE[relative.parts[1].split(".")[0]]
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = f"select * from read_parquet('{file}') where {known} <= date '{AS_OF}' order by random()"
        duckdb.sql(f"copy ({rows}) to '{target}' (format parquet)")
    usage = folder / "source" / "usage"
    # The files are read by name: other names, other order.
    for number, file in enumerate(sorted(usage.glob("*.parquet"), reverse=True)):
        file.rename(usage / f"part_{number:02d}.parquet")
    return Deployment(folder)
