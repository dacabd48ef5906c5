"""What the steps do, each in a process of its own: ``python -m benchmarks.workloads NAME JSON_ARGUMENTS ANSWER_FILE``.

Imports are made inside the workloads, so that each process has only what its step needs.
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answer import Answer, Part

if TYPE_CHECKING:
    import duckdb
    from dagster import AssetMaterialization

    from orchestration.settings import Settings

BI_READS = {
    "bi.value_deciles, all rows": "select * from bi.value_deciles",
    "bi.customer_segments, all rows": "select * from bi.customer_segments",
    "bi.customer_segments, counted by stage and market segment": (
        "select lifecycle_stage, market_segment, count(*), sum(total_value) from bi.customer_segments group by all"
    ),
    "bi.customer_segments, one customer": (
        "select * from bi.customer_segments where customer_id = (select max(customer_id) from segments.customer_value)"
    ),
}
SLOWEST_DBT_MODELS = 12
# What dagster-dbt calls the seconds of a model.
DBT_SECONDS = "Execution Duration"
# As the asset does: not every customer read has enough history to be fitted.
READ_PER_FITTED = 4


def deliver(answer: Answer, which: str, month: str) -> None:
    """Put source files where the settings look for them: the history, a day, or the rest of the month."""
    from benchmarks import deliveries
    from benchmarks.deployment import BenchmarkFolder
    from orchestration.settings import find_settings_file

    folder = BenchmarkFolder(find_settings_file().parent)
    deliver_them = {
        "history": deliveries.deliver_history,
        "day": deliveries.deliver_day,
        "rest": deliveries.deliver_rest,
    }[which]
    deliver_them(folder.simulated / "source", folder.delivered, month)


def parse_dbt(answer: Answer) -> None:
    """Parse the dbt project for this deployment."""
    from orchestration.dagster_support.dbt import ensure_manifest
    from orchestration.settings import load_settings

    with answer.work():
        ensure_manifest(load_settings())


def forget_parsed_dbt(answer: Answer) -> None:
    """Remove what ``parse_dbt`` and the runs left with the dbt project for this deployment."""
    import shutil

    from orchestration.dagster_support.dbt import ensure_manifest
    from orchestration.settings import load_settings

    shutil.rmtree(ensure_manifest(load_settings()).parent)


def definitions(answer: Answer) -> None:
    """Load Dagster's definitions."""
    from orchestration.definitions import defs

    defs()


def write_volume(answer: Answer, source: str, rows: str, which: str) -> None:
    """Write many rows of usage, or those of one day more."""
    from benchmarks import volume

    write = {"history": volume.write_volume, "day": volume.write_next_day}[which]
    write(Path(source), int(rows))


def ingest_snapshots(answer: Answer, lake: str, source: str = "") -> None:
    """Load the tables that usage refers to."""
    _ingest(answer, lake, source, "customers", "contracts")


def ingest_usage(answer: Answer, lake: str, source: str = "") -> None:
    """Load the usage files, judged row by row, as every night."""
    _ingest(answer, lake, source, "usage")


def copy_usage(answer: Answer, lake: str, source: str = "", only: str = "") -> None:
    """Copy the same files, or ``only`` one of them more, into the same kind of lake, judging nothing."""
    from orchestration.lake.warehouse import Warehouse

    settings = _settings_of(lake, source)
    files = only or settings.locations["usage"].files[0]
    into = "insert into raw.usage" if only else "create table raw.usage as"
    with answer.work(), Warehouse(settings.warehouse).writer() as connection:
        ((answer.rows,),) = connection.execute(f"{into} select * from read_parquet('{files}')").fetchall()


def daily_ingest(answer: Answer) -> None:
    """Run the Dagster job that runs every night."""
    from orchestration.cli.runs import Runner
    from orchestration.lake.warehouse import Warehouse
    from orchestration.settings import load_settings

    settings = load_settings()
    warehouse = Warehouse(settings.warehouse)
    before = 0
    if warehouse.exists:
        with warehouse.reader() as connection:
            ((before,),) = connection.execute("select max(load_id) from ops.loads").fetchall()
    with answer.part("load definitions"):
        runner = Runner(settings, say=print)
    with answer.part("job daily_ingest") as job:
        runner.ingest()
    with warehouse.reader() as connection:
        rows = connection.execute(
            "select source_table, sum(rows_read) from ops.loads where load_id > ? group by all order by all", [before]
        ).fetchall()
    read: dict[str, int] = {table: int(count) for table, count in rows}
    job.rows = answer.rows = sum(read.values())
    answer.work_seconds = job.seconds
    _, steps = _last_run("daily_ingest")
    for made in (each for _, all_made in steps for each in all_made):
        table = made.asset_key.path[-1]
        answer.parts.append(Part(f"raw.{table}", _seconds_of(made, "seconds"), read.get(table, 0)))


