"""Settings of delivery: where the report of a published version goes, and who is told."""

from collections.abc import Callable
from typing import Self

from pydantic import Field

from orchestration.settings.sources import LocationName, ObjectStoreSettings, Secret, Section


class DeliverySettings(Section):
    """Where the report of a version goes once it is published."""

    path: str | None = Field(None, description="folder that gets a copy, local or on an object store (s3://…)")
    object_store: ObjectStoreSettings = ObjectStoreSettings()
    notify: dict[LocationName, Secret] = Field(
        default_factory=dict,
        description="who is told, by name: addresses of Apprise (mailto://, slack://, msteams://, json://), as ${NAME}",
    )
    attach_report: bool = Field(True, description="whether the report goes with the message, where the channel can")
    attempts: int = Field(3, ge=1, le=10, description="times that each is tried before it is told that it failed")
    wait_seconds: float = Field(5, ge=0, description="before the second attempt; each later one waits twice as long")

    @property
    def is_wanted(self) -> bool:
        """Whether there is anywhere to deliver to."""
        return bool(self.path or self.notify)

    def with_paths(self, absolute: Callable[[str], str]) -> Self:
        """Return the same settings with an absolute path."""
        return self.model_copy(update={"path": self.path and absolute(self.path)})
