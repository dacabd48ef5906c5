"""Segment tables made by Python as Dagster assets: a step makes the rows of a month, everything else is here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

import dagster as dg
import duckdb

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.lake.declarations import DeclaredTable
from orchestration.months import as_of_date
from orchestration.segments.candidate import Candidate
from orchestration.segments.code_version import STEPS, docstring, python_version
from orchestration.segments.month import SegmentMonth
from orchestration.segments.registry import tables_written_by
from orchestration.segments.tables import write_tables
from orchestration.segments.versions import candidates
from orchestration.settings import Settings

Plots = Callable[[duckdb.DuckDBPyConnection, str], Mapping[str, Mapping[str, dg.MarkdownMetadataValue]]]


@dataclass(frozen=True)
class StepCheck:
    """A step's own verdict on a month, as an asset check of one of its tables.

    A failure in any month warns, or blocks later steps if ``blocks`` returns true for the settings.
    """

    name: str
    table: str
    description: str
    blocks: Callable[[Settings], bool] | None = None

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The spec of the check."""
        return dg.AssetCheckSpec(
            self.name,
            asset=["segments", self.table],
            blocking=self.blocks is not None,
            description=self.description,
            partitions_def=MONTHS,
        )

    def result(self, months: Mapping[str, SegmentMonth], settings: Settings) -> dg.AssetCheckResult:
        """Judge the months of a run, by version; the finding for each is in the metadata."""
        is_error = self.blocks is not None and self.blocks(settings)
        return dg.AssetCheckResult(
            check_name=self.name,
            asset_key=["segments", self.table],
            passed=all(month.passed for month in months.values()),
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            metadata={version_id: month.finding for version_id, month in months.items()},
        )


def segment_asset(name: str, check: StepCheck | None = None, plots: Plots | None = None) -> dg.AssetsDefinition:
    """Return the asset of a step: the tables declared as written by it, for every candidate of a run.

    A step is imported when it runs: what fits models takes seconds, and most processes only need the definitions.

    Args:
        name: of a module of ``orchestration.segments.steps``, and of the asset; the docstring of its ``make_month`` is
            the description.
        check: the step's own verdict on a month, as a check.
        plots: drawn for the last version written, by table and title.
    """
    module = f"{STEPS}.{name}"
    tables = tables_written_by(name)

    @dg.multi_asset(
        name=name,
        description=docstring(module, "make_month"),
        specs=[_spec(table, python_version((module,))) for table in tables],
        check_specs=[check.spec] if check else [],
        partitions_def=MONTHS,
        backfill_policy=ALL_MONTHS_IN_ONE_RUN,
        pool=WRITER_POOL,
    )
    def make(
        context: dg.AssetExecutionContext, deployment: Deployment
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = deployment.settings
        make_month: Callable[..., SegmentMonth] = import_module(module).make_month
        rows = dict.fromkeys((table.name for table in tables), 0)
        months: dict[str, SegmentMonth] = {}
        shown: dict[str, dict[str, dg.RawMetadataValue]] = {}
        with deployment.warehouse.writer() as connection:
            for candidate in candidates_of(context, connection):
                month = make_month(connection, candidate, settings)
                for table, count in write_tables(connection, candidate, month.tables).items():
                    rows[table] += count
                tell(context, month.decision)
                shown = {table: {"version_id": candidate.version_id, **month.facts.get(table, {})} for table in rows}
                # The rows are in the lake now, so the frames need not stay in memory.
                months[candidate.version_id] = replace(month, tables={})
            if plots and months:
                for table, drawn in plots(connection, list(months)[-1]).items():
                    shown[table] |= drawn
        for table, count in rows.items():
            metadata = {"rows_written": count} | shown.get(table, {})
            yield dg.MaterializeResult(asset_key=["segments", table], metadata=metadata)
        if check:
            yield check.result(months, settings)

    return make


def _spec(table: DeclaredTable, code_version: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["segments", table.name],
        description=table.description,
        deps=[dg.AssetKey(key.split(".")) for key in table.meta["reads"]],
        group_name="segments",
        kinds={"duckdb", "table", "scikitlearn"},
        owners=OWNERS,
        code_version=code_version,
        metadata=column_metadata(table),
    )


def column_metadata(table: DeclaredTable) -> dict[str, dg.TableSchema]:
    """Return a table's columns as the UI shows them."""
    columns = [dg.TableColumn(column.name, column.sql_type, column.description) for column in table.columns]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def candidates_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, connection: duckdb.DuckDBPyConnection
) -> Iterator[Candidate]:
    """Yield the candidates of the run's months, oldest first, reporting progress."""
    opened = candidates(connection, [as_of_date(month) for month in context.partition_keys])
    if not opened:
        tell(context, "No month has changed; nothing to do.")
    for number, candidate in enumerate(opened, start=1):
        tell(context, f"Version {candidate.version_id} ({number} of {len(opened)})")
        yield candidate
