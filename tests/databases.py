"""A database of every kind that a location may be, filled by SQL, and what a server was asked."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

KINDS = ("postgres", "mysql", "sqlite", "duckdb")
SERVERS = ("postgres", "mysql")
PASSWORD = "s3cret: with 'quotes'"


@dataclass
class Database:
    """A database ``crm``: call it with SQL. ``connection`` is what the settings say of it."""

    kind: str
    connection: str
    file: Path | None = None
    client: list[str] = field(default_factory=list)
    log: Path | None = None

    def __call__(self, sql: str) -> None:
        if self.kind == "sqlite":
            assert self.file
            with sqlite3.connect(self.file) as connection:
                connection.executescript(sql)
            connection.close()
        elif self.kind == "duckdb":
            with duckdb.connect(str(self.file)) as connection:
                connection.execute(sql)
        else:
            run([*self.client, f"set sql_mode = ''; {sql}" if self.kind == "mysql" else sql])

    @property
    def location(self) -> dict[str, str]:
        """Return the location as the settings write it."""
        return {"database": self.kind, "connection": self.connection}

    def asked(self, table: str) -> list[str]:
        """Return the conditions of every query of a table that the server has been sent, in the order they came."""
        if self.kind == "mysql":
            statement = "select argument from mysql.general_log where command_type in ('Query', 'Execute')"
            log = run([*self.client, statement]).replace("`", "")
        else:
            assert self.log
            log = self.log.read_text(encoding="utf-8").replace('"', "")
        return re.findall(rf"SELECT [^;\n]*FROM (?:\w+\.)?{table}\b *(.*?);?$", log, re.MULTILINE | re.IGNORECASE)


def make_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    """Return an empty database of a kind; a server's belongs to the session, its database to the test."""
    if kind == "postgres":
        target = request.getfixturevalue("postgres_database")
        parts = dict(part.split("=", 1) for part in target.split())
        psql = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", parts["host"], "-p", parts["port"], "-U", parts["user"]]
        log = Path(parts["host"]) / "log"
        client = [*psql, "-d", parts["dbname"], "-c"]
        run([*client, f"alter database {parts['dbname']} set log_statement = 'all'"])
        log.write_text("")
        return Database(kind, f"{target} password=not-needed", client=client, log=log)
    if kind == "mysql":
        path = request.getfixturevalue("mariadb")
        client = ["mariadb", "--no-defaults", "-u", "root", "-S", path, "--default-character-set=utf8mb4", "-N"]
        quoted = PASSWORD.replace("'", "''")
        run([*client, "-e", f"""
            create or replace database crm character set latin1;
            create or replace user reader@localhost identified by '{quoted}'; grant select on crm.* to reader@localhost;
            set global log_output = 'TABLE'; set global general_log = 1; truncate mysql.general_log
        """])  # fmt: skip
        connection = f'host=localhost user=reader password="{PASSWORD}" database=crm socket={path}'
        return Database(kind, connection, client=[*client, "crm", "-e"])
    file = folder / f"crm.{kind}"
    return Database(kind, str(file), file)


def run(command: list[str]) -> str:
    """Run a client; its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
