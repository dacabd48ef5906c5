"""Start Apache Superset on what is served: make its metadata, import the dashboards, say where it listens.

Runs in the pipeline's environment and calls Superset in its own. What Superset keeps is in SUPERSET_HOME.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import bundle

from orchestration.settings import choose_settings_file, load_settings
from orchestration.settings.serving import DuckdbTarget

HERE = Path(__file__).parent
USER = "admin"
LONGEST_START_SECONDS = 120


def served_file(settings_file: Path) -> str:
    """Return SQLAlchemy's address of the first DuckDB file that the settings serve to, to be read alone."""
    targets = load_settings(choose_settings_file(settings_file)).serving.values()
    files = [target.path for target in targets if isinstance(target, DuckdbTarget)]
    if not files:
        raise SystemExit(f"{settings_file} serves to no DuckDB file: name a database with --source.")
    if not files[0].exists():
        raise SystemExit(f"{files[0]} does not exist yet: 'segmentation run' or 'segmentation serve' makes it.")
    return f"duckdb:///{files[0]}?access_mode=read_only"


def kept(file: Path) -> str:
    """Return a secret of this deployment, made the first time."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text()


def main() -> None:
    """Prepare Superset, then become its server."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, help="settings whose DuckDB file is read")
    arguments.add_argument("--source", help="SQLAlchemy address of what was served to, for example postgresql://…")
    arguments.add_argument("--schema", default="bi")
    arguments.add_argument("--home", type=Path, default=Path("data/superset"))
    arguments.add_argument("--programs", type=Path, default=Path(".venv-superset/bin"))
    arguments.add_argument("--port", type=int, default=8088)
    arguments.add_argument("--look", type=Path, help="look at every dashboard, keep pictures in this folder, and end")
    chosen = arguments.parse_args()
    source = chosen.source or served_file(chosen.config)
    home = chosen.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    kept(home / "secret_key")
    password = kept(home / "password")
    environment = os.environ | {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "SUPERSET_USER": USER,
        "SUPERSET_PASSWORD": password,
    }
    # Charts of an earlier release are not to be imported again.
    shutil.rmtree(home / "bundle", ignore_errors=True)
    dashboards = bundle.main(source, str(home / "bundle"), chosen.schema)
    prepare = [chosen.programs / "python", HERE / "prepare.py", home / "bundle", *dashboards]
    with (home / "log").open("a") as log:
        finished = subprocess.run(prepare, env=environment, stdout=log, stderr=log, check=False)
    if finished.returncode:
        raise SystemExit(f"Superset was not prepared; see {home / 'log'}.")
    address = f"127.0.0.1:{chosen.port}"
    server = str(chosen.programs / "gunicorn")
    options = ["--bind", address, "--worker-class", "gthread", "--threads", "8", "--timeout", "120"]
    command = [server, *options, "--log-level", "warning", "superset.app:create_app()"]
    if chosen.look:
        raise SystemExit(look(command, environment, chosen.programs, address, chosen.look))
    print(f"Superset: http://{address}/dashboard/list/ (user {USER}, password {password}); Ctrl-C ends it.", flush=True)
    os.execve(server, command, environment)


def look(command: list[str], environment: dict[str, str], programs: Path, address: str, folder: Path) -> int:
    """Run the server for as long as look.py needs it, and return how that ended."""
    with subprocess.Popen(command, env=environment) as server:
        try:
            wait_for(f"http://{address}/health", server)
            looking: list[str | Path] = [programs / "python", HERE / "look.py", f"http://{address}", folder]
            return subprocess.run(looking, env=environment, check=False).returncode
        finally:
            server.terminate()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise SystemExit(f"Superset does not answer at {url}.")


if __name__ == "__main__":
    main()
