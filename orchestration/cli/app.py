"""The ``segmentation`` command: thin over the Dagster jobs and the library.

Exit codes: 0 done, 1 an error that the user can fix (a message says how), 2 wrong usage, 3 a run failed, 4 another run
is writing.
"""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli import actions, lake, quarantine, serve, status, versions
from orchestration.cli.commands import Commands
from orchestration.cli.common import (
    Config,
    Format,
    Wait,
    chosen_settings,
    err,
    errors_for_people,
    existing_warehouse,
    out,
    print_rows,
    writing,
)
from orchestration.errors import SegmentationError
from orchestration.lake.warehouse import Warehouse
from orchestration.masking import masked_output
from orchestration.printing import print_whole, printable
from orchestration.settings import DEFAULT_FILE, load_settings

app = typer.Typer(
    help="Customer segmentation for internet and telecom providers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    cls=Commands,
)
app.add_typer(versions.app, name="versions")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(lake.app)
app.add_typer(actions.app)
app.add_typer(serve.app)
app.add_typer(status.app)

Month = Annotated[str | None, typer.Option(metavar="YYYY-MM")]

# Dagster's and dbt's graphs are hundreds of thousands of objects that live until the end; by default Python scans them
# thousands of times in a run, which took 6% of its time. Frames and tables are still freed by reference counting.
_OBJECTS_BEFORE_COLLECTION = (50_000, 20, 20)


