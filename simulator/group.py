"""The base of every group of parameters."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """A frozen group of parameters; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
