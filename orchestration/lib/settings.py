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
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from models.backtest_parameters import BacktestParameters
from models.behavior_parameters import BehaviorParameters
from models.hazard_parameters import HazardParameters
from models.home_business_parameters import HomeBusinessParameters
from models.mid_band_parameters import MidBandParameters, Route
from models.retention_parameters import RetentionParameters
from models.value_parameters import ValueParameters
from orchestration.lib.errors import SettingsError
from orchestration.lib.masking import is_secret, keep_secret, masked
from orchestration.lib.observation_settings import ObservationSettings
from orchestration.lib.presets import apply_presets
from orchestration.lib.rule_settings import LifecycleSettings, MarketSettings
from orchestration.lib.rules import Rule
from orchestration.lib.source_settings import (
    FILE_DATABASES,
    CheckSettings,
    ExchangeRateSettings,
    LocationName,
    LocationSettings,
    PseudonymSettings,
    Section,
    Share,
    SourceSettings,
)

CONFIG_VARIABLE = "SEGMENTATION_CONFIG"
DEFAULT_FILE = "segmentation.yaml"
# Marks the name of an environment variable while YAML is read: a letter to YAML, and in no settings file.
_VARIABLE = "\ue000"

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

ProductFamily = Literal["internet", "tv", "fixed_voice", "mobile", "cloud", "security"]


class WarehouseSettings(Section):
    """Where the lake lives."""

    path: Path = Field(Path("data/warehouse"), description="folder of the data files and the SQLite catalog")
    catalog: SecretStr = Field(
        SecretStr("sqlite"),
        description="'sqlite' (a file in the folder) or a PostgreSQL connection string 'postgres:dbname=… host=…'",
    )

    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")] = Field(
        "3GiB", description="memory of a writer; what does not fit goes to the lake's 'tmp' folder"
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="threads of a connection to the lake, as many as the machine has cores if not set; under about"
        " ten million rows of usage one is quicker, for each thread opens a SQLite catalog anew at every statement",
    )

    @field_validator("catalog")
    @classmethod
    def _known_catalog(cls, value: SecretStr) -> SecretStr:
        catalog = value.get_secret_value()
        if catalog != "sqlite" and not catalog.startswith("postgres:"):
            raise ValueError("must be 'sqlite' or start with 'postgres:'")
        if catalog != "sqlite":
            keep_secret(catalog.removeprefix("postgres:"))
        return value


class CostSettings(Section):
    """Cost to serve, in the reporting currency."""

    product_cost_share: dict[str, Share] = Field(
        default_factory=lambda: {"default": 0.35},
        description="product cost as a share of the list fee, by product family; used where a contract has no cost",
    )
    per_gb: float = Field(0.004, ge=0)
    per_contact: float = Field(4.0, ge=0)
    per_payment_failure: float = Field(2.0, ge=0)
    write_off_after_days: int = Field(120, ge=1, description="unpaid invoices are written off at this age past due")


class SessionSettings(Section):
    """How the counters of sessions (usage_sessions) are read where they do not simply grow."""

    counter_wrap_bytes: int = Field(2**32, ge=1, description="where a counter without gigawords starts over")
    wrap_fall_share: Share = Field(
        0.75, description="a counter that falls by this share of counter_wrap_bytes, or more, has wrapped once"
    )
    reset_fall_share: Share = Field(
        0.5,
        description="one that loses more than this share of itself was reset and counts from zero; one that loses "
        "less was read out of order and counts once it is past where it was",
    )
    longest_interval_days: int = Field(
        400, ge=1, le=999, description="reports further apart are not joined: the later one counts on its own day"
    )


class FeatureSettings(Section):
    """Choices behind the features."""

    main_product_families: list[str] = Field(default_factory=lambda: ["internet", "mobile"])
    contact_categories_of_complaint: list[str] = Field(default_factory=lambda: ["complaint"])
    autopay_methods: list[str] = Field(default_factory=lambda: ["direct_debit", "card"])
    usage_revenue_months: int = Field(
        6, ge=1, le=60, description="usage charges are expected to go on as in so many months, best and worst left out"
    )
    sessions: SessionSettings = SessionSettings()