@app.callback()
def mask(
    context: typer.Context,
    # Removed from the arguments beforehand (``Commands``), so that it may also follow a command's name.
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Customer segmentation for internet and telecom providers."""
    context.with_resource(masked_output())
    gc.freeze()
    gc.set_threshold(*_OBJECTS_BEFORE_COLLECTION)


@app.command()
def run(
    config: Config = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM", help="First month to segment.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month to segment.")] = None,
    skip_ingest: Annotated[
        bool, typer.Option(help="Segment what is already loaded, without loading anything new.")
    ] = False,
    revise: Annotated[
        bool, typer.Option("--revise", help="Segment published months again that late data have reached.")
    ] = False,
    wait: Wait = True,
) -> None:
    """Load new data, then segment one or more months: features, segments, checks, publishing, reports.

    Without --from and --to, the last complete month that the data reach is segmented. With --revise, all months from
    the first that is due for revision ('segmentation versions due'); a month whose features turn out the same keeps
    its version.
    """
    if revise and (first or last):
        raise typer.BadParameter("--revise finds the months itself; leave out --from and --to.")
    with errors_for_people():
        settings = chosen_settings(config)
        from orchestration.cli.runs import Runner

        runner = Runner(settings, say=lambda line: err.print(line, highlight=False, soft_wrap=True))
        # Months given by name are validated before anything runs; others depend on what is loaded.
        named = runner.months(first, last) if first or last else []
        with writing(settings, "run", wait):
            if not skip_ingest:
                runner.ingest()
            months = named or (runner.months_to_revise() if revise else runner.months(None, None))
            if not months:
                return
            runner.segment(months)
        from orchestration.report.summary import run_summary

        with Warehouse(settings.warehouse).reader() as connection:
            print_whole(out, run_summary(connection, settings, months))
        if settings.serving:
            from orchestration.serving.serve import places

            out.print("\nServed to")
            for name, place in places(settings).items():
                out.print(printable(f"  {name}: {place}"), soft_wrap=True)


@app.command()
def ingest(config: Config = None, wait: Wait = True) -> None:
    """Load and check new data from every source, without segmenting."""
    with errors_for_people():
        settings = chosen_settings(config)
        from orchestration.cli.runs import Runner

        with writing(settings, "ingest", wait):
            Runner(settings, say=lambda line: err.print(line, highlight=False, soft_wrap=True)).ingest()


@app.command()
def simulate(
    folder: Annotated[
        Path | None, typer.Argument(help="Where source/ and truth/ are written. Default: beside the lake.")
    ] = None,
    config: Config = None,
    customers: Annotated[int, typer.Option(min=1_000, max=10_000_000)] = 3_000,
    months: Annotated[int, typer.Option(min=3, max=120)] = 18,
    end_month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Last month of the window.")] = "2025-12",
    seed: int = 1,
    dirt: Annotated[float, typer.Option(min=0.0, max=0.2, help="Share of rows with planted errors.")] = 0.0,
    file_format: Annotated[Literal["parquet", "csv"], typer.Option("--format")] = "parquet",
) -> None:
    """Write the source files of a synthetic ISP, and its planted truth in a folder that the pipeline never reads."""
    from simulator import SimulationParameters
    from simulator import simulate as write_isp

    with errors_for_people():
        try:
            parameters = SimulationParameters(
                customers=customers, months=months, end_month=end_month, seed=seed, dirt=dirt
            )
            rows = write_isp(
                parameters,
                folder or chosen_settings(config).warehouse.path.parent,
                file_format=file_format,
                progress=lambda line: err.print(line, markup=False, highlight=False, soft_wrap=True),
            )
        except ValueError as error:
            raise SegmentationError(str(error)) from error
    print_rows(["table", "rows"], list(rows.items()), Format.table)


@app.command()
def init(
    target: Annotated[
        str,
        typer.Argument(
            help="A folder of files, a SQLite or DuckDB file, a connection string of PostgreSQL or MySQL, or '${NAME}' "
            "of an environment variable that holds one."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The settings file to write.")] = Path(DEFAULT_FILE),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Draft a settings file from a folder of files or a database. Every guess in the mapping says how sure it is."""
    with errors_for_people():
        from orchestration.onboarding.init import draft_settings, write_settings

        drafted = draft_settings(target, output)
        write_settings(drafted, output, force=force)
    print_rows(
        ["table", *drafted.certainties_named],
        [[table, *counts.values()] for table, counts in drafted.certainties.items()],
        Format.table,
    )
    for line in [*_endings_found(output), *drafted.next_steps(output)]:
        out.print(line, highlight=False, soft_wrap=True)


def _endings_found(settings_file: Path) -> list[str]:
    """Say from when endings are on record, if the draft maps contracts well enough to find out."""
    from orchestration.onboarding.preview import preview_sources

    try:
        found = preview_sources(load_settings(settings_file))
    except SegmentationError:
        return []  # the draft's comments and check-sources say what is missing
    return [check.endings for check in found.tables if check.endings]


@app.command("check-sources")
def check_sources(
    config: Config = None,
    sample: Annotated[int, typer.Option(min=1, help="Rows to read from each table.")] = 10_000,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Preview the sources as the settings map them, before anything is loaded.

    Exit code 1 if a load would fail or put more rows in quarantine than a source allows.
    """
    with errors_for_people():
        from orchestration.onboarding.preview import as_json, preview_sources, render

        report = preview_sources(chosen_settings(config), sample_rows=sample)
        if output == "json":
            sys.stdout.write(as_json(report) + "\n")
        else:
            print_whole(out, render(report))
        if not report.ok:
            raise typer.Exit(1)


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Show only this preset.")] = None,
) -> None:
    """List the presets: the locations they read and the parameters they take."""
    from orchestration.settings.presets import load_presets

    known = load_presets()
    with errors_for_people():
        if name is not None and name not in known:
            raise SegmentationError(f"There is no preset {name!r}. Presets: {', '.join(known)}.")
    for each in [name] if name else list(known):
        preset = known[each]
        out.print(f"[bold]{each}[/]: {preset.description.strip()}", soft_wrap=True)
        rows = [
            [location, "required" if declared.required else "optional", declared.description.strip()]
            for location, declared in preset.locations.items()
        ]
        print_rows(["location", "", "what it is"], rows, Format.table)
        choices = [
            [parameter, declared.default, declared.description.strip()]
            for parameter, declared in preset.parameters.items()
        ]
        print_rows(["parameter", "default", "what it says"], choices, Format.table)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL over the lake's schemas, for example bi.customer_segments.")],
    config: Config = None,
    version: Annotated[
        str | None, typer.Option(help="Read the bi tables as of this published version, as if it were the only one.")
    ] = None,
    output: Annotated[Format, typer.Option("--format")] = Format.table,
    keep_formulas: Annotated[
        bool,
        typer.Option(
            help="Write text to CSV as it is; by default, text that a spreadsheet would run as a formula is escaped."
        ),
    ] = False,
) -> None:
    """Query the warehouse, read-only. A running pipeline is not disturbed, and its unfinished work is not visible."""
    with errors_for_people():
        from orchestration.lake.queries import query as run_query

        columns, rows = run_query(existing_warehouse(chosen_settings(config)), query, version)
        print_rows(columns, rows, output, keep_formulas=keep_formulas)


@app.command("clean-text")
def clean_text_command(config: Config = None) -> None:
    """Remove control characters that an earlier release let into the lake.

    Rows with one in an identifier or a code go to quarantine; in free text they become spaces. New data never need it.
    """
    with errors_for_people():
        from orchestration.ingest.clean_text import clean_text

        cleaned = clean_text(existing_warehouse(chosen_settings(config)))
    if not cleaned:
        out.print("No text in the lake holds a control character.")
        return
    rows = [[each.table, each.quarantined, each.cleaned, each.orphaned] for each in cleaned]
    print_rows(["source_table", "to quarantine", "cleaned", "of other tables to quarantine"], rows, Format.table)
    out.print("'segmentation quarantine list' shows them. 'segmentation run --revise' segments the months they reach.")


@app.command()
def rollback(
    version_id: Annotated[str, typer.Argument(help="The version to publish again, for example 2026-10-31.1.")],
    config: Config = None,
    wait: Wait = True,
) -> None:
    """Publish an older version of a month again and withdraw the current one."""
    from orchestration.report import write_report
    from orchestration.segments.versions import rollback as republish

    with errors_for_people():
        settings = chosen_settings(config)
        warehouse = existing_warehouse(settings)
        with writing(settings, "rollback", wait), warehouse.writer() as connection:
            withdrawn = republish(connection, version_id, datetime.now(UTC).replace(tzinfo=None))
        # Both reports name the status of their version.
        for changed in filter(None, (version_id, withdrawn)):
            write_report(warehouse, settings, changed)
        out.print(f"Published {version_id}" + (f", withdrew {withdrawn}." if withdrawn else "."))
        serve.serve_targets(settings, settings.serving)


@app.command()
def report(
    version_id: Annotated[str | None, typer.Argument(help="Default: the latest published version.")] = None,
    config: Config = None,
    deliver: Annotated[bool, typer.Option("--deliver", help="Also deliver it as the settings say (delivery).")] = False,
) -> None:
    """Write the HTML report of a version and print its path."""
    with errors_for_people():
        from orchestration.report import write_report
        from orchestration.segments.versions import list_versions

        warehouse = existing_warehouse(chosen_settings(config))
        if version_id is None:
            published = [
                row["version_id"] for row in versions.read(config, list_versions) if row["status"] == "published"
            ]
            if not published:
                raise SegmentationError("No version has been published yet. 'segmentation run' creates one.")
            version_id = published[0]
        settings = chosen_settings(config)
        out.print(str(write_report(warehouse, settings, version_id)), soft_wrap=True)
        if deliver:
            from orchestration.report.delivery import deliver as hand_over

            if not settings.delivery.is_wanted:
                raise SegmentationError("--deliver needs 'delivery' in the settings: a path, or who is told.")
            done, failed = hand_over(warehouse, settings, [version_id])
            if failed:
                raise SegmentationError(" ".join(failed))
            out.print(f"Delivered to {', '.join(done)}.", soft_wrap=True)


if __name__ == "__main__":
    app()
