"""No secret that came from the environment is in anything that was written, whatever failed with it in hand."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestration.masking import MaskedStream, keep_secret, masked, redact
from orchestration.paths import PROJECT_DIR
from orchestration.settings import load_settings
from tests.operations.deployment import Deployment, make_deployment

# One for each place, so that a leak names it; with characters that SQL, JSON, URLs and shells write differently.
SECRETS = {
    "LAKE_PASSWORD": "lake-pa'ss\"w\\ord-é-1f3a",
    "CRM_PASSWORD": "crm-p@ss w/ord%-77c2",
    "STORE_KEY_ID": "storekeyid5d0b9",
    "STORE_SECRET": "store/secret+key=a1b2c3",
    "PSEUDONYMS": "pseudonym-key-0123456789-abcdef",
}
SOURCES = """
pseudonyms: {key: "${PSEUDONYMS}"}
locations:
  crm: {database: postgres, connection: "host=127.0.0.1 port=1 dbname=crm user=crm password='${CRM_PASSWORD}'"}
  store:
    files: s3://bucket/contracts/*.parquet
    object_store: {key_id: "${STORE_KEY_ID}", secret: "${STORE_SECRET}", endpoint: "127.0.0.1:1", use_ssl: false}
sources:
  customers: {location: crm, table: public.customers}
  contracts: {location: store}
"""
CATALOG = "\"postgres:host=127.0.0.1 port=1 dbname=lake user=lake password='${LAKE_PASSWORD}'\""


def _escaped(password: str) -> str:
    """Return it as libpq wants it between quotes."""
    return password.replace("\\", "\\\\").replace("'", "\\'")


def _deployment(folder: Path, catalog: str) -> Deployment:
    variables = {**SECRETS, "LAKE_PASSWORD": _escaped(SECRETS["LAKE_PASSWORD"])}
    deployment = make_deployment(folder, catalog, **variables)
    (folder / "dagster").mkdir()
    warehouse = f"warehouse: {{path: lake, catalog: {catalog}, threads: 1}}\nname: secrets_{folder.name}\n"
    deployment.settings_file.write_text(warehouse + SOURCES)
    return deployment


def _forms(secret: str) -> set[bytes]:
    texts = {secret, secret.replace("'", "''"), json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")}
    texts |= {_escaped(secret), json.dumps(_escaped(secret))[1:-1]}
    return {text.encode() for text in texts}


def _leaks(said: dict[str, str], *folders: Path) -> list[tuple[str, str]]:
    """Return which secret stands where, in what was said and in every file of the folders."""
    written = {name: text.encode() for name, text in said.items()}
    for folder in folders:
        written |= {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return [
        (name, place)
        for name, secret in SECRETS.items()
        for place, content in written.items()
        if any(form in content for form in _forms(secret))
    ]


def _targets(deployment: Deployment) -> list[Path]:
    """Return where dbt writes: what it has parsed, and what it says of the deployment's runs."""
    named = f"secrets_{deployment.folder.name}-*"
    return [folder for pattern in ("parsed", named) for folder in (PROJECT_DIR / "target").glob(pattern)]


def test_a_catalog_that_is_down_shows_its_password_nowhere(tmp_path):
    deployment = _deployment(tmp_path / "down", CATALOG)
    said = {}
    for command in (["ingest"], ["sql", "select 1"]):
        finished = deployment.command(*command)
        assert finished.returncode == 1, finished.stderr
        assert "cannot be reached" in finished.stderr
        said[str(command)] = finished.stdout + finished.stderr
    # As the daemon runs it: the error is raised within the run, and ends in Dagster's event log.
    launched = deployment.command("-c", _LAUNCH)
    assert launched.returncode != 0
    said["dagster"] = launched.stdout + launched.stderr
    assert "cannot be reached" in said["dagster"]
    # As a step runs dbt: the profile holds the connection, and dbt says why it fails.
    built = deployment.command("-c", _BUILD)
    said["dbt"] = built.stdout + built.stderr
    assert built.returncode != 0
    assert "port 1 failed" in said["dbt"]
    targets = _targets(deployment)
    assert targets
    assert any(tmp_path.rglob("*.db")), "Dagster has recorded the run"
    # The settings hold names of variables alone, so everything below the deployment is searched.
    assert _leaks(said, deployment.folder, *targets) == []


