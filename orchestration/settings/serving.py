"""Settings of where published versions are served: PostgreSQL, a DuckDB file, Parquet, and dlt destinations."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator

from orchestration.settings.sources import ObjectStoreSettings, Secret, Section
from orchestration.settings.webhooks import WebhookSettings

Identifier = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=63)]
# A table of the schema bi, or one of its columns; '*.column' is that column in every table.
LeftOut = Annotated[str, Field(pattern=r"^([a-z_][a-z0-9_]*|\*)(\.[a-z_][a-z0-9_]*)?$")]


class TargetSettings(Section):
    """What all targets share: the tables served, and how far they identify people."""

    tables: list[Identifier] | None = Field(None, description="tables of the schema bi to serve; default: all")
    leave_out: list[LeftOut] = Field(
        default_factory=list,
        description="not to serve: 'table' or 'table.column'; '*.column' is the column of every table",
    )
    pseudonym_key: Secret | None = Field(
        None,
        min_length=16,
        description="serve personal identifiers as pseudonyms made with this key, as ${NAME}; the same in every table",
    )
    webhook: WebhookSettings | None = Field(
        None, description="address to notify after each update, so that BI tools can refresh"
    )
    retries: int = Field(3, ge=0, le=10, description="how often a failed target is tried again")
    retry_after_seconds: float = Field(
        10, gt=0, description="wait before the first retry; each later wait is twice as long"
    )

    def with_paths(self, absolute: Callable[[str], str]) -> Self:
        """Return the same settings with absolute paths."""
        path = getattr(self, "path", None)
        return self if path is None else self.model_copy(update={"path": type(path)(absolute(str(path)))})


class PostgresTarget(TargetSettings):
    """Tables of a PostgreSQL database."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: Literal["postgres"] = "postgres"
    connection: Secret = Field(description="connection string or URL, as ${NAME}")
    schema_name: Identifier = Field("bi", alias="schema")
    reader_role: Identifier | None = Field(
        "bi_reader", description="role that may read what is served, created if it is missing; null for none"
    )


class DuckdbTarget(TargetSettings):
    """A DuckDB file, replaced as a whole."""

    type: Literal["duckdb"] = "duckdb"
    path: Path


class ParquetTarget(TargetSettings):
    """A folder of Parquet files, local or on an object store (s3://…)."""

    type: Literal["parquet"] = "parquet"
    path: str
    object_store: ObjectStoreSettings = ObjectStoreSettings()


class DltTarget(TargetSettings):
    """A dataset in any SQL destination of dlt: snowflake, bigquery, redshift, databricks, mssql, clickhouse, …."""

    type: Literal["dlt"] = "dlt"
    destination: Annotated[str, Field(pattern=r"^[a-z_]+$")] = Field(
        description="dlt destination by name; sqlalchemy for MySQL, MariaDB and others that SQLAlchemy supports"
    )
    dataset: Identifier = Field("bi", description="schema or dataset of the tables")
    credentials: Secret | None = Field(
        None, description="connection URL, as ${NAME}; default: dlt's own configuration (DESTINATION__…)"
    )
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="further arguments of the destination, for example location for bigquery"
    )

    @field_validator("destination")
    @classmethod
    def _must_speak_sql(cls, value: str) -> str:
        if value in {"filesystem", "dummy"}:
            raise ValueError("a destination that speaks SQL; for files there is the type parquet")
        return value


ServingTarget = Annotated[PostgresTarget | DuckdbTarget | ParquetTarget | DltTarget, Field(discriminator="type")]
