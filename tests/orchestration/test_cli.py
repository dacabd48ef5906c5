"""The command as a person meets it: exit codes, and messages that say what to do next."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.cli.versions import lines_of

runner = CliRunner()


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "segmentation.yaml"
    file.write_text("warehouse: {path: lake}\nreport: {path: reports}\n")
    return file


def test_without_settings_it_says_where_they_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGMENTATION_CONFIG", raising=False)
    monkeypatch.setattr("orchestration.settings.loading._chosen", None)
    result = runner.invoke(app, ["versions", "list"])
    assert result.exit_code == 1
    assert "--config" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "command", [["versions", "list"], ["sql", "select 1"], ["rollback", "2026-01-31.1"], ["report"]]
)
def test_without_a_warehouse_it_says_what_makes_one(settings_file, command):
    result = runner.invoke(app, [*command, "--config", str(settings_file)])
    assert result.exit_code == 1
    assert "segmentation run" in " ".join(result.stderr.split())


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_sql_prints_rows_and_cannot_write(settings_file, output):
    from orchestration.lake.warehouse import Warehouse
    from orchestration.settings import load_settings

    with Warehouse(load_settings(settings_file).warehouse).writer() as connection:
        connection.execute("create table bi.numbers as select 7 as number, null as nothing")
    command = ["sql", "--config", str(settings_file), "--format", output]
    shown = runner.invoke(app, [*command, "select * from bi.numbers"])
    assert shown.exit_code == 0
    expected = {"csv": "number,nothing\n7,\n", "json": [{"number": 7, "nothing": None}]}
    if output == "csv":
        assert shown.stdout == expected["csv"]
    elif output == "json":
        assert json.loads(shown.stdout) == expected["json"]
    else:
        assert "number" in shown.stdout
    for statement in ("insert into bi.numbers values (1, 2)", "drop table bi.numbers", "select * from bi.missing"):
        refused = runner.invoke(app, [*command, statement])
        assert refused.exit_code == 1
        assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "2025-13"], "YYYY-MM"),
        (["--from", "2025-06", "--to", "2025-01"], "before"),
        (["--from", "1999-01", "--to", "1999-02"], "first_month"),
        (["--to", "2999-01"], "not over"),
    ],
)
def test_a_month_that_cannot_be_segmented_is_refused_before_anything_runs(settings_file, arguments, words):
    result = runner.invoke(app, ["run", "--config", str(settings_file), *arguments])
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())
    assert [file.name for file in settings_file.parent.iterdir()] == ["segmentation.yaml"]


def test_versions_due_names_the_months_late_data_have_reached(settings_file):
    from orchestration.lake.migrations import migrate
    from orchestration.lake.warehouse import Warehouse
    from orchestration.settings import load_settings

    def due(output: str) -> str:
        shown = runner.invoke(app, ["versions", "due", "--config", str(settings_file), "--format", output])
        assert shown.exit_code == 0, shown.output
        return shown.stdout

    with Warehouse(load_settings(settings_file).warehouse).writer() as connection:
        migrate(connection)
        assert "No published month is due" in due("table")
        connection.execute(
            "insert into segments.versions (version_id, as_of_date, status, last_load_id)"
            " values ('2025-02-28.1', '2025-02-28', 'published', 4)"
        )
        connection.execute("insert into ops.load_months values (5, 'usage', '2025-01-31', 12)")
    (row,) = json.loads(due("json"))
    assert row == {
        "month": "2025-02",
        "version_id": "2025-02-28.1",
        "reason": "rows from 2025-01 on: usage 12",
        "rows": 12,
        "first_load_id": 5,
    }
    assert "2025-02-28.1" in due("csv")


def test_revise_finds_the_months_itself(settings_file):
    result = runner.invoke(app, ["run", "--revise", "--from", "2025-01", "--config", str(settings_file)])
    assert result.exit_code == 2
    assert "--revise" in result.stderr


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('{"customer_value": 3000, "households": 7}', "customer_value: 3,000\nhouseholds: 7"),
        (
            '[{"name": "a", "passed": true}, {"name": "b", "passed": false}]',
            "a: passed\nb: failed",
        ),
        ("first version of this month", "first version of this month"),
        ("185e", "185e"),
        (None, None),
    ],
)
def test_a_version_shows_rows_and_checks_line_by_line(value: str | None, shown: str | None) -> None:
    assert lines_of(value) == shown
