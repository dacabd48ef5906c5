"""The one settings file, typed: every source, threshold, cost and schedule the pipeline obeys.

Relative paths are read from the folder of the settings file, so a command means the same from anywhere.
``${NAME}`` is replaced from the environment: that is where secrets live.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from models.behavior_parameters import BehaviorParameters
from models.retention import RetentionParameters
from models.value import ValueParameters
from orchestration.lib.errors import SettingsError
from orchestration.lib.rules import LIFECYCLE_RULES, MARKET_RULES, Rule, render

CONFIG_VARIABLE = "SEGMENTATION_CONFIG"
DEFAULT_FILE = "segmentation.yaml"

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Share = Annotated[float, Field(ge=0, le=1)]
# A location is a table in the user's SQL.
LocationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Section(BaseModel):
    """A part of the settings: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WarehouseSettings(_Section):
    """Where the lake lives."""

    path: Path = Field(Path("data/warehouse"), description="folder of the data files and the SQLite catalog")
    catalog: str = Field(
        "sqlite",
        description="'sqlite' (a file in the folder) or a PostgreSQL connection string 'postgres:dbname=… host=…'",
    )

    @field_validator("catalog")
    @classmethod
    def _known_catalog(cls, value: str) -> str:
        if value != "sqlite" and not value.startswith("postgres:"):
            raise ValueError("must be 'sqlite' or start with 'postgres:'")
        return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class LocationSettings(_Section):
    """Files to read, by one or more globs."""

    files: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1)
    format: Literal["csv", "json", "parquet"] | None = Field(None, description="taken from the file's ending if absent")
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of DuckDB's reader, for example delim, encoding or header"
    )


class SourceSettings(_Section):
    """How one table of the source contract is filled.

    Either ``location`` (columns of the same name are taken as they are, ``columns`` says the rest), or ``query``
    over the named locations, whose result has the contract's column names. A query that grows by ``append`` also
    names the ``location`` that grows: it runs once for each new file of it.
    """

    location: str | None = None
    query: str | None = None
    columns: dict[str, str] = Field(
        default_factory=dict, description="contract column: SQL expression over source columns"
    )
    where: str | None = Field(None, description="SQL condition; rows that fail it are not read")
    growth: Literal["snapshot", "append"] = Field(
        "snapshot",
        description="snapshot: the files hold the whole table; append: each file is seen once and adds rows",
    )

    def model_post_init(self, _context: Any) -> None:
        """Refuse a source whose rows or growth are not plain."""
        if self.location is None and self.query is None:
            raise ValueError("give either 'location' or 'query'")
        if self.query is not None and self.columns:
            raise ValueError("'columns' goes with 'location'; a 'query' names its columns itself")
        if self.query is not None and (self.location is not None) != (self.growth == "append"):
            raise ValueError("'query' takes a 'location' with 'growth: append', the one that grows, and not otherwise")


class CostSettings(_Section):
    """Cost to serve, in the reporting currency."""

    product_cost_share: dict[str, Share] = Field(
        default_factory=lambda: {"default": 0.35},
        description="product cost as a share of the list fee, by product family; used where a contract has no cost",
    )
    per_gb: float = Field(0.004, ge=0)
    per_contact: float = Field(4.0, ge=0)
    per_payment_failure: float = Field(2.0, ge=0)
    write_off_after_days: int = Field(120, ge=1, description="unpaid invoices are written off at this age past due")


class FeatureSettings(_Section):
    """Choices behind the features."""

    main_product_families: list[str] = ["internet", "mobile"]
    contact_categories_of_complaint: list[str] = ["complaint"]
    autopay_methods: list[str] = ["direct_debit", "card"]


