"""The past does not know the future: a month's output is the same with every source cut at its as-of date.

Nor do a later month of the same run, the order of rows and files, or runs that were killed mean anything.
"""

import pandas as pd
import pytest

from orchestration.lake.declarations import tables_of_days
from tests.pipeline.cut import AS_OF, KNOWN_SINCE
from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow

DAYS = {f"{schema}.{table}" for table in tables_of_days() for schema in ("segments", "bi")}
# The last month alone, and periods over all months.
SPANNING = {"bi.customer_segments", "bi.customer_segment_periods"}


def _as_of(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """What was known at the end of the month, by table and view."""
    found = {}
    for name, frame in deployment.contents("features", "segments", "bi").items():
        if name in SPANNING | DAYS:
            continue
        if name == "features.customer_margin_monthly":
            rows = frame[pd.to_datetime(frame["month_end_date"]) <= AS_OF]
        else:
            rows = frame[pd.to_datetime(frame["as_of_date"]) == AS_OF]
        # How many loads the sources came in is not a fact about customers.
        found[name] = rows.drop(columns="last_load_id", errors="ignore").reset_index(drop=True)
    return found


def test_sources_cut_at_the_as_of_date_and_shuffled_give_the_same_month_to_the_bit_though_runs_were_killed(
    small: Deployment, killed: Deployment
) -> None:
    rows = {
        name: len(pd.read_parquet(deployment.folder / "source" / "contracts.parquet"))
        for name, deployment in {"whole": small, "cut": killed}.items()
    }
    assert rows["cut"] < rows["whole"], "the cut must take something away"
    expected, found = _as_of(small), _as_of(killed)
    assert expected.keys() == found.keys()
    assert len(expected["segments.customer_segments"]) > 900
    for name in expected:
        pd.testing.assert_frame_equal(found[name], expected[name], obj=name)


def test_every_row_that_was_known_is_loaded_once_though_runs_were_killed(small: Deployment, killed: Deployment) -> None:
    for table, known in KNOWN_SINCE.items():
        query = f"select * exclude (_load_id) from raw.{table} where {known} <= date '{AS_OF}' order by all"
        expected = small.frame(query)
        assert len(expected) > 0
        pd.testing.assert_frame_equal(killed.frame(query), expected, obj=table)
        assert killed.frame(f"select count(*) as n from raw.{table}")["n"].item() == len(expected), table


def test_the_current_view_shows_the_month_though_runs_were_killed(small: Deployment, killed: Deployment) -> None:
    query = f"select * from bi.{{}} where as_of_date = '{AS_OF}' order by customer_id"
    pd.testing.assert_frame_equal(
        killed.frame(query.format("customer_segments")), small.frame(query.format("customer_segment_history"))
    )
