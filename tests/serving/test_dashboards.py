"""Superset's dashboards ask only for what is served; Superset itself is looked at by deploy/superset/look.py."""

from pathlib import Path

import duckdb
import psycopg
import pytest

from deploy.superset.bundle import bundle
from tests.serving.conftest import bring_up
from tests.serving.dashboards import DECLARED, chart_queries

CHARTS = [chart for dashboard in DECLARED["dashboards"].values() for chart in dashboard["charts"]]


def test_every_chart_asks_for_what_a_served_file_has(whole_file: Path):
    with duckdb.connect(str(whole_file), read_only=True) as connection:
        queries = list(chart_queries())
        for query in queries:
            connection.execute(query.sql)
    assert len(queries) == len(CHARTS)


@pytest.mark.slow
def test_every_chart_asks_for_what_postgres_has(whole_lake, postgres_database):
    bring_up(whole_lake, type="postgres", connection=postgres_database)
    with psycopg.connect(postgres_database) as connection:
        for query in chart_queries():
            connection.execute(query.sql)


def test_a_bundle_made_again_changes_what_is_there_and_adds_nothing():
    first, again = (bundle(DECLARED, uri, "bi") for uri in ("duckdb:///a", "postgresql://b"))
    assert first.keys() == again.keys()
    assert {name for name in first if first[name] != again[name]} == {"databases/Segments.yaml"}
