"""What sales and partners call a cluster, beside the name that behavior gives it."""

from datetime import date
from pathlib import Path

import pandas as pd

from orchestration.segments.candidate import Candidate
from orchestration.segments.registry import versioned_tables
from orchestration.segments.steps.account_agreement import make_month
from orchestration.settings import Settings
from tests.dbt.in_memory import connect

AS_OF = date(2025, 12, 31)
CLUSTERS = {"business-01": "trade", "business-02": "health", "business-03": None}
READ = ("behavior_clusters", "customer_behavior", "mid_band_needs", "segment_tags")


def test_a_cluster_that_a_tag_agrees_with_shows_it_and_keeps_the_name_of_its_behavior(compiled: Path) -> None:
    connection = connect()
    for name in READ:
        columns = ", ".join(f"{column} {kind}" for column, kind in versioned_tables()[name].types.items())
        connection.execute(f"create table segments.{name} ({columns})")
    connection.execute("create table intermediate.published_versions as select 'v' as version_id")
    connection.execute(
        "create table features.account_knowledge_as_of"
        " (as_of_date date, customer_id varchar, tag varchar, tag_value varchar)"
    )
    for cluster, value in CLUSTERS.items():
        key = ["v", AS_OF, cluster]
        connection.execute(
            "insert into segments.behavior_clusters (version_id, as_of_date, cluster_id, cluster_name)"
            " values (?, ?, ?, ?)",
            [*key, f"Behavior of {cluster}"],
        )
        connection.execute(
            "insert into segments.customer_behavior (version_id, as_of_date, cluster_id, customer_id)"
            " select ?, ?, ?, ? || i from range(30) as numbers(i)",
            [*key, cluster],
        )
        if value:
            connection.execute(
                "insert into features.account_knowledge_as_of"
                " select ?, ? || i, 'focus', ? from range(30) as numbers(i)",
                [AS_OF, cluster, value],
            )
    candidate = Candidate(version_id="v", as_of_date=AS_OF, previous_version_id=None, changes="")
    names = make_month(connection, candidate, Settings()).tables["segment_tags"]
    assert isinstance(names, pd.DataFrame)
    connection.register("found", names.assign(version_id="v", as_of_date=AS_OF))
    connection.execute("insert into segments.segment_tags by name from found")

    shown = connection.execute((compiled / "bi" / "bi__behavior_clusters.sql").read_text()).df()
    assert dict(zip(shown["cluster_id"], shown["cluster_name"], strict=True)) == {
        cluster: f"Behavior of {cluster}" for cluster in CLUSTERS
    }
    known_as = shown.set_index("cluster_id")["known_as"].dropna().to_dict()
    assert known_as == {"business-01": "focus: trade", "business-02": "focus: health"}
