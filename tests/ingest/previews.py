"""The preview of a mapping, as its tests read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.onboarding.preview import SourcesReport, TableCheck, preview_sources
from orchestration.settings import Settings

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

INVOICE_COLUMNS = (
    "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency\n"
)


def check(isp: Isp) -> SourcesReport:
    return preview_sources(Settings.model_validate(isp.settings))


def table(report: SourcesReport, name: str) -> TableCheck:
    return next(found for found in report.tables if found.table == name)


def warnings_of_column(isp: Isp, name: str, column: str) -> list[str]:
    return [line for line in table(check(isp), name).warnings if line.startswith(column)]
