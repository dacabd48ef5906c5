"""Settings that Superset reads: where it keeps its metadata, and what this deployment needs beyond that."""

import os
from pathlib import Path

_HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (_HOME / "secret_key").read_text()
# Another address, as of a PostgreSQL database, for more than one person.
SQLALCHEMY_DATABASE_URI = os.environ.get("SUPERSET_METADATA", f"sqlite:///{_HOME}/superset.db")
