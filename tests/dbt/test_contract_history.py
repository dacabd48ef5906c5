"""One fact written in two ways is one customer: as the states of one contract, and as two contracts.

Orders that were withdrawn before they were served make no customer who left; a year paid in advance is worth its
months; a record younger than its own contract loses nobody.
"""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from orchestration.settings import Settings
from tests.dbt.lakes import LAST_MONTH, Lake, empty_lake

# Customer, contract, first day, end, status, first day of the state.
CONTRACTS = """
    -- Passed on to another holder on 10 November: by states, and by an end and a beginning.
    ('gave_by_state', 'passed_on', '2025-02-01', null, 'active', '2025-02-01'),
    ('took_by_state', 'passed_on', '2025-02-01', null, 'active', '2025-11-10'),
    ('gave_by_contract', 'given', '2025-02-01', '2025-11-10', 'active', '2025-02-01'),
    ('took_by_contract', 'taken', '2025-11-10', null, 'active', '2025-11-10'),
    -- Ended in August and taken up again in December.
    ('back_by_state', 'revived', '2025-02-01', null, 'active', '2025-02-01'),
    ('back_by_state', 'revived', '2025-02-01', '2025-08-15', 'ended', '2025-08-15'),
    ('back_by_state', 'revived', '2025-02-01', null, 'active', '2025-12-05'),
    ('back_by_contract', 'before', '2025-02-01', '2025-08-15', 'active', '2025-02-01'),
    ('back_by_contract', 'after', '2025-12-05', null, 'active', '2025-12-05'),
    -- Notice given and taken back before the day: nothing has happened.
    ('stays_by_state', 'notice', '2025-02-01', null, 'active', '2025-02-01'),
    ('stays_by_state', 'notice', '2025-02-01', '2025-12-31', 'active', '2025-09-01'),
    ('stays_by_state', 'notice', '2025-02-01', null, 'active', '2025-11-20'),
    ('stays_by_contract', 'no_notice', '2025-02-01', null, 'active', '2025-02-01'),
    -- Ordered, and withdrawn before, on and after the first day that was promised; never recorded as ended, too.
    ('withdrawn_before', 'w1', '2025-12-20', '2025-12-05', 'active', '2025-12-01'),
    ('withdrawn_a_month_before', 'w2', '2025-12-20', '2025-11-05', 'ended', '2025-12-20'),
    ('withdrawn_on', 'w3', '2025-12-20', '2025-12-20', 'active', '2025-12-01'),
    ('withdrawn_later', 'w4', '2025-12-10', null, 'active', '2025-12-01'),
    ('withdrawn_later', 'w4', '2025-12-10', '2025-12-10', 'ended', '2025-12-15'),
    ('withdrawn_unsaid', 'w5', '2025-12-20', null, 'pending', '2025-12-01'),
    ('withdrawn_unsaid', 'w5', '2025-12-20', null, 'ended', '2025-12-12'),
    -- What systems write for "always".
    ('since_1900', 'always', '1900-01-01', '9999-12-31', 'active', '1900-01-01'),
    -- A year served, billed in advance by the year or by the month.
    ('pays_yearly', 'by_the_year', '2025-01-01', null, 'active', '2025-01-01'),
    ('pays_monthly', 'by_the_month', '2025-01-01', null, 'active', '2025-01-01'),
    -- The record was made again after the month that is segmented.
    ('recorded_late', 'older', '2025-02-01', null, 'active', '2025-02-01')
"""
WITHDRAWN = ["withdrawn_before", "withdrawn_a_month_before", "withdrawn_on", "withdrawn_later", "withdrawn_unsaid"]
TWINS = [("gave_by_state", "gave_by_contract"), ("took_by_state", "took_by_contract"),
         ("back_by_state", "back_by_contract"), ("stays_by_state", "stays_by_contract")]  # fmt: skip