def segmentation_parts(answer: Answer) -> None:
    """Say what the last run of the segmentation job spent its time on, from Dagster's own records."""
    from orchestration.lake.warehouse import Warehouse
    from orchestration.settings import load_settings

    run, steps = _last_run("monthly_segmentation")
    answer.parts += [step for step, _ in steps]
    models = [
        Part(f"dbt {'.'.join(made.asset_key.path)}", _seconds_of(made, DBT_SECONDS))
        for _, all_made in steps
        for made in all_made
        if DBT_SECONDS in made.metadata
    ]
    answer.parts += sorted(models, key=lambda model: -model.seconds)[:SLOWEST_DBT_MODELS]
    answer.work_seconds = run.seconds
    with Warehouse(load_settings().warehouse).reader() as connection:
        ((answer.rows,),) = connection.execute("select count(*) from bi.customer_segments").fetchall()


def behavior(answer: Answer, month: str) -> None:
    """Fit clusters to each population of a month and score every customer; nothing is written."""
    from models.behavior.segmentation import fit_behavior
    from orchestration.lake.frames import read_batches, read_frame
    from orchestration.months import as_of_date
    from orchestration.settings import load_settings

    settings = load_settings()
    customers = "select * from features.customer_features where as_of_date = ? and population = ?"
    answer.rows = 0
    with _reader(settings) as connection, answer.work():
        for population in ("consumer", "business"):
            keys = [as_of_date(month), population]
            with answer.part(f"{population}: read the sample") as part:
                limit = READ_PER_FITTED * settings.behavior.fit_sample
                sample = read_frame(connection, f"{customers} order by hash(customer_id) limit {limit}", keys)
                part.rows = len(sample)
            with answer.part(f"{population}: fit"):
                fitted = fit_behavior(sample, population, None, settings.behavior)
            with answer.part(f"{population}: read and score") as part:
                part.rows = sum(len(fitted.score(batch)) for batch in read_batches(connection, customers, keys))
            answer.rows += part.rows


def value(answer: Answer, month: str) -> None:
    """Fit retention, value and rank every customer of a month; nothing is written."""
    import pandas as pd

    from models.deciles import assign_deciles
    from models.retention.curves import RetentionCurves
    from models.value.concentration import concentration_frame, value_curve_frame
    from models.value.customer_value import FEATURE_COLUMNS, customer_value
    from orchestration.lake.frames import read_frame
    from orchestration.months import as_of_date
    from orchestration.segments.exposures import exposures_within
    from orchestration.segments.hazard_rows import commitment_ends
    from orchestration.segments.observation import months_within, observed
    from orchestration.settings import load_settings

    settings = load_settings()
    day = [as_of_date(month)]
    with _reader(settings) as connection, answer.work():
        with answer.part("fit the retention curves") as part:
            ((version_id,),) = connection.execute(
                "select max_by(version_id, revision) from segments.versions where as_of_date = ?", day
            ).fetchall()
            window = observed(connection, version_id, day[0])
            exposures = exposures_within(connection, day[0], window)
            curves = RetentionCurves(settings.retention).fit(
                exposures, commitment_ends=commitment_ends(connection, day[0], months_within(window))
            )
            part.rows = len(exposures)
        with answer.part("read the customers") as part:
            columns = ", ".join(dict.fromkeys((*FEATURE_COLUMNS, *curves.key_columns)))
            customers = read_frame(
                connection, f"select {columns} from features.customer_features where as_of_date = ?", day
            )
            part.rows = len(customers)
        with answer.part("value"):
            valued: pd.DataFrame = customer_value(customers, curves, settings.value)
        with answer.part("deciles and concentration"):
            ranked = valued.join(assign_deciles(valued).drop(columns="customer_id"))
            value_curve_frame(ranked)
            concentration_frame(ranked)
    answer.rows = len(ranked)


def prepare_rules(answer: Answer, lake: str, customers: str) -> None:
    """Make a lake with many customers, one month segmented and the next one ready."""
    from benchmarks import rules_volume

    rules_volume.prepare(_settings_of(lake, ""), int(customers))


