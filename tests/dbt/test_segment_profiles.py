"""What sets a segment apart, how it has changed, what it shares with others, and what is recommended for it."""

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestration.dagster_support.dbt import dbt_variables
from orchestration.settings import Settings
from tests.dbt.in_memory import connect, create_views

PROFILES = """
    version_id varchar, as_of_date date, scheme varchar, segment varchar, customers bigint, share double,
    measure varchar, customers_known bigint, mean_value double, p10_value double, median_value double,
    p90_value double"""
MEMBERS = """
    version_id varchar, as_of_date date, customer_id varchar, market_segment varchar, lifecycle_stage varchar,
    value_decile integer, value_decile_fixed integer, cluster_id varchar"""


@pytest.fixture(scope="module")
def lake(compiled: Path) -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute(f"create table lake.segments.segment_profiles ({PROFILES})")
    connection.execute(f"create table lake.segments.customer_segments ({MEMBERS})")
    published = "version_id varchar, as_of_date date, previous_version_id varchar, is_current boolean"
    for catalog in ("lake", "workspace"):
        connection.execute(f"create table {catalog}.intermediate.published_versions ({published})")
        connection.execute(
            f"insert into {catalog}.intermediate.published_versions values ('v1', '2025-11-30', null, false),"
            " ('v2', '2025-12-31', 'v1', true)"
        )
    given = {"segment_profiles", "customer_segments", "published_versions"}
    for view in ("bi__segment_profiles", "bi__segment_treatments", "bi__segment_overlaps"):
        create_views(connection, compiled, view, given=given)
    return connection


def profile(version: str, segment: str, customers: int, mean: float, scheme: str = "lifecycle_stage") -> dict[str, Any]:
    """A segment whose p10 and p90 are those of a normal distribution with standard deviation 10."""
    return {
        "version_id": version, "as_of_date": "2025-12-31", "scheme": scheme, "segment": segment,
        "customers": customers, "share": 0.5, "measure": "monthly_fee", "customers_known": customers,
        "mean_value": mean, "p10_value": mean - 12.815, "median_value": mean, "p90_value": mean + 12.815,
    }  # fmt: skip


