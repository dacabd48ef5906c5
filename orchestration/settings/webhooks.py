"""Settings of webhooks: the address, and the number and timing of attempts."""

from pydantic import Field

from orchestration.settings.sources import Secret, Section
from orchestration.signed_posts import Receiver


class WebhookSettings(Section):
    """Webhook that requests are posted to."""

    url: Secret = Field(description="address, as ${NAME}")
    key: Secret = Field(min_length=16, description="key that signs each request, as ${NAME}; shared with the receiver")
    attempts: int = Field(5, ge=1, le=20, description="attempts before it counts as failed")
    wait_seconds: float = Field(2, ge=0, description="wait before the second attempt; each later wait is twice as long")
    timeout_seconds: float = Field(30, gt=0, description="timeout of one attempt")

    @property
    def receiver(self) -> Receiver:
        """The receiver of the posts."""
        return Receiver(
            self.url.get_secret_value(),
            self.key.get_secret_value(),
            self.attempts,
            self.wait_seconds,
            self.timeout_seconds,
        )
