"""Handing over an audience by webhook, in parts."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import date

import pandas as pd

from orchestration.settings.actions import AudienceWebhookSettings
from orchestration.signed_posts import post


def deliver(
    people: pd.DataFrame,
    settings: AudienceWebhookSettings,
    day: date,
    name: str | None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Post an audience in parts of at most ``batch_rows`` actions, and return the number of parts.

    A part is JSON: audience, action_date, channel, part, parts and actions, each with the columns of the audience. A
    part covers one channel, so that it does not depend on which other channels may be used at the time.

    Args:
        people: ``audience.COLUMNS`` of the customers who may be contacted now (``audience.within_hours``). If empty,
            nothing is posted.
        settings: address, key, size of parts, attempts.
        day: of the decision.
        name: the trigger, offer or segment of the audience; None for all.
        sleep: waits a number of seconds between attempts.

    Raises:
        SegmentationError: the receiver refused a part, or could not be reached in ``attempts`` attempts.
    """
    bodies = list(_bodies(people, settings.batch_rows, day, name))
    for number, body in enumerate(bodies, start=1):
        post(body, settings.receiver, f"part {number} of {len(bodies)}", sleep)
    return len(bodies)


def _bodies(people: pd.DataFrame, rows: int, day: date, name: str | None) -> Iterator[bytes]:
    for channel, by_channel in people.groupby("channel"):
        parts = -(-len(by_channel) // rows)
        for part in range(parts):
            actions = by_channel.iloc[part * rows : (part + 1) * rows]
            content = {
                "audience": name or "all",
                "action_date": day.isoformat(),
                "channel": channel,
                "part": part + 1,
                "parts": parts,
                "actions": json.loads(actions.to_json(orient="records", date_format="iso")),
            }
            yield json.dumps(content, sort_keys=True).encode()
