"""Notify by webhook that a target was updated, so that BI tools refresh."""

import json
from dataclasses import replace
from datetime import datetime

from orchestration.errors import SegmentationError
from orchestration.serving.target import Served
from orchestration.settings.webhooks import WebhookSettings
from orchestration.signed_posts import post


def told(served: Served, name: str, webhook: WebhookSettings, now: datetime) -> Served:
    """Post what has changed on a target and return it, with a note if the post failed; the target itself is right.

    The post is JSON: target, place, rows, written, no_longer_there (versions, days or "current") and served_at.
    """
    content = {
        "target": name,
        "place": served.place,
        "rows": served.rows,
        "written": served.written,
        "no_longer_there": served.deleted,
        "served_at": now.isoformat(timespec="microseconds"),
    }
    try:
        post(json.dumps(content, sort_keys=True).encode(), webhook.receiver, f"what {name} was given")
    except SegmentationError as error:
        return replace(served, notes=(*served.notes, str(error)))
    return served
