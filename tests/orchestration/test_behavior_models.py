"""The registry of fitted clusters on a real lake: kept from month to month, loadable for every version."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.behavior.parameters import BehaviorParameters
from orchestration.lake.migrations import migrate
from orchestration.lake.warehouse import Warehouse
from orchestration.segments.behavior_models import load_champion
from orchestration.segments.candidate import Candidate
from orchestration.segments.registry import Input
from orchestration.segments.steps.behavior import cluster_populations
from orchestration.segments.tables import write_tables
from orchestration.segments.versions import (
    Provenance,
    open_candidates,
    publish,
    record_outcome,
    rollback,
)
from orchestration.settings import WarehouseSettings
from tests.models.planted_customers import planted

# Little evidence is enough here: what is tested is what is written and read again.
PARAMETERS = dict.fromkeys(
    ("consumer", "business"),
    BehaviorParameters(largest_k=5, mixture_largest_k=2, resamples=2, splits=1, outcome_months=1),
)
INPUTS = (Input("features.customer_features"),)
OCTOBER = Candidate("2026-10-31.1", date(2026, 10, 31), None, "")
NOVEMBER = Candidate("2026-11-30.1", date(2026, 11, 30), "2026-10-31.1", "")
DECEMBER = Candidate("2026-12-31.1", date(2026, 12, 31), "2026-11-30.1", "")


def write_month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: Mapping[str, BehaviorParameters]
) -> None:
    write_tables(connection, candidate, cluster_populations(connection, candidate, parameters).tables)


def features(candidate: Candidate, population: str, customers: int, seed: int) -> pd.DataFrame:
    frame = planted(customers, seed)[0].assign(as_of_date=candidate.as_of_date, population=population)
    return frame.assign(customer_id=population[0] + frame["customer_id"], margin_3m_mean=12.5)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two steady months, then one in which every night share has tripled; two customers leave in the second."""
    folder: Path = tmp_path_factory.mktemp("lake")
    with Warehouse(WarehouseSettings(path=folder, threads=1)).writer() as connection:
        migrate(connection)
        months = []
        for candidate in (OCTOBER, NOVEMBER, DECEMBER):
            consumers, business = features(candidate, "consumer", 600, 0), features(candidate, "business", 30, 1)
            consumers["is_open"] = ~((consumers.index < 2) & (candidate is not OCTOBER))
            if candidate is DECEMBER:
                consumers["night_share_3m"] = np.minimum(3 * consumers["night_share_3m"], 0.9)
            months += [consumers, business]
        every = pd.concat(months, ignore_index=True)
        connection.register("every", every)
        connection.execute("create table features.customer_features as select * from every")
        for candidate in (OCTOBER, NOVEMBER, DECEMBER):
            write_month(connection, candidate, PARAMETERS)
        yield connection


def test_a_model_is_kept_until_drift_and_the_registry_says_why(lake):
    rows = lake.execute(
        "select version_id, decision, fitted_version_id, drift_status from segments.behavior_models"
        " where population = 'consumer' order by version_id"
    ).fetchall()
    assert rows == [
        ("2026-10-31.1", "fitted", "2026-10-31.1", None),
        ("2026-11-30.1", "kept", "2026-10-31.1", "steady"),
        ("2026-12-31.1", "fitted", "2026-12-31.1", "act"),
    ]


def test_bytes_are_stored_once_a_fit(lake):
    stored = lake.execute("select model_id from segments.behavior_model_files order by all").fetchall()
    assert ("consumer-2026-10-31.1",) in stored
    assert ("consumer-2026-11-30.1",) not in stored


@pytest.mark.parametrize("candidate", [OCTOBER, NOVEMBER, DECEMBER])
def test_the_model_of_any_version_scores_as_that_version_did(lake, candidate):
    champion = load_champion(lake, candidate.version_id, "consumer")
    frame = lake.execute(
        "select f.*, s.cluster_id from features.customer_features as f inner join segments.customer_behavior as s"
        " on f.customer_id = s.customer_id and s.version_id = ?"
        " where f.as_of_date = ? and s.behavior_status = 'clustered' and s.population = 'consumer'",
        [candidate.version_id, candidate.as_of_date],
    ).df()
    assert len(frame) > 500
    labels = champion.model.predict(frame)
    assert (np.array(champion.cluster_ids, dtype=object)[labels] == frame["cluster_id"]).all()


def test_a_month_written_again_is_the_same(lake):
    tables = ("customer_behavior", "behavior_clusters", "behavior_models", "behavior_model_files", "behavior_events")
    sql = "select * from segments.{} where version_id = '2026-11-30.1' order by all"
    before = {table: lake.execute(sql.format(table)).fetchall() for table in tables}
    write_month(lake, NOVEMBER, PARAMETERS)
    assert {table: lake.execute(sql.format(table)).fetchall() for table in tables} == before


