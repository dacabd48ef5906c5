"""The hand-over: the customers to contact, checked once more against the consent known by now."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from orchestration.actions import permissions
from orchestration.actions.candidates import WEEKDAYS, on_sale
from orchestration.actions.rules import literal
from orchestration.errors import SegmentationError
from orchestration.lake.frames import read_frame
from orchestration.lake.relations import relations
from orchestration.printing import without_formula
from orchestration.settings.actions import ActionSettings

COLUMNS = {
    "action_id": "Identifier of the action; deliver it back in contacts.action_id. The same in every hand-over.",
    "customer_id": "Customer.",
    "action_date": "Day of the decision.",
    "offer_id": "Offer.",
    "offer_title": "What is offered.",
    "trigger_id": "Occasion.",
    "channel": "Channel to use.",
    "contact_from": "Local time from which the contact may be made.",
    "contact_until": "Local time until which the contact may be made.",
    "contact_by_date": "Last day on which the contact may be made; the occasion or the offer is over after it.",
    "offer_deadline_date": "Day until which the customer may take it; say it in the message. Empty for none.",
    "market_segment": "Market segment.",
    "expected_value": "Expected value after cost, in the reporting currency.",
    "reason": "Why this customer gets this today.",
}
"""Columns of an audience, and what they mean to a campaign tool."""


def audience(
    connection: duckdb.DuckDBPyConnection,
    settings: ActionSettings,
    day: date,
    known_until: datetime,
    name: str | None = None,
) -> pd.DataFrame:
    """Return the actions of a day that may be carried out, with ``COLUMNS``, in order of action_id.

    Left out are customers who have since withdrawn consent, asked not to be contacted, or been contacted otherwise;
    those for whom, or for whose household, a later day has chosen an action; those chosen for a trigger that late data
    have retracted; and offers, triggers and channels that are turned off by now.

    Args:
        connection: to the lake.
        settings: offers, and who may be contacted.
        day: of the decision.
        known_until: time of the hand-over; consent given from then on does not count, a withdrawal always does.
        name: a trigger, an offer or a market segment; None for all.

    Raises:
        SegmentationError: ``name`` is none of these, or no day has been decided yet.
    """
    if ("segments", "customer_actions") not in relations(connection):
        raise SegmentationError("No day has been decided yet. 'segmentation actions' does that.")
    known = {*settings.offers, *settings.triggers} | {
        row[0] for row in connection.execute("select distinct market_segment from segments.customer_actions").fetchall()
    }
    if name is not None and name not in known:
        raise SegmentationError(f"There is no trigger, offer or market segment {name!r} to make an audience of.")
    titles = " ".join(f"when {literal(each)} then {literal(offer.title)}" for each, offer in settings.offers.items())
    kinds = " ".join(f"when {literal(each)} then {literal(offer.kind)}" for each, offer in settings.offers.items())
    kind = f"case actions.offer_id {kinds} end"
    allowed = [
        f"(actions.offer_id = {literal(offer_id)} and actions.trigger_id in ({_texts(offer.triggers)})"
        f" and actions.channel in ({_texts(offer.channels)}))"
        for offer_id, offer in on_sale(settings, known_until.date()).items()
    ]
    return read_frame(
        connection,
        _SQL.format(
            allowed=" or ".join(allowed) or "false",
            distance=settings.contacts.minimum_distance_days,
            title=f"case actions.offer_id {titles} end",
            refusal=permissions.refusal(kind, "consents", "customers", settings),
            consents=permissions.CONSENTS,
            columns=", ".join(COLUMNS),
        ),
        {
            "day": day, "until": known_until, "withdrawn_until": date.max,
            "channels": sorted(settings.channels), "name": name,
        },
    )  # fmt: skip


def last_decided_day(connection: duckdb.DuckDBPyConnection, day: date) -> date | None:
    """Return the last day up to a day that has candidates; None if there is none."""
    row = connection.execute(
        "select max(action_date) from segments.customer_actions where action_date <= $day", {"day": day}
    ).fetchone()
    return row[0] if row else None


def _texts(names: Iterable[str]) -> str:
    return ", ".join(literal(name) for name in names)


def in_time(people: pd.DataFrame, today: date) -> pd.DataFrame:
    """Return the actions that may still be carried out on a day: whose occasion and offer are not over."""
    return people[pd.to_datetime(people["contact_by_date"]) >= pd.Timestamp(today)]


def within_hours(people: pd.DataFrame, settings: ActionSettings, now: datetime) -> pd.DataFrame:
    """Return the actions whose channel may be used at a local time.

    That is from contact_from until before contact_until, and not on a day of the week on which the channel rests.
    """
    clock, weekday = f"{now:%H:%M}", WEEKDAYS[now.weekday()]
    resting = [name for name, channel in settings.channels.items() if weekday in channel.quiet_weekdays]
    is_open = (people["contact_from"] <= clock) & (clock < people["contact_until"])
    return people[is_open & ~people["channel"].isin(resting)]


def mark_handed_over(connection: duckdb.DuckDBPyConnection, people: pd.DataFrame, day: date, at: datetime) -> None:
    """Record that the actions of an audience have been handed over, so that a later decision on the day keeps them."""
    connection.register("handed_over", people[["action_id"]])
    try:
        connection.execute(
            "update segments.customer_actions set handed_over_at = $at where action_date = $day"
            " and handed_over_at is null and action_id in (select handed_over.action_id from handed_over)",
            {"at": at, "day": day},
        )
    finally:
        connection.unregister("handed_over")


def require_format(file: Path) -> None:
    """Raise SegmentationError if the extension is neither .csv nor .parquet."""
    if file.suffix not in {".csv", ".parquet"}:
        raise SegmentationError(f"{file} must end in .csv or .parquet.")


def write_audience(people: pd.DataFrame, file: Path) -> None:
    """Write an audience as Parquet or CSV, by the file's extension; in CSV, text cannot act as a formula.

    Raises:
        SegmentationError: the extension is neither.
    """
    require_format(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written completely or not at all: a campaign tool may be watching the folder.
    unfinished = file.with_name(f".{file.name}.unfinished")
    if file.suffix == ".parquet":
        people.to_parquet(unfinished, index=False)
    else:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(people.columns)
            rows = people.astype(object).where(people.notna(), None).itertuples(index=False, name=None)
            writer.writerows([without_formula(value) for value in row] for row in rows)
    unfinished.replace(file)


_SQL = """
with consents as ({consents}),

