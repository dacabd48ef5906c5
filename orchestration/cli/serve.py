"""``segmentation serve``: update the serving targets by hand."""

from collections.abc import Iterable
from typing import Annotated

import typer

from orchestration.cli.common import Config, chosen_settings, err, errors_for_people, existing_warehouse, out
from orchestration.errors import ServingError, SettingsError
from orchestration.printing import printable
from orchestration.settings import Settings

app = typer.Typer()


@app.command()
def serve(
    target: Annotated[
        str | None, typer.Argument(help="A serving target of the settings. Default: all of them.")
    ] = None,
    config: Config = None,
) -> None:
    """Bring the serving targets up to date with what is published, and compare them with the lake.

    A publish does the same. Where a target is already up to date, every value is compared; otherwise what was moved is,
    and of the rest the number of rows. Exit code 1 if a target fails or differs from the lake; the others are served
    all the same.
    """
    with errors_for_people():
        settings = chosen_settings(config)
        if not settings.serving:
            raise SettingsError("The settings name no serving target: see 'serving' in docs/bi.md.")
        serve_targets(settings, [target] if target else settings.serving)


def serve_targets(settings: Settings, names: Iterable[str]) -> None:
    """Serve targets one after the other, reporting the result of each.

    Raises:
        ServingError: some of them failed or differ from the lake.
    """
    from orchestration.serving.serve import serve as bring_up

    warehouse, failed = existing_warehouse(settings), []
    for name in names:
        try:
            served, differences = bring_up(warehouse, settings, name)
        except ServingError as error:
            err.print(printable(error), soft_wrap=True)
            failed.append(name)
            continue
        out.print(printable(str(served)), soft_wrap=True)
        for line in (*served.notes, *differences):
            err.print(printable(line), soft_wrap=True)
        if differences:
            failed.append(name)
    if failed:
        raise ServingError(f"Not up to date: {', '.join(failed)}. 'segmentation serve' tries again.")
