"""Versions of the segments: candidate → checks → published, and back.

A version is an as-of date and a revision (``2026-10-31.1``). Its identity is a hash of what it was made from: the
features of that month and the other inputs of its segments, the settings, the code, and the version of the month before
(which clusters and stages refer to). The same identity never makes a second version.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from orchestration.errors import VersionError
from orchestration.ingest.loading.records import next_load_id
from orchestration.lake.declarations import REGISTRY
from orchestration.lake.relations import relations
from orchestration.lake.run_scope import features_last_load_ids, set_scope
from orchestration.lake.warehouse import transaction
from orchestration.months import previous_as_of_date
from orchestration.segments.candidate import Candidate
from orchestration.segments.registry import Input, versioned_tables

IDENTITY = ("input_hash", "settings_hash", "code_version")


@dataclass(frozen=True)
class Provenance:
    """Who makes the versions of a run, with what, and the tables they are made from."""

    run_id: str
    code_version: str
    settings_hash: str
    inputs: tuple[Input, ...]


def last_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the last load, replaced or not; 0 if nothing was ever loaded."""
    return next_load_id(connection) - 1


def open_candidates(
    connection: duckdb.DuckDBPyConnection, days: Sequence[date], made_by: Provenance, now: datetime
) -> list[Candidate]:
    """Open a candidate for every day whose inputs, settings, code or predecessor differ from its latest revision.

    The other days keep their version, which is confirmed: late data that had reached them changed nothing. Candidates
    that a dead run left behind for these days are first removed, with their rows.
    """
    with transaction(connection):
        discard_candidates(connection, days)
        last_loads = features_last_load_ids(connection, days)
        latest_revisions = _by_month(list_versions(connection))
        current = _by_month(row for row in list_versions(connection) if row["status"] == "published")
        opened = []
        for day in sorted(days):
            previous = current.get(previous_as_of_date(day))
            before = [previous[name] for name in IDENTITY] if previous else []
            identity = {
                "input_hash": _digest(_inputs_hash(connection, day, made_by.inputs), *before),
                "settings_hash": made_by.settings_hash,
                "code_version": made_by.code_version,
            }
            latest = latest_revisions.get(day)
            changed = [name for name in identity if latest and latest[name] != identity[name]]
            if latest and not changed:
                _confirm(connection, day, latest["version_id"], last_loads.get(day, 0), now)
                continue
            revision = latest["revision"] + 1 if latest else 1
            candidate = Candidate(
                version_id=f"{day}.{revision}",
                as_of_date=day,
                previous_version_id=previous["version_id"] if previous else None,
                changes=_describe(changed),
            )
            current[day] = identity | {"version_id": candidate.version_id}
            last_load = last_loads.get(day, 0)
            _insert_candidate(connection, candidate, revision, identity["input_hash"], made_by, now, last_load)
            opened.append(candidate)
        set_scope(connection, made_by.run_id, scope_of(days, opened))
    return opened


def scope_of(days: Iterable[date], opened: Iterable[Candidate]) -> dict[date, str | None]:
    """Return the scope of a run: its months, each with its candidate if it has one."""
    return dict.fromkeys(days) | {each.as_of_date: each.version_id for each in opened}


def candidates(connection: duckdb.DuckDBPyConnection, days: Iterable[date]) -> list[Candidate]:
    """Return the open candidates for ``days``, oldest first."""
    rows = connection.execute(
        "select version_id, as_of_date, previous_version_id, changes from segments.versions"
        " where status = 'candidate' and as_of_date in (select unnest(?::date[])) order by as_of_date",
        [list(days)],
    ).fetchall()
    return [Candidate(*row) for row in rows]


def discard_candidates(connection: duckdb.DuckDBPyConnection, days: Iterable[date]) -> None:
    """Delete the candidates for ``days`` and all their rows."""
    stale = [each.version_id for each in candidates(connection, days)]
    if not stale:
        return
    existing = {name for schema, name in relations(connection) if schema == "segments"}
    # dbt creates its tables when it first builds them.
    for table in existing.intersection((*versioned_tables(), REGISTRY)):
        connection.execute(f"delete from segments.{table} where version_id in (select unnest(?::varchar[]))", [stale])


def record_outcome(
    connection: duckdb.DuckDBPyConnection,
    version_id: str,
    row_counts: Mapping[str, int],
    checks: Sequence[Mapping[str, Any]],
) -> None:
    """Store a candidate's row counts and the results of its checks."""
    connection.execute(
        "update segments.versions set row_counts = ?, checks = ? where version_id = ? and status = 'candidate'",
        [json.dumps(dict(row_counts)), json.dumps([dict(check) for check in checks]), version_id],
    )


def publish(connection: duckdb.DuckDBPyConnection, version_ids: Sequence[str], now: datetime) -> None:
    """Publish candidates, all in one transaction; the versions they replace become superseded.

    Raises:
        VersionError: a version is not a candidate, is not checked, or has failed a check.
    """
    with transaction(connection):
        for version_id in version_ids:
            row = version(connection, version_id)
            if row["status"] != "candidate":
                raise VersionError(f"Version {version_id} is {row['status']}, only a candidate can be published.")
            if row["checks"] is None:
                raise VersionError(f"Version {version_id} has not been checked; run its checks before publishing.")
            if failed := [check["name"] for check in json.loads(row["checks"]) if not check["passed"]]:
                raise VersionError(f"Version {version_id} failed {', '.join(failed)}; it stays unpublished.")
            _replace_published(connection, version_id, row["as_of_date"], "superseded", now)


