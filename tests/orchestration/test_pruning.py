"""Old revisions are deleted, and nothing that is shown or that something kept was made from."""

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import VersionError
from orchestration.lake.migrations import migrate
from orchestration.segments.pruning import prune
from orchestration.segments.version_diff import diff
from orchestration.segments.versions import rollback
from tests.lakes import lay_lake

NOW = datetime(2026, 12, 2)
EVERYTHING = datetime(2027, 1, 1)


@pytest.fixture
def lake(tmp_path: Path):
    """Versions of October: 1 and 2 superseded, 3 published, 4 withdrawn; one of November that was made from 1."""
    with lay_lake(tmp_path, _register_versions).writer() as connection:
        yield connection


def _register_versions(lake: duckdb.DuckDBPyConnection) -> None:
    migrate(lake)
    for month, revision, status, previous in (
        ("2026-10-31", 1, "superseded", None),
        ("2026-10-31", 2, "superseded", None),
        ("2026-10-31", 3, "published", None),
        ("2026-10-31", 4, "withdrawn", None),
        ("2026-11-30", 1, "published", "2026-10-31.1"),
    ):
        lake.execute(
            "insert into segments.versions (version_id, as_of_date, revision, status, created_at,"
            " previous_version_id) values (?, ?, ?, ?, ?, ?)",
            [f"{month}.{revision}", month, revision, status, NOW, previous],
        )
        lake.execute(
            "insert into segments.customer_value (version_id, as_of_date, customer_id) values (?, ?, 'a')",
            [f"{month}.{revision}", month],
        )


def _with_rows(lake: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in lake.execute("select version_id from segments.customer_value order by 1").fetchall()]


def test_what_is_published_and_what_it_was_made_from_stays(lake):
    assert prune(lake, 1, EVERYTHING) == ("2026-10-31.2",)
    assert _with_rows(lake) == ["2026-10-31.1", "2026-10-31.3", "2026-10-31.4", "2026-11-30.1"]
    assert prune(lake, 1, EVERYTHING) == ()


def test_what_only_pruned_versions_need_goes_with_them(lake):
    lake.execute("update segments.versions set previous_version_id = null where version_id = '2026-11-30.1'")
    lake.execute("update segments.versions set previous_version_id = '2026-10-31.1' where version_id = '2026-10-31.2'")
    assert prune(lake, 1, EVERYTHING) == ("2026-10-31.1", "2026-10-31.2")


def test_a_version_in_which_the_clusters_in_force_were_fitted_stays(lake):
    lake.execute(
        "insert into segments.behavior_models (version_id, as_of_date, population, fitted_version_id)"
        " values ('2026-10-31.3', '2026-10-31', 'consumer', '2026-10-31.2')"
    )
    assert prune(lake, 1, EVERYTHING) == ()


@pytest.mark.parametrize(("keep", "before"), [(3, EVERYTHING), (1, NOW)])
def test_as_many_revisions_as_are_asked_for_and_young_ones_stay(lake, keep, before):
    assert prune(lake, keep, before) == ()


def test_a_pruned_version_is_remembered_and_can_neither_be_published_nor_compared(lake):
    (pruned,) = prune(lake, 1, EVERYTHING)
    assert lake.execute("select status from segments.versions where version_id = ?", [pruned]).fetchall() == [
        ("pruned",)
    ]
    with pytest.raises(VersionError, match="was pruned"):
        rollback(lake, pruned, NOW)
    with pytest.raises(VersionError, match="was pruned"):
        diff(lake, pruned, "2026-10-31.3")
