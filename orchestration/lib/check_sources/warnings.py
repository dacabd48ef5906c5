"""Warnings about the samples: figures that are possible, and more likely a mistake of the mapping."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.lib.check_sources.findings import TableCheck


@dataclass(frozen=True)
class _Doubt:
    """A condition on the accepted rows of a sample, and what it suggests."""

    table: str
    sql: str
    says: str


_DOUBTS = (
    _Doubt(
        "usage",
        "select sum(bytes_up) > sum(bytes_down) from raw.usage",
        "the base uploads more than it downloads. Direction is the customer's: are bytes_down and bytes_up swapped?",
    ),
    _Doubt(
        "usage",
        "select median(bytes_down) < 100e3 from raw.usage where bytes_down > 0",
        "half of the contract-days have under 100 kB: are bytes_down and bytes_up in kilobytes or megabytes?",
    ),
    _Doubt(
        "usage",
        "select median(bytes_down) > 400e9 from raw.usage where bytes_down > 0",
        "half of the contract-days have over 400 GB: are bytes_down and bytes_up in bits, or summed over a month?",
    ),
    _Doubt(
        "contracts",
        "select median(download_mbps) > 20000 from raw.contracts where download_mbps > 0",
        "half of the contracts have over 20,000 Mbit/s: is download_mbps in kilobits or bits a second?",
    ),
    _Doubt(
        "contracts",
        "select median(download_mbps) < 0.5 from raw.contracts where download_mbps > 0",
        "half of the contracts have under 0.5 Mbit/s: is download_mbps in gigabits a second?",
    ),
    _Doubt(
        "contracts",
        "select count(*) filter (end_date < start_date) > 0 from raw.contracts",
        "some contracts end before they start.",
    ),
    _Doubt(
        "invoices",
        "select count(*) filter (due_date < invoice_date) > 0.5 * count(*) from raw.invoices",
        "most invoices are due before they are issued: are invoice_date and due_date swapped?",
    ),
    _Doubt(
        "invoices",
        "select median(tax_amount) > median(net_amount) from raw.invoices where net_amount > 0",
        "tax is more than the net amount: is tax_amount the gross amount?",
    ),
    _Doubt(
        "service_quality",
        "select max(packet_loss_ratio) > 1 from raw.service_quality",
        "packet_loss_ratio is above 1: is it in percent?",
    ),
)


def warn(connection: duckdb.DuckDBPyConnection, checks: Mapping[str, TableCheck]) -> None:
    """Add what the samples in ``raw`` give reason to doubt."""
    for doubt in _DOUBTS:
        check = checks[doubt.table]
        if check.accepted and connection.execute(doubt.sql).fetchall()[0][0]:
            check.warnings.append(doubt.says)
