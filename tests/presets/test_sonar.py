"""Sonar 2: accounts and their services, invoices and payments in cents, and usage by billing period."""

PRESET = "sonar"
TIMEZONE = "America/Chicago"


def test_the_planted_bad_rows_and_no_others_go_to_quarantine(loaded):
    assert loaded.rejected == [
        ("contracts", "monthly_fee", "missing_required", None),
        ("customers", "customer_type", "missing_required", None),
        ("invoices", "net_amount", "wrong_type", "lots"),
        ("usage", "contract_id", "unknown_reference", "account 2"),
    ]


def test_accounts_that_were_ever_active_are_customers_and_leads_are_not(loaded):
    about = ("service_address", "postal_code", "region", "country", "latitude", "parent_customer_id")
    assert loaded.rows("customers", "customer_id", "customer_type", "created_date", *about) == [
        # Entered at half past three UTC: the evening before in Chicago.
        ("1", "person", "2023-01-15", "3 Oak, Unit B, 04401, Ely", "04401", "WI", "US", 44.5, None),
        ("2", "organization", "2020-03-01", None, None, None, None, None, "1"),
    ]


def test_services_of_accounts_are_contracts_with_fees_of_a_month_and_end_with_the_accounts_activity(loaded):
    sold = ("plan_name", "access_technology", "download_mbps", "upload_mbps")
    dates = ("start_date", "end_date", "status")
    assert loaded.rows("contracts", "contract_id", "customer_id", "product_family", *dates, "monthly_fee", *sold) == [
        ("11", "1", "internet", "2023-02-05", None, "active", 65, "Fiber 300", "fiber", 300, 100),
        ("12", "1", "fixed_voice", "2023-02-28", None, "active", 37.5, "Extra lines", None, None, None),
        ("13", "2", "other", "2022-06-02", "2024-04-10", None, 10, "Support", None, None, None),
    ]


def test_a_periods_bytes_are_spread_to_the_byte_over_its_days_and_an_open_period_waits(loaded):
    assert loaded.rows("usage", "contract_id", "usage_date", "bytes_down", "bytes_up") == [
        ("11", "2024-05-01", 333, 33),
        ("11", "2024-05-02", 333, 33),
        ("11", "2024-05-03", 334, 34),
    ]


def test_invoices_are_in_whole_currency_and_void_ones_are_left_out(loaded):
    dates = ("invoice_date", "due_date", "period_start", "period_end")
    assert loaded.rows("invoices", "invoice_id", "customer_id", *dates, "net_amount", "tax_amount", "kind") == [
        ("500", "1", "2024-05-01", "2024-05-20", "2024-05-01", "2024-05-31", 102.5, 5.63, "recurring"),
        ("501", "2", "2024-05-01", "2024-05-20", "2024-05-01", "2025-04-30", 120, 0, "recurring"),
        ("502", "1", "2024-05-25", "2024-06-10", "2024-05-25", "2024-05-25", 5, 0, "one_off"),
    ]


def test_reversed_payments_failed_voided_ones_never_were_and_refunds_are_payments_back(loaded):
    became = ("status", "invoice_id", "method")
    assert loaded.rows("payments", "payment_id", "customer_id", "paid_date", "amount", *became) == [
        ("70", "1", "2024-05-03", 108.13, "settled", "500", "card"),
        ("71", "2", "2024-05-06", 120, "failed", None, "direct_debit"),
        ("72", "2", "2024-05-07", 120, "failed", None, "check"),
        ("refund-9", "1", "2024-05-10", 8.13, "refunded", None, "card"),
    ]


def test_accounts_and_services_alone_are_enough(export):
    export.drop("invoices", "payments", "data_usage_histories")
    export.write("accounts", [{"id": 5, "account_status_id": 1, "account_type_id": 1, "created_at": "2024-01-02"}])
    export.write("account_services", [{"id": 6, "account_id": 5, "service_id": 7, "created_at": "2024-01-02"}])
    export.write("services", [{"id": 7, "amount": 2000, "name": "Fiber", "type": "DATA"}])
    export.parameters = {"units_of_currency": 1, "organization_types": "'residential'"}
    assert export.tables() == ["customers", "contracts"]
    assert export.rejected == []
    assert export.rows("customers", "customer_id", "customer_type", "created_date") == [
        ("5", "organization", "2024-01-02")
    ]
    assert export.rows("contracts", "contract_id", "monthly_fee", "start_date") == [("6", 2000, "2024-01-02")]