def rollback(connection: duckdb.DuckDBPyConnection, version_id: str, now: datetime) -> str | None:
    """Publish an older version again; the one it replaces is withdrawn and returned.

    A rerun with the same inputs does not make a withdrawn version again: only changed inputs, settings or code make a
    new revision.
    """
    with transaction(connection):
        row = version(connection, version_id)
        if row["status"] == "published":
            raise VersionError(f"Version {version_id} is already the published one.")
        if row["status"] == "candidate":
            raise VersionError(f"Version {version_id} is a candidate that was never published; run its month again.")
        if row["status"] == "pruned":
            raise VersionError(f"Version {version_id} was pruned, its rows are deleted; run its month again.")
        return _replace_published(connection, version_id, row["as_of_date"], "withdrawn", now)


def withdraw(connection: duckdb.DuckDBPyConnection, version_id: str) -> None:
    """Withdraw a published version without a replacement; ``rollback`` publishes a version of its month again.

    Raises:
        VersionError: it is not published.
    """
    with transaction(connection):
        status = version(connection, version_id)["status"]
        if status != "published":
            raise VersionError(f"Version {version_id} is {status}; only a published one can be withdrawn.")
        connection.execute("update segments.versions set status = 'withdrawn' where version_id = ?", [version_id])


def list_versions(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the rows of the registry, newest month and revision first."""
    relation = connection.execute("select * from segments.versions order by as_of_date desc, revision desc")
    names = [column[0] for column in relation.description or []]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def published_version_ids(connection: duckdb.DuckDBPyConnection, days: Iterable[date]) -> list[str]:
    """Return the published versions of ``days``, oldest first."""
    rows = connection.execute(
        "select version_id from segments.versions"
        " where status = 'published' and as_of_date in (select unnest(?::date[])) order by as_of_date",
        [list(days)],
    ).fetchall()
    return [version_id for (version_id,) in rows]


def published_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """Return the published versions that a run made, oldest first."""
    rows = connection.execute(
        "select version_id from segments.versions where status = 'published' and run_id = ? order by as_of_date",
        [run_id],
    ).fetchall()
    return [version_id for (version_id,) in rows]


def _replace_published(
    connection: duckdb.DuckDBPyConnection, version_id: str, day: date, replaced_status: str, now: datetime
) -> str | None:
    current = connection.execute(
        "select version_id from segments.versions where as_of_date = ? and status = 'published'", [day]
    ).fetchone()
    connection.execute(
        "update segments.versions set status = ? where as_of_date = ? and status = 'published'",
        [replaced_status, day],
    )
    connection.execute(
        "update segments.versions set status = 'published', published_at = ? where version_id = ?",
        [now, version_id],
    )
    return current[0] if current else None


def version(connection: duckdb.DuckDBPyConnection, version_id: str) -> dict[str, Any]:
    """Return the registry row of a version.

    Raises:
        VersionError: there is no such version.
    """
    for row in list_versions(connection):
        if row["version_id"] == version_id:
            return row
    raise VersionError(f"There is no version {version_id}; 'segmentation versions list' shows those that exist.")


def _confirm(connection: duckdb.DuckDBPyConnection, day: date, latest: str, last_load: int, now: datetime) -> None:
    """Record that the loads since a version was made changed nothing, for the latest revision and the published one."""
    connection.execute(
        "update segments.versions set last_load_id = ?, confirmed_at = ? where as_of_date = ?"
        " and (version_id = ? or status = 'published') and coalesce(last_load_id, 0) < ?",
        [last_load, now, day, latest, last_load],
    )


def _by_month(rows: Iterable[dict[str, Any]]) -> dict[date, dict[str, Any]]:
    """Key registry rows by month, keeping the latest revision of each (rows come newest first)."""
    months: dict[date, dict[str, Any]] = {}
    for row in rows:
        months.setdefault(row["as_of_date"], row)
    return months


def _inputs_hash(connection: duckdb.DuckDBPyConnection, day: date, inputs: Iterable[Input]) -> str:
    """Hash the month's inputs as sets of rows, so that the order of rows and files does not matter."""
    parts = []
    for each in inputs:
        row = connection.execute(
            f"select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from {each.key} as t"
            f" where {each.rows_of_month}",
            {"as_of": day},
        ).fetchone()
        parts.append(f"{each.key}:{row}")
    return _digest(*parts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _describe(changed: Sequence[str]) -> str:
    if not changed:
        return "first version of this month"
    words = {"input_hash": "inputs", "settings_hash": "settings", "code_version": "code"}
    return ", ".join(words[name] for name in changed) + " changed"


def _insert_candidate(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    revision: int,
    input_hash: str,
    made_by: Provenance,
    now: datetime,
    last_load: int,
) -> None:
    row = {
        "version_id": candidate.version_id,
        "as_of_date": candidate.as_of_date,
        "revision": revision,
        "status": "candidate",
        "created_at": now,
        "run_id": made_by.run_id,
        "code_version": made_by.code_version,
        "settings_hash": made_by.settings_hash,
        "input_hash": input_hash,
        "previous_version_id": candidate.previous_version_id,
        "changes": candidate.changes,
        "last_load_id": last_load,
    }
    connection.execute(
        f"insert into segments.versions ({', '.join(row)}) values ({', '.join('?' * len(row))})",
        list(row.values()),
    )
