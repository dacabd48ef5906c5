"""Every setting by key: type, default and meaning, read from the declarations themselves.

Pydantic sections document a field in its description; parameters of models document it in the ``Attributes`` of the
docstring or in a string below the field. The page ``docs/settings.md`` and the error for an unknown key are generated
from these.
"""

import ast
import dataclasses
import re
import types
from collections.abc import Iterator, Mapping
from inspect import get_annotations, getdoc, getsource
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from orchestration.settings.sources import CheckLimits

_TYPES = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "Any": "value",
}


class Entry(NamedTuple):
    """One setting. ``key`` has ``<name>`` where the file gives a name of its own; ``default`` is None if required."""

    key: str
    type: str
    default: str | None
    meaning: str
    is_section: bool


def entries(section: Any, prefix: str = "") -> Iterator[Entry]:
    """Yield the settings of a section and everything below it, in declaration order; a check's limits are one entry."""
    for name, annotation, default, meaning in fields_of(section):
        key = f"{prefix}{name}"
        if annotation is CheckLimits:
            yield Entry(key, "limits", _limits(default), meaning, is_section=False)
            continue
        inner, place = _section_within(annotation)
        if inner is None:
            yield Entry(key, _type(annotation), _written(default), meaning, is_section=False)
            continue
        yield Entry(key, "section", None, meaning or _first_sentence(inner), is_section=True)
        yield from entries(inner, f"{key}{place}.")


def fields_of(section: Any) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield name, type, default and meaning of each field of a pydantic section or a dataclass of parameters."""
    if isinstance(section, type) and issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            default = field.get_default(call_default_factory=True, validated_data={})
            yield field.alias or name, field.annotation, default, field.description or ""
        return
    told = {**_texts_below(section), **attributes(section)}
    for each in dataclasses.fields(section):
        given = each.default if each.default is not dataclasses.MISSING else PydanticUndefined
        if each.default_factory is not dataclasses.MISSING:
            given = each.default_factory()
        yield each.name, _hint(section, each.name), given, told.get(each.name, "")


def _texts_below(documented: type) -> Mapping[str, str]:
    """Return the strings below the fields of a class and its bases, by field name."""
    found: dict[str, str] = {}
    for each in reversed(documented.__mro__[:-1]):
        (body,) = ast.parse(dedent(getsource(each))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in pairwise(body.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def attributes(documented: type) -> Mapping[str, str]:
    """Return the texts under ``Attributes`` in a docstring, by name; names may share a line."""
    _, _, listed = (getdoc(documented) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines():
        if re.match(r"\S", line):
            break
        if match := re.match(r"    ((?:\w+)(?:, \w+)*): (.*)", line):
            names = match.group(1).split(", ")
            found |= dict.fromkeys(names, match.group(2))
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _hint(section: type, name: str) -> Any:
    return next(found[name] for found in map(get_annotations, section.__mro__) if name in found)


def _section_within(annotation: Any) -> tuple[Any, str]:
    """Return the section that a field contains, and the suffix of the key that leads to it; None for a plain value."""
    if get_origin(annotation) is Annotated:
        return _section_within(get_args(annotation)[0])
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return annotation, ""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (dict, Mapping):
        found, place = _section_within(inner[1])
        return (found, f".<name>{place}") if found else (None, "")
    if origin in (list, tuple) and inner:
        found, place = _section_within(inner[0])
        return (found, f"[]{place}") if found else (None, "")
    if origin in (Union, types.UnionType):
        sections = [each for each in map(_section_within, inner) if each[0]]
        return sections[0] if len(sections) == 1 else (None, "")
    return None, ""


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in get_args(annotation) if each is not type(None)))
    if get_origin(annotation) in (list, tuple, set, frozenset):
        return f"list of {_type(get_args(annotation)[0])}"
    if get_origin(annotation) in (dict, Mapping):
        return f"map of {_type(get_args(annotation)[1])}"
    if isinstance(annotation, type) and issubclass(annotation, SecretStr):
        return "secret text"
    name = str(getattr(annotation, "__name__", annotation))
    return _TYPES.get(name, name)


def _written(default: Any) -> str | None:
    if default is PydanticUndefined:
        return None
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return str(default).lower()
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        default = {name: each for name, each in dataclasses.asdict(default).items() if each is not None}
    if isinstance(default, dict):
        return "{" + ", ".join(f"{name}: {_written(each)}" for name, each in default.items()) + "}"
    if isinstance(default, list | tuple):
        return "[" + ", ".join(str(_written(each)) for each in default) + "]"
    return str(default)


def _limits(limits: CheckLimits) -> str:
    """Describe the limits of a check: what happens, and beyond which numbers."""
    bounds = [
        f"{side} {bound:g}"
        for side, bound in (("below", limits.minimum), ("above", limits.maximum))
        if bound is not None
    ]
    own = [f"{table} above {each.maximum:g}" for table, each in limits.tables.items() if each.maximum is not None]
    return f"{limits.action} {' or '.join(bounds)}" + (f" ({', '.join(own)})" if own else "")


def _first_sentence(section: type) -> str:
    return " ".join((getdoc(section) or "").split("\n\n")[0].split())
