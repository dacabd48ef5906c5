"""The message about a published version: changes, failed checks, and how past predictions held up."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from orchestration.report import formats
from orchestration.report.caveats import warnings
from orchestration.report.data import ReportData, read_report_data
from orchestration.report.provenance_sections import source_checks
from orchestration.settings import Settings

_FRAMES = ("trend", "migrations", "drift", "source_checks", "value_evidence")
_BACKTEST = {
    "passed": "Backtest: passed.",
    "failed": "Backtest: failed.",
    "not_judged": "Backtest: not judged, the history is too short.",
}


@dataclass(frozen=True)
class Message:
    """A title and lines of plain text, for a mail or a chat."""

    title: str
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def message(connection: duckdb.DuckDBPyConnection, version_id: str, settings: Settings) -> Message:
    """Return the message about a version. It leaves the company, so it is limited to sums, counts and failed checks.

    Raises:
        VersionError: there is no such version.
    """
    data = read_report_data(connection, version_id, only=_FRAMES)
    return Message(
        title=f"{settings.title}: {version_id} {data.version['status']}",
        lines=(*_changes(data, settings), *_moves(data), *_failed(data), *_predictions(data, settings)),
    )


def _changes(data: ReportData, settings: Settings) -> Iterator[str]:
    trend = data["trend"]
    if trend.empty:
        yield "No customers."
        return
    now = trend.iloc[-1]
    customers = f"Open customers: {formats.number(now['open_customers'])}"
    value = f"Total value: {formats.money(now['total_value'], settings.currency)}"
    if len(trend) > 1:
        before = trend.iloc[-2]
        since = f" since {formats.date(before['as_of_date'])}"
        customers += f" ({formats.signed(now['open_customers'] - before['open_customers'])}{since})"
        if not formats.is_unknown(now["total_value"]) and before["total_value"]:
            change = float(now["total_value"]) / float(before["total_value"]) - 1
            value += f" ({formats.signed_share(change)}{since})"
    yield f"{customers}."
    yield f"{value}."
    if data.version["changes"] != "first version of this month":
        yield f"Made again: {data.version['changes']}."


def _moves(data: ReportData) -> Iterator[str]:
    moves = data["migrations"].dropna(subset=["from_segment", "to_segment"])
    moved = moves[moves["from_segment"] != moves["to_segment"]].groupby("scheme")["customers"].sum()
    if len(moved):
        counts = [f"{formats.number(count)} {formats.label(scheme).lower()}" for scheme, count in moved.items()]
        yield f"Customers whose segment changed: {formats.listed(counts)}."


def _failed(data: ReportData) -> Iterator[str]:
    failed = source_checks(data["source_checks"])["failed"]
    yield f"Checks that failed: {len(failed)}." if failed else "No check failed."
    for row in failed:
        # Not the check's own sentence: it may name customers, and this message leaves the company.
        yield f"- {row['source_table']}, {row['check_name']}: {row['value']:.4g}, allowed is {row['allowed']}"
    drifting = data["drift"].query("drift_status in ['watch', 'act']")
    for drift in drifting.itertuples():
        yield f"- drift of {formats.label(drift.measure).lower()}: {drift.drift_status}"


def _predictions(data: ReportData, settings: Settings) -> Iterator[str]:
    evidence = data["value_evidence"]
    if not evidence.empty and evidence.iloc[0]["backtest_status"] in _BACKTEST:
        yield _BACKTEST[evidence.iloc[0]["backtest_status"]]
    yield from warnings(data, settings)
