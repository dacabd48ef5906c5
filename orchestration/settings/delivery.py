"""Settings of delivery: where the report of a published version goes, and who is notified."""

from collections.abc import Callable
from typing import Self

from pydantic import Field

from orchestration.settings.sources import LocationName, ObjectStoreSettings, Secret, Section


class DeliverySettings(Section):
    """Where the report of a version goes once it is published."""

    path: str | None = Field(None, description="folder for a copy of the report, local or on an object store (s3://…)")
    object_store: ObjectStoreSettings = ObjectStoreSettings()
    notify: dict[LocationName, Secret] = Field(
        default_factory=dict,
        description="Apprise addresses to notify, by name (mailto://, slack://, msteams://, json://), as ${NAME}",
    )
    attach_report: bool = Field(True, description="whether to attach the report if the channel can carry it")
    attempts: int = Field(3, ge=1, le=10, description="attempts for each recipient before it counts as failed")
    wait_seconds: float = Field(5, ge=0, description="wait before the second attempt; each later wait is twice as long")

    @property
    def is_wanted(self) -> bool:
        """Whether any delivery is configured."""
        return bool(self.path or self.notify)

    def with_paths(self, absolute: Callable[[str], str]) -> Self:
        """Return the same settings with an absolute path."""
        return self.model_copy(update={"path": self.path and absolute(self.path)})
