"""What every run pays for however small the base, held by number: relations in the catalog, commits, records of events.

A connection reads the catalog's relations, a commit makes all of them be read again. Time tells of neither before it is
long, so a number here goes up only where somebody has decided that it may.
"""

from collections import Counter
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterInstance

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings
from tests.pipeline.deployments import MONTHS, Deployment

pytestmark = pytest.mark.slow

# What outlives a run, of the layers that are built for one.
KEPT = {
    "staging": {"session_days", "session_usage_days"},
    "intermediate": {
        *("customer_month_covariates", "margin_months", "published_versions", "service_addresses", "usage_months"),
    },
    "features": {
        *("account_knowledge_as_of", "customer_attributes_as_of", "customer_features", "customer_margin_monthly"),
        *("home_business_features", "mid_band_features"),
    },
}
COMMITS_OF_A_FIRST_RUN = 80
EVENTS_OF_AN_ASSET = (DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_MATERIALIZATION)
EVENTS_OF_A_CHECK = (DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION)
EVENTS_BESIDE = 90


def test_the_lake_holds_what_outlives_a_run_and_the_workspace_is_gone(small: Deployment) -> None:
    relations = small.frame(
        "select table_schema, table_name from information_schema.tables where table_catalog = 'lake'"
        f" and table_schema in {tuple(KEPT)}"
    )
    assert relations.groupby("table_schema")["table_name"].agg(set).to_dict() == KEPT
    assert not Warehouse(load_settings(small.settings_file).warehouse).workspace_file.exists()


def test_a_first_run_commits_to_the_catalog_no_more_often_than_it_did(small: Deployment) -> None:
    commits = small.frame("select count(*) as n from ducklake_snapshots('lake')")["n"].iloc[0]
    assert commits <= COMMITS_OF_A_FIRST_RUN


def test_every_table_has_statistics(small: Deployment) -> None:
    unknown = small.frame("""
        select table_name from __ducklake_metadata_lake.ducklake_table
        where
            end_snapshot is null
            and table_id not in (select table_id from __ducklake_metadata_lake.ducklake_table_stats)
    """)
    assert unknown.empty, unknown


def test_dagsters_record_has_one_event_of_a_kind_for_an_asset_or_check_and_few_beside(small: Deployment) -> None:
    with DagsterInstance.from_config(str(Path(small.folder, "dagster"))) as instance:
        (run,) = (run for run in instance.get_runs() if run.job_name == "monthly_segmentation")
        logged = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
    kinds = Counter(event.event_type if event else None for event in logged)
    months = Counter((event.event_type, event.asset_key, event.partition) for event in logged if event is not None)
    of_assets = [count for (kind, *_), count in months.items() if kind in EVENTS_OF_AN_ASSET]
    assert max(of_assets) == 1
    assert kinds[DagsterEventType.STEP_OUTPUT] == sum(of_assets) / 2 / len(MONTHS) + kinds[EVENTS_OF_A_CHECK[0]]
    assert kinds[EVENTS_OF_A_CHECK[0]] == kinds[EVENTS_OF_A_CHECK[1]]
    known = {*EVENTS_OF_AN_ASSET, *EVENTS_OF_A_CHECK, DagsterEventType.STEP_OUTPUT}
    assert sum(count for kind, count in kinds.items() if kind not in known) <= EVENTS_BESIDE
