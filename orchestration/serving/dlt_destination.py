"""Any SQL destination of dlt as a target: Snowflake, BigQuery, Redshift, Databricks, SQL Server, MySQL and others.

dlt updates each table separately: tables of the current state are replaced, versions and days are merged, each in one
transaction if the destination has transactions. The record of what is held is written last, so an interrupted load is
repeated.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pyarrow as pa

from orchestration.errors import ServingError
from orchestration.ingest.sql_text import sql_text
from orchestration.lake.warehouse import transaction
from orchestration.serving.contents import Contents, Moves, Part, Stamp
from orchestration.serving.tables import OPEN, VERSION, ServedTable, served_tables
from orchestration.serving.target import RECORD, RECORD_COLUMNS, RECORD_COMMENT, Served, explained, served
from orchestration.settings.serving import DltTarget

if TYPE_CHECKING:
    import dlt
    from dlt.common.schema.typing import TColumnSchema
    from dlt.destinations.sql_client import SqlClientBase
    from dlt.extract import DltResource

_BATCH_ROWS = 50_000
_TYPES = {"varchar": "text", "integer": "bigint", "boolean": "bool"}
_PRECISION = {"integer": 32, "timestamp": 6}
_CONTINUES = "'segmentation serve {name}' or the next publish continues from there."


class DltDestination:
    """One data set of a destination of dlt."""

    def __init__(self, name: str, settings: DltTarget) -> None:
        self.name, self.settings = name, settings

    @property
    def place(self) -> str:
        """Where the target is, for messages."""
        return f"{self.settings.destination} data set {self.settings.dataset} ({self.name})"

    def update(self, connection: duckdb.DuckDBPyConnection, contents: Contents) -> Served:
        """Update the data set to the state of the lake, table by table.

        Raises:
            ServingError: the destination cannot be reached or refuses; the next publish continues from there.
        """
        with self._explained(), self._pipeline() as pipeline, transaction(connection):
            contents.read()
            moves = contents.moves(self._held(pipeline))
            if moves.delete or moves.write:
                self._move(pipeline, connection, contents, moves)
        return served(self.place, moves, contents)

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str, Callable[[str], str]], list[Any]]]:
        """Open the data set for reading; the destination answers the queries.

        Raises:
            ServingError: it cannot be reached.
        """
        with self._explained(), self._pipeline() as pipeline:
            present = self._tables(pipeline)
            yield lambda table, query: self._query(pipeline, query(table)) if table in present else []

    @contextmanager
    def _pipeline(self) -> Iterator["dlt.Pipeline"]:
        """Yield a pipeline that knows the schema on the destination; it leaves nothing on this machine."""
        try:
            import dlt
            from dlt.common.destination import Destination
        except ImportError as error:
            raise ServingError(f"{self.place} needs dlt: pip install 'isp-segmentation[dlt]'.") from error
        given = self.settings.credentials
        # By default dlt empties a table in one transaction and fills it in another.
        arguments: dict[str, Any] = {"replace_strategy": "insert-from-staging", **self.settings.options}
        if given is not None:
            arguments["credentials"] = given.get_secret_value()
        dlt.config["runtime.dlthub_telemetry"] = False
        dlt.config["runtime.log_level"] = "ERROR"
        with tempfile.TemporaryDirectory(prefix="dlt") as folder:
            pipeline = dlt.pipeline(
                f"segmentation_{self.name}",
                pipelines_dir=folder,
                destination=Destination.from_reference(self.settings.destination, **arguments),
                dataset_name=self.settings.dataset,
            )
            pipeline.sync_destination()
            yield pipeline

    def _move(
        self, pipeline: "dlt.Pipeline", connection: duckdb.DuckDBPyConnection, contents: Contents, moves: Moves
    ) -> None:
        # Parts that the record no longer names are moved again, however this load ends.
        present = self._tables(pipeline)
        for name in dict.fromkeys(part.table for part in moves.delete):
            keys = ", ".join(map(sql_text, moves.of(name)[0]))
            self._delete(pipeline, RECORD, f"table_name = {sql_text(name)} and {VERSION} in ({keys})")
        resources = []
        for name in dict.fromkeys(part.table for part in (*moves.delete, *moves.write)):
            delete, write = moves.of(name)
            # Rows that dlt does not replace: parts that are gone, and the open part, since its merge key is null.
            gone = [key for key in delete if key not in write or key == OPEN]
            if gone and name in present:
                table = contents.tables.get(name) or served_tables().get(name)
                self._delete(pipeline, name, "1 = 1" if table is None else table.of_parts(gone))
            if write:
                table = contents.tables[name]
                resources.append(_resource(table, connection, contents.rows_sql(table, write)))
        if resources:
            pipeline.run(resources).raise_on_failed_jobs()
        pipeline.run(_record(contents, moves)).raise_on_failed_jobs()

    def _held(self, pipeline: "dlt.Pipeline") -> Mapping[Part, Stamp]:
        if RECORD not in self._tables(pipeline):
            return {}
        sql = f"select table_name, {VERSION}, row_count, fingerprint from {RECORD}"
        return {
            Part(table, key): Stamp(rows, fingerprint) for table, key, rows, fingerprint in self._query(pipeline, sql)
        }

    def _tables(self, pipeline: "dlt.Pipeline") -> set[str]:
        """Return the tables that dlt has created on the destination."""
        schema = pipeline.schemas.get(pipeline.default_schema_name) if pipeline.default_schema_name else None
        return set(schema.data_table_names()) if schema else set()

    def _query(self, pipeline: "dlt.Pipeline", sql: str) -> list[Any]:
        with pipeline.sql_client() as client:
            return list(client.execute_sql(_dialect(client, sql)) or [])

    def _delete(self, pipeline: "dlt.Pipeline", table: str, condition: str) -> None:
        with pipeline.sql_client() as client, client.begin_transaction():
            client.execute_sql(_dialect(client, f"delete from {table} where {condition}"))

    def _explained(self) -> AbstractContextManager[None]:
        # dlt passes on what each destination's client raises.
        return explained(self.place, self.name, Exception, advice=_CONTINUES)


def _resource(table: ServedTable, connection: duckdb.DuckDBPyConnection, rows_sql: str) -> "DltResource":
    """Return the rows of a query in batches, with the column types and the write disposition of the table."""
    import dlt

    def batches() -> Iterator[pa.Table]:
        for batch in connection.execute(rows_sql).to_arrow_reader(_BATCH_ROWS):
            yield pa.Table.from_batches([batch])

    resource = dlt.resource(
        batches,
        name=table.name,
        columns={column.name: _column(column.name, column.sql_type, column.description) for column in table.columns},
        **_disposition(table.part_by),
    )
    return resource.apply_hints(additional_table_hints={"description": table.description})


def _record(contents: Contents, moves: Moves) -> "DltResource":
    """Return the record's rows about what was just moved."""
    import dlt

    now = datetime.now(UTC).replace(tzinfo=None)
    stamps = [(part.table, part.key, contents.stamps[part]) for part in moves.write]
    rows = pa.table(
        {
            "table_name": pa.array([table for table, _, _ in stamps], pa.string()),
            VERSION: pa.array([key for _, key, _ in stamps], pa.string()),
            "row_count": pa.array([stamp.rows for _, _, stamp in stamps], pa.int64()),
            "fingerprint": pa.array([stamp.fingerprint for _, _, stamp in stamps], pa.string()),
            "served_at": pa.array([now] * len(stamps), pa.timestamp("us")),
        }
    )
    columns = {name: _column(name, sql_type, "") for name, sql_type in RECORD_COLUMNS.items()}
    resource = dlt.resource([rows], name=RECORD, columns=columns, write_disposition="append")
    return resource.apply_hints(additional_table_hints={"description": RECORD_COMMENT})


