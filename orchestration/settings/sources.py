"""Settings of the input: locations, how each source table is filled from them, and secrets.

Secrets (keys, passwords, connection strings) have the type ``Secret``: no output shows them.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from orchestration.masking import keep_secret

FILE_DATABASES = {"sqlite", "duckdb"}
Share = Annotated[float, Field(ge=0, le=1)]
# In the user's SQL, a location is a table (files) or a schema qualifier (database).
LocationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

NULL_REFERENCES = (
    "null", "(null)", "<null>", "\\n", "none", "nil", "nan", "nat", "n/a", "na", "#n/a", "undefined",
    "-", "--", "0", "-1", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
"""What systems and people write for a missing reference."""


def _kept(value: SecretStr) -> SecretStr:
    keep_secret(value.get_secret_value())
    return value


Secret = Annotated[SecretStr, AfterValidator(_kept)]
"""A value that no message, log, traceback, metadata or artifact may show, from the moment it is read."""


class Section(BaseModel):
    """A part of the settings: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ObjectStoreSettings(Section):
    """How an S3-compatible object store is reached; secrets come from the environment as ``${NAME}``."""

    key_id: Secret | None = Field(None, description="access key; without one, the store is accessed anonymously")
    secret: Secret | None = Field(None, description="secret key that belongs to the access key")
    region: str | None = Field(None, description="region of the bucket")
    endpoint: str | None = Field(None, description="host and port of a store other than Amazon's")
    use_ssl: bool = Field(True, description="whether to use https")
    url_style: Literal["vhost", "path"] = Field(
        "vhost", description="whether the bucket is part of the host name or of the path"
    )


class LocationSettings(Section):
    """Where source data lie: files by one or more globs, or a SQL database.

    In the user's SQL a location of files is a table of its name, and a database one qualifies its tables
    (``crm.public.clients``).
    """

    files: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default_factory=list, description="local globs, or globs on an object store (s3://bucket/…)"
    )
    format: Literal["csv", "json", "parquet", "excel"] | None = Field(
        None, description="file format; default: from the file's extension"
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="options of DuckDB's reader, for example delim, encoding or header; of an Excel file sheet (name "
        "or place), range (such as A3:H200) and header_row",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="columns that may be missing from files, with their types (null where missing); of JSON, only "
        "these are read",
    )
    decimal_separator: Literal[".", ","] = Field(
        ".", description="decimal separator of numbers written as text; with a comma, dots group thousands"
    )
    date_format: str | None = Field(None, description="strptime format of dates written as text; default ISO 8601")
    timestamp_format: str | None = Field(None, description="strptime format of times written as text")
    timezone: str | None = Field(None, description="time zone of times without an offset; default: schedule.timezone")
    null_references: tuple[str, ...] = Field(
        NULL_REFERENCES,
        description="texts, in any case, that mean 'no reference' in optional identifiers, such as a parent "
        "customer, an address or the invoice of a payment; [] takes every text as it is. What is null "
        "in any column is 'nullstr' of the reader's options",
    )
    object_store: ObjectStoreSettings | None = None
    database: Literal["postgres", "mysql", "sqlite", "duckdb"] | None = Field(
        None, description="kind of database, instead of files"
    )
    # Also kept secret, unless it is a path; see ``model_post_init``.
    connection: SecretStr | None = Field(
        None, description="connection string, or the path of a SQLite or DuckDB file; secrets as ${NAME}"
    )

    def model_post_init(self, _context: Any) -> None:
        """Refuse a location that is neither files nor a database, or both."""
        if bool(self.files) == (self.database is not None):
            raise ValueError("give either 'files' or 'database'")
        if (self.database is None) != (self.connection is None):
            raise ValueError("'database' and 'connection' go together")
        if self.object_store is not None and not self.files:
            raise ValueError("'object_store' goes with 'files'")
        if self.connection is not None and self.database not in FILE_DATABASES:
            keep_secret(self.connection.get_secret_value())

    def with_paths(self, absolute: Callable[[str], str]) -> "LocationSettings":
        """Return the same location with its paths passed through ``absolute``."""
        if self.files:
            return self.model_copy(update={"files": [absolute(glob) for glob in self.files]})
        if self.database in FILE_DATABASES and self.connection is not None:
            return self.model_copy(update={"connection": SecretStr(absolute(self.connection.get_secret_value()))})
        return self


