"""Presets: how the exports of a known system fill the source contract, as fragments of settings.

A preset is a YAML file in this package. Its sources become defaults under the user's own: what is loaded, checked and
hashed are plain sources, so no other module knows about presets.
"""

import re
from collections.abc import Collection, Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from orchestration.errors import SettingsError
from orchestration.settings.sources import LocationName, Section

FOLDER = Path(__file__).parent

Value = str | int | float | bool
# Besides its parameters, a preset takes under this key the database tables that serve as its locations.
TABLES = "tables"


class PresetParameter(Section):
    """A choice a preset leaves open: SQL or a plain value, put into its sources where they name it."""

    default: Value
    description: str


class PresetLocation(Section):
    """A file or table a preset reads: the user says where it lies, under this name."""

    description: str
    required: bool = True
    columns: dict[str, str] = Field(
        default_factory=dict, description="columns it may lack, with their types: exports leave out what is null"
    )


class Preset(Section):
    """A settings fragment. Its strings under ``sources`` are Jinja templates over the parameters.

    A template may also use ``reporting_currency``, ``optional('location')`` (the location, or no rows of its columns
    where the settings do not have it), the filter ``text`` (a value as SQL text), and what ``macros`` defines. A source
    with ``any_of``, a list of locations, is left out where the settings have none of them. What it has under
    ``from_tables`` (growth, cursor, its lookback) holds where its locations are tables of a database.
    """

    description: str
    parameters: dict[str, PresetParameter] = Field(default_factory=dict)
    locations: dict[LocationName, PresetLocation]
    macros: str = ""
    sources: dict[str, dict[str, Any]]


@cache
def load_presets() -> dict[str, Preset]:
    """Return every preset by name."""
    return {
        file.stem: Preset.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in sorted(FOLDER.glob("*.yaml"))
    }


def apply_presets(document: Mapping[str, Any], *, reporting_currency: str) -> dict[str, Any]:
    """Return the settings with the sources of their presets filled in, and the columns of the presets' locations.

    A table that the settings map themselves is not changed. A source that reads a location missing from the settings is
    left out if the preset declares the location optional.

    Raises:
        SettingsError: names the preset, and what is unknown, missing or filled twice.
    """
    chosen = document.get("presets") or {}
    own_sources, locations = document.get("sources") or {}, document.get("locations") or {}
    if not all(isinstance(part, dict) for part in (chosen, own_sources, locations)):
        return dict(document)  # validation says what is wrong with it
    sources: dict[str, Any] = {}
    filled_by: dict[str, str] = {}
    described: dict[str, Any] = dict(locations)
    for name, given in chosen.items():
        preset = _known_preset(name)
        values, tables = _choices(name, preset, given or {}, locations)
        _refuse_unknown_locations(name, preset, locations, own_sources)
        there = locations.keys() | tables.keys()
        for table in (table for table in preset.sources if table not in own_sources):
            any_of = preset.sources[table].get("any_of")
            if any_of and there.isdisjoint(any_of):
                continue
            source, read = _render(name, preset, table, values, there, reporting_currency)
            if _is_left_out(name, preset, table, read - there):
                continue
            if table in filled_by:
                raise SettingsError(
                    f"presets: {filled_by[table]} and {name} both fill {table}. Write sources.{table} yourself (a "
                    f"'query' may unite both), or remove the locations one of them reads: {', '.join(sorted(read))}."
                )
            sources[table] = {**_over_tables(source, preset, tables, locations), "preset": name}
            filled_by[table] = name
        for location, declared in preset.locations.items():
            if location in locations:
                described[location] = _with_columns(described[location], declared.columns)
    return {**document, "locations": described, "sources": {**sources, **own_sources}}


def _known_preset(name: str) -> Preset:
    presets = load_presets()
    if name not in presets:
        raise SettingsError(f"presets.{name}: there is no such preset. Presets: {', '.join(presets)}.")
    return presets[name]


def _choices(
    name: str, preset: Preset, given: Any, locations: Mapping[str, Any]
) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the parameters over their defaults, and the database tables that serve as locations of the preset."""
    known = ", ".join(preset.parameters) or "none"
    if not isinstance(given, dict):
        raise SettingsError(f"presets.{name} must be a mapping of its parameters, {{}} for none. Parameters: {known}.")
    tables = given.get(TABLES) or {}
    parameters = {parameter: value for parameter, value in given.items() if parameter != TABLES}
    for parameter, value in parameters.items():
        if parameter not in preset.parameters:
            raise SettingsError(
                f"presets.{name}.{parameter}: no parameter of this preset. Parameters: {known}; "
                f"'{TABLES}' names tables of a database."
            )
        _require_kind(name, parameter, value, preset.parameters[parameter])
    if not isinstance(tables, dict):
        raise SettingsError(
            f"presets.{name}.{TABLES} must be a mapping of its locations to tables, such as crm.customers."
        )
    for location, table in tables.items():
        if location not in preset.locations:
            raise SettingsError(
                f"presets.{name}.{TABLES}.{location}: no location of this preset. "
                f"Its locations: {', '.join(preset.locations)}."
            )
        database = str(table).split(".")[0]
        if "." not in str(table) or not (locations.get(database) or {}).get("database"):
            raise SettingsError(
                f"presets.{name}.{TABLES}.{location}: {table!r} must begin with the name of a location that is a "
                f"database, then its table: crm.customers for a table of locations.crm."
            )
    return {parameter: declared.default for parameter, declared in preset.parameters.items()} | parameters, tables


def _require_kind(name: str, parameter: str, value: Any, declared: PresetParameter) -> None:
    """Refuse a value of another type than the default: a number instead of SQL, or text instead of a number."""
    default = declared.default
    kind = (int, float) if isinstance(default, int | float) and not isinstance(default, bool) else type(default)
    if not isinstance(value, kind) or isinstance(value, bool) != isinstance(default, bool):
        raise SettingsError(
            f"presets.{name}.{parameter}: {value!r} is not of the kind of its default, {default!r}. "
            f"{declared.description}"
        )


def _refuse_unknown_locations(
    name: str, preset: Preset, locations: Mapping[str, Any], own_sources: Mapping[str, Any]
) -> None:
    """Refuse a location that looks like one of the preset's but is not: it would silently not be read."""
    for location in locations:
        if str(location).startswith(f"{name}_") and location not in preset.locations:
            if _names(location, _strings(own_sources)):
                continue
            raise SettingsError(
                f"locations.{location}: preset {name} reads no such location, nor do your own sources. "
                f"Its locations: {', '.join(preset.locations)}."
            )


