"""Identifiers replaced during ingestion by a keyed hash, so that the lake never holds those of the source systems.

HMAC-SHA-256 (RFC 2104), the first 128 bits as hexadecimal digits, computed by DuckDB. An identifier has the same
pseudonym in every table, whether it arrives as text or as a number. The key appears in no SQL text: it is a session
variable, already combined with RFC 2104's padding.
"""

from dataclasses import replace
from hashlib import sha256
from hmac import new as hmac

import duckdb

from orchestration.ingest.mapping.identifiers import ANY_ROUNDED, identifier, is_rounded
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.lake.contract import Table
from orchestration.settings.sources import PseudonymSettings

_BLOCK = 64
_INNER, _OUTER = "segmentation_pseudonyms_inner", "segmentation_pseudonyms_outer"
_DIGITS = 32


def pseudonymous(
    connection: duckdb.DuckDBPyConnection, table: Table, mapped: Mapped, pseudonyms: PseudonymSettings
) -> Mapped:
    """Return the same rows with a pseudonym for every identifier; a blank one stays missing."""
    columns = [column for column in table.columns if column.is_identifier and column.name in mapped.types]
    names = [column.name for column in columns]
    use_key(connection, _key(pseudonyms))
    nulls = mapped.conventions.null_references
    texts = ", ".join(
        f'{identifier(column, f"{chr(34)}{column.name}{chr(34)}", mapped.types[column.name], nulls)} as "{column.name}"'
        for column in columns
    )
    hashes = ", ".join(f'{_pseudonym(name)} as "{name}"' for name in names)
    sql = f"select * replace ({hashes}) from (select * replace ({texts}) from ({mapped.sql}))" if names else mapped.sql
    return replace(
        mapped,
        sql=sql,
        types={**mapped.types, **dict.fromkeys(names, "VARCHAR")},
        is_repeatable=mapped.is_repeatable and not names,
        is_pseudonymous=True,
    )


def use_key(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Make a key available to the SQL of ``hashed``, in this session."""
    padded = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    for variable, pad in ((_INNER, 0x36), (_OUTER, 0x5C)):
        connection.execute(f"set variable {variable} = ?", [bytes(byte ^ pad for byte in padded)])


def hashed(name: str) -> str:
    """Return SQL of the pseudonym of a text column; null stays null."""
    inner = f"from_hex(sha256(getvariable('{_INNER}') || encode(\"{name}\")))"
    return f"left(sha256(getvariable('{_OUTER}') || {inner}), {_DIGITS})"


def key_mark(pseudonyms: PseudonymSettings) -> str:
    """Return a value that changes with the key and reveals nothing about it."""
    return hmac(_key(pseudonyms), b"segmentation: the key of the pseudonyms", sha256).hexdigest()


def _key(pseudonyms: PseudonymSettings) -> bytes:
    return pseudonyms.key.get_secret_value().encode()


def _pseudonym(name: str) -> str:
    # A rounded identifier is reported as such, without its digits.
    return f"case when {is_rounded(f'{chr(34)}{name}{chr(34)}')} then '{ANY_ROUNDED}' else {hashed(name)} end"
