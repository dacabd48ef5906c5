"""Tables of days: what a day adds or late data change is moved, and nothing else."""

import duckdb
import pytest

from tests.serving.conftest import DECEMBER, bring_up


@pytest.fixture
def of_days(lake_of_days, tmp_path):
    """The lake, served once to a file."""
    file = tmp_path / "segments.duckdb"
    bring_up(lake_of_days, type="duckdb", path=file)
    return lake_of_days, file


def _change(lake, sql):
    with lake.warehouse.writer() as connection:
        connection.execute(sql)


def test_a_day_that_late_data_change_is_moved_alone(of_days):
    lake, file = of_days
    _change(
        lake,
        "update segments.rows_triggers set retracted_date = date '2026-01-01' where trigger_date = date '2024-03-05'",
    )
    served = bring_up(lake, type="duckdb", path=file)
    assert served.written == ("2024-03-05",)
    assert served.rows == 1


def test_a_day_that_is_decided_anew_replaces_its_rows_and_one_without_rows_goes(of_days):
    lake, file = of_days
    _change(lake, "delete from segments.rows_customer_actions where action_date = date '2024-03-05'")
    _change(lake, "update segments.rows_customer_actions set outcome = 'x' where action_date = date '2024-03-06'")
    served = bring_up(lake, type="duckdb", path=file)
    assert served.written == ("2024-03-06",)
    with duckdb.connect(str(file), read_only=True) as connection:
        days = connection.execute(
            "select outcome from bi.customer_actions where action_date between '2024-03-05' and '2024-03-06'"
        ).fetchall()
    assert days == [("x",)]


def test_a_new_version_moves_no_action(of_days):
    lake, file = of_days
    with lake.warehouse.writer() as connection:
        connection.execute(
            f"insert into segments.rows_segmentation_versions (version_id, status) values ('{DECEMBER}', 'published')"
        )
    assert bring_up(lake, type="duckdb", path=file).written == (DECEMBER,)


def test_a_table_that_was_served_as_one_part_is_replaced_whole(of_days):
    lake, file = of_days
    file.chmod(0o644)
    with duckdb.connect(str(file)) as connection:
        connection.execute("delete from bi.served_parts where table_name = 'customer_actions'")
        connection.execute("insert into bi.served_parts values ('customer_actions', 'current', 40, 'old', now())")
    assert bring_up(lake, type="duckdb", path=file).rows == 40


def test_an_action_cannot_be_told_to_a_customer_by_its_digest(lake_of_days, tmp_path):
    file = tmp_path / "segments.duckdb"
    bring_up(lake_of_days, type="duckdb", path=file, pseudonym_key="a secret of sixteen letters or more")
    digests = {row[0] for row in lake_of_days.rows("triggers")}
    with duckdb.connect(str(file), read_only=True) as connection:
        served = {row[0] for row in connection.execute("select trigger_event_id from bi.triggers").fetchall()}
    assert len(served) == len(digests)
    assert not served & digests
