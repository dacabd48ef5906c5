"""Needs of organizations: sites and their redundancy, uptime, tenders, groups, look-alikes, channels; and tags that no
model reads."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.dagster_support.dbt import parsed_manifest
from orchestration.lake.declarations import declared_tables
from orchestration.segments.registry import versioned_tables
from orchestration.settings import Settings
from tests.dbt.in_memory import connect, create_views

AS_OF = date(2025, 12, 31)
GIVEN = {
    "workspace.intermediate.months": "month_end_date date, is_run_month boolean",
    "workspace.intermediate.versions_in_force": "version_id varchar, as_of_date date, is_candidate boolean",
    "workspace.intermediate.contract_states": """
        contract_id varchar, customer_id varchar, product_family varchar, product_code varchar, valid_from_date date,
        valid_to_date date, service_start_date date, end_date date, status varchar, address_id varchar,
        access_technology varchar, committed_until_date date, sales_channel varchar, reseller_customer_id varchar""",
    "workspace.intermediate.placeholder_customers_as_of": "as_of_date date, named_id varchar, reference varchar",
    "workspace.intermediate.customer_groups_as_of": """
        as_of_date date, customer_id varchar, group_id varchar, owns_others boolean""",
    "workspace.staging.stg_customers": "customer_id varchar, customer_type varchar, preferred_channel varchar",
    "workspace.staging.stg_service_quality": "contract_id varchar, quality_date date, outage_minutes bigint",
    "lake.segments.customer_market": """
        version_id varchar, customer_id varchar, market_segment varchar, group_id varchar, group_members bigint""",
    "lake.features.customer_features": """
        as_of_date date, customer_id varchar, has_internet boolean, has_tv boolean, has_fixed_voice boolean,
        has_mobile boolean, has_cloud boolean, has_security boolean, upload_share_3m double,
        business_hours_share_3m double, term_months integer""",
    "lake.features.account_knowledge_as_of": """
        as_of_date date, customer_id varchar, tag varchar, tag_value varchar""",
}
FAMILIES = ("has_internet", "has_tv", "has_fixed_voice", "has_mobile", "has_cloud", "has_security")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def lake(compiled: Path) -> duckdb.DuckDBPyConnection:
    connection = connect()
    for table, columns in GIVEN.items():
        connection.execute(f"create table {table} ({columns})")
    create_views(connection, compiled, "organization_needs", given={table.split(".")[-1] for table in GIVEN})
    return connection


def needs(lake: duckdb.DuckDBPyConnection, organizations: dict[str, Row], lines: list[Row], **more: list[Row]) -> Any:
    """Return needs by customer; what ``organizations`` say goes into whichever table has the column."""
    people = [
        {"version_id": "v", "as_of_date": AS_OF, "customer_id": name, "customer_type": "organization",
         "market_segment": "small_business"} | dict.fromkeys(FAMILIES, False) | given
        for name, given in organizations.items()
    ]  # fmt: skip
    held = [
        {"contract_id": f"K{number}", "product_family": "internet", "product_code": "NET", "status": "active",
         "valid_from_date": date(2024, 1, 1), "service_start_date": date(2024, 1, 1)} | line
        for number, line in enumerate(lines)
    ]  # fmt: skip
    tables = {
        "workspace.intermediate.months": [{"month_end_date": AS_OF, "is_run_month": True}],
        "workspace.intermediate.versions_in_force": [{"version_id": "v", "as_of_date": AS_OF, "is_candidate": True}],
        "workspace.intermediate.contract_states": held,
        "workspace.intermediate.customer_groups_as_of": [each for each in people if "group_id" in each],
        "workspace.staging.stg_customers": people,
        "workspace.staging.stg_service_quality": more.get("quality", []),
        "lake.segments.customer_market": people,
        "lake.features.customer_features": people,
        "lake.features.account_knowledge_as_of": more.get("tags", []),
    }
    for table in GIVEN:
        lake.execute(f"delete from {table}")
        names = [column.split()[0] for column in GIVEN[table].split(",")]
        rows = [{name: row[name] for name in names if name in row} for row in tables.get(table, [])]
        if rows:
            lake.register("rows", pd.DataFrame(rows))
            lake.execute(f"insert into {table} by name select * from rows")
            lake.unregister("rows")
    return lake.execute("select * from result.organization_needs").to_arrow_table().to_pandas().set_index("customer_id")


def test_a_second_line_or_technology_counts_at_the_site_it_is_at(lake: duckdb.DuckDBPyConnection) -> None:
    def line(customer: str, site: str | None, technology: str = "fiber", family: str = "internet") -> Row:
        return {
            "customer_id": customer, "address_id": site, "access_technology": technology, "product_family": family
        }  # fmt: skip

    lines = [
        line("both", "S1"), line("both", "S1", "dsl"), line("second", "S1"), line("second", "S1"),
        line("apart", "S1"), line("apart", "S2", "dsl"), line("voice", "S1"),
        line("voice", "S1", "dsl", "fixed_voice"), line("nowhere", None), line("nowhere", None, "dsl"),
    ]  # fmt: skip
    found = needs(lake, {name: {} for name in ("both", "second", "apart", "voice", "nowhere")}, lines)
    assert found["redundancy"].to_dict() == {
        "both": "two_technologies", "second": "second_line", "apart": "none", "voice": "none", "nowhere": "unknown",
    }  # fmt: skip
    assert found["sites"].fillna(0).to_dict() == {"both": 1, "second": 1, "apart": 2, "voice": 1, "nowhere": 0}


def test_uptime_is_that_of_the_worst_line_and_is_not_known_before_outages_were_on_record(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    lines = [{"customer_id": "A", "contract_id": "good"}, {"customer_id": "A", "contract_id": "bad"}]
    quality = [{"contract_id": "bad", "quality_date": date(2025, 10, 1), "outage_minutes": 1440},
               {"contract_id": "bad", "quality_date": date(2025, 9, 30), "outage_minutes": 1440}]  # fmt: skip
    found = needs(lake, {"A": {}}, lines, quality=quality).loc["A"]
    assert found["uptime_3m"] == pytest.approx(91 / 92)
    assert pd.isna(found["agreed_uptime"])
    assert pd.isna(found["is_uptime_missed"])
    late = [quality[0] | {"quality_date": date(2025, 10, 2)}]
    assert pd.isna(needs(lake, {"A": {}}, lines, quality=late).loc["A", "uptime_3m"])
    unmeasured = {"contract_id": "good", "quality_date": date(2025, 10, 2), "outage_minutes": None}
    assert pd.isna(needs(lake, {"A": {}}, lines, quality=[*quality, unmeasured]).loc["A", "uptime_3m"])


@pytest.mark.parametrize(
    ("commitment", "is_open"),
    [(date(2026, 12, 31), True), (date(2027, 1, 1), False), (date(2026, 7, 1), True), (date(2026, 6, 30), False)],
)
def test_a_tender_opens_and_closes_months_before_the_commitment_of_a_public_body_ends(
    lake: duckdb.DuckDBPyConnection, commitment: date, is_open: bool
) -> None:
    organizations = {"town": {"market_segment": "government"}, "shop": {}}
    lines = [{"customer_id": name, "committed_until_date": commitment} for name in organizations]
    found = needs(lake, organizations, lines)
    assert found["is_in_tender_window"].to_dict() == {"town": is_open, "shop": False}
    assert pd.isna(found.loc["shop", "tender_opens_date"])


def test_a_product_that_half_of_the_look_alikes_hold_is_lacking(lake: duckdb.DuckDBPyConnection) -> None:
    def lacking(holders: int, others: int) -> object:
        organizations = {"it": {}} | {
            f"O{number}": {"has_security": number < holders} for number in range(others)
        }  # fmt: skip
        lines = [{"customer_id": name, "address_id": "S"} for name in organizations]
        return needs(lake, organizations, lines).loc["it", "lacking_products"]

    assert lacking(5, 10) == "security"
    assert lacking(4, 10) == ""
    assert pd.isna(lacking(9, 9))


def test_the_channel_is_the_own_wish_or_that_of_the_segment_with_its_reason(lake: duckdb.DuckDBPyConnection) -> None:
    organizations: dict[str, Row] = {"asks": {"preferred_channel": "Portal"}, "silent": {}, "resold": {}}
    lines: list[Row] = [
        {"customer_id": "asks", "sales_channel": "field"}, {"customer_id": "silent", "sales_channel": "pigeon"},
        {"customer_id": "resold", "sales_channel": "web", "reseller_customer_id": "R"},
    ]  # fmt: skip
    found = needs(lake, organizations, lines)
    assert found.loc["asks", ["served_by", "preferred_channel"]].tolist() == ["direct_sales", "portal"]
    assert found.loc["asks", "channel_reason"] == "It has said so. It is served through another channel."
    assert found.loc["resold", "served_by"] == "partner"
    assert pd.isna(found.loc["silent", "preferred_channel"])
    many = {f"P{number}": {} for number in range(12)}
    lines += [{"customer_id": name, "sales_channel": "phone"} for name in many]
    reason = needs(lake, organizations | many, lines).loc["silent", "channel_reason"]
    assert reason == "86% of its segment use or prefer it. Who serves it is not known."


def test_persons_have_no_needs_of_organizations_and_tags_are_shown(lake: duckdb.DuckDBPyConnection) -> None:
    organizations = {"A": {"group_id": "G", "owns_others": False}, "G": {"group_id": "G", "owns_others": True}}
    lines = [{"customer_id": name} for name in ("A", "G", "person")]
    tags = [{"as_of_date": AS_OF, "customer_id": "A", "tag": tag, "tag_value": "yes"} for tag in ("vpn", "cctv")]
    found = needs(lake, organizations | {"person": {"customer_type": "person"}}, lines, tags=tags)
    assert found["group_role"].to_dict() == {"A": "subsidiary", "G": "head"}
    assert found.loc["A", "account_tags"] == "cctv: yes; vpn: yes"


def test_no_model_reads_what_sales_and_partners_know() -> None:
    manifest = parsed_manifest(Settings())

    def readers(keys: Iterable[str]) -> set[str]:
        return {
            name for name, node in manifest["nodes"].items()
            if name.startswith("model.") and set(keys) & set(node["depends_on"]["nodes"])
        }  # fmt: skip

    source = next(name for name in manifest["sources"] if name.endswith(".raw.account_knowledge"))
    assert {name.split(".")[-1] for name in readers([source])} == {"stg_account_knowledge"}
    known = readers(readers([source]))
    assert {name.split(".")[-1] for name in known} == {"account_knowledge_as_of"}
    assert {name.split(".")[-1] for name in readers(known)} == {"organization_needs"}
    python = {name: set(table.meta.get("reads", ())) for name, table in versioned_tables().items()}
    assert {name for name, read in python.items() if "features.account_knowledge_as_of" in read} == {
        "account_agreement",
        "segment_tags",
    }
    # What shows tags or is made of them is an end: nothing is learned from it.
    for table in ("organization_needs", "account_agreement", "segment_tags"):
        assert not {name for name, read in python.items() if f"segments.{table}" in read}
        assert table in declared_tables("segments")
    shown = readers([key for key in manifest["nodes"] if key.endswith(".organization_needs")])
    assert {name.split(".")[-1] for name in shown} == {"bi__organization_needs"}
