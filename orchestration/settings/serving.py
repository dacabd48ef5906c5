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
    """What every target has: the tables that it gets, and how far persons can be told from them."""

    tables: list[Identifier] | None = Field(None, description="tables of the schema bi; all of them if not set")
    leave_out: list[LeftOut] = Field(
        default_factory=list, description="tables, or columns as 'table.column'; '*.column' is one of every table"
    )
    pseudonym_key: Secret | None = Field(
        None,
        min_length=16,
        description="serve identifiers of persons as a keyed hash of this key, as ${NAME}; the same in every table",
    )
    webhook: WebhookSettings | None = Field(None, description="who is told after it was brought up: BI tools refresh")
    retries: int = Field(3, ge=0, le=10, description="how often a publish tries again where the target fails")
    retry_after_seconds: float = Field(10, gt=0, description="wait before the first retry; doubled for each further")

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
        "bi_reader", description="a role that may read what is served, made where it is missing; null for none"
    )


class DuckdbTarget(TargetSettings):
    """One DuckDB file, replaced whole."""

    type: Literal["duckdb"] = "duckdb"
    path: Path


class ParquetTarget(TargetSettings):
    """A folder of Parquet files, local or on an object store (s3://…)."""

    type: Literal["parquet"] = "parquet"
    path: str
    object_store: ObjectStoreSettings = ObjectStoreSettings()


class DltTarget(TargetSettings):
    """A data set of any SQL destination of dlt: snowflake, bigquery, redshift, databricks, mssql, clickhouse, …."""

    type: Literal["dlt"] = "dlt"
    destination: Annotated[str, Field(pattern=r"^[a-z_]+$")] = Field(
        description="destination of dlt, by its name; sqlalchemy for MySQL, MariaDB and what else SQLAlchemy speaks"
    )
    dataset: Identifier = Field("bi", description="schema, or data set, that the tables are in")
    credentials: Secret | None = Field(
        None, description="connection URL, as ${NAME}; if not set, dlt looks for its own (DESTINATION__…)"
    )
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="further arguments of the destination, for example location of bigquery"
    )

    @field_validator("destination")
    @classmethod
    def _must_speak_sql(cls, value: str) -> str:
        if value in {"filesystem", "dummy"}:
            raise ValueError("a destination that speaks SQL; for files there is the type parquet")
        return value


ServingTarget = Annotated[PostgresTarget | DuckdbTarget | ParquetTarget | DltTarget, Field(discriminator="type")]
