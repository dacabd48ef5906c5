"""The process of a Dagster run, and closing runs whose process has died.

A killed process leaves its run as started in Dagster's storage, and a started run occupies the pool of writers:
everything scheduled would wait for it forever. So every run records its process when it begins, and the runs of dead
processes are closed by whoever is about to write, and by the daemon twice a minute.
"""

import os
import socket
from collections.abc import Mapping

import psutil
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from orchestration.lake.warehouse import Warehouse

# Tags of a run: its process, the lake it writes to, and whether it held the writers' lock.
PROCESS_TAG, LAKE_TAG, LOCK_TAG = "segmentation/process", "segmentation/lake", "segmentation/has_lock"
_JOBS = {"daily_ingest", "monthly_segmentation", "daily_actions", "lake_maintenance"}
_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
# Processes report their start time to a hundredth of a second; this leaves a margin.
_SAME_START_SECONDS = 1.0


def process_tags(warehouse: Warehouse) -> dict[str, str]:
    """Return the tags of a run in this process."""
    process = psutil.Process(os.getpid())
    return {
        PROCESS_TAG: f"{socket.gethostname()} {process.pid} {process.create_time():.2f}",
        LAKE_TAG: warehouse.identity,
    }


def close_dead_runs(instance: DagsterInstance, warehouse: Warehouse, has_lock: bool) -> list[str]:
    """Mark the runs whose process is gone as failed, free their slots in pools, and return their identifiers.

    The workspace that they left behind is deleted if this process holds the lock.

    Args:
        instance: Dagster's instance.
        warehouse: the lake whose runs are checked.
        has_lock: whether this process holds the writers' lock. Then every run that held it is dead, on any machine;
            otherwise only processes of this machine can be judged.
    """
    closed = []
    for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED)):
        if not _is_dead(run, warehouse.identity, has_lock):
            continue
        message = "The process of this run is gone: it was killed, or its machine went down."
        if run.status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    if closed and has_lock:
        warehouse.discard_workspace()
    return closed


def has_unjudged_runs(instance: DagsterInstance, warehouse: Warehouse) -> bool:
    """Whether there are unfinished runs that only the holder of the lock can judge."""
    return any(
        _is_dead(run, warehouse.identity, has_lock=True) and not _is_dead(run, warehouse.identity, has_lock=False)
        for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED))
    )


def _is_dead(run: DagsterRun, lake: str, has_lock: bool) -> bool:
    tags: Mapping[str, str] = run.tags
    if PROCESS_TAG not in tags:
        # From before processes were recorded: a run without an origin belonged to a command's process, and is over.
        is_command = run.remote_job_origin is None and run.job_name in _JOBS
        return has_lock and is_command and run.status is DagsterRunStatus.STARTED
    host, pid, started = tags[PROCESS_TAG].rsplit(" ", 2)
    if host == socket.gethostname():
        return not _is_alive(int(pid), float(started))
    return has_lock and LOCK_TAG in tags and tags.get(LAKE_TAG) == lake


def _is_alive(pid: int, started: float) -> bool:
    """Whether that very process runs: its number may have been reused, and a zombie has ended."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < _SAME_START_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
