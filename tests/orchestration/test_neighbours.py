"""Published months that follow one another agree: what one closes with, the next opens with."""

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.segments.neighbours import contradictions


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """May, then June made on May's first revision: 10 mature and 1 churned, worth 500, become 9 and 2, worth 450."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema segments;
            create schema bi;
            create table segments.versions
                (version_id text, as_of_date date, status text, previous_version_id text);
            create table bi.lifecycle_stages
                (version_id text, as_of_date date, lifecycle_stage text, customers bigint, opened bigint,
                 total_value decimal(18, 2));
            create table bi.value_bridge (version_id text, as_of_date date, component text, amount decimal(18, 2));
            insert into segments.versions values
                ('2026-05-31.1', '2026-05-31', 'published', null),
                ('2026-06-30.1', '2026-06-30', 'published', '2026-05-31.1');
            insert into bi.lifecycle_stages values
                ('2026-05-31.1', '2026-05-31', 'mature', 10, null, 480),
                ('2026-05-31.1', '2026-05-31', 'churned', 1, null, 20),
                ('2026-06-30.1', '2026-06-30', 'mature', 9, 10, 420),
                ('2026-06-30.1', '2026-06-30', 'churned', 2, 1, 30);
            insert into bi.value_bridge values
                ('2026-06-30.1', '2026-06-30', 'opening', 500), ('2026-06-30.1', '2026-06-30', 'closing', 450);
        """)
        yield connection


def _revise_may(lake: duckdb.DuckDBPyConnection, mature: int, churned: int, value: int) -> None:
    lake.execute("update segments.versions set status = 'superseded' where version_id = '2026-05-31.1'")
    lake.execute("delete from bi.lifecycle_stages where version_id = '2026-05-31.1'")
    lake.execute("insert into segments.versions values ('2026-05-31.2', '2026-05-31', 'published', null)")
    lake.execute(
        "insert into bi.lifecycle_stages values ('2026-05-31.2', '2026-05-31', 'mature', ?, null, ?),"
        " ('2026-05-31.2', '2026-05-31', 'churned', ?, null, 0)",
        [mature, value, churned],
    )


def test_a_month_made_on_the_published_version_before_it_agrees(lake):
    assert contradictions(lake) == []


def test_a_revision_of_the_month_before_with_other_numbers_is_told_by_stage_and_by_value(lake):
    _revise_may(lake, mature=9, churned=2, value=470)
    assert [(each.what, each.opened, each.closed) for each in contradictions(lake)] == [
        ("churned", 1, 2), ("mature", 10, 9), ("total value", 500, 470)
    ]  # fmt: skip
    assert str(contradictions(lake)[0]) == "2026-06-30.1 opens with churned 1, 2026-05-31.2 closes with 2"


def test_a_revision_of_the_same_numbers_contradicts_nothing(lake):
    _revise_may(lake, mature=10, churned=1, value=500)
    assert contradictions(lake) == []


def test_a_stage_that_everybody_has_left_or_nobody_had_is_compared_too(lake):
    _revise_may(lake, mature=11, churned=0, value=500)
    assert [each.what for each in contradictions(lake)] == ["churned", "mature"]


def test_a_month_without_one_before_it_when_it_was_made_opens_with_nothing(lake):
    lake.execute("update segments.versions set previous_version_id = null where version_id = '2026-06-30.1'")
    assert contradictions(lake) == []
