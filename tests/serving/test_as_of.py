"""Tables of bi as of one published version, as if it were the only one."""

import pytest

from orchestration.errors import VersionError
from orchestration.lake.queries import query
from tests.serving.conftest import DECEMBER, NOVEMBER


def test_every_table_shows_that_version_alone(lake):
    lake.publish(DECEMBER, customers=50)
    for table in lake.tables:
        _, rows = query(lake.warehouse, f"select distinct version_id from bi.{table}", NOVEMBER)
        assert (table, rows) == (table, [(NOVEMBER,)])
    counts = "select count(*), (select count(*) from segments.rows_customer_segment_history) from bi.customer_segments"
    assert query(lake.warehouse, counts, NOVEMBER)[1] == [(40, 90)]
    assert query(lake.warehouse, counts)[1] == [(50, 90)]


@pytest.mark.parametrize("version_id", [DECEMBER, "2024-01-31.1", "x' or true --"])
def test_a_version_that_is_not_published_is_refused(lake, version_id):
    lake.publish(DECEMBER)
    lake.withdraw(DECEMBER)
    with pytest.raises(VersionError, match="is not published"):
        query(lake.warehouse, "select 1", version_id)
