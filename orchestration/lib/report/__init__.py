"""The report of one version: a single HTML file that needs no network, no warehouse and no other file."""

from orchestration.lib.report.build import build_report, write_report

__all__ = ["build_report", "write_report"]
