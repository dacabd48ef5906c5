"""The group of all commands: no error leaves it as a bare traceback, and ``--debug`` shows where it came from."""

import traceback
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from orchestration.cli.common import err
from orchestration.errors import full_disk
from orchestration.masking import masked
from orchestration.printing import printable

DEBUG = "--debug"


class Commands(TyperGroup):
    """Runs a command; ``--debug`` is accepted before and after its name."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Remove ``--debug`` from the arguments, wherever it is."""
        own = args[: args.index("--")] if "--" in args else args
        has_debug = DEBUG in own
        if has_debug:
            args = [each for each in own if each != DEBUG] + args[len(own) :]
        context = super().make_context(info_name, args, parent, **extra)
        context.meta[DEBUG] = has_debug
        return context

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an unexpected error becomes one sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Abort, BrokenPipeError):
            raise
        except typer.Exit as stop:
            if stop.exit_code and stop.__cause__ is not None:
                _show(stop.__cause__, ctx)
            raise
        except Exception as error:
            if not _show(error, ctx):
                said = (str(error).strip() or "no message").splitlines()[0]
                line = full_disk(str(error)) or (
                    f"{type(error).__name__}: {said} This was not expected; with {DEBUG} the command says where."
                )
                err.print(Text.assemble(("Error:", "bold red"), " ", printable(masked(line))), soft_wrap=True)
            raise typer.Exit(1) from error


def _show(error: BaseException, context: Any) -> bool:
    """Print the traceback with secrets masked, if requested, and return whether it was."""
    if context.meta.get(DEBUG):
        err.print(Text(masked("".join(traceback.format_exception(error)))), soft_wrap=True)
    return bool(context.meta.get(DEBUG))
