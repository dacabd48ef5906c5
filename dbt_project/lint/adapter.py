"""What sqlfluff's jinja templater knows of dbt's adapter: enough to render a dispatched macro as a function call."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """Return a macro that renders as a call of the function ``name``."""
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"
