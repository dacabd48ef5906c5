"""UISP CRM: clients, services by their status codes, invoices, credit notes, payments and refunds."""

PRESET = "uisp"


def test_the_planted_bad_rows_and_no_others_go_to_quarantine(loaded):
    assert loaded.rejected == [
        ("contracts", "monthly_fee", "wrong_type", "much"),
        ("customers", "customer_type", "not_accepted_value", "3"),
        ("payments", "customer_id", "unknown_reference", "99"),
    ]


def test_clients_are_persons_or_companies_and_leads_are_left_out(loaded):
    about = ("service_address", "postal_code", "country", "latitude", "has_tax_number", "acquisition_channel")
    assert loaded.rows("customers", "customer_id", "customer_type", "created_date", *about) == [
        # Registered 23:30 UTC on New Year's Eve.
        ("1", "person", "2023-01-01", "12 Dune St, Apt 4, 00501, Seaton", "00501", "DE", 40.5, None, "Friend"),
        ("2", "organization", "2021-03-15", None, None, None, None, True, None),
    ]


def test_status_codes_become_states_and_quotes_and_undated_services_are_left_out(loaded):
    state = ("start_date", "end_date", "status", "end_reason")
    assert loaded.rows("contracts", "contract_id", "valid_from_date", "customer_id", "product_family", *state) == [
        ("101", "2023-01-01", "1", "internet", "2023-01-01", None, "active", None),
        ("102", "2021-04-01", "2", "internet", "2021-04-01", None, "active", None),
        # Suspended since it is no longer invoiced.
        ("102", "2024-04-01", "2", "internet", "2021-04-01", None, "suspended", None),
        ("103", "2021-04-01", "2", "other", "2021-04-01", "2022-07-01", None, None),
        ("104", "2023-01-01", "1", "internet", "2023-01-01", "2023-01-01", None, "plan_change"),
        ("105", "2024-07-01", "1", "internet", "2024-07-01", None, "pending", None),
    ]


def test_prices_of_a_period_become_monthly_and_terms_and_speeds_are_kept(loaded):
    term = ("term_months", "committed_until_date", "discount_amount", "discount_until_date")
    assert loaded.rows(
        "contracts", "contract_id", "monthly_fee", *term, "plan_name", "download_mbps", "upload_mbps"
    ) == [
        ("101", 30, 12, "2023-12-31", 15, "2023-03-31", "Home 100", 100, 20.5),
        ("102", 100, None, "2024-12-31", 10, None, "Office", None, None),
        ("102", 100, None, "2024-12-31", 10, None, "Office", None, None),
        ("103", 10, None, None, None, None, "Voice", None, None),
        ("104", 20, None, None, None, None, "Home 50", None, None),
        ("105", 50, None, None, None, None, "Home 500", None, None),
    ]


def test_drafts_voids_and_proformas_are_left_out_and_the_period_is_the_services(loaded):
    dates = ("invoice_date", "due_date", "period_start", "period_end")
    amounts = ("net_amount", "tax_amount", "currency", "contract_id", "kind")
    assert loaded.rows("invoices", "invoice_id", "customer_id", *dates, *amounts) == [
        # In advance for a month; afterwards for three.
        ("900", "1", "2024-05-01", "2024-05-15", "2024-05-01", "2024-05-31", 30, 6, "EUR", "101", "recurring"),
        ("901", "2", "2024-04-01", "2024-04-15", "2024-01-01", "2024-03-31", 300, 0, "USD", "102", "recurring"),
        ("902", "2", "2024-05-02", "2024-05-16", "2024-05-02", "2024-05-02", 100, 0, "EUR", None, "one_off"),
        ("credit-900", "1", "2024-05-20", "2024-05-20", "2024-05-20", "2024-05-20", -10, -2, "EUR", None, "credit"),
    ]


def test_a_payment_names_its_invoice_if_it_covers_one_and_refunds_are_payments_back(loaded):
    became = ("currency", "status", "invoice_id", "method")
    assert loaded.rows("payments", "payment_id", "customer_id", "paid_date", "amount", *became) == [
        ("70", "1", "2024-05-04", 36, "EUR", "settled", "900", "credit_card"),
        ("71", "2", "2024-04-10", 100, None, "settled", None, "cash"),
        ("72", "2", "2024-04-11", 5, None, "settled", "901", "transfer"),
        ("refund-70", "1", "2024-05-21", 12, None, "refunded", None, "credit_card"),
    ]


def test_clients_and_services_alone_are_enough(export):
    export.drop("invoices", "credit_notes", "payments", "refunds", "payment_methods", "countries")
    export.write("clients", '{"id": 1, "clientType": 1, "registrationDate": "2024-01-01T00:00:00+0100"}\n')
    service = {"id": 5, "clientId": 1, "status": 1, "servicePlanId": 2, "price": 36, "activeFrom": "2024-01-01"}
    export.write("services", [service])
    export.parameters = {"tax_in_prices": 0.2, "country": "US"}
    assert export.tables() == ["customers", "contracts"]
    assert export.rows("customers", "customer_id", "country") == [("1", "US")]
    assert export.rows("contracts", "contract_id", "monthly_fee", "product_family") == [("5", 30, "internet")]
