"""Finding the settings file, reading it, and explaining what is wrong with it.

Relative paths are resolved against the folder of the settings file, so a command means the same from anywhere.
``${NAME}`` is replaced from the environment, which is where secrets belong.
"""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models.business.parameters import Route
from orchestration.errors import SettingsError
from orchestration.masking import is_secret, keep_secret, masked
from orchestration.settings.model import Settings
from orchestration.settings.ordered_rules import Rule
from orchestration.settings.presets import apply_presets
from orchestration.settings.reference import fields_of
from orchestration.settings.serving import ServingTarget
from orchestration.settings.sources import FILE_DATABASES, LocationSettings, SourceSettings

CONFIG_VARIABLE = "SEGMENTATION_CONFIG"
DEFAULT_FILE = "segmentation.yaml"
# Marks environment variables while YAML is parsed: a letter to YAML that occurs in no settings file.
_VARIABLE = "\ue000"

# Serving targets by their 'type'.
_TARGETS = {each.model_fields["type"].default: each for each in get_args(get_args(ServingTarget)[0])}

_chosen: Path | None = None


def choose_settings_file(file: Path | None) -> Path:
    """Find the settings file and make the rest of this process use it, including Dagster's definitions."""
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
        SettingsError: names every wrong key, the value found and what is allowed.
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
        # Not chained to the error: its traceback would show the input, including secrets.
        raise SettingsError(_explain(file, error)) from None
    return _with_absolute_paths(settings, file.parent)


def _parse(text: str) -> Any:
    """Parse YAML with each ``${NAME}`` as a plain word, so that it may be unquoted, also within braces."""
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", rf"{_VARIABLE}\1{_VARIABLE}", text)) or {}


def _expand(part: Any, file: Path, key: str = "") -> Any:
    """Replace ``${NAME}`` by the environment's value; an unset name is an error, never an empty secret.

    This is done after parsing, so that no character of a secret has a meaning in YAML or appears in its errors. ``key``
    is the setting that contains the part; together with the name it decides what is kept secret from here on.
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
            lines.append(f"  {key}: this key is not known. {_known_keys(problem['loc'])}")
        else:
            lines.append(f"  {key}: {problem['msg']} (found {_found(problem)}).")
    return masked("\n".join(lines))


def _found(problem: ErrorDetails) -> str:
    """Return the value found, unless it is a secret or may contain one."""
    if isinstance(problem["input"], dict):
        return ", ".join(map(str, problem["input"])) or "nothing"
    holds_secret = problem["loc"] and problem["loc"][-1] in _secret_keys(Settings)
    return "a secret, not shown" if holds_secret else repr(problem["input"])


def _secret_keys(section: Any) -> set[str]:
    """Return the names of the settings declared secret in the section and everything below it."""
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
    """List the keys allowed in place of an unknown one, with the meaning of the one probably intended."""
    *section, unknown = location
    known = {name: meaning for name, _, _, meaning in fields_of(_section_at(tuple(section)))}
    meant = get_close_matches(str(unknown), known, 1)
    hint = f" Perhaps {meant[0]} is meant: {known[meant[0]]}." if meant and known[meant[0]] else ""
    return f"Known here: {', '.join(known)}.{hint}"


def _section_at(location: tuple[int | str, ...]) -> Any:
    """Return the section at ``location``, by walking the declared types."""
    section: Any = Settings
    for part in location:
        fields = getattr(section, "model_fields", {})
        if tagged := _TARGETS.get(str(part)) if location[0] == "serving" else None:
            section = tagged
            continue
        if part not in fields:
            named = {"locations": LocationSettings, "sources": SourceSettings, "rules": Rule, "routes": Route}
            section = named.get(str(location[0] if len(location) == 2 else location[1]), section)
            continue
        section = fields[part].annotation
    return section


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    def absolute(path: str) -> str:
        return path if "://" in path else os.path.normpath(base / path)

    return settings.model_copy(
        update={
            "warehouse": settings.warehouse.model_copy(update={"path": Path(absolute(str(settings.warehouse.path)))}),
            "report": settings.report.model_copy(update={"path": Path(absolute(str(settings.report.path)))}),
            "locations": {name: location.with_paths(absolute) for name, location in settings.locations.items()},
            "delivery": settings.delivery.with_paths(absolute),
            "serving": {name: target.with_paths(absolute) for name, target in settings.serving.items()},
        }
    )
