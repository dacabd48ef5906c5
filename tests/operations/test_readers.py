"""A reduced form of ``benchmarks/readers.py``: readers beside a writer that is killed again and again."""

import pytest

from tests.operations.deployment import make_deployment

# What a publish does: rows of a table and of the one beside it in one transaction.
WRITE = """
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse, transaction
with Warehouse(load_settings().warehouse).writer() as connection:
    for table in ("one", "two"):
        connection.execute(f"create table if not exists raw.{table} (number integer)")
    for number in range(10_000):
        with transaction(connection):
            for table in ("one", "two"):
                connection.execute(f"delete from raw.{table}")
                connection.execute(f"insert into raw.{table} select range from range({number % 40} + 1)")
        print(f"commit {number}.")
"""
POLL = "select (select count(*) from raw.one), (select count(*) from raw.two)"
KILLS, POLLS = 3, 10


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_no_poll_fails_or_sees_half_of_a_commit_while_writers_are_killed(catalog, tmp_path, request):
    name = "sqlite" if catalog == "sqlite" else f'"postgres:{request.getfixturevalue("postgres_database")}"'
    deployment = make_deployment(tmp_path / "deployment", name)
    states = set()
    for _ in range(KILLS):
        writer = deployment.python(WRITE)
        writer.wait_for("commit 1.")
        with deployment.warehouse.reader() as kept:
            for _ in range(POLLS):
                with deployment.warehouse.reader() as fresh:
                    states |= {connection.execute(POLL).fetchall()[0] for connection in (kept, fresh)}
            writer.kill()
            states |= set(kept.execute(POLL).fetchall())
    assert len(states) > KILLS, "the writer got on meanwhile"
    assert all(one == two > 0 for one, two in states)
