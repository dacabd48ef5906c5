"""The registry of fitted clusters on a real lake: kept from month to month, loadable for every version."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.behavior_parameters import BehaviorParameters
from orchestration.defs.segments.behavior import write_month
from orchestration.lib.behavior_models import load_champion
from orchestration.lib.segment_tables import ensure_segment_tables
from orchestration.lib.settings import WarehouseSettings
from orchestration.lib.versions import Candidate
from orchestration.lib.warehouse import Warehouse
from tests.models.planted_customers import planted

# Little evidence is enough here: what is tested is what is written and read again.
PARAMETERS = dict.fromkeys(("consumer", "business"), BehaviorParameters(largest_k=5, resamples=2, outcome_months=1))
OCTOBER = Candidate("2026-10-31.1", date(2026, 10, 31), None, "")
NOVEMBER = Candidate("2026-11-30.1", date(2026, 11, 30), "2026-10-31.1", "")
DECEMBER = Candidate("2026-12-31.1", date(2026, 12, 31), "2026-11-30.1", "")


def features(candidate: Candidate, population: str, customers: int, seed: int) -> pd.DataFrame:
    frame = planted(customers, seed)[0].assign(as_of_date=candidate.as_of_date, population=population)
    return frame.assign(customer_id=population[0] + frame["customer_id"], margin_3m_mean=12.5)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two steady months, then one in which every night share has tripled; two customers leave in the second."""
    folder: Path = tmp_path_factory.mktemp("lake")
    with Warehouse(WarehouseSettings(path=folder)).writer() as connection:
        ensure_segment_tables(connection)
        months = []
        for candidate in (OCTOBER, NOVEMBER, DECEMBER):
            consumers, business = features(candidate, "consumer", 900, 0), features(candidate, "business", 30, 1)
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
    assert len(frame) > 800
    labels = champion.model.predict(frame)
    assert (np.array(champion.cluster_ids, dtype=object)[labels] == frame["cluster_id"]).all()


def test_a_month_written_again_is_the_same(lake):
    tables = ("customer_behavior", "behavior_clusters", "behavior_models", "behavior_model_files", "cluster_events")
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
