"""Splynx: its API's lists become customers, contracts, usage, bills and payments."""

import sqlite3

import pytest

from orchestration.errors import SourceError

PRESET = "splynx"
PARAMETERS = {"payment_method": "case payment_type when '2' then 'card' else 'cash' end"}


def test_the_planted_bad_rows_and_no_others_go_to_quarantine(loaded):
    assert loaded.rejected == [
        ("customers", "created_date", "missing_required", None),
        ("invoices", "tax_amount", "wrong_type", "ten"),
        ("usage", "contract_id", "unknown_reference", "internet-99"),
        ("usage", "usage_date", "missing_required", None),
        ("usage_sessions", "bytes_down", "wrong_type", "many"),
    ]


def test_customers_of_every_status_are_taken_and_removed_ones_are_not(loaded):
    address = ("service_address", "postal_code", "latitude", "longitude", "parent_customer_id")
    assert loaded.rows("customers", "customer_id", "customer_type", "created_date", *address) == [
        ("1", "person", "2023-04-03", "Harbour Rd 5/2, 01067, Northport", "01067", 51.05, 13.74, None),
        ("2", "organization", "2022-11-20", None, None, None, None, "1"),
        ("3", "person", "2024-05-02", None, None, None, None, None),
        ("4", "person", "2021-01-15", None, None, None, None, None),
    ]


def test_services_of_all_kinds_are_contracts_and_states_are_dated_by_the_last_change(loaded):
    assert loaded.rows("contracts", "contract_id", "valid_from_date", "customer_id", "product_family", "status") == [
        ("internet-11", "2023-04-05", "1", "internet", "active"),
        ("internet-12", "2022-12-01", "2", "internet", "active"),
        ("internet-12", "2024-04-18", "2", "internet", "suspended"),
        ("internet-13", "2021-02-01", "4", "internet", None),
        ("internet-14", "2024-06-01", "3", "internet", "pending"),
        ("voice-11", "2023-05-01", "1", "fixed_voice", "active"),
    ]


def test_prices_are_without_tax_speeds_in_megabits_and_the_end_is_the_first_day_without_service(loaded):
    sold = ("product_code", "plan_name", "download_mbps", "upload_mbps", "has_static_ip")
    assert loaded.rows(
        "contracts", "contract_id", "monthly_fee", "end_date", "discount_amount", "discount_until_date", *sold
    ) == [
        ("internet-11", 29.9, None, 2.99, "2024-04-04", "internet-7", "Fiber 100", 100, 50, False),
        # Two of 59.50 with 19% VAT in it, from the first state on.
        ("internet-12", 100, None, None, None, "internet-8", "Business 500", 500, 250, True),
        ("internet-12", 100, None, None, None, "internet-8", "Business 500", 500, 250, True),
        ("internet-13", 25, "2023-07-01", None, None, "internet-7", "Fiber 100", 100, 50, None),
        ("internet-14", 29.9, None, None, None, "internet-7", "Fiber 100", 100, 50, None),
        ("voice-11", 9, None, None, None, "voice-3", "Landline", None, None, None),
    ]


def test_down_is_what_the_customer_received_and_each_days_file_adds(loaded):
    assert loaded.rows("usage", "contract_id", "usage_date", "bytes_down", "bytes_up") == [
        ("internet-11", "2024-05-01", 2_400_000_000, 120_000_000),
        ("internet-11", "2024-05-02", 2_500_000_000, 130_000_000),
        ("internet-12", "2024-05-01", 50, 5),
    ]


def test_a_session_comes_when_it_has_ended_and_its_in_is_what_the_customer_received(loaded):
    times = ("started_at", "reported_at", "ended_at")
    assert loaded.rows("usage_sessions", "session_id", "contract_id", *times, "bytes_down", "bytes_up") == [
        ("801", "internet-11", "2024-05-01 22:00:00", *["2024-05-02 01:00:00"] * 2, 3_000_000_000, 90_000_000),
        ("802", "internet-11", "2024-05-02 09:00:00", *["2024-05-02 09:30:00"] * 2, 1000, 100),
    ]


def test_bills_and_credit_notes_have_their_net_of_items_and_their_period(loaded):
    dates = ("invoice_date", "due_date", "period_start", "period_end")
    amounts = ("net_amount", "tax_amount", "currency", "kind")
    assert loaded.rows("invoices", "invoice_id", "customer_id", *dates, *amounts) == [
        ("501", "1", "2024-05-01", "2024-05-15", "2024-05-01", "2024-05-31", 36.01, 6.8419, "EUR", "recurring"),
        ("502", "2", "2024-05-04", "2024-05-18", "2024-05-04", "2024-05-04", 100, 19, "EUR", "one_off"),
        ("credit-501", "1", "2024-05-20", "2024-05-20", "2024-05-01", "2024-05-10", -10, -1.9, "EUR", "credit"),
    ]


