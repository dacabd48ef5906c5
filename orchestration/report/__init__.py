"""The report of one version: a single HTML file that needs no network, no warehouse and no other file."""

from orchestration.report.files import report_path, write_report

__all__ = ["report_path", "write_report"]
