"""Keeps secrets out of Dagster's storage: messages, errors, metadata of every event."""

from typing import Any

from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._serdes import deserialize_value, serialize_value

from orchestration.masking import without_kept


def mask_events(instance: DagsterInstance) -> None:
    """Mask every event before this process stores it.

    Dagster offers no hook for this; ``handle_new_event`` is the only public method that all events go through.
    """
    if getattr(instance.handle_new_event, "masks", False):
        return
    store = instance.handle_new_event

    def store_masked(event: EventLogEntry, **options: Any) -> None:
        store(_masked(event), **options)

    store_masked.masks = True  # type: ignore[attr-defined]
    instance.handle_new_event = store_masked  # type: ignore[method-assign]


def _masked(event: EventLogEntry) -> EventLogEntry:
    text = serialize_value(event)
    clean = without_kept(text)
    return event if clean == text else deserialize_value(clean, EventLogEntry)
