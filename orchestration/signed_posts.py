"""Posting to a webhook: signed, retried where that can help, and safe to receive twice."""

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.errors import SegmentationError

SIGNATURE, TIMESTAMP, IDEMPOTENCY_KEY = "X-Segmentation-Signature", "X-Segmentation-Timestamp", "Idempotency-Key"
# The receiver asks us to wait, or has failed itself; with any other status, retrying would not help.
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body, and still count as taken."""

    def redirect_request(self, *_: object) -> None:
        """Refuse to follow: the redirect is raised as an HTTPError."""


_OPENER = urllib.request.build_opener(_NoRedirects)


@dataclass(frozen=True)
class Receiver:
    """Where to post, with which shared key, and how often; the wait before a retry doubles from ``wait_seconds`` on."""

    url: str
    key: str
    attempts: int
    wait_seconds: float
    timeout_seconds: float


def signature(key: str, timestamp: str, body: bytes) -> str:
    """Return the expected value of the signature header, given the shared key."""
    return "sha256=" + hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def post(body: bytes, receiver: Receiver, what: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post JSON. The idempotency key is a digest of the content, so sending the same content again repeats the key.

    The signature is the HMAC-SHA-256 of timestamp, a dot and the body, so a receiver can refuse old posts.

    Args:
        body: JSON.
        receiver: where to post it.
        what: what is posted, in words for messages.
        sleep: called with the seconds to wait.

    Raises:
        SegmentationError: the receiver refused it, or could not be reached in ``attempts`` attempts.
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
            with _OPENER.open(request, timeout=receiver.timeout_seconds):
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
