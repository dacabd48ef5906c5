"""Handing an audience over by webhook: signed, tried again where that can help, and harmless when it comes twice."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date

import pandas as pd

from orchestration.errors import SegmentationError
from orchestration.settings.actions import WebhookSettings

SIGNATURE, TIMESTAMP, IDEMPOTENCY_KEY = "X-Segmentation-Signature", "X-Segmentation-Timestamp", "Idempotency-Key"
# The receiver asks for patience, or has a fault of its own; anything else is ours and does not get better by waiting.
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


def deliver(
    people: pd.DataFrame,
    settings: WebhookSettings,
    day: date,
    name: str | None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Post an audience in parts of at most ``batch_rows`` actions, and return how many parts there were.

    A part is JSON: audience, action_date, channel, part, parts and actions, each with the columns of the audience. A
    part is of one channel, so that it is the same whichever other channels may be used at the time. Its idempotency key
    is the digest of its content, so the same part sent again has the same key. The signature is the HMAC-SHA-256 of the
    timestamp, a point and the body, under the key of the settings; a receiver refuses old ones.

    Args:
        people: ``audience.COLUMNS``; whoever may be contacted now (``audience.within_hours``). None: nothing is posted.
        settings: address, key, size of parts, attempts.
        day: of the decision.
        name: trigger, offer or segment that it is an audience of; None for all.
        sleep: waits so many seconds between attempts.

    Raises:
        SegmentationError: the receiver refused a part, or could not be reached in ``attempts`` attempts.
    """
    bodies = list(_bodies(people, settings.batch_rows, day, name))
    for number, body in enumerate(bodies, start=1):
        _post(body, settings, f"part {number} of {len(bodies)}", sleep)
    return len(bodies)


def signature(key: str, timestamp: str, body: bytes) -> str:
    """Return what a receiver must find in the header, given the key that both know."""
    return "sha256=" + hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


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


def _post(body: bytes, settings: WebhookSettings, what: str, sleep: Callable[[float], None]) -> None:
    for attempt in range(1, settings.attempts + 1):
        timestamp = str(int(time.time()))
        request = urllib.request.Request(
            settings.url.get_secret_value(),
            data=body,
            method="POST",
            headers={
                "Content-Type": "application/json",
                IDEMPOTENCY_KEY: hashlib.sha256(body).hexdigest(),
                TIMESTAMP: timestamp,
                SIGNATURE: signature(settings.key.get_secret_value(), timestamp, body),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=settings.timeout_seconds):
                return
        except urllib.error.HTTPError as error:
            if error.code not in _TRY_AGAIN:
                raise SegmentationError(f"The webhook refused {what}: {error.code} {error.reason}.") from None
            reason = f"it answered {error.code} {error.reason}"
        except OSError as error:
            reason = str(getattr(error, "reason", error))
        if attempt < settings.attempts:
            sleep(settings.wait_seconds * 2 ** (attempt - 1))
    raise SegmentationError(
        f"The webhook did not take {what} in {settings.attempts} attempts: {reason}. Send it again; what has arrived"
        " already has the same idempotency key."
    )
