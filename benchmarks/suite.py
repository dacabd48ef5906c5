"""The steps, in order."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from benchmarks.answer import Answer
from benchmarks.deployment import END_MONTH, BenchmarkFolder, first_month_of
from benchmarks.process import StepFailedError, run
from benchmarks.results import Measurement, Results, median_of

DEFINITIONS_TARGET_SECONDS = 5.0
COPY, INGEST = "bare copy of the usage files", "ingest of the usage files"


class Suite:
    """Measures one deployment from nothing to what a BI tool reads."""

    def __init__(
        self,
        folder: Path,
        customers: int,
        months: int,
        rounds: int,
        usage_rows: int,
        rule_customers: int,
        console: Console,
    ) -> None:
        self._folder = BenchmarkFolder(folder)
        self._rounds = rounds
        self._usage_rows = usage_rows
        self._rule_customers = rule_customers
        self._console = console
        self._results = Results(customers, months)
        self._steps = 0

    def run(self) -> Results:
        """Run every step.

        Raises:
            StepFailedError: a step failed; its output is in the message.
        """
        self._folder.make(first_month_of(self._results.months))
        self._simulate()
        self._definitions()
        self._ingest_beside_copy()
        if self._usage_rows:
            self._volume_beside_copy()
        self._daily_runs()
        self._segmentation()
        self._models_and_reading()
        if self._rule_customers:
            self._rules()
        return self._results

    def clean_up(self) -> None:
        """Remove everything that was written."""
        with suppress(StepFailedError):
            # It lies with the dbt project and not in the folder.
            self._workload("clean up", "forget_parsed_dbt", measured=False)
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def _simulate(self) -> None:
        customers, months = str(self._results.customers), str(self._results.months)
        self._command(
            "simulate",
            "orchestration.cli.app", "simulate", str(self._folder.simulated),
            "--customers", customers, "--months", months, "--end-month", END_MONTH,
        )  # fmt: skip
        self._workload("prepare: deliver the history", "deliver", which="history", month=END_MONTH, measured=False)

    def _definitions(self) -> None:
        self._workload("parse the dbt project", "parse_dbt")
        rounds = [self._workload("definitions load", "definitions", measured=False) for _ in range(self._rounds)]
        loaded = self._median("definitions load", rounds)
        seconds, cpu = loaded.usage.wall_seconds, loaded.usage.cpu_seconds
        verdict = "within" if seconds < DEFINITIONS_TARGET_SECONDS else "over"
        target = f"{verdict} the target of {DEFINITIONS_TARGET_SECONDS:.0f} s"
        self._note(f"Definitions load in {seconds:.1f} s ({cpu:.1f} CPU s), {target}.")

    def _ingest_beside_copy(self) -> None:
        rounds: dict[str, list[Measurement]] = {COPY: [], INGEST: []}
        for number in range(self._rounds):
            lake = self._folder.lakes / f"ingest_{number}"
            self._workload("prepare: customers and contracts", "ingest_snapshots", lake=str(lake), measured=False)
            copy = {"lake": str(self._folder.lakes / f"copy_{number}")}
            rounds[COPY].append(self._workload(COPY, "copy_usage", copy, measured=False))
            rounds[INGEST].append(self._workload(INGEST, "ingest_usage", lake=str(lake), measured=False))
            shutil.rmtree(self._folder.lakes)
        copied, ingested = (self._median(step, rounds[step]) for step in (COPY, INGEST))
        self._note(
            "Ingest of the usage files takes"
            f" {_ratio(ingested.answer.work_seconds, copied.answer.work_seconds)} times the seconds and"
            f" {_ratio(ingested.answer.work_cpu_seconds, copied.answer.work_cpu_seconds)} times the CPU seconds of a"
            f" bare copy (work proper, medians of {self._rounds} rounds)."
        )

    def _volume_beside_copy(self) -> None:
        """Load many rows beside a bare copy of the same files, then the file of one day more."""
        rows, source = str(self._usage_rows), str(self._folder.path / "volume")
        given = {"source": source, "lake": str(self._folder.lakes / "volume")}
        copied_to = {"source": source, "lake": str(self._folder.lakes / "volume_copy")}
        self._workload("prepare: write", "write_volume", source=source, rows=rows, which="history", measured=False)
        self._workload("prepare: contracts", "ingest_snapshots", given, measured=False)
        copied = self._workload(f"{COPY}, many rows", "copy_usage", copied_to)
        ingested = self._workload(f"{INGEST}, many rows", "ingest_usage", given)
        self._note_ratio("Ingest of many rows", ingested, copied)
        self._note(
            f"The largest process of it took {ingested.usage.peak_rss_mib:,.0f} MiB, a bare copy"
            f" {copied.usage.peak_rss_mib:,.0f} MiB."
        )
        self._workload("prepare: a day", "write_volume", source=source, rows=rows, which="day", measured=False)
        day = f"{source}/usage/usage_next_day.parquet"
        copied = self._workload(f"{COPY}, a day after many rows", "copy_usage", copied_to, only=day)
        ingested = self._workload(f"{INGEST}, a day after many rows", "ingest_usage", given)
        self._note_ratio("Ingest of the day after", ingested, copied)
        shutil.rmtree(source)
        shutil.rmtree(self._folder.lakes)

    def _note_ratio(self, what: str, ingested: Measurement, copied: Measurement) -> None:
        self._note(
            f"{what} takes {_ratio(ingested.answer.work_seconds, copied.answer.work_seconds)} times the seconds and"
            f" {_ratio(ingested.answer.work_cpu_seconds, copied.answer.work_cpu_seconds)} times the CPU seconds of a"
            " bare copy (work proper)."
        )

    def _daily_runs(self) -> None:
        self._workload("daily ingest: the first, all history", "daily_ingest")
        for which, step in (("day", "one day more"), ("rest", "the rest of its month")):
            self._workload(f"prepare: {step}", "deliver", which=which, month=END_MONTH, measured=False)
            self._workload(f"daily ingest: {step}", "daily_ingest")
        self._workload("daily ingest: nothing new", "daily_ingest")

    def _segmentation(self) -> None:
        for step in ("segmentation of a month", "segmentation again, unchanged"):
            self._command(
                step,
                "orchestration.cli.app", "run", "--skip-ingest", "--from", END_MONTH, "--to", END_MONTH,
                details="segmentation_parts",
            )  # fmt: skip

    def _rules(self) -> None:
        given = {"lake": str(self._folder.lakes / "rules"), "customers": str(self._rule_customers)}
        self._workload("prepare: many customers", "prepare_rules", given, measured=False)
        self._workload("market and lifecycle of a month, many customers", "rules", given)
        lake = {"lake": given["lake"]}
        self._workload("prepare: homes of many customers", "prepare_homes", lake, measured=False)
        self._workload("households of a month, many customers", "households", lake)
        self._workload("work at home of a month, many customers", "home_business", lake)
        shutil.rmtree(self._folder.lakes)

    def _models_and_reading(self) -> None:
        self._workload("behavioral clusters", "behavior", month=END_MONTH)
        self._workload("customer value", "value", month=END_MONTH)
        self._workload("reading the bi views", "read_bi")

    def _workload(
        self,
        step: str,
        workload: str,
        arguments: Mapping[str, str] | None = None,
        *,
        measured: bool = True,
        **more: str,
    ) -> Measurement:
        """Run a workload of workloads.py; ``measured`` adds it to the final table by itself."""
        answer = self._folder.path / "answer.json"
        given = json.dumps({**(arguments or {}), **more})
        measurement = self._run(step, answer, "benchmarks.workloads", workload, given, str(answer))
        if measured:
            self._results.measurements.append(measurement)
        return measurement

    def _command(self, step: str, *arguments: str, details: str | None = None) -> None:
        """Run a command as a user would; ``details`` is the workload that finds out afterwards what it did."""
        answer = self._folder.path / "answer.json"
        measurement = self._run(step, answer, *arguments)
        if details:
            run(["benchmarks.workloads", details, "{}", str(answer)], self._folder.environment, self._log())
            measurement = Measurement(step, measurement.usage, Answer.read(answer))
        self._results.measurements.append(measurement)

    def _run(self, step: str, answer: Path, *arguments: str) -> Measurement:
        answer.unlink(missing_ok=True)
        with self._console.status(step):
            usage = run(arguments, self._folder.environment, self._log())
        self._console.print(
            f"[green]✓[/] {step} [dim]{usage.wall_seconds:.1f} s, {usage.cpu_seconds:.1f} CPU s,"
            f" {usage.peak_rss_mib:,.0f} MiB[/]"
        )
        return Measurement(step, usage, Answer.read(answer))

    def _median(self, step: str, rounds: list[Measurement]) -> Measurement:
        self._results.rounds += rounds
        self._results.measurements.append(median_of(step, rounds))
        return self._results.measurements[-1]

    def _note(self, note: str) -> None:
        self._results.notes.append(note)

    def _log(self) -> Path:
        self._steps += 1
        return self._folder.log(self._steps)


def _ratio(value: float | None, base: float | None) -> str:
    return f"{value / base:.2f}" if value and base else "–"
