"""``segmentation versions``: show the versions of the segments, compare them, withdraw one, delete old ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.common import (
    Config,
    Format,
    Wait,
    chosen_settings,
    errors_for_people,
    existing_warehouse,
    out,
    print_rows,
    writing,
)
from orchestration.errors import SegmentationError

app = typer.Typer(help="List, compare, withdraw and prune versions of the segments.", no_args_is_help=True)

Output = Annotated[Format, typer.Option("--format")]
VersionId = Annotated[str, typer.Argument(help="A version, for example 2026-10-31.1.")]


@app.command("list")
def versions_list(config: Config = None, output: Output = Format.table) -> None:
    """Print the registry of versions, newest first. The table has the main columns, JSON has all."""
    from orchestration.lake.declarations import REGISTRY, declared_tables
    from orchestration.segments.versions import list_versions

    shown = list(declared_tables("segments")[REGISTRY].types) if output is not Format.table else [
        "version_id", "status", "changes", "created_at", "published_at", "code_version"
    ]  # fmt: skip
    with errors_for_people():
        rows = read(config, list_versions)
    print_rows(shown, [[row[name] for name in shown] for row in rows], output)


@app.command("due")
def versions_due(config: Config = None, output: Output = Format.table) -> None:
    """Print the published months that late data have reached since; 'run --revise' segments them again."""
    from orchestration.segments.revisions import describe, months_due

    with errors_for_people():
        due = read(config, months_due)
    if not due and output is Format.table:
        out.print(describe(due), soft_wrap=True)
        return
    rows = [[each.month, each.version_id, each.reason, sum(each.rows.values()), each.first_load_id] for each in due]
    print_rows(["month", "version_id", "reason", "rows", "first_load_id"], rows, output)


@app.command()
def show(version_id: VersionId, config: Config = None, output: Output = Format.table) -> None:
    """Print everything the registry knows about a version."""
    from orchestration.segments.versions import version

    with errors_for_people():
        row = read(config, lambda connection: version(connection, version_id))
    rows = [(name, lines_of(value) if output is Format.table else value) for name, value in row.items()]
    print_rows(["what", "value"], rows, output)


def lines_of(value: Any) -> Any:
    """Return row counts by table, or checks, as one line each; anything else unchanged."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    if isinstance(found, dict):
        return "\n".join(f"{name}: {rows:,}" for name, rows in found.items())
    if isinstance(found, list):
        return "\n".join(f"{each['name']}: {'passed' if each['passed'] else 'failed'}" for each in found)
    return value


@app.command()
def diff(first: VersionId, second: VersionId, config: Config = None, output: Output = Format.table) -> None:
    """Print how many customers moved between segments from one version to another, and how their value changed."""
    from orchestration.segments.version_diff import diff as compare

    with errors_for_people():
        found = read(config, lambda connection: compare(connection, first, second))
    print_rows(["scheme", first, second, "customers", "change of value"], found.moves, output)
    if output is Format.table:
        out.print(
            f"Made from different {', '.join(found.causes)}."
            if found.causes
            else "Made from the same data, settings, code and models."
        )


@app.command()
def withdraw(version_id: VersionId, config: Config = None, wait: Wait = True) -> None:
    """Withdraw a published version without replacement: its month leaves the bi tables and all serving targets."""
    from orchestration.cli.serve import serve_targets
    from orchestration.segments.versions import withdraw as take_back

    with errors_for_people():
        settings = chosen_settings(config)
        with writing(settings, "versions withdraw", wait), existing_warehouse(settings).writer() as connection:
            take_back(connection, version_id)
        out.print(f"Withdrew {version_id}; 'segmentation rollback' publishes it, or another of its month, again.")
        serve_targets(settings, settings.serving)


@app.command()
def prune(
    keep: Annotated[int, typer.Option("--keep", min=1, help="Newest revisions to keep for every month.")] = 2,
    older_than: Annotated[
        int, typer.Option("--older-than", min=0, help="Keep versions younger than this many days.")
    ] = 30,
    config: Config = None,
    wait: Wait = True,
) -> None:
    """Delete the rows of old superseded and withdrawn versions that no kept version needs."""
    from orchestration.cli.serve import serve_targets
    from orchestration.segments.pruning import prune as delete

    with errors_for_people():
        settings = chosen_settings(config)
        before = (datetime.now(UTC) - timedelta(days=older_than)).replace(tzinfo=None)
        with writing(settings, "versions prune", wait), existing_warehouse(settings).writer() as connection:
            pruned = delete(connection, keep, before)
        if not pruned:
            out.print("Nothing to prune.")
            return
        out.print(f"Pruned {', '.join(pruned)}. Their files go when old snapshots do: 'segmentation maintain'.")
        serve_targets(settings, settings.serving)


def read(config: Path | None, query: Callable[[Any], Any]) -> Any:
    """Return the result of a query over the lake.

    Raises:
        SegmentationError: there is no lake, or it has no versions.
    """
    import duckdb

    with existing_warehouse(chosen_settings(config)).reader() as connection:
        try:
            return query(connection)
        except duckdb.CatalogException as error:
            raise SegmentationError("The warehouse has no versions yet. 'segmentation run' creates them.") from error
