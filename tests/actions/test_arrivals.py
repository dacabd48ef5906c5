"""Files that arrive are acted upon once, when they have come to rest."""

import sqlite3
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from orchestration.actions.arrivals import Arrivals, digest_of_files
from orchestration.settings import Settings
from orchestration.settings.actions import ArrivalSettings


def settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "locations": {"days": {"files": f"{folder}/usage/*.csv"}, "people": {"files": f"{folder}/*.csv"}},
            "sources": {"usage": {"location": "days"}, "customers": {"location": "people"}},
        }
    )


def test_the_digest_changes_with_the_files_of_the_tables_that_are_looked_at_alone(tmp_path: Path) -> None:
    (tmp_path / "usage").mkdir()
    given = settings(tmp_path)
    before = digest_of_files(given, ["usage", "balances"])
    (tmp_path / "people.csv").write_text("x")
    assert digest_of_files(given, ["usage", "balances"]) == before
    (tmp_path / "usage" / "1.csv").write_text("x")
    first = digest_of_files(given, ["usage"])
    assert first != before
    (tmp_path / "usage" / "1.csv").write_text("xy")
    assert digest_of_files(given, ["usage"]) not in {first, before}


def test_the_digest_changes_with_the_file_of_an_embedded_database_and_not_by_a_server(tmp_path: Path) -> None:
    file = tmp_path / "crm.sqlite"
    given = Settings.model_validate(
        {
            "locations": {
                "crm": {"database": "sqlite", "connection": str(file)},
                "server": {"database": "postgres", "connection": "host=nowhere.invalid"},
            },
            "sources": {
                "interactions": {"location": "crm"},
                "payments": {"location": "server"},
            },
        }
    )
    before = digest_of_files(given, ["interactions", "payments"])
    with sqlite3.connect(file) as database:
        database.execute("create table calls (call_id)")
    after = digest_of_files(given, ["interactions", "payments"])
    assert before != after
    assert digest_of_files(given, ["payments"]) == before


def test_a_query_is_looked_at_through_every_location_that_it_reads(tmp_path: Path) -> None:
    given = Settings.model_validate(
        {
            "locations": {name: {"files": f"{tmp_path}/{name}*.csv"} for name in ("lines", "days", "people")},
            "sources": {"usage": {"query": "select * from days join lines using (line_id)"}},
        }
    )
    digests = [digest_of_files(given, ["usage"])]
    for name in ("people", "lines", "days"):
        (tmp_path / f"{name}.csv").write_text("x")
        digests.append(digest_of_files(given, ["usage"]))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_objects_of_a_store_are_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-the-days")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        store = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        store.create_bucket(Bucket="days")
        given = Settings.model_validate(
            {
                "locations": {
                    "days": {
                        "files": "s3://days/usage/*.csv",
                        "object_store": {
                            "endpoint": f"{host}:{port}", "use_ssl": False, "url_style": "path",
                            "key_id": "key", "secret": "key-of-the-days", "region": "us-east-1",
                        },
                    }
                },
                "sources": {"usage": {"location": "days"}},
            }
        )  # fmt: skip
        store.put_object(Bucket="days", Key="usage/1.csv", Body=b"x")
        first = digest_of_files(given, ["usage"])
        assert digest_of_files(given, ["usage"]) == first
        store.put_object(Bucket="days", Key="usage/2.csv", Body=b"x")
        assert digest_of_files(given, ["usage"]) != first
    finally:
        server.stop()


def test_files_are_acted_upon_once_after_they_have_come_to_rest() -> None:
    acted = []
    state = Arrivals.from_cursor(None)
    looks = [("a", 0), ("a", 100), ("b", 110), ("c", 150), ("c", 200), ("c", 210), ("c", 300), ("d", 310), ("d", 371)]
    for found, now in looks:
        state, is_due = state.looked(found, now, debounce_seconds=60, max_wait_seconds=1000)
        state = Arrivals.from_cursor(state.cursor())
        if is_due:
            acted.append((found, now))
    # What lay there at first is not an arrival; b was still being written.
    assert acted == [("c", 210), ("d", 371)]


def test_files_that_never_come_to_rest_are_acted_upon_after_the_longest_wait() -> None:
    acted = []
    state, _ = Arrivals.from_cursor(None).looked("0", 0, debounce_seconds=60, max_wait_seconds=300)
    for now in range(10, 1000, 10):
        state, is_due = state.looked(str(now), now, debounce_seconds=60, max_wait_seconds=300)
        state = Arrivals.from_cursor(state.cursor())
        if is_due:
            acted.append(now)
    # The wait begins with the first change after what was acted upon last.
    assert acted == [310, 620, 930]


def test_files_that_are_again_as_they_were_acted_upon_wait_for_nothing() -> None:
    acted = []
    state, _ = Arrivals.from_cursor(None).looked("a", 0, debounce_seconds=60, max_wait_seconds=300)
    for found, now in [("b", 10), ("a", 20), ("a", 400), ("c", 410), ("d", 460), ("d", 520)]:
        state, is_due = state.looked(found, now, debounce_seconds=60, max_wait_seconds=300)
        if is_due:
            acted.append((found, now))
    assert acted == [("d", 520)]


def test_what_an_earlier_release_remembered_is_read() -> None:
    state = Arrivals.from_cursor('{"seen": "a", "since": 0.0, "handled": "a"}')
    state, is_due = state.looked("b", 1000.0, debounce_seconds=60, max_wait_seconds=300)
    assert (is_due, state.waiting_since) == (False, 1000.0)


def test_a_longest_wait_below_the_debounce_is_refused() -> None:
    with pytest.raises(ValueError, match=r"max_wait_seconds \(5\) is below debounce_seconds \(10\)"):
        ArrivalSettings(max_wait_seconds=5)
