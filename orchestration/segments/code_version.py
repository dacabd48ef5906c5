"""The code that determines segments, as a hash: a new hash makes a revision, so it must mean a change of behavior.

Hashed are the modules that an asset's code imports, transitively, without comments and docstrings; the SQL of the
models, macros and seeds that segments are made from, without comments; and the versions of the libraries that fit and
compute. Text for people does not change the hash, nor does a view of ``bi``, the report or a command.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.paths import ROOT
from orchestration.segments.registry import inputs_of_versions, is_segment_model, versioned_tables

STEPS = "orchestration.segments.steps"
LIBRARIES = ("duckdb", "numpy", "scikit-learn", "scipy")
# Imports are followed within these; other modules (the lake, Dagster, settings) only pass rows on.
FOLLOWED = ("models", "orchestration.segments", "orchestration.lake.frames", "orchestration.months")
# Strings come first, so that what looks like a comment inside one stays.
_STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)


def steps() -> tuple[str, ...]:
    """Return the names of the modules that make segment tables."""
    folder = ROOT.joinpath(*STEPS.split("."))
    return tuple(f"{STEPS}.{file.stem}" for file in sorted(folder.glob("*.py")) if file.stem != "__init__")


def code_version(manifest: Mapping[str, Any]) -> str:
    """Return a short hash of the code that determines segments.

    Args:
        manifest: parsed manifest of the dbt project.
    """
    return _digest([python_version(steps()), *sorted(_sql_parts(manifest)), *sorted(_declared_types())])


@cache
def python_version(modules: tuple[str, ...], libraries: tuple[str, ...] = LIBRARIES) -> str:
    """Return a short hash of what modules do: their code, that of the modules they import, and the libraries."""
    code = [f"{name}\n{_code(path)}" for name, path in sorted(modules_imported(modules).items())]
    return _digest([*code, *(f"{library} {version(library)}" for library in libraries)])


def docstring(module: str, function: str) -> str:
    """Return the docstring of a function without importing its module.

    Raises:
        LookupError: there is no such module or function.
    """
    path = _file_of(module)
    if path is None:
        raise LookupError(module)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return ast.get_docstring(node) or ""
    raise LookupError(f"{module}.{function}")


def modules_imported(modules: Iterable[str]) -> dict[str, Path]:
    """Return the files of modules and of all modules they import, transitively, within ``FOLLOWED``, by module name."""
    found: dict[str, Path] = {}
    open_modules = list(modules)
    while open_modules:
        name = open_modules.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path
        open_modules += [each for each in _imports(path) if each.startswith(FOLLOWED)]
    return found


@cache
def _file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports; names imported from a package are included, as they may be modules."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    return tuple(found)


@cache
def _code(path: Path) -> str:
    return python_code(path.read_text(encoding="utf-8"))


def python_code(source: str) -> str:
    """Return Python code without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_docstring(each)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def sql_code(source: str) -> str:
    """Return SQL or Jinja code without comments and layout."""
    bare = _STRING_OR_COMMENT.sub(lambda found: found[0] if found[0][0] in "'\"" else " ", source)
    return " ".join(bare.split())


def _sql_parts(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the code of every model, macro and seed that a versioned table is made from."""
    nodes, macros = manifest["nodes"], manifest["macros"]
    by_key = {f"{node['schema']}.{node['alias']}": name for name, node in nodes.items() if _is_built(node)}
    open_nodes = [name for name, node in nodes.items() if is_segment_model(node)]
    open_nodes += [by_key[each.key] for each in inputs_of_versions(manifest) if each.key in by_key]
    seen: set[str] = set()
    while open_nodes:
        name = open_nodes.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in nodes:
            node = nodes[name]
            open_nodes += [*node["depends_on"].get("nodes", ()), *node["depends_on"]["macros"]]
            yield f"{name}\n{_content(node)}"
        elif name in macros and macros[name]["package_name"] == manifest["metadata"]["project_name"]:
            open_nodes += macros[name]["depends_on"]["macros"]
            yield f"{name}\n{sql_code(macros[name]['macro_sql'])}"


def _is_built(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in {"model", "seed"}


def _content(node: Mapping[str, Any]) -> str:
    if node["resource_type"] == "seed":
        return f"{node['checksum']['checksum']} {sorted(node['config']['column_types'].items())}"
    return sql_code(node["raw_code"])


def _declared_types() -> Iterator[str]:
    """Yield the column types that Python's rows are cast to."""
    for table in versioned_tables().values():
        if not table.is_model:
            yield f"{table.key} {list(table.types.items())}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
