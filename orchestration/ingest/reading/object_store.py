"""Files in an S3-compatible object store: listed and read by DuckDB, and streamed by Arrow when bytes are needed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
from pyarrow import fs

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.sql_text import sql_text, without_patterns
from orchestration.lake.warehouse import connect, load_extension
from orchestration.masking import masked, redact
from orchestration.settings.sources import LocationSettings, ObjectStoreSettings

_GOOGLE = (
    "Google's store speaks S3 as well: write s3://, with 'endpoint: storage.googleapis.com' in 'object_store' and an "
    "HMAC key"
)
_OTHERS = {"gs": _GOOGLE, "gcs": _GOOGLE}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_remote(path: str) -> bool:
    """Whether a path or pattern is outside the local file system."""
    return "://" in path


def list_objects(pattern: str, store: ObjectStoreSettings) -> list[tuple[str, int, int]]:
    """Return path, size and modification time (nanoseconds, whole seconds) of the objects that match.

    Raises:
        SourceError: the store is not supported, unreachable, or refuses access.
    """
    scheme = pattern.partition("://")[0]
    if scheme != "s3":
        advice = _OTHERS.get(scheme, "Mount it, or copy the files, and name the local folder")
        raise SourceError(f"{pattern}: {scheme}:// is not supported. {advice}.")
    with connect() as connection:
        _know(connection, "listed", [pattern], store)
        with _explained(pattern):
            found = connection.execute(
                f"select filename, size, last_modified from read_blob({sql_text(pattern)}) order by filename"
            ).fetchall()
    return [(path, size, _nanoseconds(modified)) for path, size, modified in found]


def is_unchanged(path: str, size: int, modified_ns: int, store: ObjectStoreSettings) -> bool:
    """Whether the object is the same as when it was listed.

    Raises:
        SourceError: the store does not answer.
    """
    return [found[1:] for found in list_objects(without_patterns(path), store)] == [(size, modified_ns)]


def open_object(path: str, store: ObjectStoreSettings, compression: str | None) -> pa.NativeFile:
    """Open an object for streaming.

    Raises:
        OSError: it cannot be opened.
    """
    return file_system(store).open_input_stream(path.removeprefix("s3://"), compression=compression)


def know_store(connection: duckdb.DuckDBPyConnection, name: str, location: LocationSettings) -> None:
    """Let the connection read the location's objects, and only those, with its key; a no-op if it can."""
    known = connection.execute("select 1 from duckdb_secrets() where name = ?", [f"location_{name}"]).fetchall()
    if known:
        return
    _know(connection, name, location.files, location.object_store or ObjectStoreSettings())


def _know(connection: duckdb.DuckDBPyConnection, name: str, patterns: list[str], store: ObjectStoreSettings) -> None:
    load_extension(connection, "httpfs")
    secret = store.secret.get_secret_value() if store.secret else None
    options = {
        "key_id": store.key_id and store.key_id.get_secret_value(),
        "secret": secret,
        "region": store.region,
        "endpoint": store.endpoint,
    }
    given = "".join(f", {option} {sql_text(value)}" for option, value in options.items() if value)
    scope = ", ".join(sql_text(re.split(r"[*?\[]", pattern)[0]) for pattern in patterns)
    connection.execute(
        f"create or replace temporary secret location_{name} (type s3{given}, use_ssl {str(store.use_ssl).lower()}, "
        f"url_style '{store.url_style}', scope [{scope}])"
    )


def file_system(store: ObjectStoreSettings) -> fs.S3FileSystem:
    """Return the store as an Arrow file system."""
    return fs.S3FileSystem(
        access_key=store.key_id and store.key_id.get_secret_value(),
        secret_key=store.secret and store.secret.get_secret_value(),
        anonymous=store.key_id is None,
        region=store.region,
        endpoint_override=store.endpoint,
        scheme="https" if store.use_ssl else "http",
        force_virtual_addressing=store.url_style == "vhost" and store.endpoint is not None,
    )


def _nanoseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(seconds=1) * 1_000_000_000


@contextmanager
def _explained(pattern: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        redact(error)
        reason = masked(first_line(error))
        if re.search(r"\b(401|403)\b|Forbidden|AccessDenied", reason):
            advice = (
                "The store refuses: check key_id, secret and region in the location's 'object_store', and that the "
            )
            advice += "key may list and read this bucket."
        elif re.search(r"\b404\b|NoSuchBucket", reason):
            advice = "There is no such bucket, or no such object: correct the location's 'files'."
        else:
            advice = "Check endpoint, region, use_ssl and url_style in the location's 'object_store', and the network."
        raise SourceError(f"{pattern} cannot be listed: {reason} {advice}") from error
