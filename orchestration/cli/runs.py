"""Launching the Dagster jobs from the command line: in this process, and recorded where the UI finds them."""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from orchestration.dagster_support.dbt import ensure_manifest, parsed_manifest, sources_hash
from orchestration.dagster_support.progress import PROGRESS_LOGGER, quiet_stdout
from orchestration.errors import RunFailedError, SegmentationError
from orchestration.lake.built_views import views_are_outdated
from orchestration.lake.warehouse import Warehouse
from orchestration.months import as_of_date, last_complete_month, month_of, months_between, operators_day
from orchestration.segments.code_version import code_version
from orchestration.segments.revisions import describe, months_due
from orchestration.segments.unchanged import days_to_build
from orchestration.segments.versions import published_version_ids
from orchestration.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

INSTANCE_SETTINGS = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    # Runs that use the pool of writers queue up.
    "concurrency": {"pools": {"granularity": "run", "default_limit": 1}},
    # A launched run that never starts gives up its place in the queue.
    "run_monitoring": {"enabled": True, "poll_interval_seconds": 60, "free_slots_after_run_end_seconds": 60},
}


def prepare_dagster_home(settings: Settings) -> Path:
    """Keep Dagster's storage beside the lake, unless DAGSTER_HOME is set."""
    home = _dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    # A configuration written by an earlier release is completed; one with anything else belongs to the operator.
    known = yaml.safe_load(configuration.read_text()) if configuration.exists() else {}
    if known != INSTANCE_SETTINGS and known.items() <= INSTANCE_SETTINGS.items():
        configuration.write_text(yaml.safe_dump(INSTANCE_SETTINGS))
    return home


def _dagster_home(settings: Settings) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or settings.warehouse.path.parent / "dagster")


def close_killed_runs(settings: Settings, say: Callable[[str], None]) -> None:
    """Close the runs in Dagster's storage whose process was killed; the caller holds the writers' lock."""
    if not (_dagster_home(settings) / "dagster.yaml").exists():  # no run was ever recorded
        return
    prepare_dagster_home(settings)
    from dagster import DagsterInstance

    from orchestration.dagster_support.run_processes import close_dead_runs

    with DagsterInstance.get() as instance:
        for run_id in close_dead_runs(instance, Warehouse(settings.warehouse), has_lock=True):
            say(f"Closed run {run_id}: its process had been killed.")


