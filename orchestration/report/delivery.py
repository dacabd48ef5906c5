"""Delivery of the report of a published version: to a folder, an object store, and by mail or chat."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from pyarrow import fs

from orchestration.errors import SegmentationError
from orchestration.ingest.reading.object_store import file_system
from orchestration.lake.warehouse import Warehouse
from orchestration.masking import masked
from orchestration.report.files import report_path, write_report
from orchestration.report.message import Message, message
from orchestration.settings import Settings
from orchestration.settings.delivery import DeliverySettings


def deliver(
    warehouse: Warehouse,
    settings: Settings,
    version_ids: Sequence[str],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[str], list[str]]:
    """Deliver the reports of versions, oldest first, and announce the latest; each destination is tried independently.

    Returns:
        The destinations reached, and a sentence for each that failed: the versions are published all the same.
    """
    delivery, latest = settings.delivery, version_ids[-1]
    reports = []
    for version_id in version_ids:
        report = report_path(settings, version_id)
        reports.append(report if report.exists() else write_report(warehouse, settings, version_id))
    with warehouse.reader() as connection:
        said = message(connection, latest, settings)
    steps: dict[str, Callable[[], None]] = {}
    if delivery.path:
        steps[delivery.path] = partial(_copy, reports, delivery)
    for name, address in delivery.notify.items():
        attachment = reports[-1] if delivery.attach_report else None
        steps[name] = partial(_notify, address.get_secret_value(), said, attachment)
    failed = {place: why for place, step in steps.items() for why in _tried(step, delivery, sleep)}
    done = [place for place in steps if place not in failed]
    return done, [f"The report of {latest} did not reach {place}: {why}" for place, why in failed.items()]


def _tried(step: Callable[[], None], delivery: DeliverySettings, sleep: Callable[[float], None]) -> Iterator[str]:
    """Retry until it works; yield the reason if no attempt does."""
    for attempt in range(1, delivery.attempts + 1):
        try:
            step()
        except (SegmentationError, OSError) as error:
            if attempt == delivery.attempts:
                yield masked(str(error))
            else:
                sleep(delivery.wait_seconds * 2 ** (attempt - 1))
        else:
            return


def _copy(reports: Sequence[Path], delivery: DeliverySettings) -> None:
    """Copy the reports to the folder, each completely or not at all."""
    assert delivery.path
    is_remote = "://" in delivery.path
    root = delivery.path.partition("://")[2] if is_remote else delivery.path
    files = file_system(delivery.object_store) if is_remote else fs.LocalFileSystem()
    if not is_remote:
        files.create_dir(root)
    for report in reports:
        place = f"{root}/{report.name}"
        # An object appears only when it is complete; a local file is renamed.
        aside = place if is_remote else f"{root}/.{report.name}.unfinished"
        fs.copy_files(str(report), aside, destination_filesystem=files)
        if not is_remote:
            files.move(aside, place)


def _notify(url: str, said: Message, attachment: Path | None) -> None:
    """Send a message to one Apprise address.

    Raises:
        SegmentationError: Apprise does not recognize the address, or the message was not accepted.
    """
    try:
        import apprise
    except ImportError as error:
        raise SegmentationError("messages need Apprise: pip install 'isp-segmentation[notify]'.") from error
    channel = apprise.Apprise()
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
        if not channel.add(url):
            raise SegmentationError("Apprise does not recognize its address.")
        is_taken = channel.notify(
            title=said.title,
            body=said.body,
            body_format=apprise.NotifyFormat.TEXT,
            attach=str(attachment) if attachment else None,
        )
        reason = " ".join(log.getvalue().split())
    if not is_taken:
        raise SegmentationError(reason or "the message was not taken.")