_LAUNCH = """
from dagster._cli import create_dagster_cli
create_dagster_cli()(["job", "execute", "-m", "orchestration.definitions", "-j", "daily_ingest"])
"""
_BUILD = """
from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, stream
from orchestration.settings import load_settings
settings = load_settings()
arguments = [*dbt_arguments("build", settings), "--select", "months", "--debug"]
project = ensure_manifest(settings).with_name(PARSED_PROJECT)
for event in stream(arguments, project, prepare_for_dbt(settings, "run")):
    print(event)
"""


def test_sources_that_are_down_show_no_password_or_key(tmp_path):
    deployment = _deployment(tmp_path / "sources", "sqlite")
    said = {}
    for command in (["check-sources"], ["ingest"]):
        finished = deployment.command(*command)
        assert finished.returncode in (1, 3), finished.stderr
        said[str(command)] = finished.stdout + finished.stderr
    assert "location 'crm': the PostgreSQL database does not open" in said["['ingest']"]
    assert _leaks(said, deployment.folder, *_targets(deployment)) == []


def test_a_wrong_setting_is_named_without_the_secret_in_it(tmp_path):
    deployment = make_deployment(tmp_path, '"mysql:password=${LAKE_PASSWORD}"', **SECRETS)
    finished = deployment.command("ingest")
    assert finished.returncode == 1
    assert "warehouse.catalog" in finished.stderr
    assert _leaks({"all": finished.stdout + finished.stderr}) == []


@pytest.mark.parametrize("written", [str, repr, json.dumps, lambda text: text.replace("'", "''"), quote])
def test_a_secret_is_masked_however_it_is_written(written):
    secret = "pa'ss\"w\\ord é %41 of a test"
    keep_secret(f"host=db password={secret!r}" if "'" not in secret else secret)
    assert "ord" not in masked(f"failed: {written(secret)} there")


def test_exceptions_are_masked_with_their_causes_and_notes():
    keep_secret("https://hooks.example.com/services/T0/B1/qwertyuiop")
    cause = OSError("no answer from /services/T0/B1/qwertyuiop")
    cause.add_note("asked https://hooks.example.com/services/T0/B1/qwertyuiop")
    error = RuntimeError("alert failed: /services/T0/B1/qwertyuiop")
    error.__cause__ = cause
    redact(error)
    assert "qwertyuiop" not in f"{error!r} {cause!r} {cause.__notes__}"


def test_host_user_and_paths_from_the_environment_stay_readable(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_HOST", "crm-host.example.com")
    monkeypatch.setenv("EXPORTS", "/mnt/monthly-exports")
    monkeypatch.setenv("CRM_FILE", "/mnt/monthly-exports/crm.sqlite")
    monkeypatch.setenv("CRM_PASS", "opensesame-42")
    file = tmp_path / "segmentation.yaml"
    file.write_text("""
warehouse: {path: "${EXPORTS}/lake"}
locations:
  crm: {database: postgres, connection: "host=${CRM_HOST} user=crm password=${CRM_PASS}"}
  old: {database: sqlite, connection: "${CRM_FILE}"}
  files: {files: "${EXPORTS}/*.csv"}
""")
    load_settings(file)
    text = "crm-host.example.com /mnt/monthly-exports/crm.sqlite /mnt/monthly-exports/a.csv opensesame-42"
    assert masked(text) == text.replace("opensesame-42", "***")


def test_a_masked_stream_is_in_all_else_the_stream_itself(tmp_path):
    keep_secret("streamed-secret-1")
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        stream = MaskedStream(out)
        assert stream.encoding == "utf-8"
        assert stream.isatty() is False
        print("before streamed-secret-1 after", file=stream)
    assert (tmp_path / "out").read_text() == "before *** after\n"