SPELLS = """(
    select customer_id, spell_number, spell_first_month, spell_start_date, min(first_month), max(last_month),
        bool_or(ends_spell)
    from intermediate.customer_spans
    group by all
)"""
OF_CUSTOMERS = (
    "features.customer_features",
    "features.customer_margin_monthly",
    "features.customer_months_at_risk",
    "segments.customer_lifecycle",
    SPELLS,
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = empty_lake(tmp_path_factory.mktemp("history"), Settings())
    with lake.warehouse.writer() as connection:
        connection.execute(
            f"""
            insert into raw.contracts by name
            select customer_id, contract_id, start_date::date as start_date, end_date::date as end_date, status,
                valid_from_date::date as valid_from_date, 'INET-100' as product_code, 'internet' as product_family,
                30 as monthly_fee, 10 as monthly_cost
            from (values {CONTRACTS})
                as t(customer_id, contract_id, start_date, end_date, status, valid_from_date)
            """
        )
        connection.execute(
            "insert into raw.customers by name"
            " select distinct customer_id, 'person' as customer_type,"
            " if(customer_id = 'recorded_late', date '2026-01-10', date '2025-01-15') as created_date"
            " from raw.contracts"
        )
        # Traffic of every line on every day that somebody held it, more of it by the second holder; an outage each.
        connection.execute(
            """
            insert into raw.usage by name
            select contract_id, day::date as usage_date, if(day < date '2025-11-01', 1e9, 3e9)::bigint as bytes_down,
                1e8::bigint as bytes_up, 1 as _load_id
            from (values ('passed_on', '2025-02-01', '2025-12-31'), ('given', '2025-02-01', '2025-10-31'),
                ('taken', '2025-11-01', '2025-12-31')) as lines(contract_id, first_day, last_day),
                generate_series(first_day::date, last_day::date, interval 1 day) as days(day)
            """
        )
        connection.execute(
            "insert into raw.service_quality by name select * from (values ('passed_on', date '2025-10-05', 30),"
            " ('given', date '2025-10-05', 30), ('passed_on', date '2025-12-05', 7), ('taken', date '2025-12-05', 7),"
            # Counted, without its minutes.
            " ('older', date '2025-10-05', 30), ('older', date '2025-12-05', null))"
            " as t(contract_id, date, outage_minutes)"
        )
        connection.execute(
            "insert into raw.invoices by name select customer_id, customer_id as invoice_id,"
            " date '2025-02-28' as invoice_date, date '2025-03-14' as due_date, date '2025-02-01' as period_start,"
            " date '2025-02-28' as period_end, 30 as net_amount, 0 as tax_amount from raw.customers"
            " where customer_id like '%_by_%'"
        )
        # The bill of the year to come lies on the last day of the year that was served.
        connection.execute(
            """
            insert into raw.invoices by name
            select customer_id, customer_id || first_day as invoice_id, billed_on as invoice_date,
                billed_on as due_date, first_day as period_start,
                first_day + to_months(months) - interval 1 day as period_end, 30 * months as net_amount, 0 as tax_amount
            from (
                select 'pays_yearly' as customer_id, 12 as months, unnest([date '2025-01-01', date '2026-01-01'])
                    as first_day, unnest([date '2025-01-01', date '2025-12-31']) as billed_on
                union all
                select 'pays_monthly', 1, day::date, day::date
                from generate_series(date '2025-01-01', date '2025-12-01', interval 1 month) as months(day)
            )
            """
        )
    lake.scope({LAST_MONTH: f"{LAST_MONTH}.1"})
    lake.build("--select", "+customer_lifecycle", "+path:models/features")
    return lake


def rows_of(lake: Lake, table: str, customer: str) -> pd.DataFrame:
    frame = lake.frame(f"select * from {table} where customer_id = ? order by all", [customer])
    return frame.drop(columns="customer_id")


@pytest.mark.parametrize("table", OF_CUSTOMERS)
@pytest.mark.parametrize(("by_state", "by_contract"), TWINS)
def test_a_history_of_states_and_the_same_one_of_contracts_are_one_customer(
    lake: Lake, table: str, by_state: str, by_contract: str
) -> None:
    expected = rows_of(lake, table, by_contract)
    assert len(expected) > 0
    assert_frame_equal(rows_of(lake, table, by_state), expected)


def test_a_contract_that_changes_hands_ends_for_the_one_and_begins_for_the_other(lake: Lake) -> None:
    found = lake.frame(
        "select customer_id, lifecycle_stage, is_open, first_start_date::varchar as since, tenure_months,"
        " service_end_date::varchar as until, churn_kind, gb_month_3m, outage_minutes_3m"
        " from features.customer_features join segments.customer_lifecycle using (customer_id, as_of_date)"
    ).set_index("customer_id")
    gave, took = found.loc["gave_by_state"], found.loc["took_by_state"]
    assert list(gave)[:6] == ["churned", False, "2025-02-01", 10, "2025-11-10", "unknown"]
    assert list(took)[:4] == ["onboarding", True, "2025-11-10", 1]
    assert took["gb_month_3m"] == pytest.approx(61 * 3.1 / 2), "two months of its own, none of the holder before"
    assert (gave["outage_minutes_3m"], took["outage_minutes_3m"]) == (30, 7)
    assert found.loc["back_by_state", "lifecycle_stage"] == "won_back"
    assert found.loc["back_by_state", "since"] == "2025-02-01"


def test_product_cost_goes_by_the_days_that_each_holder_was_served(lake: Lake) -> None:
    costs = lake.frame(
        "select customer_id, product_cost::double as cost from features.customer_margin_monthly"
        " where month_end_date = '2025-11-30' and customer_id like '%_by_state'"
    ).set_index("customer_id")["cost"]
    assert costs.to_dict() == {"gave_by_state": 3, "took_by_state": 7, "stays_by_state": 10}


def test_what_was_never_served_is_no_customer_who_left_and_no_exposure(lake: Lake) -> None:
    for customer in WITHDRAWN:
        features = rows_of(lake, "features.customer_features", customer).iloc[0]
        assert not features["is_open"], customer
        assert pd.isna(features["first_start_date"]), customer
        assert features["expected_monthly_margin"] == 0, customer
        assert features["past_value"] == 0, customer
        assert rows_of(lake, "segments.customer_lifecycle", customer)["lifecycle_stage"].tolist() == ["pending"]
        assert rows_of(lake, SPELLS, customer).empty, customer
        assert rows_of(lake, "features.customer_months_at_risk", customer).empty, customer
    served = lake.frame("select * from features.customer_margin_monthly where product_cost <> 0")
    assert not set(served["customer_id"]) & set(WITHDRAWN) - {"withdrawn_later"}
    assert (lake.frame("select product_cost from features.customer_margin_monthly")["product_cost"] >= 0).all()


def test_a_start_in_1900_and_an_end_in_9999_are_a_long_tenure_and_no_end(lake: Lake) -> None:
    features = rows_of(lake, "features.customer_features", "since_1900").iloc[0]
    assert features["is_open"]
    assert features["tenure_months"] == (2025 - 1900) * 12 + 11
    assert rows_of(lake, "segments.customer_lifecycle", "since_1900")["lifecycle_stage"].tolist() == ["mature"]


def test_a_year_billed_in_advance_is_worth_its_months_and_the_next_year_is_not_in_the_past(lake: Lake) -> None:
    worth = lake.frame(
        "select customer_id, past_value::double as past, margin_12m::double as margin,"
        " expected_monthly_margin::double as expected from features.customer_features where customer_id like 'pays_%'"
    ).set_index("customer_id")
    assert worth.loc["pays_yearly"].to_dict() == worth.loc["pays_monthly"].to_dict()
    assert worth.loc["pays_yearly", "past"] == pytest.approx(12 * (30 - 10))


def test_a_record_younger_than_its_own_contract_loses_no_customer(lake: Lake) -> None:
    features = rows_of(lake, "features.customer_features", "recorded_late").iloc[0]
    assert features["is_open"]
    assert str(features["first_start_date"])[:10] == "2025-02-01"
    assert rows_of(lake, "segments.customer_lifecycle", "recorded_late")["lifecycle_stage"].tolist() == ["mature"]


def test_minutes_of_an_outage_of_unknown_length_are_unknown_for_the_customer_who_had_it(lake: Lake) -> None:
    minutes = "select outage_minutes_3m from features.{} where customer_id = ? and {} = ?"
    for table, month in (("customer_features", "as_of_date"), ("customer_months_at_risk", "month_end_date")):
        sql = minutes.format(table, month)
        assert lake.frame(sql, ["recorded_late", LAST_MONTH])["outage_minutes_3m"].isna().tolist() == [True], table
        assert lake.frame(sql, ["pays_monthly", LAST_MONTH])["outage_minutes_3m"].tolist() == [0], table
    november = lake.frame(minutes.format("customer_months_at_risk", "month_end_date"), ["recorded_late", "2025-11-30"])
    assert november["outage_minutes_3m"].tolist() == [30]
