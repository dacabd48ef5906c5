"""``segmentation actions`` and ``audience``: the actions of a day, and the customers to contact."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

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
from orchestration.settings import Settings

app = typer.Typer()
Day = Annotated[
    str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Default: today, in the operator's time zone.")
]


@app.command()
def actions(
    day: Day = None,
    config: Config = None,
    skip_ingest: Annotated[
        bool, typer.Option(help="Decide on what is already loaded, without loading anything new.")
    ] = False,
    wait: Wait = True,
) -> None:
    """Load new data, find the triggers of a day, choose at most one action per customer, measure earlier ones."""
    with errors_for_people():
        settings = chosen_settings(config)
        chosen = _day(day, settings)
        if f"{chosen:%Y-%m}" < settings.first_month:
            raise SegmentationError(f"{chosen} is before first_month ({settings.first_month}); choose a later day.")
        if chosen > _day(None, settings):
            err.print(f"{chosen} is in the future: its results would be the latest until then.", highlight=False)
        from orchestration.cli.runs import Runner

        runner = Runner(settings, say=lambda line: err.print(line, highlight=False, soft_wrap=True))
        with writing(settings, "actions", wait):
            if not skip_ingest:
                runner.ingest()
            runner.act(chosen)
        with existing_warehouse(settings).reader() as connection:
            rows = connection.execute(
                "select offer_id, trigger_id, count(*) filter (where outcome = 'chosen') as chosen,"
                " count(*) filter (where is_control) as held_out, count(*) as candidates,"
                " sum(expected_value) filter (where outcome = 'chosen') as expected_value"
                " from segments.customer_actions where action_date = ?"
                " group by offer_id, trigger_id order by chosen desc, 1, 2",
                [chosen],
            ).fetchall()
    print_rows(["offer", "trigger", "chosen", "held out", "candidates", "expected value"], rows, Format.table)


@app.command()
def audience(
    name: Annotated[str | None, typer.Argument(help="A trigger, offer or market segment. Default: all.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .csv or .parquet.")] = Path(
        "audience.csv"
    ),
    day: Day = None,
    webhook: Annotated[bool, typer.Option("--webhook", help="Also post the audience to actions.webhook.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only look: nothing counts as handed over, and a new decision may differ.")
    ] = False,
    config: Config = None,
    wait: Wait = True,
) -> None:
    """Write the customers to contact on a day, leaving out everybody who has withdrawn consent since."""
    from orchestration.actions.audience import audience as read_audience
    from orchestration.actions.audience import (
        in_time,
        last_decided_day,
        mark_handed_over,
        require_format,
        within_hours,
        write_audience,
    )
    from orchestration.actions.webhook import deliver

    with errors_for_people():
        settings = chosen_settings(config)
        target = settings.actions.webhook
        if webhook and target is None:
            raise SegmentationError("--webhook needs actions.webhook in the settings, with its url and key.")
        if webhook and preview:
            raise SegmentationError("--preview hands nothing over, so it cannot be used with --webhook.")
        require_format(output)
        chosen = _day(day, settings)
        now = datetime.now(ZoneInfo(settings.schedule.timezone)).replace(tzinfo=None)
        warehouse = existing_warehouse(settings)
        with warehouse.reader() as connection:
            people = read_audience(connection, settings.actions, chosen, now, name)
            last = last_decided_day(connection, chosen) if people.empty else chosen
        if last is None:
            err.print(f"No day up to {chosen} has been decided; 'segmentation actions' does that.", highlight=False)
        elif last != chosen:
            err.print(f"{chosen} has no actions; the last day before it that has is {last}.", highlight=False)
        if not preview and len(people):
            # Recorded first: what is recorded but not sent is sent by the next hand-over.
            with writing(settings, "audience", wait), warehouse.writer() as connection:
                mark_handed_over(connection, people, chosen, now)
        write_audience(people, output)
        valid = in_time(people, now.date())
        if late := len(people) - len(valid):
            err.print(f"{late:,} actions are too late by now: see contact_by_date.", highlight=False)
        if webhook and target is not None:
            reachable = within_hours(valid, settings.actions, now)
            parts = deliver(reachable, target, chosen, name)
            out.print(f"Posted {len(reachable):,} of them in {parts} part(s).", highlight=False)
            if waiting := len(valid) - len(reachable):
                out.print(f"{waiting:,} wait for the hours of their channel; post again then.", highlight=False)
    out.print(f"{len(people):,} customers in {output}.", highlight=False, soft_wrap=True)


def _day(day: str | None, settings: Settings) -> date:
    if day is None:
        return datetime.now(ZoneInfo(settings.schedule.timezone)).date()
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise SegmentationError(f"{day!r} is not a day; write it as 2026-10-31.") from error
