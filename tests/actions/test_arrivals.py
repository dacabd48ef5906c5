"""Files that arrive are acted upon once, when they have come to rest."""

import sqlite3
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from orchestration.actions.arrivals import Arrivals, digest_of_files
from orchestration.settings import Settings


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
        state, is_due = state.looked(found, now, debounce_seconds=60)
        state = Arrivals.from_cursor(state.cursor())
        if is_due:
            acted.append((found, now))
    # What lay there at first is not an arrival; b was still being written.
    assert acted == [("c", 210), ("d", 371)]