def _disposition(part_by: str | None) -> dict[str, Any]:
    if part_by is None:
        return {"write_disposition": "replace"}
    return {"write_disposition": {"disposition": "merge", "strategy": "delete-insert"}, "merge_key": part_by}


def _column(name: str, sql_type: str, description: str) -> "TColumnSchema":
    """Return a column as dlt describes it."""
    kind, _, digits = sql_type.partition("(")
    column: dict[str, Any] = {"name": name, "data_type": _TYPES.get(kind, kind), "nullable": True}
    if description:
        column["description"] = description
    if kind in _PRECISION:
        column["precision"] = _PRECISION[kind]
    if kind == "timestamp":
        column["timezone"] = False
    if digits:
        column["precision"], column["scale"] = (int(number) for number in digits.rstrip(")").split(","))
    return cast("TColumnSchema", column)


def _dialect(client: "SqlClientBase[Any]", sql: str) -> str:
    """Translate SQL over one table into the destination's dialect, with the qualified name of the table."""
    import sqlglot
    from sqlglot import expressions as exp

    tree = sqlglot.parse_one(sql, read="duckdb")
    for table in list(tree.find_all(exp.Table)):
        *places, name = client.make_qualified_table_name_path(table.name, quote=False)
        database, catalog = (*reversed(places), None, None)[:2]
        table.replace(exp.table_(name, database, catalog, quoted=True, alias=table.alias or None))
    return tree.sql(dialect=client.capabilities.sqlglot_dialect)