def _is_left_out(name: str, preset: Preset, table: str, missing: set[str]) -> bool:
    """Whether a source must be left out because an optional location is missing.

    Raises:
        SettingsError: a required one is missing.
    """
    for location in sorted(missing):
        if preset.locations[location].required:
            raise SettingsError(
                f"locations.{location} is missing: preset {name} fills {table} from it. It should be "
                f"{preset.locations[location].description} Name its files there, or write sources.{table} yourself."
            )
    return bool(missing)


def _render(
    name: str,
    preset: Preset,
    table: str,
    values: Mapping[str, Value],
    there: Set[str],
    reporting_currency: str,
) -> tuple[dict[str, Any], set[str]]:
    """Return a source with its templates filled in, and the preset's locations that it reads."""

    # Imported late, because most settings use no preset.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    def optional(location: str) -> str:
        declared = preset.locations[location]
        return location if location in there else f"({_no_rows(declared)})"

    jinja = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    jinja.filters["text"] = _text
    context = {**values, "reporting_currency": reporting_currency, "optional": optional}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        return jinja.from_string(preset.macros + part).render(context).strip() if isinstance(part, str) else part

    try:
        source = filled({key: part for key, part in preset.sources[table].items() if key != "any_of"})
    except (TemplateError, KeyError) as error:
        raise SettingsError(f"presets.{name}: its source of {table} cannot be rendered: {error}.") from error
    return source, {location for location in preset.locations if _names(location, _strings(source))}


def _over_tables(
    source: dict[str, Any], preset: Preset, tables: Mapping[str, str], locations: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a source that reads database tables instead of the locations they replace, as a query if there are any.

    Columns that a table lacks are null. All columns are read as the type the preset declares, as from files, except
    cursor columns, which are read as they are: a server cannot use an index through a cast.
    """
    grows = source.get("from_tables", {})
    source = {key: part for key, part in source.items() if key != "from_tables"}
    if not any(_names(location, _strings(source)) for location in tables):
        return source
    if "query" not in source:
        # What grows by files is read as a whole table here and compared with what is loaded, unless there is a cursor.
        named = source["columns"] | {column: column for column in grows.get("cursor", [])}
        columns = ", ".join(f'(\n{expression}\n) as "{column}"' for column, expression in named.items())
        where = f" where (\n{source['where']}\n)" if source.get("where") else ""
        if _database_of(tables.get(source["location"]), locations) == "sqlite":
            # SQLite returns its values as text.
            grows = grows | {"cursor": [f"try_cast({column} as timestamp)" for column in grows.get("cursor", [])]}
        source = {"query": f"select {columns} from {source['location']}{where}"} | grows
    query, times = source["query"], grows.get("cursor", [])
    for location, table in tables.items():
        declared = preset.locations[location]
        kinds = ", ".join(f'"{column}"' for column in declared.columns) or "*"
        rows = f"(select {kinds} from (select * from {table} union all by name {_no_rows(declared, times)}))"
        query = re.sub(rf"\b{location}\b", lambda _, rows=rows: rows, query)  # type: ignore[misc]
    return {**source, "query": query}


def _database_of(table: str | None, locations: Mapping[str, Any]) -> Any:
    return table and locations[table.split(".")[0]]["database"]


def _no_rows(location: PresetLocation, times: Collection[str] = ()) -> str:
    # A date yields to every other temporal type, so no column of the table is cast.
    columns = ", ".join(
        f'cast(null as {"date" if column in times else kind}) as "{column}"'
        for column, kind in location.columns.items()
    )
    return f"select {columns} where false"


def _with_columns(location: Any, columns: Mapping[str, str]) -> Any:
    """Return a location whose files may lack ``columns``; types given by the user take precedence."""
    if not isinstance(location, dict) or not columns or not location.get("files"):
        return location
    given = location.get("columns")
    return {**location, "columns": {**columns, **given} if isinstance(given, dict) else dict(columns)}


def _strings(part: Any) -> str:
    """Return every string within ``part``, one per line."""
    if isinstance(part, dict):
        return "\n".join(_strings(value) for value in part.values())
    return part if isinstance(part, str) else ""


def _names(location: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(location)}\b", text))


def _text(value: Value) -> str:
    return "'" + str(value).replace("'", "''") + "'"
