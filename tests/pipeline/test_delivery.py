"""The report on its way to people: a folder, a store, a real mail server and a real web server."""

import email
import json
import socket
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from aiosmtpd.controller import Controller
from moto.server import ThreadedMotoServer

from orchestration.lake.warehouse import Warehouse
from orchestration.report import formats
from orchestration.report.delivery import deliver
from orchestration.settings import Settings
from orchestration.settings.loading import load_settings
from tests.commands import run_command
from tests.pipeline.deployments import Deployment
from tests.receivers import Receiver, receiving

pytest.importorskip("apprise", reason="the extra notify is not installed")
pytestmark = pytest.mark.slow


class Mailbox:
    """Takes every mail, as a handler of aiosmtpd."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}"
    finally:
        server.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def _settings(deployment: Deployment, **delivery: Any) -> Settings:
    settings = load_settings(deployment.settings_file)
    wanted = Settings.model_validate({"delivery": delivery | {"wait_seconds": 0}}).delivery
    return settings.model_copy(update={"delivery": wanted})


def _deliver(deployment: Deployment, **delivery: Any) -> tuple[list[str], list[str]]:
    settings = _settings(deployment, **delivery)
    versions = sorted(row["version_id"] for row in deployment.versions())
    return deliver(Warehouse(settings.warehouse), settings, versions)


def test_a_mail_says_what_changed_and_brings_the_report(simulated: Deployment, mailbox: tuple[Mailbox, str]) -> None:
    box, server = mailbox
    done, failed = _deliver(
        simulated, notify={"team": f"{server}?from=isp@example.com&to=team@example.com&mode=insecure"}
    )
    assert (done, failed) == (["team"], [])
    (mail,) = box.mails
    version = max(row["version_id"] for row in simulated.versions())
    assert version in str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    parts = {part.get_content_type(): part for part in mail.walk()}
    assert "Open customers: " in parts["text/plain"].get_payload(decode=True).decode()
    attached = [part for part in mail.walk() if part.get_filename() == f"{version}.html"]
    assert attached[0].get_payload(decode=True).decode().startswith("<!doctype html>")


def test_a_folder_gets_every_report_whole_and_a_web_server_the_message(
    simulated: Deployment, tmp_path: Path, receiver: Receiver
) -> None:
    done, failed = _deliver(
        simulated,
        path=str(tmp_path / "reports"),
        notify={"chat": f"json://127.0.0.1:{receiver.server_port}/hook"},
        attach_report=False,
    )
    assert (done, failed) == ([str(tmp_path / "reports"), "chat"], [])
    names = sorted(file.name for file in (tmp_path / "reports").iterdir())
    assert names == sorted(f"{row['version_id']}.html" for row in simulated.versions())
    ((_, body),) = receiver.got
    assert "Total value: " in json.loads(body)["message"]


def test_a_run_delivers_what_it_published_and_does_not_fail_for_those_who_cannot_be_told(simulated: Deployment) -> None:
    delivered = sorted(file.name for file in (simulated.folder / "delivered").iterdir())
    assert delivered == sorted(f"{row['version_id']}.html" for row in simulated.versions())
    with dg.DagsterInstance.from_config(str(simulated.folder / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["publish", "delivered_report"]))
    assert event
    assert event.asset_materialization
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert told["delivered"] == str(simulated.folder / "delivered")
    assert told["failed"].startswith("The report of 2025-12-31.1 did not reach nobody: ")


def test_the_command_delivers_a_report_again_and_says_what_changed_and_which_check_failed(
    simulated: Deployment, tmp_path: Path, mailbox: tuple[Mailbox, str], receiver: Receiver
) -> None:
    box, server = mailbox
    ours = yaml.safe_load(simulated.settings_file.read_text())
    ours["delivery"] = {"path": str(tmp_path), "notify": {"team": "${TEAM_MAIL}", "chat": "${CHAT}"}}
    file = simulated.folder / "delivers_again.yaml"
    file.write_text(yaml.safe_dump(ours, sort_keys=False))
    addresses = {
        "TEAM_MAIL": f"{server}?from=isp@example.com&to=team@example.com&mode=insecure",
        "CHAT": f"json://127.0.0.1:{receiver.server_port}/hook",
    }
    command = ["report", "--deliver", "--config", str(file)]
    finished = run_command(command, simulated.environment | addresses, simulated.folder)
    assert finished.returncode == 0, finished.stderr
    assert f"Delivered to {tmp_path}, team, chat." in finished.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["2025-12-31.1.html"]
    (mail,) = box.mails
    text = next(part for part in mail.walk() if part.get_content_type() == "text/plain").get_payload(decode=True)
    said = text.decode().replace("\r\n", "\n")
    opened = simulated.frame(
        "select sum(open_customers)::bigint as n from bi.market_segments group by as_of_date order by as_of_date"
    )
    before, now = (int(count) for count in opened["n"].tail(2))
    assert f"Open customers: {now:,} ({formats.signed(now - before)} since 30 November 2025)." in said
    assert "Customers whose segment changed: " in said
    assert "Checks that failed: " in said
    assert "- usage, upload_share: " in said
    assert json.loads(receiver.got[0][1])["message"].split() == said.split()


def test_what_cannot_be_delivered_is_told_without_secrets_and_keeps_nothing_else_from_going(
    simulated: Deployment, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [500] * 10
    done, failed = _deliver(
        simulated,
        path=str(tmp_path),
        notify={"chat": f"json://user:hidden-word@127.0.0.1:{receiver.server_port}", "odd": "no-such-scheme://x"},
        attach_report=False,
        attempts=2,
    )
    assert done == [str(tmp_path)]
    assert [line.partition(": ")[0].rpartition(" ")[2] for line in failed] == ["chat", "odd"]
    assert "hidden-word" not in " ".join(failed)
    assert len(receiver.got) == 2


def test_an_object_store_gets_the_reports(simulated: Deployment) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        login = {"aws_access_key_id": "id", "aws_secret_access_key": "key-of-the-reports", "region_name": "us-east-1"}
        bucket = boto3.resource("s3", endpoint_url=f"http://{host}:{port}", **login).Bucket("reports")
        bucket.create()
        store = {"key_id": "id", "secret": "key-of-the-reports", "region": "us-east-1", "endpoint": f"{host}:{port}"}
        plain = {"use_ssl": False, "url_style": "path"}
        done, failed = _deliver(simulated, path="s3://reports/isp", object_store=store | plain)
        assert (done, failed) == (["s3://reports/isp"], [])
        assert len([each for each in bucket.objects.all() if each.key.endswith(".html")]) == len(simulated.versions())
    finally:
        server.stop()
