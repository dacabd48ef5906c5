"""Posting to a webhook: signed, tried again where that can help, and harmless when it comes twice."""

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.errors import SegmentationError

SIGNATURE, TIMESTAMP, IDEMPOTENCY_KEY = "X-Segmentation-Signature", "X-Segmentation-Timestamp", "Idempotency-Key"
# The receiver asks for patience, or has a fault of its own; anything else is ours and does not get better by waiting.
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Receiver:
    """Where to post, the key that both know, and how patiently: waits double from ``wait_seconds`` on."""

    url: str
    key: str
    attempts: int
    wait_seconds: float
    timeout_seconds: float


def signature(key: str, timestamp: str, body: bytes) -> str:
    """Return what a receiver must find in the header, given the key that both know."""
    return "sha256=" + hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def post(body: bytes, receiver: Receiver, what: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post JSON. The idempotency key is the digest of the content, so the same content sent again has the same key.

    The signature is the HMAC-SHA-256 of the timestamp, a point and the body; a receiver refuses old ones.

    Args:
        body: JSON.
        receiver: who gets it.
        what: what it is, for people.
        sleep: waits that many seconds.

    Raises:
        SegmentationError: the receiver refused it, or could not be reached in its ``attempts``.
    """
    for attempt in range(1, receiver.attempts + 1):
        timestamp = str(int(time.time()))
        request = urllib.request.Request(
            receiver.url,
            data=body,
            method="POST",
            headers={
                "Content-Type": "application/json",
                IDEMPOTENCY_KEY: hashlib.sha256(body).hexdigest(),
                TIMESTAMP: timestamp,
                SIGNATURE: signature(receiver.key, timestamp, body),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=receiver.timeout_seconds):
                return
        except urllib.error.HTTPError as error:
            if error.code not in _TRY_AGAIN:
                raise SegmentationError(f"The webhook refused {what}: {error.code} {error.reason}.") from None
            reason = f"it answered {error.code} {error.reason}"
        except OSError as error:
            reason = str(getattr(error, "reason", error))
        if attempt < receiver.attempts:
            sleep(receiver.wait_seconds * 2 ** (attempt - 1))
    raise SegmentationError(
        f"The webhook did not take {what} in {receiver.attempts} attempts: {reason}. Send it again; what has arrived"
        " already has the same idempotency key."
    )
