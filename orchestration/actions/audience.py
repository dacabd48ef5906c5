"""The hand-over: the customers to contact, checked once more against the consent known by now."""

import csv
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import pandas as pd

from orchestration.actions import permissions
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

    Left out are customers who have since withdrawn consent or asked not to be contacted, and those chosen for a trigger
    that late data have retracted.

    Args:
        connection: to the lake.
        settings: offers, and who may be contacted.
        day: of the decision.
        known_until: time of the hand-over; consents from then on do not count.
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
    return read_frame(
        connection,
        _SQL.format(
            title=f"case actions.offer_id {titles} end",
            refusal=permissions.refusal(kind, "consents", "customers", settings),
            consents=permissions.CONSENTS,
            columns=", ".join(COLUMNS),
        ),
        {"day": day, "until": known_until, "channels": sorted(settings.channels), "name": name},
    )


def within_hours(people: pd.DataFrame, now: time) -> pd.DataFrame:
    """Return the actions whose channel may be used at a local time: from contact_from until before contact_until."""
    clock = f"{now:%H:%M}"
    return people[(people["contact_from"] <= clock) & (clock < people["contact_until"])]


def write_audience(people: pd.DataFrame, file: Path) -> None:
    """Write an audience as Parquet or CSV, by the file's extension; in CSV, text cannot act as a formula.

    Raises:
        SegmentationError: the extension is neither.
    """
    if file.suffix not in {".csv", ".parquet"}:
        raise SegmentationError(f"{file} must end in .csv or .parquet.")
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
        {title} as offer_title
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
        and ($name is null or $name in (actions.offer_id, actions.trigger_id, actions.market_segment))
)

select {columns} from handed_over order by action_id
"""
