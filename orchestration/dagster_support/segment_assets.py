"""What the Python segment assets have in common: their specs, and going through the candidates of a run."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
import duckdb

from orchestration.dagster_support.dbt import code_version
from orchestration.dagster_support.deployment import OWNERS
from orchestration.dagster_support.progress import tell
from orchestration.months import as_of_date
from orchestration.segments.tables import DECLARED_COLUMNS
from orchestration.segments.versions import Candidate, candidates


def segment_spec(
    table: str, description: str, deps: Sequence[Sequence[str]], kinds: Iterable[str] = ("scikitlearn",)
) -> dg.AssetSpec:
    """Return the spec of a segment table that Python writes."""
    return dg.AssetSpec(
        key=["segments", table],
        description=description,
        deps=[dg.AssetKey(list(key)) for key in deps],
        group_name="segments",
        kinds={"duckdb", "table", *kinds},
        owners=OWNERS,
        code_version=code_version(),
        metadata=column_metadata(table),
    )


def column_metadata(table: str) -> dict[str, dg.TableSchema]:
    """Return what the UI shows of a table's columns."""
    columns = [dg.TableColumn(column.name, column.sql_type, column.description) for column in DECLARED_COLUMNS[table]]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def candidates_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, connection: duckdb.DuckDBPyConnection
) -> Iterator[Candidate]:
    """Yield the candidates of the run's months, oldest first, saying how far the asset has come."""
    opened = candidates(connection, [as_of_date(month) for month in context.partition_keys])
    if not opened:
        tell(context, "No month has changed; nothing to do.")
    for number, candidate in enumerate(opened, start=1):
        tell(context, f"Version {candidate.version_id} ({number} of {len(opened)})")
        yield candidate