class QuarantineSettings(Section):
    """How much of a source may be rejected."""

    max_share: Share = Field(0.05, description="largest share of a source's rows that may be in quarantine")
    action: Literal["warn", "block"] = Field(
        "block",
        description="block: the run fails, and nothing is segmented until the cause is fixed or the limit is raised",
    )


class SourceSettings(Section):
    """How one table of the source contract is filled.

    Either ``location`` (columns of the same name are taken as they are, ``columns`` says the rest), or ``query``
    over the named locations, whose result has the contract's column names. A query over files that grows by
    ``append`` also names the ``location`` that grows: it runs once for each new file of it.

    A database grows by ``append`` with a ``cursor``: rows whose cursor is not less than the largest seen (less
    ``lookback``) are read; those known already drop as duplicates, changed ones replace. Of several columns the
    largest is the cursor of a row.
    """

    location: str | None = Field(None, description="the location to read, or whose new files trigger the query")
    table: str | None = Field(None, description="table of a database location, with its schema where it needs one")
    query: str | None = Field(None, description="SQL over the locations that returns the contract's columns")
    columns: dict[str, str] = Field(
        default_factory=dict, description="SQL expression over source columns, by contract column"
    )
    where: str | None = Field(None, description="SQL condition; rows that fail it are not read")
    growth: Literal["snapshot", "append"] = Field(
        "snapshot",
        description="snapshot: the source holds the whole table; append: each new file, or each row past the "
        "cursor, adds to it",
    )
    cursor: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default_factory=list,
        description="a column of the source (or query) that only grows, or several if no single one moves with "
        "every change. SQL works too, but only a bare column lets a server find new rows by an index",
    )
    without_cursor: Literal["read", "leave"] = Field(
        "read",
        description="rows whose cursor is null: read in every run (which scans all rows of a query), or left out",
    )
    lookback: str | None = Field(None, description="interval before the cursor that is read again, such as '3 days'")
    quarantine: QuarantineSettings = QuarantineSettings()
    # Names the author of the SQL when it fails; not part of the source's meaning.
    preset: str | None = Field(
        None, exclude=True, description="the preset that fills the table; set by the preset itself"
    )

    def model_post_init(self, _context: Any) -> None:
        """Refuse a source with contradictory or incomplete keys."""
        if self.location is None and self.query is None:
            raise ValueError("give either 'location' or 'query'")
        if self.query is not None and (self.columns or self.table):
            raise ValueError("'columns' and 'table' go with 'location'; a 'query' says both itself")
        if self.cursor and self.growth != "append":
            raise ValueError("'cursor' goes with 'growth: append'")
        if (self.lookback is not None or self.without_cursor == "leave") and not self.cursor:
            raise ValueError("'lookback' and 'without_cursor' go with 'cursor'")
        grows_by_file = self.growth == "append" and not self.cursor
        if self.query is not None and (self.location is not None) != grows_by_file:
            raise ValueError(
                "'query' takes a 'location', the one that grows, only with 'growth: append' and no 'cursor'"
            )


class ExchangeRateSettings(Section):
    """How amounts in other currencies become amounts in the reporting currency (table exchange_rates)."""

    max_age_days: int = Field(
        31, ge=0, le=366, description="days for which a rate is valid if no later one is known; 31 for monthly rates"
    )


class PseudonymSettings(Section):
    """Identifiers replaced on the way in by a keyed hash (HMAC-SHA-256), the same in every table."""

    # A short key could be found by brute force.
    key: Secret = Field(
        min_length=16, description="secret key, as ${NAME}; anybody who has it can link pseudonyms to persons"
    )


class TableCheckLimits(Section):
    """Limits of a check for one table, where they differ from those of the others."""

    action: Literal["off", "warn", "block"] | None = None
    minimum: float | None = None
    maximum: float | None = None


class CheckLimits(TableCheckLimits):
    """Between which numbers a source check passes, and what happens beyond: nothing, a warning, or the run stops."""

    action: Literal["off", "warn", "block"] = "warn"
    tables: dict[str, TableCheckLimits] = Field(default_factory=dict)


def _limits(
    minimum: float | None, maximum: float | None, action: Literal["warn", "block"] = "warn", **tables: float
) -> Any:
    """Return a field of limits; ``tables`` have their own maximum."""
    own = {name: TableCheckLimits(maximum=each) for name, each in tables.items()}
    return Field(CheckLimits(action=action, minimum=minimum, maximum=maximum, tables=own))