handed_over as (
    select
        actions.*,
        {title} as offer_title,
        least(triggers.expires_date, actions.offer_deadline_date) as contact_by_date
    from segments.customer_actions as actions
    inner join raw.customers as customers
        on actions.customer_id = customers.customer_id
    inner join segments.triggers as triggers
        on actions.trigger_event_id = triggers.trigger_event_id
    left join consents
        on
            actions.customer_id = consents.customer_id
            and actions.channel = consents.channel
    where
        actions.action_date = $day
        and actions.outcome = 'chosen'
        and not actions.is_control
        and triggers.retracted_date is null
        and ({refusal}) is null
        and ({allowed})
        and not exists (
            select 1 from segments.customer_actions as later
            where
                later.action_date > actions.action_date
                and later.outcome = 'chosen'
                and (later.customer_id = actions.customer_id or later.contact_unit = actions.contact_unit)
        )
        and not exists (
            select 1 from raw.contacts as contacts
            where
                {distance} > 0
                and contacts.customer_id = actions.customer_id
                and contacts.action_id is distinct from actions.action_id
                and cast(contacts.contacted_at as date) >= actions.action_date
                and contacts.contacted_at < $until::timestamp
        )
        and ($name is null or $name in (actions.offer_id, actions.trigger_id, actions.market_segment))
)

select {columns} from handed_over order by action_id
"""
