"""The price list: every product the simulated provider sells."""

from __future__ import annotations

from pydantic import Field

from simulator.group import Group


class Plan(Group):
    """One product on the price list."""

    code: str
    name: str
    family: str
    fee: float
    cost: float = Field(description="Monthly cost of the product itself (monthly_cost).")
    technology: str | None = None
    download_mbps: float | None = None
    upload_mbps: float | None = None
    cap_gb: float | None = None
    overage_per_gb: float = 0.0


def default_price_list() -> tuple[Plan, ...]:
    """Return the consumer lines from slow to fast, the business lines, and what is sold beside them."""

    def line(
        code: str,
        name: str,
        fee: float,
        cost: float,
        technology: str,
        down: float,
        up: float,
        cap: float | None = None,
        overage: float = 0.0,
    ) -> Plan:
        return Plan(
            code=code,
            name=name,
            family="internet",
            fee=fee,
            cost=cost,
            technology=technology,
            download_mbps=down,
            upload_mbps=up,
            cap_gb=cap,
            overage_per_gb=overage,
        )

    def extra(code: str, name: str, family: str, fee: float, cost: float) -> Plan:
        return Plan(code=code, name=name, family=family, fee=fee, cost=cost)

    return (
        # Consumer lines, slow to fast: a plan change moves one step.
        line("NET30", "Internet 30 Light", 24.90, 10.50, "fixed_wireless", 30, 5, 300, 0.05),
        line("NET50", "Internet 50", 29.90, 12.50, "dsl", 50, 10),
        line("NET100", "Internet 100", 34.90, 13.50, "cable", 100, 20),
        line("NET250", "Internet 250", 39.90, 15.00, "cable", 250, 40),
        line("NET500", "Fiber 500", 49.90, 17.50, "fiber", 500, 250),
        line("NET1000", "Fiber 1000", 64.90, 21.00, "fiber", 1000, 500),
        # Business lines.
        line("BIZ100", "Business 100", 59.00, 23.00, "cable", 100, 40),
        line("BIZ500", "Business Fiber 500", 99.00, 36.00, "fiber", 500, 500),
        line("BIZ1000", "Business Fiber 1000", 189.00, 68.00, "fiber", 1000, 1000),
        line("LEASED", "Leased Line", 490.00, 215.00, "fiber", 1000, 1000),
        extra("TV", "Television", "tv", 14.90, 9.20),
        extra("VOICE", "Home Phone", "fixed_voice", 9.90, 3.10),
        Plan(
            code="MOB20",
            name="Mobile 20",
            family="mobile",
            fee=14.90,
            cost=6.00,
            technology="mobile",
            download_mbps=100,
            upload_mbps=25,
            cap_gb=20,
        ),
        Plan(
            code="MOBMAX",
            name="Mobile Max",
            family="mobile",
            fee=27.90,
            cost=10.50,
            technology="mobile",
            download_mbps=300,
            upload_mbps=50,
        ),
        extra("SEC", "Device Protection", "security", 4.90, 1.20),
        extra("CLOUD", "Online Storage", "cloud", 6.90, 2.30),
        extra("BVOICE", "Business Phone", "fixed_voice", 24.00, 8.00),
        extra("BSEC", "Managed Firewall", "security", 29.00, 10.00),
        extra("BCLOUD", "Business Cloud", "cloud", 45.00, 17.00),
        Plan(
            code="TRANSIT",
            name="Wholesale Transit",
            family="wholesale",
            fee=3900.0,
            cost=2450.0,
            technology="fiber",
            download_mbps=10000,
            upload_mbps=10000,
        ),
    )