class _RuleSettings(_Section):
    """Ordered rules, the first that holds wins. ``{name}`` in a rule is one of the thresholds."""

    thresholds: dict[str, float]
    rules: list[Rule] = Field(min_length=1)

    @field_validator("thresholds", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        """Let a file name only the thresholds it changes."""
        defaults = cls.model_fields["thresholds"].get_default(call_default_factory=True)
        return {**defaults, **given} if isinstance(given, dict) else given

    def model_post_init(self, _context: Any) -> None:
        """Refuse rules that cannot be rendered, before anything runs."""
        render(self.rules, self.thresholds)


class MarketSettings(_RuleSettings):
    """Market segments."""

    thresholds: dict[str, float] = Field(
        default_factory=lambda: {
            "medium_min_employees": 100.0,
            "enterprise_min_employees": 1000,
            "medium_min_revenue": 50_000_000,
            "enterprise_min_revenue": 1_000_000_000,
        }
    )
    rules: list[Rule] = Field(default_factory=lambda: list(MARKET_RULES), min_length=1)


class LifecycleSettings(_RuleSettings):
    """Lifecycle stages."""

    thresholds: dict[str, float] = Field(
        default_factory=lambda: {
            "onboarding_days": 90,
            "won_back_months": 3,
            "dormant_days": 45,
            "overdue_days": 60,
            "collapsed_usage_ratio": 0.4,
            "recovered_usage_ratio": 0.7,
            "risk_churn_probability_3m": 0.35,
            "calm_churn_probability_3m": 0.25,
            "growth_fee_ratio": 1.10,
            "growth_usage_ratio": 1.5,
            "contract_end_window_months": 3,
        }
    )
    rules: list[Rule] = Field(default_factory=lambda: list(LIFECYCLE_RULES), min_length=1)


class ScheduleSettings(_Section):
    """When it runs, in the operator's own time zone."""

    timezone: str = "UTC"
    daily_ingest_cron: str = "30 2 * * *"
    monthly_segmentation_cron: str = "0 4 2 * *"
    maintenance_cron: str = "0 5 * * 0"
    keep_snapshots_days: int = Field(30, ge=1)


class ReportSettings(_Section):
    """The HTML report and the profiles."""

    path: Path = Path("data/reports")
    minimum_cell_size: int = Field(10, ge=1, description="smaller cells are suppressed in published profiles")


class Settings(_Section):
    """Everything a deployment decides."""

    name: str = Field("isp", pattern=r"^[a-z][a-z0-9_]*$")
    title: str = "Customer segmentation"
    owner: str = Field("data-team@example.com", description="an e-mail address or 'team:name', shown on every asset")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="reporting currency, ISO 4217")
    first_month: Month = Field("2020-01", description="the first month that can be segmented")
    warehouse: WarehouseSettings = WarehouseSettings()
    locations: dict[LocationName, LocationSettings] = Field(default_factory=dict)
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    costs: CostSettings = CostSettings()
    features: FeatureSettings = FeatureSettings()
    retention: RetentionParameters = RetentionParameters()
    value: ValueParameters = ValueParameters()
    behavior: BehaviorParameters = BehaviorParameters()
    market: MarketSettings = MarketSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()

    def semantic_hash(self) -> str:
        """SHA-256 of the settings that can change a segment; where things lie and when they run cannot."""
        meaning = self.model_dump(
            mode="json", include={"currency", "costs", "features", "market", "lifecycle", "report"}
        )
        meaning["report"].pop("path")
        meaning |= {name: asdict(getattr(self, name)) for name in ("retention", "value", "behavior")}
        return hashlib.sha256(json.dumps(meaning, sort_keys=True, default=str).encode()).hexdigest()


_chosen: Path | None = None


def choose_settings_file(file: Path | None) -> Path:
    """Find the settings file and let the rest of this process, Dagster's definitions among it, use that one."""
    global _chosen
    _chosen = find_settings_file(file)
    return _chosen


def find_settings_file(file: Path | None = None) -> Path:
    """Return ``file``, else ``segmentation.yaml`` in the current folder, else the path in SEGMENTATION_CONFIG.

    Raises:
        SettingsError: there is none.
    """
    file = file or _chosen
    if file is None:
        local, named = Path(DEFAULT_FILE), os.environ.get(CONFIG_VARIABLE)
        if local.exists():
            file = local
        elif named:
            file = Path(named)
        else:
            raise SettingsError(
                f"No {DEFAULT_FILE} in {Path.cwd()} and {CONFIG_VARIABLE} is not set. "
                f"Name a settings file with --config FILE, or start from examples/simulated_isp/{DEFAULT_FILE}."
            )
    if not file.is_file():
        raise SettingsError(f"Settings file {file} does not exist.")
    return file.resolve()


def load_settings(file: Path | None = None) -> Settings:
    """Read and check the settings file.

    Raises:
        SettingsError: names every wrong key, what was found there and what is allowed.
    """
    file = find_settings_file(file)
    try:
        document = yaml.safe_load(_expand(file.read_text(encoding="utf-8"), file)) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{file} must be a mapping of settings, found {type(document).__name__}.")
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        raise SettingsError(_explain(file, error)) from error
    return _with_absolute_paths(settings, file.parent)


def _expand(text: str, file: Path) -> str:
    """Replace ``${NAME}`` by the environment's value; a name that is not set is an error, never an empty secret."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise SettingsError(f"{file} uses ${{{name}}}, and no environment variable {name} is set.")
        return os.environ[name]

    without_comments = re.sub(r"(?m)^\s*#.*$", "", text)
    return re.sub(r"\$\{(\w+)\}", value, without_comments)


def _explain(file: Path, error: ValidationError) -> str:
    lines = [f"{file} has {error.error_count()} problem(s):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            lines.append(f"  {key}: this key is not known. Known here: {_known_keys(problem['loc'][:-1])}.")
        else:
            lines.append(f"  {key}: {problem['msg']} (found {problem['input']!r}).")
    return "\n".join(lines)


def _known_keys(location: tuple[int | str, ...]) -> str:
    """List the keys allowed in the section at ``location``, walking the declared types."""
    section: Any = Settings
    for part in location:
        fields = getattr(section, "model_fields", {})
        if part not in fields:
            section = {"locations": LocationSettings, "sources": SourceSettings, "rules": Rule}.get(
                str(location[0] if len(location) == 2 else location[1]), section
            )
            continue
        section = fields[part].annotation
    names = getattr(section, "model_fields", None) or getattr(section, "__dataclass_fields__", {})
    return ", ".join(names)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    def absolute(path: str) -> str:
        return path if "://" in path else os.path.normpath(base / path)

    return settings.model_copy(
        update={
            "warehouse": settings.warehouse.model_copy(update={"path": Path(absolute(str(settings.warehouse.path)))}),
            "report": settings.report.model_copy(update={"path": Path(absolute(str(settings.report.path)))}),
            "locations": {
                name: location.model_copy(update={"files": [absolute(glob) for glob in location.files]})
                for name, location in settings.locations.items()
            },
        }
    )