def test_later_churn_and_margin_are_those_of_the_month_before(lake):
    left = lake.execute(
        "select sum(later_churn_rate * customers), min(later_margin) from segments.behavior_clusters"
        " where version_id = '2026-11-30.1' and population = 'consumer'"
    ).fetchone()
    assert left[0] == pytest.approx(2, abs=0.05)
    assert left[1] == pytest.approx(12.5)
    first = "select later_churn_rate from segments.behavior_clusters where version_id = '2026-10-31.1'"
    assert set(lake.execute(first).fetchall()) == {(None,)}


def test_a_model_with_other_bytes_is_refused(lake):
    lake.execute("begin")
    lake.execute("update segments.behavior_models set sha256 = 'other' where version_id = '2026-12-31.1'")
    with pytest.raises(ValueError, match="do not match the registered SHA-256"):
        load_champion(lake, "2026-12-31.1", "consumer")
    lake.execute("rollback")


OLD = BehaviorParameters(largest_k=5, mixture_largest_k=4, resamples=2, splits=1, outcome_months=1, evidence_sample=300)
NEW = replace(OLD, largest_k=2, mixture_largest_k=2)


@pytest.fixture(scope="module")
def rolled_back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """October by the old settings; it again and November by new ones that see fewer clusters; October rolled back."""
    with Warehouse(WarehouseSettings(path=tmp_path_factory.mktemp("rolled_back"), threads=1)).writer() as connection:
        migrate(connection)
        every = pd.concat([features(candidate, "consumer", 400, 0) for candidate in (OCTOBER, NOVEMBER)])
        connection.register("every", every)
        connection.execute("create table features.customer_features as select * from every")
        assert make(connection, OCTOBER.as_of_date, OLD) == "2026-10-31.1"
        assert make(connection, OCTOBER.as_of_date, NEW) == "2026-10-31.2"
        assert make(connection, NOVEMBER.as_of_date, NEW) == "2026-11-30.1"
        assert rollback(connection, "2026-10-31.1", datetime(2026, 12, 2)) == "2026-10-31.2"
        yield connection


def make(connection: duckdb.DuckDBPyConnection, day: date, parameters: BehaviorParameters) -> str:
    """Make and publish the next version of a month as a run with these settings does; return its id."""
    now = datetime(2026, 12, 1)
    (candidate,) = open_candidates(connection, [day], Provenance("run", "code", repr(parameters), INPUTS), now)
    write_month(connection, candidate, {"consumer": parameters})
    record_outcome(connection, candidate.version_id, {}, [])
    publish(connection, [candidate.version_id], now)
    return candidate.version_id


def consumer_model(connection: duckdb.DuckDBPyConnection, version_id: str) -> tuple[str, ...]:
    found = connection.execute(
        "select model_id, decision, reason from segments.behavior_models where version_id = ?", [version_id]
    ).fetchall()
    assert len(found) == 1
    return found[0]


def test_after_a_rollback_later_months_are_scored_by_the_model_of_the_version_that_is_back(rolled_back):
    # Of November the version made on what is withdrawn stays until the month is run again.
    assert consumer_model(rolled_back, "2026-11-30.1")[0] == "consumer-2026-10-31.2"
    assert make(rolled_back, NOVEMBER.as_of_date, OLD) == "2026-11-30.2"
    assert consumer_model(rolled_back, "2026-11-30.2")[:2] == ("consumer-2026-10-31.1", "kept")
    moved = rolled_back.execute(
        "select count(*), count(*) filter (before.cluster_id is distinct from now.cluster_id)"
        " from segments.customer_behavior as before inner join segments.customer_behavior as now using (customer_id)"
        " where before.version_id = '2026-10-31.1' and now.version_id = '2026-11-30.2'"
    ).fetchone()
    assert moved == (400, 0)
    # What is withdrawn can be looked at still, and brought back.
    withdrawn = load_champion(rolled_back, "2026-10-31.2", "consumer")
    assert withdrawn.model.n_clusters_ < load_champion(rolled_back, "2026-10-31.1", "consumer").model.n_clusters_


def test_after_a_rollback_under_other_settings_a_new_model_takes_over_its_ids(rolled_back):
    version_id = make(rolled_back, NOVEMBER.as_of_date, replace(OLD, resamples=3))
    assert consumer_model(rolled_back, version_id) == (
        f"consumer-{version_id}",
        "fitted",
        "the settings have changed",
    )
    assert load_champion(rolled_back, version_id, "consumer").cluster_ids == (
        load_champion(rolled_back, "2026-10-31.1", "consumer").cluster_ids
    )
    events = "select distinct event from segments.behavior_events where version_id = ?"
    assert rolled_back.execute(events, [version_id]).fetchall() == [("kept",)]
