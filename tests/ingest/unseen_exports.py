"""Five exports in the shapes of public telecom data, written apart from the guesser, with what each column is.

A column of the answer is ``table.column`` of the contract; one that stands for nothing in it is not in the answer.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Export:
    """Files of a folder, and for each file its columns that mean something, by their name in the file."""

    files: dict[str, tuple[str, Sequence[Sequence[Any]]]]
    answers: dict[str, dict[str, str]]
    delimiter: str = ","
    encoding: str = "utf-8"

    def write(self, folder: Path) -> None:
        """Write the files."""
        for name, (header, rows) in self.files.items():
            lines = [header, *(self.delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows)]
            (folder / name).write_bytes(("\n".join(lines) + "\n").encode(self.encoding))


def churn_table() -> Export:
    """A churn table with dates, as of an American operator."""
    at = random.Random(1)
    rows = [
        (f"{1000 + n}-QX", at.choice(["F", "M"]), 1950 + n % 50, date(2021, 1, 1) + timedelta(11 * n),
         date(2026, 1, 1) + timedelta(n) if n % 6 == 0 else None, at.choice(["Fiber Optic", "DSL"]),
         at.choice([0, 12, 24]), at.randint(20, 110), at.choice(["Yes", "No"]), f"9{at.randint(1000, 9999)}")
        for n in range(80)
    ]  # fmt: skip
    header = (
        "subscriber_no,sex,birth_yr,join_date,cancel_dt,internet_type,contract_length_months,monthly_rate,paperless,zip"
    )
    return Export(
        {"customer_churn.csv": (header, rows)},
        {
            "customer_churn.csv": {
                "subscriber_no": "customers.customer_id", "sex": "customers.gender", "birth_yr": "customers.birth_year",
                "join_date": "customers.created_date", "zip": "customers.postal_code",
                "cancel_dt": "contracts.end_date", "internet_type": "contracts.access_technology",
                "contract_length_months": "contracts.term_months", "monthly_rate": "contracts.monthly_fee",
            }
        },
    )  # fmt: skip


def call_records() -> Export:
    """Call records of a mobile operator beside its subscribers and top-ups."""
    at = random.Random(2)
    subscribers = [
        (f"336{n:08d}", f"A{n:05d}", date(2023, 5, 1) + timedelta(n), at.choice(["PREPAID", "POSTPAID"]),
         at.choice(["ACTIVE", "BARRED"]), at.choice(["Flex", "Max"]), at.choice([9.99, 19.99]))
        for n in range(60)
    ]  # fmt: skip
    daily = [
        (f"336{n:08d}", date(2026, 5, 1) + timedelta(day), at.randint(0, 9), at.randint(0, 60), at.randint(0, 20))
        for n in range(60)
        for day in range(10)
    ]
    topups = [
        (f"T{n}", f"A{n % 60:05d}", datetime(2026, 5, 1) + timedelta(hours=7 * n), at.choice([5, 10, 20]), "card")
        for n in range(90)
    ]
    return Export(
        {
            "mobile_lines.csv": ("msisdn,account_no,activation_date,payment_mode,line_status,rate_plan,monthly_price",
                                 subscribers),
            "daily_voice_usage.csv": ("msisdn,call_day,num_calls,voice_minutes,sms_count", daily),
            "payments_2026-05.csv": ("receipt_no,account_no,payment_date,amount,payment_method", topups),
        },
        {
            "mobile_lines.csv": {
                "msisdn": "contracts.contract_id", "account_no": "contracts.customer_id",
                "activation_date": "contracts.start_date", "line_status": "contracts.status",
                "rate_plan": "contracts.product_code", "monthly_price": "contracts.monthly_fee",
            },
            "daily_voice_usage.csv": {
                "msisdn": "calls.contract_id", "call_day": "calls.call_date", "num_calls": "calls.calls",
                "voice_minutes": "calls.call_minutes", "sms_count": "calls.messages",
            },
            "payments_2026-05.csv": {
                "receipt_no": "payments.payment_id", "account_no": "payments.customer_id",
                "payment_date": "payments.paid_date", "amount": "payments.amount", "payment_method": "payments.method",
            },
        },
    )  # fmt: skip


def british_crm() -> Export:
    """A CRM dump of a British provider: accounts, services and trouble tickets."""
    at = random.Random(3)
    accounts = [
        (f"ACC{n:04d}", at.choice(["Residential", "Business"]),
         (date(2022, 3, 1) + timedelta(9 * n)).strftime("%d/%m/%Y"),
         f"SW{n % 20 + 1} {n % 9}AA", at.choice(["Y", "N"]))
        for n in range(70)
    ]  # fmt: skip
    services = [
        (f"SVC{n:05d}", f"ACC{n % 70:04d}", at.choice(["Full Fibre 100", "Full Fibre 500"]),
         at.choice(["Broadband", "Landline"]), (date(2022, 4, 1) + timedelta(8 * n)).strftime("%d/%m/%Y"),
         (date(2025, 4, 1) + timedelta(n)).strftime("%d/%m/%Y") if n % 7 == 0 else None, at.choice([29.0, 45.5]),
         at.choice([100, 500]), at.choice(["Live", "Ceased"]))
        for n in range(90)
    ]  # fmt: skip
    tickets = [
        (f"INC{n:06d}", f"ACC{n % 70:04d}", (datetime(2026, 1, 1) + timedelta(hours=30 * n)).strftime("%d/%m/%Y %H:%M"),
         at.choice(["Phone", "Email"]), at.choice(["Fault", "Billing", "Complaint"]), at.randint(1, 5))
        for n in range(80)
    ]  # fmt: skip
    return Export(
        {
            "accounts.csv": ("Account Number,Customer Type,Date Joined,Postcode,Marketing Opt In", accounts),
            "services.csv": ("Service ID,Account Number,Package,Service Type,Service Start Date,Cease Date,"
                             "Monthly Charge,Download Speed,Service Status", services),
            "trouble_tickets.csv": ("Ticket Ref,Account Number,Date Raised,Contact Method,Reason,CSAT", tickets),
        },
        {
            "accounts.csv": {
                "Account Number": "customers.customer_id", "Customer Type": "customers.customer_type",
                "Date Joined": "customers.created_date", "Postcode": "customers.postal_code",
                "Marketing Opt In": "customers.marketing_consent",
            },
            "services.csv": {
                "Service ID": "contracts.contract_id", "Account Number": "contracts.customer_id",
                "Package": "contracts.product_code", "Service Type": "contracts.product_family",
                "Service Start Date": "contracts.start_date", "Cease Date": "contracts.end_date",
                "Monthly Charge": "contracts.monthly_fee", "Download Speed": "contracts.download_mbps",
                "Service Status": "contracts.status",
            },
            "trouble_tickets.csv": {
                "Ticket Ref": "interactions.interaction_id", "Account Number": "interactions.customer_id",
                "Date Raised": "interactions.occurred_at", "Contact Method": "interactions.channel",
                "Reason": "interactions.category", "CSAT": "interactions.satisfaction_score",
            },
        },
    )  # fmt: skip


def german_billing() -> Export:
    """A billing system of a German provider: Stammdaten, Anschlüsse, Rechnungen."""
    at = random.Random(4)
    people = [
        (f"{50000 + n}", at.choice(["privat", "gewerblich"]),
         (date(2020, 2, 1) + timedelta(13 * n)).strftime("%d.%m.%Y"),
         f"0{4100 + n}", at.choice(["m", "w"]), (date(1960, 1, 1) + timedelta(200 * n)).strftime("%d.%m.%Y"))
        for n in range(70)
    ]  # fmt: skip
    lines = [
        (f"A-{n:05d}", f"{50000 + n % 70}", at.choice(["DSL 50", "Glasfaser 400"]),
         (date(2020, 3, 1) + timedelta(11 * n)).strftime("%d.%m.%Y"),
         (date(2025, 3, 1) + timedelta(n)).strftime("%d.%m.%Y") if n % 6 == 0 else None,
         f"{at.choice([24, 34])},95", at.choice([0, 24]), at.choice(["aktiv", "beendet"]))
        for n in range(80)
    ]  # fmt: skip
    bills = [
        (f"RE{n:06d}", f"{50000 + n % 70}", (date(2026, 1, 2) + timedelta(n % 28)).strftime("%d.%m.%Y"),
         (date(2026, 1, 16) + timedelta(n % 28)).strftime("%d.%m.%Y"), "29,37", "5,58")
        for n in range(90)
    ]  # fmt: skip
    return Export(
        {
            "Stammdaten_Kunden.csv": ("Kundennummer;Kundengruppe;Kunde seit;PLZ;Geschlecht;Geburtsdatum", people),
            "Anschlüsse.csv": ("Anschlussnr;Kundennummer;Produkt;Schaltdatum;Kündigungsdatum;Grundpreis;"
                               "Mindestlaufzeit;Vertragsstatus", lines),
            "Rechnungsausgang.csv": ("Rechnungsnr;Kundennummer;Rechnungsdatum;Fällig am;Nettobetrag;MwSt", bills),
        },
        {
            "Stammdaten_Kunden.csv": {
                "Kundennummer": "customers.customer_id", "Kundengruppe": "customers.customer_type",
                "Kunde seit": "customers.created_date", "PLZ": "customers.postal_code",
                "Geschlecht": "customers.gender", "Geburtsdatum": "customers.birth_year",
            },
            "Anschlüsse.csv": {
                "Anschlussnr": "contracts.contract_id", "Kundennummer": "contracts.customer_id",
                "Produkt": "contracts.product_code", "Schaltdatum": "contracts.start_date",
                "Kündigungsdatum": "contracts.end_date", "Grundpreis": "contracts.monthly_fee",
                "Mindestlaufzeit": "contracts.term_months", "Vertragsstatus": "contracts.status",
            },
            "Rechnungsausgang.csv": {
                "Rechnungsnr": "invoices.invoice_id", "Kundennummer": "invoices.customer_id",
                "Rechnungsdatum": "invoices.invoice_date", "Fällig am": "invoices.due_date",
                "Nettobetrag": "invoices.net_amount", "MwSt": "invoices.tax_amount",
            },
        },
        ";",
        "iso-8859-1",
    )  # fmt: skip


def product_events() -> Export:
    """Sign-ups, subscriptions and usage events of a product-led operator; ``id`` is that of the row."""
    at = random.Random(5)
    users = [(f"u_{n:04d}", datetime(2024, 6, 1) + timedelta(hours=41 * n), at.choice(["AT", "CH"])) for n in range(60)]
    subscriptions = [
        (9000 + n, f"u_{n % 60:04d}", at.choice(["starter", "pro"]), datetime(2024, 6, 2) + timedelta(hours=40 * n),
         datetime(2026, 2, 1) + timedelta(hours=n) if n % 8 == 0 else None, at.choice([15, 30]))
        for n in range(70)
    ]  # fmt: skip
    events = [
        (f"ev{n:06d}", 9000 + n % 70, datetime(2026, 5, 1) + timedelta(minutes=11 * n),
         datetime(2026, 5, 1) + timedelta(minutes=11 * n + 9), at.randint(10**6, 10**9), at.randint(10**5, 10**8))
        for n in range(400)
    ]  # fmt: skip
    return Export(
        {
            "users.csv": ("user_id,signup_at,country", users),
            "subscriptions.csv": ("id,user_id,plan,started_at,cancelled_at,price", subscriptions),
            "data_sessions.csv": ("id,subscription_id,session_start,session_end,rx_bytes,tx_bytes", events),
        },
        {
            "users.csv": {
                "user_id": "customers.customer_id", "signup_at": "customers.created_date",
                "country": "customers.country",
            },
            "subscriptions.csv": {
                "id": "contracts.contract_id", "user_id": "contracts.customer_id", "plan": "contracts.product_code",
                "started_at": "contracts.start_date", "cancelled_at": "contracts.end_date",
                "price": "contracts.monthly_fee",
            },
            # Whether rx is what the customer or what the network received, the names do not tell.
            "data_sessions.csv": {
                "id": "usage_sessions.session_id", "subscription_id": "usage_sessions.contract_id",
                "session_start": "usage_sessions.started_at", "session_end": "usage_sessions.ended_at",
            },
        },
    )  # fmt: skip


EXPORTS: dict[str, Callable[[], Export]] = {
    each.__name__: each for each in (churn_table, call_records, british_crm, german_billing, product_events)
}