class HouseholdSettings(Section):
    """Households, and what they are offered."""

    most_members: int = Field(
        8, ge=1, description="more persons than this at one address, or of one household_id, are not a household"
    )
    most_internet_lines: int = Field(
        3, ge=1, description="more persons than this with an internet line of their own at one address are a building"
    )
    units_of_a_building: int = Field(
        2, ge=1, description="where this many units of a house are named, its address without a unit is no household's"
    )
    linkage: Literal["none", "splink"] = Field(
        "none",
        description="'splink' links addresses in text whose streets have typing errors; needs the extra 'linkage'",
    )
    linkage_threshold: Share = Field(0.9, description="least probability at which two addresses are linked")
    offered_families: list[ProductFamily] = Field(
        ["internet", "tv", "fixed_voice", "mobile", "cloud", "security"], min_length=1
    )
    prior_households: float = Field(
        50, gt=0, description="weight of all households of a size against the similar ones, in households"
    )
    horizon_months: int = Field(36, ge=1, description="an offer's value is counted for at most these months")


class ScheduleSettings(Section):
    """When it runs, in the operator's own time zone."""

    timezone: str = "UTC"
    daily_ingest_cron: str = "30 2 * * *"
    monthly_segmentation_cron: str = "0 4 2 * *"
    maintenance_cron: str = "0 5 * * 0"
    keep_snapshots_days: int = Field(30, ge=1)
    keep_orphans_hours: int = Field(
        24, ge=1, description="maintenance deletes files that no snapshot knows, left by killed runs, at this age"
    )
    revise_late_months: bool = Field(
        False, description="after each daily ingest, segment the published months again that late data have reached"
    )


class ReportSettings(Section):
    """The HTML report and the profiles."""

    path: Path = Path("data/reports")
    minimum_cell_size: int = Field(10, ge=1, description="smaller cells are suppressed in published profiles")


class Settings(Section):
    """Everything a deployment decides."""

    name: str = Field("isp", pattern=r"^[a-z][a-z0-9_]*$")
    title: str = "Customer segmentation"
    owner: str = Field("data-team@example.com", description="an e-mail address or 'team:name', shown on every asset")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="reporting currency, ISO 4217")
    exchange_rates: ExchangeRateSettings = ExchangeRateSettings()
    first_month: Month = Field("2020-01", description="the first month that can be segmented")
    warehouse: WarehouseSettings = WarehouseSettings()
    locations: dict[LocationName, LocationSettings] = Field(default_factory=dict)
    presets: dict[str, dict[str, Any]] = Field(default_factory=dict)
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    pseudonyms: PseudonymSettings | None = None
    checks: CheckSettings = CheckSettings()
    costs: CostSettings = CostSettings()
    features: FeatureSettings = FeatureSettings()
    observation: ObservationSettings = ObservationSettings()
    retention: RetentionParameters = RetentionParameters()
    hazard: HazardParameters = HazardParameters()
    value: ValueParameters = ValueParameters()
    backtest: BacktestParameters = BacktestParameters()
    behavior: BehaviorParameters = BehaviorParameters()
    protected_attributes: list[str] = Field(
        default_factory=lambda: ["gender", "birth_year", "household_type"],
        description="columns of customers that no rule may use, and that no feature is made of: no model reads them",
    )
    market: MarketSettings = MarketSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    household: HouseholdSettings = HouseholdSettings()
    home_business: HomeBusinessParameters = HomeBusinessParameters()
    mid_band: MidBandParameters = MidBandParameters()
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _rules_leave_protected_attributes_alone(self) -> Self:
        schemes = self.market.size_schemes.values()
        for rule in (
            *self.market.rules,
            *self.lifecycle.rules,
            *(rule for scheme in schemes for rule in (*scheme.staff, *scheme.money)),
        ):
            if used := set(self.protected_attributes) & set(re.findall(r"\w+", rule.when.lower())):
                raise ValueError(f"rule {rule.id} uses {', '.join(sorted(used))}, which protected_attributes forbids")
        return self

    def semantic_hash(self) -> str:
        """SHA-256 of the settings that can change a segment; where things lie and when they run cannot."""
        meaning = self.model_dump(
            mode="json",
            include={
                *("currency", "exchange_rates", "costs", "features", "observation"),
                *("market", "lifecycle", "household", "report"),
            },
        )
        meaning["report"].pop("path")
        meaning |= {
            name: asdict(getattr(self, name))
            for name in ("retention", "hazard", "value", "backtest", "behavior", "home_business", "mid_band")
        }
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
        document = _expand(_parse(file.read_text(encoding="utf-8")), file)
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{file} must be a mapping of settings, found {type(document).__name__}.")
    currency = str(document.get("currency", Settings.model_fields["currency"].default))
    document = apply_presets(document, reporting_currency=currency)
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        # Not from the error itself: a traceback of it shows what was found, secrets among it.
        raise SettingsError(_explain(file, error)) from None
    return _with_absolute_paths(settings, file.parent)


