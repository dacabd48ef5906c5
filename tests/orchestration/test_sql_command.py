"""``segmentation sql`` reads, and shows data as data."""

import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.lake.warehouse import Warehouse
from orchestration.printing import without_formula
from orchestration.settings import load_settings

runner = CliRunner()
REFUSED = [
    "copy (select 1) to '{out}'",
    "copy bi.notes to '{out}' (format parquet)",
    "copy (select 1 as a) to '{lake}/data/out.parquet'",
    "explain analyze copy (select 1) to '{out}'",
    "select 1; copy (select 1) to '{out}'",
    "export database '{out}'",
    "attach '{lake}/catalog.sqlite' as c (type sqlite)",
    "attach 'ducklake:sqlite:{lake}/catalog.sqlite' as w",
    "attach '{out}' as made",
    "detach lake",
    "insert into bi.notes values ('x')",
    "insert into __ducklake_metadata_lake.ducklake_tag values (1, 1, 1, 'a', 'b')",
    "create table bi.made as select 1",
    "create temp table made as select 1",
    "drop table bi.notes",
    "call ducklake_expire_snapshots('lake', older_than => now())",
    "select * from ducklake_expire_snapshots('lake', older_than => now())",
    "select * from ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "select * from sqlite_scan('{lake}/catalog.sqlite', 'ducklake_table')",
    "select * from sqlite_query('__ducklake_metadata_lake', 'delete from ducklake_table')",
    "select * from read_text('{secret}')",
    "select * from '{secret}'",
    "select * from glob('/etc/*')",
    "select * from 'http://127.0.0.1:9/x.csv'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "pragma enable_profiling",
    "select * from duckdb_secrets()",
    "select current_setting('allowed_directories')",
]
NOTES = ["plain", "[/x]", "[red]x", "=1+1", "+49 30 1", "-5", "-5 apples", "@sum(a1)", "\t=1", "\x1b[31mred", "a\x07b"]


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("sql")
    file = tmp_path / "segmentation.yaml"
    file.write_text("warehouse: {path: lake, threads: 1}\nreport: {path: reports}\n")
    with Warehouse(load_settings(file).warehouse).writer() as connection:
        connection.execute("create table bi.notes (note varchar)")
        connection.executemany("insert into bi.notes values (?)", [[note] for note in NOTES])
    (tmp_path / "secret.csv").write_text("secret\nx\n")
    return file


def sql(settings_file: Path, query: str, *options: str):
    return runner.invoke(app, ["sql", "--config", str(settings_file), query, *options])


@pytest.mark.parametrize("statement", REFUSED)
def test_anything_but_reading_the_lake_is_refused(settings_file: Path, statement: str) -> None:
    folder = settings_file.parent
    names = {"out": folder / "out", "lake": folder / "lake", "secret": folder / "secret.csv"}
    for name, path in names.items():
        statement = statement.replace("{" + name + "}", str(path))
    before = sorted(path for path in folder.rglob("*") if "tmp" not in path.parts)
    result = sql(settings_file, statement)
    assert result.exit_code == 1, result.stdout
    assert "Error:" in result.stderr
    assert "Traceback" not in result.output
    assert sorted(path for path in folder.rglob("*") if "tmp" not in path.parts) == before
    assert sql(settings_file, "select count(*) as n from bi.notes", "--format", "csv").stdout == f"n\n{len(NOTES)}\n"


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from bi.notes",
        "from bi.notes",
        "explain select * from bi.notes",
        "EXPLAIN ANALYZE select * from bi.notes;",
        "describe bi.notes",
        "summarize bi.notes",
        "show all tables",
        "with n as (from bi.notes) select * from n join range(3) on true",
        "select * from ducklake_snapshots('lake')",
        "select * from bi.notes at (version => 3)",
        "select * from duckdb_columns() limit 1",
    ],
)
def test_what_reads_works(settings_file: Path, query: str) -> None:
    result = sql(settings_file, query)
    assert result.exit_code == 0, result.output


def test_data_are_printed_as_text_and_command_no_terminal(settings_file: Path) -> None:
    shown = sql(settings_file, 'select note, note as "[/red]" from bi.notes').stdout
    for text in ("[/x]", "[red]x", "[/red]", r"\x1b[31mred", r"a\x07b"):
        assert text in shown
    assert "\x1b[31m" not in shown
    failed = sql(settings_file, "select '[/x]' from bi.[missing]")
    assert failed.exit_code == 1
    assert not isinstance(failed.exception, ValueError)
    assert "Traceback" not in failed.output


def test_csv_holds_no_formula_unless_told_to_keep_them(settings_file: Path) -> None:
    query = "select note from bi.notes"
    safe = [row[0] for row in csv.reader(io.StringIO(sql(settings_file, query, "--format", "csv").stdout))][1:]
    assert [note for note in safe if note.startswith("'")] == [
        "'=1+1", "'+49 30 1", "'-5 apples", "'@sum(a1)", "'\t=1"
    ]  # fmt: skip
    kept = sql(settings_file, query, "--format", "csv", "--keep-formulas").stdout
    assert [row[0] for row in csv.reader(io.StringIO(kept))][1:] == NOTES


@pytest.mark.parametrize("value", [-5, -5.5, None, "-5", "+5", "-1,5", "-1e3", "plain", ""])
def test_numbers_and_plain_text_stay_as_they_are(value: object) -> None:
    assert without_formula(value) == value