def test_a_negative_payment_is_a_refund_and_the_method_is_a_parameter(loaded):
    became = ("status", "invoice_id", "method")
    assert loaded.rows("payments", "payment_id", "customer_id", "paid_date", "amount", *became) == [
        ("71", "1", "2024-05-03", 42.8519, "settled", "501", "card"),
        ("72", "1", "2024-05-21", 11.9, "refunded", None, "cash"),
    ]


def test_without_optional_files_and_fields_the_rest_still_loads(export):
    export.drop("internet_tariffs", "voice_services", "credit_notes", "payments")
    export.drop("traffic-2024-05-01", "traffic-2024-05-02", "sessions-2024-05-02", "sessions-2024-05-03")
    export.write(
        "internet_services",
        [{"id": 1, "customer_id": 1, "description": "DSL", "unit_price": 11.9, "start_date": "2024-01-01"}],
    )
    export.write(
        "invoices", [{"id": 9, "customer_id": 1, "date_created": "2024-05-07", "total": 23.8, "type": "recurring"}]
    )
    export.parameters = {"tax_rate": 0.19, "currency": "USD", "country": "DE"}
    assert export.tables() == ["customers", "contracts", "invoices"]
    assert export.rows(
        "contracts", "contract_id", "product_code", "monthly_fee", "currency", "plan_name", "status"
    ) == [("internet-1", "internet-DSL", 10, "USD", "DSL", None)]
    assert export.rows("invoices", "period_start", "period_end", "net_amount", "tax_amount", "currency") == [
        ("2024-05-01", "2024-05-31", 20, 3.8, "USD")
    ]
    assert export.rows("customers", "customer_id", "country")[0] == ("1", "DE")


def test_tables_exported_as_csv_load_too_and_a_table_of_the_users_own_replaces_the_presets(export):
    export.drop("customers")
    export.write("customers.csv", "id,status,category,date_add,zip_code,gps\n1,active,person,2023-04-03,01067,\n")
    columns = {"payment_id": "'p' || id", "paid_date": "date", "status": "'settled'", "amount": "abs(amount::double)"}
    export.sources = {"payments": {"location": "splynx_payments", "columns": columns}}
    export.ingest("customers", "payments")
    assert export.rows("customers", "customer_id", "customer_type", "created_date", "postal_code") == [
        ("1", "person", "2023-04-03", "01067")
    ]
    assert export.rows("payments", "payment_id", "status") == [
        ("p71", "settled"),
        ("p72", "settled"),
        ("p73", "settled"),
    ]


def test_tables_of_its_database_load_as_the_lists_do(export):
    export.drop("customers", "internet_services", "voice_services", "credit_notes", "payments", "invoices")
    export.drop("traffic-2024-05-01", "traffic-2024-05-02")
    with sqlite3.connect(export.folder / "splynx.db") as database:
        database.executescript("""
            create table customers (id int, category text, date_add date, deleted text, mrr_total real);
            insert into customers values (1, 'person', '2023-04-03', '0', 1), (2, 'company', '2023-04-04', '1', 2);
            create table services_internet (id int, customer_id int, tariff_id int, unit_price real, start_date date,
                end_date date, status text);
            insert into services_internet values (11, 1, 7, 29.9, '2023-04-05', '0000-00-00', 'active');
            create table traffic (service_id int, date date, up bigint, down bigint);
            insert into traffic values (11, '2024-05-01', 1, 9);
            create table invoices (id int, customer_id int, date_created date, date_till date, total real, status text);
            insert into invoices values (5, 1, '2024-05-01', '2024-05-15', 35.581, 'paid');
            create table invoices_items (invoice_id int, price real, quantity int, period_from date, period_to date);
            insert into invoices_items values (5, 29.9, 1, '2024-05-01', '2024-05-31');
        """)
    tables = {"customers": "customers", "internet_services": "services_internet", "traffic": "traffic",
              "invoices": "invoices", "invoice_items": "invoices_items"}  # fmt: skip
    export.parameters = {"tables": {f"splynx_{name}": f"crm.main.{table}" for name, table in tables.items()}}
    export.locations = {"crm": {"database": "sqlite", "connection": "splynx.db"}}
    assert export.mapped("customers", "customer_id, customer_type, created_date") == [("1", "person", "2023-04-03")]
    assert export.mapped("contracts", "contract_id, monthly_fee::double, plan_name, download_mbps::double, status") == [
        ("internet-11", 29.9, "Fiber 100", 100, "active")
    ]
    assert export.mapped("usage", "contract_id, bytes_down, bytes_up") == [("internet-11", "9", "1")]
    assert export.mapped(
        "invoices", "invoice_id, period_end::varchar, net_amount::double, round(tax_amount::double, 4)"
    ) == [("5", "2024-05-31", 29.9, 5.681)]


def test_a_parameter_that_is_no_sql_is_an_error_that_names_the_preset(export):
    export.parameters = {"access_technology": "t.technology"}
    with pytest.raises(SourceError, match=r"technology.*preset splynx.*'presets.splynx'"):
        export.mapped("contracts", "*")
