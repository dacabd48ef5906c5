"""A day in memory, for the tests of decisions and hand-overs."""

import duckdb
import pytest

from tests.actions.days import connect


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return connect()
