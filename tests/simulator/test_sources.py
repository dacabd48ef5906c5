"""The source files keep the contract: columns, keys, references, and nothing from after the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.simulator.conftest import Isp

CONTRACT = Path(__file__).parents[2] / "dbt_project" / "models" / "staging" / "_sources.yml"
DECLARED = {table["name"]: table for table in yaml.safe_load(CONTRACT.read_text())["sources"][0]["tables"]}
WRITTEN = ("customers", "contracts", "usage", "invoices", "payments", "interactions", "service_quality")
# A manual override is the user's, never the source's. Fees and payments are in the reporting currency, which null says.
# Nobody in this ISP is prepaid, files a balance sheet or tells how many live in the household; it has one system.
NOT_WRITTEN = {
    ("customers", "market_segment_override"),
    ("customers", "market_segment_override_from_date"),
    ("customers", "market_segment_override_until_date"),
    ("customers", "household_type"),
    ("customers", "balance_sheet_total"),
    ("customers", "source_system"),
    ("contracts", "is_prepaid"),
    ("contracts", "currency"),
    ("payments", "currency"),
}


@pytest.mark.parametrize("table", WRITTEN)
def test_columns_are_those_of_the_source_contract(isp: Isp, table: str) -> None:
    written = {row[0] for row in isp.connection.execute(f"describe {table}").fetchall()}
    declared = {column["name"] for column in DECLARED[table]["columns"]}
    assert written <= declared
    assert {(table, column) for column in declared - written} <= NOT_WRITTEN


@pytest.mark.parametrize("table", WRITTEN)
def test_required_columns_are_filled_and_codes_accepted(isp: Isp, table: str) -> None:
    for column in DECLARED[table]["columns"]:
        name = column["name"]
        if (table, name) in NOT_WRITTEN:
            continue
        for test in column.get("data_tests", []):
            if test == "not_null":
                assert isp.value(f"select count(*) from {table} where {name} is null") == 0, name
            elif isinstance(test, dict) and "accepted_values" in test:
                body = test["accepted_values"]
                values = body.get("values") or body["arguments"]["values"]
                found = isp.connection.execute(f"select distinct {name} from {table} where {name} is not null")
                assert {row[0] for row in found.fetchall()} <= set(values), name


@pytest.mark.parametrize("table", WRITTEN)
def test_keys_are_unique_and_row_counts_reported(isp: Isp, table: str) -> None:
    meta = DECLARED[table].get("config", {}).get("meta") or DECLARED[table]["meta"]
    key = ", ".join(meta["key"])
    assert isp.value(f"select count(*) from {table}") == isp.rows[table]
    assert isp.value(f"select count(*) from (select distinct {key} from {table})") == isp.rows[table]


@pytest.mark.parametrize(
    ("table", "column", "parent"),
    [
        ("customers", "parent_customer_id", "customers"),
        ("customers", "employer_customer_id", "customers"),
        ("contracts", "customer_id", "customers"),
        ("invoices", "customer_id", "customers"),
        ("payments", "customer_id", "customers"),
        ("interactions", "customer_id", "customers"),
        ("usage", "contract_id", "contracts"),
        ("invoices", "contract_id", "contracts"),
        ("service_quality", "contract_id", "contracts"),
        ("payments", "invoice_id", "invoices"),
    ],
)
def test_references_resolve(isp: Isp, table: str, column: str, parent: str) -> None:
    key = "contract_id" if parent == "contracts" else f"{parent[:-1]}_id"
    query = f"select count(*) from {table} where {column} is not null and {column} not in (select {key} from {parent})"
    assert isp.value(query) == 0


# Planned ends and due dates are known beforehand; everything else is dated when it happened.
PLANNED = {"committed_until_date", "discount_until_date", "due_date"}


@pytest.mark.parametrize("table", WRITTEN)
def test_nothing_is_dated_after_the_window(isp: Isp, table: str) -> None:
    for name, kind, *_ in isp.connection.execute(f"describe {table}").fetchall():
        if kind in ("DATE", "TIMESTAMP") and name not in PLANNED:
            where = "where status <> 'pending'" if name == "start_date" else ""
            assert str(isp.value(f"select max({name}) from {table} {where}")) < "2026-01-01", name


def test_a_month_holds_only_its_own_days(isp: Isp) -> None:
    for table, column in (("usage", "usage_date"), ("invoices", "invoice_date"), ("payments", "paid_date")):
        wrong = f"""
            select count(*) from read_parquet('{isp.folder}/source/{table}/*.parquet', filename = true)
            where not contains(filename, strftime({column}, '%Y-%m'))
        """
        assert isp.value(wrong) == 0, table


def test_every_state_of_a_contract_is_knowable_on_its_day(isp: Isp) -> None:
    early = "end_date is not null and end_date <> valid_from_date"
    assert isp.value(f"select count(*) from contracts where {early}") == 0
    assert isp.value("select count(*) from contracts where (status = 'ended') <> (end_date is not null)") == 0
    assert isp.value("select count(*) from contracts where (status = 'pending') <> (valid_from_date < start_date)") == 0


def test_the_planted_mix_is_there(isp: Isp) -> None:
    counts = dict(isp.connection.execute("select market_segment, count(*) from true_customers group by all").fetchall())
    assert counts["small_business"] == 240
    assert counts["enterprise"] == counts["wholesale"] == 12
    assert counts["employee"] == 60
    for label, least in (("nanobusiness", 100), ("home_worker", 100)):
        assert isp.value(f"select count(*) from true_customers where home_business_label = '{label}'") > least
    assert isp.value("select count(distinct decoy) from true_customers") == 5
    assert isp.value("select count(*) from customers where parent_customer_id is not null") > 15
    assert isp.value("select count(*) from customers where employer_customer_id is not null") == 60
    # Firmographics never contradict the segment.
    wrong = """
        select count(*) from customers join true_customers using (customer_id)
        where (market_segment = 'medium_business' and (employee_count not between 100 and 999 or annual_revenue >= 1e9))
            or (market_segment = 'small_business' and (employee_count > 99 or annual_revenue >= 5e7))
            or (market_segment = 'unclassified_business' and (employee_count is not null or annual_revenue is not null))
            or (market_segment = 'enterprise' and coalesce(employee_count, 1000) < 1000)
    """
    assert isp.value(wrong) == 0


def test_households_share_an_address_and_a_building_without_units_looks_like_one(isp: Isp) -> None:
    homes = "select household_id, count(distinct address_id) as homes, count(*) as members from "
    joined = "true_customers as t"
    assert (
        isp.value(f"select max(homes) from ({homes}{joined} where household_id is not null group by household_id)") == 1
    )
    assert (
        isp.value(f"select max(members) from ({homes}{joined} where household_id is not null group by household_id)")
        == 3
    )
    crowded = "select max(n) from (select count(*) as n from true_customers group by address_id)"
    assert isp.value(crowded) == 30
    told = "count(*) filter (coalesce(c.service_address_id, t.address_id) = t.address_id)"
    both = "true_customers as t join customers as c using (customer_id)"
    assert isp.value(f"select {told} - count(*) from {both}") == 0
    kinds = "count(*) filter ((c.service_address_id is null) = (c.service_address is null))"
    assert isp.value(f"select {kinds} from {both}") == 0
    texts = "select t.household_id, count(distinct c.service_address) as texts from "
    assert (
        isp.value(f"select max(texts) from ({texts}{both} group by t.household_id having t.household_id is not null)")
        > 1
    )
    known = "count(*) filter (c.household_id is not null) / count(*)"
    share = isp.value(
        f"select {known} from true_customers t join customers c using (customer_id) where t.household_id is not null"
    )
    assert 0.35 < share < 0.65


def test_needs_of_mid_size_companies_show_in_what_they_buy_and_not_in_their_size(isp: Isp) -> None:
    held = """
        select t.need, any_value(c.employee_count) as staff,
            count(distinct k.service_address_id) filter (k.product_family = 'internet') as sites,
            bool_or(k.product_family = 'cloud') as has_cloud, bool_or(k.product_family = 'mobile') as has_mobile
        from true_customers t join customers c using (customer_id) join contracts k using (customer_id)
        where t.need is not null and k.end_date is null
        group by t.need, c.customer_id
    """
    rows = isp.connection.execute(
        f"select need, avg(sites), avg(has_cloud::int), avg(has_mobile::int), median(staff), count(*) from ({held})"
        " group by need"
    ).fetchall()
    sites, cloud, mobile, staff, companies = ({row[0]: row[i] for row in rows} for i in range(1, 6))
    assert set(sites) == set(isp.parameters.mid_band.needs)
    assert min(companies.values()) > 5
    assert sites["branch_network"] >= 3 > 1.1 >= max(n for need, n in sites.items() if need != "branch_network")
    assert cloud["cloud_first"] > 0.6 > 0.3 > max(share for need, share in cloud.items() if need != "cloud_first")
    assert mobile["field_force"] > 0.6 > 0.4 > max(share for need, share in mobile.items() if need != "field_force")
    assert max(staff.values()) < 3 * min(staff.values())


def test_a_named_reseller_is_one_and_has_sold_the_contract(isp: Isp) -> None:
    assert isp.value("select count(*) from contracts where reseller_customer_id is not null") > 10
    wrong = """
        select count(*) from contracts k join customers r on r.customer_id = k.reseller_customer_id
        where not r.is_reseller or k.sales_channel <> 'reseller'
    """
    assert isp.value(wrong) == 0


def test_money_moves_as_parameters_say(isp: Isp) -> None:
    assert isp.value("select count(distinct kind) from invoices") == 4
    assert isp.value("select count(distinct status) from payments") == 3
    assert isp.value("select count(*) from invoices where (kind = 'credit') <> (net_amount < 0)") == 0
    manual = "from payments join invoices using (invoice_id) where method = 'transfer' and status = 'settled'"
    late = isp.value(f"select avg((paid_date > due_date)::int) {manual}")
    assert 0.10 < late < 0.22
    unpaid = """
        select avg((p.invoice_id is null)::int) from invoices as i
        left join (select distinct invoice_id from payments where status = 'settled') as p using (invoice_id)
        where i.kind <> 'credit' and i.due_date < date '2025-10-01'
    """
    assert 0.002 < isp.value(unpaid) < 0.02
    changed = "select contract_id from contracts group by contract_id having count(distinct product_code) > 1"
    assert isp.value(f"select count(*) from ({changed})") > 50