def _parse(text: str) -> Any:
    """Read YAML with a plain word for each ``${NAME}``, which may stand unquoted, also within braces."""
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", rf"{_VARIABLE}\1{_VARIABLE}", text)) or {}


def _expand(part: Any, file: Path, key: str = "") -> Any:
    """Replace ``${NAME}`` by the environment's value; a name that is not set is an error, never an empty secret.

    That is done in what YAML gave, so that no character of a secret means anything to YAML, nor shows in its errors.
    ``key`` is the setting that the part is of: with the name it decides what is kept secret from here on.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise SettingsError(f"{file} uses ${{{name}}}, and no environment variable {name} is set.")
        if is_secret(name, key, match.string[: match.start()]):
            keep_secret(os.environ[name])
        return os.environ[name]

    if isinstance(part, dict):
        is_path = part.get("database") in FILE_DATABASES
        return {
            _expand(name, file): _expand(each, file, "path" if is_path and name == "connection" else str(name))
            for name, each in part.items()
        }
    if isinstance(part, list):
        return [_expand(each, file, key) for each in part]
    return re.sub(rf"{_VARIABLE}(\w+?){_VARIABLE}", value, part) if isinstance(part, str) else part


def _explain(file: Path, error: ValidationError) -> str:
    lines = [f"{file} has {error.error_count()} problem(s):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            lines.append(f"  {key}: this key is not known. Known here: {_known_keys(problem['loc'][:-1])}.")
        else:
            lines.append(f"  {key}: {problem['msg']} (found {_found(problem)}).")
    return masked("\n".join(lines))


def _found(problem: ErrorDetails) -> str:
    """Say what stands there, unless it is a secret or may hold one."""
    if isinstance(problem["input"], dict):
        return ", ".join(map(str, problem["input"])) or "nothing"
    holds_secret = problem["loc"] and problem["loc"][-1] in _secret_keys(Settings)
    return "a secret, not shown" if holds_secret else repr(problem["input"])


def _secret_keys(section: Any) -> set[str]:
    """Return the names of the settings that are declared secret, in the section and all within it."""
    found: set[str] = set()
    for name, field in getattr(section, "model_fields", {}).items():
        if "SecretStr" in str(field.annotation):
            found.add(name)
        for each in (field.annotation, *_inner_types(field.annotation)):
            found |= _secret_keys(each)
    return found


def _inner_types(annotation: Any) -> list[Any]:
    return [inner for each in get_args(annotation) for inner in (each, *_inner_types(each))]


def _known_keys(location: tuple[int | str, ...]) -> str:
    """List the keys allowed in the section at ``location``, walking the declared types."""
    section: Any = Settings
    for part in location:
        fields = getattr(section, "model_fields", {})
        if part not in fields:
            named = {"locations": LocationSettings, "sources": SourceSettings, "rules": Rule, "routes": Route}
            section = named.get(str(location[0] if len(location) == 2 else location[1]), section)
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
            "locations": {name: location.with_paths(absolute) for name, location in settings.locations.items()},
        }
    )