class CheckSettings(Section):
    """Source checks, made after every load. A file names only what it changes.

    They warn, because what is unusual is not always wrong, except where going on does harm that is hard to see later:
    rows that are lost, a quarantine above its limit, and half of a table gone.
    """

    recent_days: int = Field(28, ge=14, description="days of usage to check, back from the newest")
    recent_months: int = Field(3, ge=1, description="complete months of money and dates to check")
    past_months: int = Field(12, ge=3, description="earlier months to compare with")
    least_rows: int = Field(30, ge=1, description="fewest rows of a usual day or month for a comparison")
    quarantine_day_rows: int = Field(
        100, ge=1, description="fewest rows of a day's loads that are compared with quarantine.max_share"
    )

    # Published upload shares: 5.5% of residential lines, 18% of business lines.
    upload_share: CheckLimits = _limits(None, 0.5)
    uploading_contract_share: CheckLimits = _limits(None, 0.3)
    # Published monthly means: 344 to 698 GB, small ISPs about 30 (median); mobile lines a few.
    usage_gb_month: CheckLimits = _limits(0.5, 1500)
    usage_above_rate_share: CheckLimits = _limits(None, 0.001)
    usage_above_peak_share: CheckLimits = _limits(None, 0.001)
    # A holiday or an outage moves a day by less; a wrong unit by 8 or more.
    usage_of_day_to_past: CheckLimits = _limits(0.25, 4)
    sold_mbps: CheckLimits = _limits(0.5, 10_000)
    invoice_to_fee: CheckLimits = _limits(0.2, 8)

    rows_of_day_to_past: CheckLimits = _limits(0.6, 1.7)
    rows_of_month_to_past: CheckLimits = _limits(0.5, 2)
    missing_days: CheckLimits = _limits(None, 0)
    # Daily tables may be late by a long weekend, monthly ones by a billing run; a quiet quarter has few new customers.
    days_behind: CheckLimits = _limits(
        None, 45, customers=120, contracts=120, usage=4, usage_sessions=4, service_quality=30, balances=4
    )
    deleted_share: CheckLimits = _limits(None, 0.5, "block")

    churn_learnable: CheckLimits = _limits(1, None)

    invoiced_to_contracted: CheckLimits = _limits(0.7, 1.3)
    not_invoiced_share: CheckLimits = _limits(None, 0.02)
    invoices_without_contract_share: CheckLimits = _limits(None, 0.01)
    # A few such bills are typing errors; one right of use for twenty years may be a thousandth of all revenue.
    long_period_share: CheckLimits = _limits(None, 0.001)
    settled_to_invoiced: CheckLimits = _limits(0.7, 1.2)
    payments_without_invoice_share: CheckLimits = _limits(None, 0.01)
    # Money wrongly treated as on account makes paid bills look overdue, or settles the wrong ones.
    money_without_invoice_share: CheckLimits = _limits(None, 0.5, "block")

    unknown_reference_share: CheckLimits = _limits(None, 0.05)
    commonest_group_share: CheckLimits = _limits(None, 0.5)
    created_late_share: CheckLimits = _limits(None, 0)
    attributes_unlike_settings: CheckLimits = _limits(None, 0)

    # Every such row is reported: traffic of a customer who has left is a finding about the data.
    usage_after_contract_end: CheckLimits = _limits(None, 0)
    usage_before_contract_start: CheckLimits = _limits(None, 0)

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        """Allow a file to list only the limits that it changes."""
        if not isinstance(given, dict):
            return given
        return {name: _over(cls.model_fields[name].default, each) if name in cls.model_fields else each
                for name, each in given.items()}  # fmt: skip


def _over(default: Any, given: Any) -> Any:
    """Merge the keys of ``given`` over default limits, down to the tables."""
    if not isinstance(default, CheckLimits | TableCheckLimits) or not isinstance(given, dict):
        return given
    merged = default.model_dump(exclude_none=True) | given
    if isinstance(default, CheckLimits) and isinstance(given.get("tables"), dict):
        own = {name: _over(default.tables.get(name), each) for name, each in given["tables"].items()}
        merged["tables"] = default.model_dump(exclude_none=True)["tables"] | own
    return merged