class Runner:
    """Runs the jobs of one deployment, one after the other; the caller holds the writers' lock."""

    def __init__(self, settings: Settings, say: Callable[[str], None], now: datetime | None = None) -> None:
        """Keep what every job needs; ``now`` is the current time with its offset, by default the clock's."""
        self._settings = settings
        self._warehouse = Warehouse(settings.warehouse)
        self._say = say
        self._today = operators_day(now or datetime.now(UTC), settings.schedule.timezone)

    def ingest(self) -> None:
        """Run the job ``daily_ingest``."""
        self._run("daily_ingest", {})

    def segment(self, months: Sequence[str]) -> None:
        """Run the job ``monthly_segmentation`` for consecutive months in one run, unless none can have changed."""
        days = [as_of_date(month) for month in months]
        code = code_version(parsed_manifest(self._settings))
        with self._warehouse.writer() as connection:
            built = days_to_build(connection, days, code, self._settings.semantic_hash())
            if not built and not views_are_outdated(connection, sources_hash(self._settings)):
                published = published_version_ids(connection, days)
                self._say(f"[bold]monthly_segmentation[/] {' to '.join(dict.fromkeys((months[0], months[-1])))}")
                self._say("  No month has changed; nothing to do.")
                self._write_missing_reports(published)
                return
        self._run(
            "monthly_segmentation",
            {
                "dagster/asset_partition_range_start": months[0],
                "dagster/asset_partition_range_end": months[-1],
            },
        )

    def act(self, day: date) -> None:
        """Run the job ``daily_actions`` for a day."""
        self._run("daily_actions", {"dagster/partition": day.isoformat()})

    def _write_missing_reports(self, version_ids: Sequence[str]) -> None:
        from orchestration.report import report_path, write_report

        for version_id in version_ids:
            if not report_path(self._settings, version_id).exists():
                self._say(f"  Report {write_report(self._warehouse, self._settings, version_id)}")

    def months(self, first: str | None, last: str | None) -> list[str]:
        """Return the months to segment: those requested, else the last complete month with data.

        Raises:
            SegmentationError: a month is malformed, not over yet, or before the first month of the settings.
        """
        complete = last_complete_month(self._today)
        last = last or first or min(complete, self._last_month_of_data() or complete)
        first = first or last
        try:
            months = months_between(first, last)
        except ValueError as error:
            raise SegmentationError(str(error)) from error
        if last > complete:
            raise SegmentationError(f"{last} is not over yet; the last complete month is {complete}.")
        if first < self._settings.first_month:
            raise SegmentationError(
                f"{first} is before first_month {self._settings.first_month} of the settings; set it earlier if the"
                " data go back that far."
            )
        return months

    def months_to_revise(self) -> list[str]:
        """Return the months from the first to the last published one that late data have reached; empty if none.

        Raises:
            SegmentationError: one of them is before the first month of the settings.
        """
        with self._warehouse.reader() as connection:
            due = months_due(connection)
        self._say(describe(due))
        return self.months(due[0].month, due[-1].month) if due else []

    def _last_month_of_data(self) -> str | None:
        with self._warehouse.reader() as connection:
            row = connection.execute(
                "select coalesce(greatest((select max(invoice_date) from raw.invoices),"
                " (select max(usage_date) from raw.usage), (select max(reported_date) from raw.usage_sessions),"
                " (select max(call_date) from raw.calls)), (select max(paid_date) from raw.payments))::date"
            ).fetchone()
        latest: date | None = row[0] if row else None
        return month_of(latest) if latest else None

    @cached_property
    def _instance(self) -> "DagsterInstance":
        """The instance that records runs; created with the first job, because that takes seconds."""
        prepare_dagster_home(self._settings)
        from dagster import DagsterInstance

        from orchestration.dagster_support.kept_connections import keep_connections
        from orchestration.dagster_support.masked_events import mask_events

        instance = DagsterInstance.get()
        mask_events(instance)
        keep_connections(instance)
        return instance

    def _definitions(self, job: str) -> "Definitions":
        """Return the definitions that contain the job."""
        # Imported late, because the definitions read the settings file that was chosen before.
        from orchestration.definitions import defs, ingest_defs

        if job == "daily_ingest":
            return ingest_defs()
        ensure_manifest(self._settings)
        return defs()

    def _run(self, job: str, tags: Mapping[str, str]) -> None:
        instance, definitions = self._instance, self._definitions(job)
        # What has been imported stays; without this, every garbage collection would scan all of it.
        gc.freeze()
        from orchestration.dagster_support.run_processes import LOCK_TAG, process_tags

        months = " to ".join(dict.fromkeys(tags.values()))
        self._say(f"[bold]{job}[/] {months}".rstrip())
        with quiet_stdout(job):
            result = definitions.resolve_job_def(job).execute_in_process(
                run_config={"loggers": {PROGRESS_LOGGER: {}}},
                instance=instance,
                tags={**tags, **process_tags(self._warehouse), LOCK_TAG: "true"},
                raise_on_error=False,
            )
        if not result.success:
            failed = [event.step_key for event in result.all_events if event.is_step_failure and event.step_key]
            is_published = any(
                event.is_step_success and event.step_key == "publish__published_versions" for event in result.all_events
            )
            outcome = "The versions of this run are published" if is_published else "Nothing of this run was published"
            raise RunFailedError(
                f"{job} failed in {', '.join(failed) or 'its checks'}; see the error above. {outcome}."
                f" 'make dev' shows the details of run {result.run_id}."
            )