def rules(answer: Answer, lake: str, customers: str) -> None:
    """Decide market segment and lifecycle stage of every customer for one month more, in one dbt run."""
    from benchmarks import rules_volume

    settings = _settings_of(lake, "")
    with answer.work():
        seconds = rules_volume.dbt(settings, "run", *rules_volume.MODELS)
    answer.rows = int(customers)
    answer.parts += [Part(f"dbt {model}", taken) for model, taken in seconds.items()]


def prepare_homes(answer: Answer, lake: str) -> None:
    """Add what households and work at home are made of to the lake of many customers."""
    from benchmarks import homes_volume

    homes_volume.prepare(_settings_of(lake, ""))


def households(answer: Answer, lake: str) -> None:
    """Make households and what they lack, in one dbt run."""
    from benchmarks import homes_volume

    settings = _settings_of(lake, "")
    with answer.work():
        seconds = homes_volume.households(settings)
    answer.parts += [Part(f"dbt {model}", taken) for model, taken in seconds.items()]


def home_business(answer: Answer, lake: str) -> None:
    """Learn who works at home, score everybody and write it to the lake."""
    from benchmarks import homes_volume

    settings = _settings_of(lake, "")
    with answer.work():
        answer.rows = homes_volume.home_business(settings)


def read_bi(answer: Answer) -> None:
    """Read the published views over a new connection each, as BI tools do."""
    from orchestration.settings import load_settings

    settings = load_settings()
    answer.rows = 0
    with answer.work():
        for name, query in BI_READS.items():
            with answer.part(name) as part, _reader(settings) as connection:
                part.rows = connection.execute(query).to_arrow_table().num_rows
            answer.rows += part.rows


def _last_run(job: str) -> "tuple[Part, list[tuple[Part, list[AssetMaterialization]]]]":
    """Return the last run of a job, and its steps in the order they started with what each of them made."""
    from dagster import DagsterInstance, RunsFilter

    instance = DagsterInstance.get()
    (run,) = instance.get_run_records(RunsFilter(job_name=job), limit=1)
    stats = [step for step in instance.get_run_step_stats(run.dagster_run.run_id) if step.start_time is not None]
    steps = [
        (
            Part(f"step {step.step_key}", (step.end_time or 0.0) - (step.start_time or 0.0)),
            [event.asset_materialization for event in step.materialization_events if event.asset_materialization],
        )
        for step in sorted(stats, key=lambda step: step.start_time or 0.0)
    ]
    return Part(job, (run.end_time or 0.0) - (run.start_time or 0.0)), steps


def _seconds_of(made: "AssetMaterialization", name: str) -> float:
    return float(str(made.metadata[name].value))


def _ingest(answer: Answer, lake: str, source: str, *tables: str) -> None:
    from orchestration.ingest import ingest
    from orchestration.lake.warehouse import Warehouse

    settings = _settings_of(lake, source)
    with answer.work():
        reports = ingest(Warehouse(settings.warehouse), settings, tables=tables)
    answer.rows = sum(report.rows_read for report in reports)


def _settings_of(lake: str, source: str) -> "Settings":
    """Return the settings with another lake and, if ``source`` is given, the files of that folder."""
    from benchmarks.volume import TABLES
    from orchestration.settings import LocationSettings, load_settings

    settings = load_settings()
    changed: dict[str, object] = {"warehouse": settings.warehouse.model_copy(update={"path": Path(lake)})}
    if source:
        changed["locations"] = {name: LocationSettings(files=[f"{source}/{name}/*.parquet"]) for name in TABLES}
    return settings.model_copy(update=changed)


def _reader(settings: "Settings") -> "AbstractContextManager[duckdb.DuckDBPyConnection]":
    from orchestration.lake.warehouse import Warehouse

    return Warehouse(settings.warehouse).reader()


WORKLOADS: dict[str, Callable[..., None]] = {
    workload.__name__: workload
    for workload in (
        deliver, parse_dbt, forget_parsed_dbt, definitions, write_volume, ingest_snapshots, ingest_usage, copy_usage,
        daily_ingest, segmentation_parts, behavior, value, read_bi,
        prepare_rules, rules, prepare_homes, households, home_business,
    )
}  # fmt: skip


def _main(name: str, arguments: str, file: str) -> None:
    answer = Answer()
    WORKLOADS[name](answer, **json.loads(arguments))
    answer.write(Path(file))


if __name__ == "__main__":
    _main(*sys.argv[1:])
