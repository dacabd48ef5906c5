"""Attributes of customers: known from their day on, columns of the clusters' features, measures of the profiles."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from models.behavior.parameters import BehaviorParameters
from orchestration.dagster_support.dbt import parsed_manifest
from orchestration.segments.behavior_models import CONSUMER, features_of
from orchestration.segments.registry import versioned_tables
from orchestration.settings import Settings
from tests.dbt.in_memory import connect, create_views

ATTRIBUTES = "customer_id varchar, attribute varchar, attribute_value varchar, known_from_date date"
KNOWN = ("stg_customer_attributes", "customer_attributes_as_of")
MEMBERS = """
    version_id varchar, as_of_date date, customer_id varchar, market_segment varchar, lifecycle_stage varchar,
    value_decile integer, value_decile_fixed integer, cluster_id varchar, monthly_fee double, net_revenue_12m double,
    margin_12m double, past_value double, future_value double, total_value double, churn_probability_3m double,
    tenure_months integer, product_families integer, gb_month_3m double, upload_share_3m double, late_share_12m double,
    contacts_3m integer"""


def known(compiled: Path, rows: str) -> duckdb.DuckDBPyConnection:
    """A lake with rows of the source table, of which the months May and June 2026 are built."""
    connection = connect()
    connection.execute(f"create table lake.raw.customer_attributes ({ATTRIBUTES}, _load_id bigint default 1)")
    names = ", ".join(column.split()[0] for column in ATTRIBUTES.split(", "))
    connection.execute(f"insert into lake.raw.customer_attributes by name select * from (values {rows}) as t({names})")
    connection.execute(
        "create table workspace.intermediate.months as select unnest([date '2026-05-31', date '2026-06-30'])"
        " as month_end_date, true as is_run_month"
    )
    create_views(connection, compiled, "customer_attributes_as_of", given={"months"})
    return connection


def test_an_attribute_is_known_from_its_day_on_until_it_is_taken_back(compiled: Path) -> None:
    connection = known(compiled, """
        ('a', 'Risk_Class ', 'high', date '2026-05-31'), ('a', 'risk_class', 'low', date '2026-06-01'),
        ('b', 'risk_class', 'high', date '2026-06-30'), ('c', 'risk_class', 'high', date '2026-07-01'),
        ('d', 'risk_class', 'high', date '2026-01-01'), ('d', 'risk_class', null, date '2026-06-15'),
        ('e', 'score', ' 7.5 ', date '2026-01-01'), ('e', 'phone', '4366012345678', date '2026-01-01'),
        ('e', 'odd', 'nan', date '2026-01-01')
    """)  # fmt: skip
    found = connection.execute(
        "select strftime(as_of_date, '%m') || customer_id || attribute, attribute_value, attribute_number"
        " from result.customer_attributes_as_of"
    ).fetchall()
    assert {key: (value, number) for key, value, number in found} == {
        "05arisk_class": ("high", None), "06arisk_class": ("low", None), "06brisk_class": ("high", None),
        "05drisk_class": ("high", None),
        "05escore": ("7.5", 7.5), "06escore": ("7.5", 7.5), "05eodd": ("nan", None), "06eodd": ("nan", None),
        # Too long for a number that could be averaged.
        "05ephone": ("4366012345678", None), "06ephone": ("4366012345678", None),
    }  # fmt: skip


def test_the_clusters_features_have_a_column_for_each_attribute_that_the_settings_name() -> None:
    connection = connect()
    connection.execute("""
        use lake;
        create table features.customer_features as select 'a' as customer_id, date '2026-06-30' as as_of_date
            union all select 'b', date '2026-06-30' union all select 'a', date '2026-05-31';
        create table features.customer_attributes_as_of as
            select * from (values ('a', 'score', '7', 7.0), ('a', 'it''s', 'so "so"', null), ('a', 'other', 'x', null))
                as t(customer_id, attribute, attribute_value, attribute_number),
                (select date '2026-06-30' as as_of_date)
    """)
    parameters = BehaviorParameters(attributes={"score": "number", "it's": ['so "so"', "no"]})
    rows = connection.execute(
        f"select * from {features_of(CONSUMER, parameters)} order by as_of_date, customer_id"
    ).df()
    assert list(rows) == [
        *("customer_id", "as_of_date", "attribute_score"), "attribute_it's=so \"so\"", "attribute_it's=no",
    ]  # fmt: skip
    assert rows.iloc[2, 2:].isna().all(), "what is not known is not zero"
    assert rows.iloc[1, 2:].tolist() == [7.0, 1.0, 0.0]
    assert rows.iloc[0, 2:].isna().all(), "May did not know it"
    assert features_of(CONSUMER, BehaviorParameters()) == "features.customer_features"


@pytest.fixture
def profiles(compiled: Path) -> pd.DataFrame:
    """Ten customers of one stage: scores 1 to 9, six of them low risk, two high, and a text of its own for each."""
    rows = ", ".join(
        [f"('c{n}', 'score', '{n}', date '2026-06-01')" for n in range(1, 10)]
        + [f"('c{n}', 'risk', '{'low' if n < 6 else 'high'}', date '2026-06-01')" for n in range(8)]
        + [f"('c{n}', 'note', 'text {n}', date '2026-06-01')" for n in range(40)]
        + ["('c9', 'risk', 'none of stage', date '2026-06-01')"]
    )
    connection = known(compiled, rows)
    connection.execute(f"create table lake.segments.customer_segments ({MEMBERS})")
    connection.execute("""
        insert into lake.segments.customer_segments by name
        select 'v1' as version_id, date '2026-06-30' as as_of_date, 'c' || i as customer_id,
            if(i = 9, 'pending', 'mature') as lifecycle_stage, 10.0 as monthly_fee
        from range(10) as t(i)
    """)
    connection.execute("""
        create table workspace.intermediate.versions_in_force as select 'v1' as version_id, true as is_candidate;
        create view lake.features.customer_attributes_as_of as from result.customer_attributes_as_of
    """)
    create_views(
        connection, compiled, "segment_profiles",
        given={"customer_segments", "versions_in_force", "months", *KNOWN},
    )  # fmt: skip
    found = connection.execute("select * from result.segment_profiles where scheme = 'lifecycle_stage'").df()
    return found.set_index(["segment", "measure"]).sort_index()


def test_profiles_show_numbers_by_their_spread_and_texts_by_the_share_of_each(profiles: pd.DataFrame) -> None:
    score = profiles.loc[("mature", "attribute_score")]
    assert (score["customers_known"], score["mean_value"], score["median_value"]) == (8, 4.5, 4.5)
    shares = {value: profiles.loc[("mature", f"attribute_risk={value}")] for value in ("low", "high", "none of stage")}
    assert {value: row["mean_value"] for value, row in shares.items()} == {
        "low": 0.75,
        "high": 0.25,
        "none of stage": 0,
    }
    assert {row["customers_known"] for row in shares.values()} == {8}
    assert profiles.loc[("pending", "attribute_risk=none of stage"), "mean_value"] == 1.0
    assert not [measure for _, measure in profiles.index if "note" in measure], "texts of which nearly all differ"


def test_no_model_of_churn_or_value_reads_attributes() -> None:
    manifest = parsed_manifest(Settings())

    def readers(name: str) -> set[str]:
        return {
            key.split(".")[-1] for key, node in manifest["nodes"].items()
            if key.startswith("model.") and any(each.endswith(f".{name}") for each in node["depends_on"]["nodes"])
        }  # fmt: skip

    assert readers("customer_attributes") == {"stg_customer_attributes"}
    assert readers("stg_customer_attributes") == {"customer_attributes_as_of"}
    assert readers("customer_attributes_as_of") == {"segment_profiles"}
    python = versioned_tables().values()
    reading = {
        each.meta["written_by"] for each in python if "features.customer_attributes_as_of" in each.meta.get("reads", ())
    }
    assert reading == {"behavior"}
