"""What lies between two versions, customer by customer."""

from decimal import Decimal

import duckdb
import pytest

from orchestration.errors import VersionError
from orchestration.segments.version_diff import diff
from orchestration.segments.versions import withdraw

ROWS = """
create schema segments;
create table segments.versions as from (values
    ('a', 'published', date '2025-11-30', 1, 'data 1', 'settings', 'code 1'),
    ('b', 'withdrawn', date '2025-11-30', 2, 'data 2', 'settings', 'code 1'),
    ('c', 'superseded', date '2025-11-30', 3, 'data 1', 'settings', 'code 1')
) as t(version_id, status, as_of_date, revision, input_hash, settings_hash, code_version);
create table segments.behavior_models as from (values
    ('a', 'consumer', 'm1'), ('b', 'consumer', 'm2'), ('b', 'business', 'm3'), ('c', 'consumer', 'm1')
) as t(version_id, population, model_id);
create table segments.customer_segments as from (values
    ('a', 'stays', 'consumer', 'mature', 1, 'x', 100.00), ('b', 'stays', 'consumer', 'mature', 1, 'x', 90.00),
    ('a', 'moves', 'consumer', 'mature', 1, 'x', 50.00), ('b', 'moves', 'consumer', 'at_risk', 2, 'x', 40.25),
    ('a', 'goes', 'consumer', 'mature', 2, null, 7.00), ('b', 'comes', 'enterprise', 'onboarding', null, null, 3.00)
) as t(version_id, customer_id, market_segment, lifecycle_stage, value_decile, cluster_id, total_value);
insert into segments.customer_segments select 'c', * exclude (version_id) from segments.customer_segments
where version_id = 'a';
"""


@pytest.fixture
def lake() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(ROWS)
    return connection


def test_moves_are_counted_by_scheme_with_the_change_of_value(lake):
    found = diff(lake, "a", "b")
    assert set(found.moves) == {
        ("lifecycle_stage", "mature", "at_risk", 1, Decimal("-9.75")),
        ("lifecycle_stage", "mature", None, 1, Decimal("-7.00")),
        ("lifecycle_stage", None, "onboarding", 1, Decimal("3.00")),
        ("market_segment", "consumer", None, 1, Decimal("-7.00")),
        ("market_segment", None, "enterprise", 1, Decimal("3.00")),
        ("value_decile", "1", "2", 1, Decimal("-9.75")),
        ("value_decile", "2", None, 1, Decimal("-7.00")),
    }


def test_causes_are_what_the_versions_were_not_made_alike_from(lake):
    assert diff(lake, "a", "b").causes == ("data", "model of business", "model of consumer")
    assert diff(lake, "a", "c").causes == ()
    assert diff(lake, "a", "c").moves == ()


def test_an_unknown_version_is_refused(lake):
    with pytest.raises(VersionError, match="There is no version z"):
        diff(lake, "a", "z")


def test_only_a_published_version_is_withdrawn(lake):
    withdraw(lake, "a")
    assert lake.execute("select status from segments.versions where version_id = 'a'").fetchall() == [("withdrawn",)]
    with pytest.raises(VersionError, match="only a published one"):
        withdraw(lake, "c")
