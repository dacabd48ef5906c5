"""TM Forum APIs: nested records of eight resources become customers, contracts, usage, bills and payments."""

PRESET = "tmforum"


def test_the_planted_bad_rows_and_no_others_go_to_quarantine(loaded):
    assert loaded.rejected == [
        ("contracts", "customer_id", "unknown_reference", "i-404"),
        ("customers", "customer_type", "missing_required", None),
        ("invoices", "customer_id", "unknown_reference", "ba-404"),
        ("usage_sessions", "contract_id", "missing_required", None),
    ]


def test_customers_are_persons_or_organizations_as_the_party_behind_them(loaded):
    address = ("service_address", "postal_code", "region", "country")
    assert loaded.rows("customers", "customer_id", "customer_type", "created_date", *address) == [
        ("c-10", "person", "2023-02-01", "7 Mill Lane, 04109, Lakeside", "04109", None, "DE"),
        # Not dated itself, so known from its first product on; 09:37 UTC on the first of March.
        ("c-20", "organization", "2020-03-01", "1 Quay, 2nd floor, 01067, Northport", "01067", "Saxony", None),
        ("c-21", "organization", "2022-06-01", None, None, None, None),
    ]


def test_size_and_revenue_come_from_characteristics_and_the_parent_is_the_customer_of_the_parent_party(loaded):
    about = ("birth_year", "gender", "employee_count", "annual_revenue", "legal_form", "has_tax_number")
    assert loaded.rows("customers", "customer_id", *about, "parent_customer_id") == [
        ("c-10", 1985, "female", None, None, None, None, None),
        ("c-20", None, None, 125, 18_000_000.5, "Ltd", True, None),
        ("c-21", None, None, None, None, None, None, "c-20"),
    ]


def test_products_are_contracts_of_the_customer_behind_their_party_or_account(loaded):
    assert loaded.rows(
        "contracts", "contract_id", "customer_id", "product_code", "product_family", "start_date", "end_date", "status"
    ) == [
        ("p-1", "c-10", "PO-250", "internet", "2023-02-01", None, "active"),
        ("p-2", "c-20", "PO-E", "internet", "2020-03-01", "2024-04-01", None),
        ("p-3", "c-20", "PS-101", "fixed_voice", "2023-05-01", None, "suspended"),
        ("p-7", "c-21", "SIM 5G", "mobile", "2024-05-20", None, "pending"),
    ]


def test_fees_are_monthly_and_without_tax_and_terms_and_speeds_are_in_the_contracts_units(loaded):
    term = ("term_months", "committed_until_date", "discount_amount", "discount_until_date")
    sold = ("download_mbps", "upload_mbps", "access_technology", "service_address_id")
    assert loaded.rows("contracts", "contract_id", "monthly_fee", "currency", *term, *sold) == [
        ("p-1", 33.5, "EUR", 24, "2025-01-31", 6.7, "2023-07-31", 250, 50, "fiber", "pl-7"),
        ("p-2", 100, "EUR", 24, "2022-02-28", None, None, 1000, None, None, None),
        ("p-3", 0, None, None, None, None, None, None, None, None, None),
        ("p-7", 15, "EUR", None, None, None, None, None, None, None, None),
    ]


def test_an_event_is_a_session_at_local_time_and_comes_once_however_often_it_is_delivered(loaded):
    columns = ("session_id", "contract_id", "started_at", "ended_at", "bytes_down", "bytes_up", "session_seconds")
    assert loaded.rows("usage_sessions", *columns) == [
        ("u-1", "p-1", "2024-05-01 22:10:00", "2024-05-01 22:11:00", 1000, 100, 60),
        ("u-2", "p-1", "2024-05-02 00:10:00", None, 7, 3, None),
        ("u-5", "p-1", "2024-05-01 23:59:00", None, 20_000, 2_000, None),
    ]


def test_a_volume_that_is_no_number_is_named_and_one_direction_alone_is_enough(export):
    export.drop("usage")
    event = {"usageDate": "2024-05-01T20:10:00Z", "ratedProductUsage": [{"productRef": {"id": "p-1"}}]}
    volumes = {"u-7": {"name": "bytesDown", "value": "much"}, "u-8": {"name": "bytes_up", "value": "2.5"}}
    export.parameters = {"usage_unit_bytes": 1000}
    export.write("usage", [event | {"id": id, "usageCharacteristic": [volume]} for id, volume in volumes.items()])
    export.ingest()
    assert export.query("select bytes_down, bytes_up from raw.usage_sessions where session_id = 'u-8'") == [(0, 2500)]
    assert ("usage_sessions", "bytes_down", "wrong_type", "much") in export.rejected


def test_bills_belong_to_the_customer_of_their_account_and_drafts_and_trials_are_left_out(loaded):
    dates = ("invoice_date", "due_date", "period_start", "period_end")
    amounts = ("net_amount", "tax_amount", "currency", "kind")
    assert loaded.rows("invoices", "invoice_id", "customer_id", *dates, *amounts) == [
        ("CB-1", "c-10", "2024-06-01", "2024-06-15", "2024-05-01", "2024-05-31", 33.5, 6.37, "EUR", "recurring"),
        ("CB-2", "c-20", "2024-06-05", "2024-06-05", "2024-05-05", "2024-06-04", 100, 19, "USD", "recurring"),
        ("CB-3", "c-20", "2024-06-06", "2024-06-06", "2024-05-06", "2024-06-05", -10, -1.9, "EUR", "credit"),
    ]


def test_payments_are_those_delivered_and_those_only_a_bill_names(loaded):
    became = ("currency", "status", "invoice_id", "method")
    assert loaded.rows("payments", "payment_id", "customer_id", "paid_date", "amount", *became) == [
        ("PAY-1", "c-10", "2024-06-09", 19.87, "EUR", "settled", "CB-1", "bankcard"),
        ("PAY-2/CB-1", "c-10", "2024-06-09", 20, "EUR", "settled", "CB-1", None),
        ("PAY-3", "c-20", "2024-06-10", 119, "EUR", "failed", None, None),
    ]


def test_customers_and_products_alone_are_enough(export):
    export.drop("individuals", "organizations", "usage", "usage-2", "bills", "payments", "customers-2")
    export.write("customers", [{"id": "1", "engagedParty": {"id": "9", "@referredType": "organization"}}])
    export.write(
        "products.jsonl",
        '{"id": "5", "name": "DSL", "startDate": "2024-01-01", "status": "active", "relatedParty": {"id": "9"}}\n',
    )
    export.parameters = {"fee_without_price": 20.5, "product_family": "'wholesale'"}
    assert export.tables() == ["customers", "contracts"]
    assert export.rejected == []
    assert export.rows("customers", "customer_id", "customer_type", "created_date") == [
        ("1", "organization", "2024-01-01")
    ]
    assert export.rows("contracts", "contract_id", "customer_id", "product_family", "monthly_fee") == [
        ("5", "1", "wholesale", 20.5)
    ]