def fill(lake: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    lake.execute(f"delete from lake.segments.{table}")
    lake.register("rows", pd.DataFrame(rows))
    lake.execute(f"insert into lake.segments.{table} by name select * from rows")
    lake.unregister("rows")


def test_an_effect_size_compares_with_the_rest_of_the_scheme_and_small_cells_have_none(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    fill(lake, "segment_profiles", [
        profile("v2", "mature", 100, 50.0), profile("v2", "at_risk", 300, 30.0), profile("v2", "dormant", 9, 90.0),
        profile("v2", "churned", 9, 90.0), profile("v1", "mature", 100, 45.0), profile("v1", "at_risk", 9, 30.0),
        profile("v1", "churned", 9, 90.0),
    ])  # fmt: skip
    found = lake.execute("select * from result.bi__segment_profiles where version_id = 'v2'").to_arrow_table()
    by_segment = found.to_pandas().set_index("segment")
    rest = (300 * 30 + 18 * 90) / 318
    assert by_segment.loc["mature", "effect_size"] == pytest.approx((50 - rest) / 10, rel=1e-6)
    assert pd.isna(by_segment.loc["dormant", "effect_size"])
    assert by_segment["mean_change"].fillna(0).to_dict() == {"mature": 5, "at_risk": 0, "dormant": 0, "churned": 0}


def test_a_segment_has_its_treatment_and_its_change_and_one_without_a_treatment_has_none(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    fill(lake, "segment_profiles", [
        profile("v2", "at_risk", 30, 1.0), profile("v1", "at_risk", 20, 1.0),
        profile("v2", "3", 30, 1.0, "value_decile"),
    ])  # fmt: skip
    found = lake.execute("select * from result.bi__segment_treatments where version_id = 'v2'").to_arrow_table()
    rows = found.to_pandas().set_index("segment")
    assert rows.loc["at_risk", ["customers", "customers_change", "channel"]].tolist() == [30, 10, "phone"]
    assert rows.loc["at_risk", "treatment"] == "Find out what is wrong before offering anything."
    assert pd.isna(rows.loc["3", "treatment"])


def people(market: str, stage: str, count: int) -> list[dict[str, Any]]:
    return [
        {"version_id": "v2", "as_of_date": "2025-12-31", "customer_id": f"{market} {stage} {number}",
         "market_segment": market, "lifecycle_stage": stage}
        for number in range(count)
    ]  # fmt: skip


def overlaps(lake: duckdb.DuckDBPyConnection, scheme: str, other_scheme: str) -> pd.DataFrame:
    found = lake.execute(
        "select * from result.bi__segment_overlaps where scheme = ? and other_scheme = ?", [scheme, other_scheme]
    )
    return found.to_arrow_table().to_pandas().set_index(["segment", "other_segment"])


def test_segments_that_go_together_have_a_lift_above_one(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake, "customer_segments", [
        *people("consumer", "mature", 60), *people("consumer", "at_risk", 20), *people("enterprise", "mature", 20),
        *people("enterprise", "at_risk", 10),
    ])  # fmt: skip
    rows = overlaps(lake, "market_segment", "lifecycle_stage")
    assert rows.loc[("consumer", "mature"), ["customers", "share"]].tolist() == [60, 0.75]
    assert rows.loc[("consumer", "mature"), "lift"] == pytest.approx(0.75 / (80 / 110))
    turned = overlaps(lake, "lifecycle_stage", "market_segment")
    assert turned.loc[("mature", "consumer"), ["customers", "share"]].tolist() == [60, 0.75]
    assert turned.loc[("at_risk", "consumer"), "share"] == pytest.approx(20 / 30)


def test_a_small_overlap_of_two_by_two_segments_holds_back_all_four(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake, "customer_segments", [
        *people("consumer", "mature", 60), *people("consumer", "at_risk", 20), *people("enterprise", "mature", 20),
        *people("enterprise", "at_risk", 9),
    ])  # fmt: skip
    rows = overlaps(lake, "market_segment", "lifecycle_stage")
    assert rows[["customers", "share", "lift"]].isna().all(axis=None)


@settings(max_examples=25)
@given(
    counts=st.integers(2, 5).flatmap(
        lambda stages: st.lists(
            st.lists(st.sampled_from([0, 0, 1, 4, 9, 10, 11, 12, 25]), min_size=stages, max_size=stages),
            min_size=2,
            max_size=5,
        )
    )
)
def test_no_overlap_that_is_held_back_is_a_published_total_less_the_overlaps_shown(
    lake: duckdb.DuckDBPyConnection, counts: list[list[int]]
) -> None:
    """But where all of a segment is in one other: then its total says so, whatever is held back."""
    cells = {(f"m{row}", f"s{column}"): count for row, line in enumerate(counts) for column, count in enumerate(line)}
    given_rows = [person for (market, stage), count in cells.items() for person in people(market, stage, count)]
    assume(given_rows)
    fill(lake, "customer_segments", given_rows)
    for scheme, other, position in (("market_segment", "lifecycle_stage", 0), ("lifecycle_stage", "market_segment", 1)):
        shown = overlaps(lake, scheme, other)["customers"]
        sizes = pd.Series({key if position == 0 else key[::-1]: n for key, n in cells.items() if n})
        assert set(shown.index) == set(sizes.index)
        assert shown[shown.notna()].equals(sizes[shown[shown.notna()].index].astype(shown.dtype))
        assert shown[sizes[sizes < 10].index].isna().all()
        for _, of_segment in sizes.groupby(level=0):
            held_back = of_segment[shown[of_segment.index].isna()]
            assert len(held_back) != 1 or len(of_segment) == 1
            assert held_back.empty or held_back.sum() >= 10 or len(held_back) == len(of_segment)


def test_a_settings_file_names_only_the_treatments_that_it_adds_or_changes() -> None:
    chosen = Settings.model_validate({
        "treatments": {"lifecycle_stage": {"at_risk": {"channel": "sms"}}, "value_decile": {1: {"treatment": "Call."}}}
    })  # fmt: skip
    rows = {(each["scheme"], each["segment"]): each for each in dbt_variables(chosen)["treatments"]}
    assert rows["lifecycle_stage", "at_risk"]["channel"] == "sms"
    assert rows["lifecycle_stage", "at_risk"]["treatment"] == "Find out what is wrong before offering anything."
    assert rows["value_decile", "1"]["treatment"] == "Call."
    assert rows.keys() >= {("lifecycle_stage", "mature"), ("market_segment", "consumer")}
