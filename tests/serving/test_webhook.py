"""Who refreshes after a target is told once it holds what the lake does."""

import json
from collections.abc import Iterator

import pytest

from orchestration.signed_posts import SIGNATURE, TIMESTAMP, signature
from tests.receivers import Receiver, receiving
from tests.serving.conftest import DECEMBER, NOVEMBER

KEY = "a key of sixteen characters"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def _webhook(receiver: Receiver, **changes: object) -> dict[str, object]:
    return {"url": f"http://127.0.0.1:{receiver.server_port}/refresh", "key": KEY, "wait_seconds": 0} | changes


def test_a_target_that_was_brought_up_is_told_signed_and_one_that_was_not_is_not(lake, brought_up, tmp_path, receiver):
    target = {"type": "parquet", "path": str(tmp_path / "folder"), "webhook": _webhook(receiver)}
    brought_up(**target)
    brought_up(**target)
    lake.publish(DECEMBER)
    brought_up(**target)
    first, second = (json.loads(body) for _, body in receiver.got)
    assert first["written"] == [NOVEMBER, "current"]
    assert second["written"] == [DECEMBER, "current"]
    for headers, body in receiver.got:
        assert headers[SIGNATURE] == signature(KEY, headers[TIMESTAMP], body)


def test_who_cannot_be_told_is_noted_and_the_target_is_served(brought_up, tmp_path, receiver):
    receiver.answers = [503, 503]
    served = brought_up(type="duckdb", path=tmp_path / "file.duckdb", webhook=_webhook(receiver, attempts=2))
    assert served.is_changed
    assert len(served.notes) == 1
    assert "503" in served.notes[0]
    assert KEY not in served.notes[0]
