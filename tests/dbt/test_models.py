"""dbt's own unit tests, our generic tests, and the views that are built."""

import json

from orchestration.dagster_support.dbt import ensure_manifest
from tests.dbt.lakes import LAST_MONTH, RUN, Lake

INLINE = """
    select 'a key' as scenario, count(*) as failures
    from ({{ test_unique_combination("(select 1 as a, 1 as b union all select 1, 2) as t", ['a', 'b']) }}) as t
    union all
    select 'a repeated key', count(*)
    from ({{ test_unique_combination("(select 1 as a, 1 as b union all select 1, 1) as t", ['a', 'b']) }}) as t
    union all
    select 'a missing key', count(*)
    from ({{ test_unique_combination("(select 1 as a, null as b) as t", ['a', 'b']) }}) as t
    union all
    select 'another month', count(*)
    from ({{ test_unique_combination(
        "(select date '2020-01-31' as as_of_date from range(2)) as t", ['as_of_date'], scope='run_months'
    ) }}) as t
    union all
    select 'this month', count(*)
    from ({{ test_unique_combination(
        "(select date '2025-12-31' as as_of_date from range(2)) as t", ['as_of_date'], scope='run_months'
    ) }}) as t
    union all
    select 'another version', count(*)
    from ({{ test_expression_holds(
        "(select '2020-01-31.1' as version_id) as t", 'false', scope='run_versions'
    ) }}) as t
    union all
    select 'it holds', count(*) from ({{ test_expression_holds("(select 1 as a) as t", 'a = 1') }}) as t
    union all
    select 'it does not hold', count(*) from ({{ test_expression_holds("(select 2 as a) as t", 'a = 1') }}) as t
    union all
    select 'it is not known', count(*) from ({{ test_expression_holds("(select null as a) as t", 'a = 1') }}) as t
"""


def test_unit_tests_of_the_models_pass(built_lake: Lake) -> None:
    assert "PASS=0" not in built_lake.dbt("test", "--select", "test_type:unit")


def test_generic_tests_find_what_they_are_for(built_lake: Lake) -> None:
    shown = built_lake.dbt("show", "--inline", INLINE, "--output", "json", "--limit", "20")
    rows, _ = json.JSONDecoder().raw_decode(shown[shown.index("{") :])
    found = {row["scenario"]: row["failures"] for row in rows["show"]}
    assert found == {
        "a key": 0,
        "a repeated key": 1,
        "a missing key": 1,
        "another month": 0,
        "this month": 1,
        "another version": 0,
        "it holds": 0,
        "it does not hold": 1,
        "it is not known": 1,
    }


def test_views_are_replaced_only_when_they_are_not_what_they_should_be(built_lake: Lake) -> None:
    count = "select count(*) as found from ducklake_snapshots('lake')"
    snapshots = built_lake.frame(count)["found"].iloc[0]
    again = built_lake.dbt("run", "--select", "bi")
    assert again.count("[UNCHANGED in") > 30
    assert "[OK in" not in again
    assert built_lake.frame(count)["found"].iloc[0] == snapshots

    with built_lake.warehouse.writer() as connection:
        connection.execute("create or replace view bi.value_deciles as select 1 as value_decile")
        connection.execute("comment on view bi.churn_kinds is 'out of date'")
    made_again = built_lake.dbt("run", "--select", "bi__value_deciles", "bi__churn_kinds", "bi__value_drift")
    assert (made_again.count("[OK in"), made_again.count("[UNCHANGED in")) == (2, 1)
    assert len(built_lake.frame("describe bi.value_deciles")) > 10


def test_a_view_that_outlives_a_run_reads_nothing_that_goes_with_it(built_lake: Lake) -> None:
    nodes = json.loads(ensure_manifest(built_lake.settings).read_text())["nodes"]
    views = {
        name: [parent for parent in node["depends_on"]["nodes"] if nodes.get(parent, node)["database"] != "lake"]
        for name, node in nodes.items()
        if (node["database"], node["config"]["materialized"]) == ("lake", "view")
    }
    assert len(views) > 30
    assert {name: read for name, read in views.items() if read} == {}


def test_a_run_sees_the_scope_of_its_own_and_of_no_other_run(built_lake: Lake) -> None:
    def in_force(run_id: str | None) -> list[tuple[object, ...]]:
        with built_lake.warehouse.writer() as connection:
            if run_id is not None:
                connection.execute("set variable segmentation_run_id = ?", [run_id])
            return connection.execute("select version_id, is_candidate from intermediate.versions_in_force").fetchall()

    assert in_force(RUN) == [(f"{LAST_MONTH}.1", True)]
    assert in_force("another run") == in_force(None) == []
