"""What nobody expected: one sentence and exit code 1, and a traceback only for who asks."""

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.masking import keep_secret

runner = CliRunner()
COMMANDS = [
    ["run"], ["ingest"], ["check-sources"], ["report"], ["sql", "select 1"], ["versions", "list"], ["versions", "due"],
    ["rollback", "2026-01-31.1"], ["quarantine", "list"], ["quarantine", "reprocess"], ["maintain"], ["clean-text"],
    ["backup", "folder"], ["serve"], ["status"],
]  # fmt: skip


@pytest.fixture
def broken(monkeypatch):
    keep_secret("host=db password=opensesame")

    def fails(*_given, **_named):
        raise RuntimeError("no such place as password=opensesame\nand more of it")

    for module in ("app", "lake", "quarantine", "reprocess", "serve", "status", "versions"):
        monkeypatch.setattr(f"orchestration.cli.{module}.chosen_settings", fails, raising=False)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_command_ends_in_a_bare_traceback(command):
    result = runner.invoke(app, command)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert result.stderr.startswith("Error: RuntimeError: no such place")
    assert "--debug" in result.stderr
    assert "opensesame" not in result.output


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("command", [["--debug", "report"], ["report", "--debug"]])
def test_debug_before_or_after_the_command_shows_where_and_no_secret(command):
    result = runner.invoke(app, command)
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "in fails" in result.stderr
    assert "opensesame" not in result.output


def test_debug_also_shows_where_an_error_for_people_comes_from(tmp_path):
    command = ["versions", "list", "--config", str(tmp_path / "none.yaml")]
    plain, debugged = runner.invoke(app, command), runner.invoke(app, [*command, "--debug"])
    assert (plain.exit_code, debugged.exit_code) == (1, 1)
    assert "Traceback" not in plain.output
    assert "SettingsError" in debugged.stderr


def test_wrong_usage_stays_what_it_was():
    assert runner.invoke(app, ["no-such-command"]).exit_code == 2
    assert runner.invoke(app, ["run", "--no-such-option"]).exit_code == 2
