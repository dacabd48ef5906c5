"""``segmentation backup``, ``restore`` and ``maintain``: the lake as a whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.common import (
    Config,
    Wait,
    chosen_settings,
    errors_for_people,
    existing_warehouse,
    out,
    writing,
)
from orchestration.lake.warehouse import Warehouse

app = typer.Typer()


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new folder, preferably on another disk.")],
    config: Config = None,
) -> None:
    """Copy the lake (catalog and data files) as of this moment. A run may continue meanwhile."""
    from orchestration.lake.backup import back_up

    with errors_for_people():
        made = back_up(existing_warehouse(chosen_settings(config)), target)
        out.print(
            f"Backed up snapshot {made.snapshot_id}: {made.files:,} files, {made.bytes:,} bytes, in {target}.",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A folder that 'segmentation backup' wrote.")],
    config: Config = None,
) -> None:
    """Restore a backup to the lake of the settings, at any path or in any PostgreSQL database. Overwrites nothing."""
    from orchestration.lake.backup import restore as make_from

    with errors_for_people():
        settings = chosen_settings(config)
        made = make_from(source, Warehouse(settings.warehouse))
        out.print(
            f"Restored snapshot {made.snapshot_id} of {made.made_at}: {made.files:,} files, at"
            f" {settings.warehouse.path}.",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def maintain(config: Config = None, wait: Wait = True) -> None:
    """Run the weekly maintenance now: merge small files, expire old snapshots, delete what killed runs left behind."""
    from orchestration.lake.maintenance import maintain as keep_up

    with errors_for_people():
        settings = chosen_settings(config)
        warehouse, schedule, now = existing_warehouse(settings), settings.schedule, datetime.now(UTC)
        with writing(settings, "maintain", wait):
            gone = keep_up(
                warehouse,
                keep_since=now - timedelta(days=schedule.keep_snapshots_days),
                orphans_before=now - timedelta(hours=schedule.keep_orphans_hours),
            )
        out.print(
            f"Deleted {gone.expired} files of snapshots older than {schedule.keep_snapshots_days} days, and"
            f" {gone.orphans + gone.spilled} that killed runs had left.",
            highlight=False,
            soft_wrap=True,
        )
