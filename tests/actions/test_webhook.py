"""Hand-over by webhook, to a server of its own."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pandas as pd
import pytest

from orchestration.actions.audience import in_time, within_hours
from orchestration.actions.webhook import deliver
from orchestration.errors import SegmentationError
from orchestration.settings.actions import ActionSettings, AudienceWebhookSettings
from orchestration.signed_posts import IDEMPOTENCY_KEY, SIGNATURE, TIMESTAMP, signature
from tests.receivers import Receiver, receiving

DAY = date(2025, 12, 10)
KEY = "a key of sixteen characters"
PEOPLE = pd.DataFrame(
    {"action_id": [f"A{number}" for number in range(5)], "customer_id": "Zoë", "action_date": DAY, "channel": "email"}
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def target(receiver: Receiver, **changes: object) -> AudienceWebhookSettings:
    url = f"http://127.0.0.1:{receiver.server_port}/actions"
    return AudienceWebhookSettings.model_validate({"url": url, "key": KEY, "wait_seconds": 1} | changes)


def test_parts_are_signed_and_hold_every_action_once(receiver: Receiver) -> None:
    assert deliver(PEOPLE, target(receiver, batch_rows=2), DAY, "renewal") == 3
    contents = [json.loads(body) for _, body in receiver.got]
    assert [each["action_id"] for content in contents for each in content["actions"]] == PEOPLE["action_id"].tolist()
    assert [(content["part"], content["parts"], content["audience"]) for content in contents] == [
        (number, 3, "renewal") for number in (1, 2, 3)
    ]
    assert contents[0]["actions"][0]["customer_id"] == "Zoë"
    for headers, body in receiver.got:
        assert headers[SIGNATURE] == signature(KEY, headers[TIMESTAMP], body)
        assert headers[SIGNATURE] != signature("another key of that length", headers[TIMESTAMP], body)


def test_what_is_sent_again_has_the_same_key_and_new_content_another(receiver: Receiver) -> None:
    for people in (PEOPLE, PEOPLE, PEOPLE[:4]):
        deliver(people, target(receiver), DAY, None)
    keys = [headers[IDEMPOTENCY_KEY] for headers, _ in receiver.got]
    assert keys[0] == keys[1] != keys[2]


def test_a_redirect_is_told_since_what_follows_it_would_arrive_without_its_content(receiver: Receiver) -> None:
    receiver.answers = [302]
    with pytest.raises(SegmentationError, match=r"refused part 1 of 1: 302"):
        deliver(PEOPLE, target(receiver), DAY, None)


def test_parts_of_a_channel_are_the_same_whichever_other_channels_are_open(receiver: Receiver) -> None:
    people = PEOPLE.assign(channel=["phone", "email", "phone", "email", "phone"])
    assert deliver(people, target(receiver), DAY, None) == 2
    assert deliver(people[people["channel"] == "phone"], target(receiver), DAY, None) == 1
    both, phone = receiver.got[:2], receiver.got[2]
    assert [json.loads(body)["channel"] for _, body in both] == ["email", "phone"]
    assert both[1][1] == phone[1]
    assert deliver(people[:0], target(receiver), DAY, None) == 0


@pytest.mark.parametrize(("clock", "open_for"), [((7, 59), []), ((8, 0), ["A0"]), ((19, 59), ["A0"]), ((20, 0), [])])
def test_nobody_is_posted_in_the_quiet_hours_of_the_channel(clock: tuple[int, int], open_for: list[str]) -> None:
    people = PEOPLE[:1].assign(contact_from="08:00", contact_until="20:00")
    now = datetime.combine(DAY, time(*clock))
    assert within_hours(people, ActionSettings(), now)["action_id"].tolist() == open_for


@pytest.mark.parametrize(("days", "open_for"), [(2, ["A0"]), (3, [])])
def test_what_waits_from_friday_is_not_posted_on_a_saturday_on_which_its_channel_rests(
    days: int, open_for: list[str]
) -> None:
    people = PEOPLE[:1].assign(channel="phone", contact_from="09:00", contact_until="19:00")
    now = datetime.combine(DAY + timedelta(days), time(10))
    assert within_hours(people, ActionSettings(), now)["action_id"].tolist() == open_for


def test_what_waits_longer_than_its_occasion_is_not_posted() -> None:
    people = PEOPLE[:2].assign(contact_by_date=[DAY, DAY + timedelta(1)])
    assert in_time(people, DAY)["action_id"].tolist() == ["A0", "A1"]
    assert in_time(people, DAY + timedelta(1))["action_id"].tolist() == ["A1"]


def test_a_fault_of_the_receiver_is_waited_for_twice_as_long_each_time(receiver: Receiver) -> None:
    receiver.answers = [503, 429, 200]
    waited: list[float] = []
    deliver(PEOPLE, target(receiver), DAY, None, sleep=waited.append)
    assert (waited, len(receiver.got)) == ([1, 2], 3)
    assert len({headers[IDEMPOTENCY_KEY] for headers, _ in receiver.got}) == 1


def test_a_refusal_is_not_tried_again(receiver: Receiver) -> None:
    receiver.answers = [403]
    with pytest.raises(SegmentationError, match="refused part 1 of 1: 403"):
        deliver(PEOPLE, target(receiver), DAY, None)
    assert len(receiver.got) == 1


def test_a_receiver_that_never_answers_well_is_named_with_its_reason(receiver: Receiver) -> None:
    receiver.answers = [500, 500]
    with pytest.raises(SegmentationError, match="in 2 attempts: it answered 500"):
        deliver(PEOPLE, target(receiver, attempts=2), DAY, None, sleep=lambda _: None)
    nowhere = target(receiver, url="http://127.0.0.1:9/", attempts=1)
    with pytest.raises(SegmentationError, match="in 1 attempts"):
        deliver(PEOPLE, nowhere, DAY, None)
