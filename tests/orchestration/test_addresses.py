"""The table of addresses follows the raw tables, and reads no text twice."""

from pathlib import Path

import duckdb
import pytest

from orchestration.errors import SegmentationError
from orchestration.lake.migrations import migrate
from orchestration.segments import addresses
from orchestration.segments.addresses import update_addresses
from orchestration.settings import HouseholdSettings
from tests.lakes import lay_lake


@pytest.fixture
def lake(tmp_path: Path):
    with lay_lake(tmp_path, _load_addresses).writer() as connection:
        yield connection


def _load_addresses(lake: duckdb.DuckDBPyConnection) -> None:
    migrate(lake)
    lake.execute(
        """
        insert into raw.customers (customer_id, service_address, postal_code, country) values
            ('c1', 'Hauptstr. 5', '10115', 'DE'), ('c2', 'HAUPTSTRASSE 5', '10115', 'DE'),
            ('c3', 'Hauptstr. 5', '10115', 'DE'), ('c4', null, '10115', 'DE'), ('c5', 'Postfach 1', '10115', 'DE')
        """
    )
    lake.execute(
        """
        insert into raw.contracts (contract_id, customer_id, service_address, postal_code) values
            ('k1', 'c4', 'Hauptstraße 5 Whg. 2', null), ('k2', 'c4', 'Hauptstr. 5', '10117'),
            ('k3', 'c4', null, null), ('k4', 'nobody', 'Hauptstr. 5', null)
        """
    )


def _rows(connection: duckdb.DuckDBPyConnection, columns: str) -> list[tuple]:
    return connection.execute(f"select {columns} from {addresses.NAME} order by all").fetchall()


def test_every_text_is_read_once_with_the_postal_code_and_country_that_staging_joins(lake):
    report = update_addresses(lake, HouseholdSettings())
    assert (report.read, report.removed) == (6, 0)
    assert report.by_status == {"no_postal_code": 1, "normal": 4, "post_box": 1}
    assert _rows(lake, "service_address, postal_code, country, unit") == [
        ("HAUPTSTRASSE 5", "10115", "DE", ""),
        ("Hauptstr. 5", "", "", None),
        ("Hauptstr. 5", "10115", "DE", ""),
        ("Hauptstr. 5", "10117", "DE", ""),
        ("Hauptstraße 5 Whg. 2", "10115", "DE", "2"),
        ("Postfach 1", "10115", "DE", None),
    ]


def test_spellings_share_an_identifier_and_a_unit_shares_that_of_its_building(lake):
    update_addresses(lake, HouseholdSettings())
    found = {
        (text, code): rest for text, code, *rest in _rows(lake, "service_address, postal_code, address_id, building_id")
    }
    assert found["Hauptstr. 5", "10115"] == found["HAUPTSTRASSE 5", "10115"]
    whole, flat = found["Hauptstr. 5", "10115"], found["Hauptstraße 5 Whg. 2", "10115"]
    assert whole[1] == flat[1]
    assert whole[0] != flat[0]
    assert found["Hauptstr. 5", "10117"][1] != whole[1]
    assert found["Postfach 1", "10115"] == [None, None]


def test_a_second_run_reads_only_what_is_new_and_forgets_what_no_source_holds(lake, monkeypatch):
    update_addresses(lake, HouseholdSettings())
    before = _rows(lake, "*")
    lake.execute("delete from raw.customers where customer_id in ('c3', 'c5')")
    lake.execute("insert into raw.customers (customer_id, service_address, postal_code) values ('c6', 'Neu 1', '1')")
    read = []
    original = addresses.address_parts
    monkeypatch.setattr(
        addresses, "address_parts", lambda frame: read.extend(frame["service_address"]) or original(frame)
    )
    report = update_addresses(lake, HouseholdSettings())
    assert read == ["Neu 1"]
    assert (report.read, report.removed) == (1, 1)
    kept = [row for row in _rows(lake, "*") if row[0] != "Neu 1"]
    assert kept == [row for row in before if row[0] != "Postfach 1"]
    nothing = update_addresses(lake, HouseholdSettings())
    assert (nothing.read, nothing.removed) == (0, 0)


def test_what_another_version_of_the_code_has_read_is_read_again(lake, monkeypatch):
    update_addresses(lake, HouseholdSettings())
    monkeypatch.setattr(addresses, "_made_by", lambda _: "another")
    report = update_addresses(lake, HouseholdSettings())
    assert (report.read, report.removed) == (6, 6)
    assert {made_by for (made_by,) in _rows(lake, "made_by")} == {"another"}


def test_batches_give_what_the_whole_gives(lake, monkeypatch):
    update_addresses(lake, HouseholdSettings())
    whole = _rows(lake, "*")
    lake.execute(f"delete from {addresses.NAME}")
    original = addresses.read_batches
    monkeypatch.setattr(addresses, "read_batches", lambda *arguments: original(*arguments, rows=2))
    said: list[str] = []
    update_addresses(lake, HouseholdSettings(), said.append)
    assert _rows(lake, "*") == whole
    assert said


def test_a_failure_leaves_the_table_as_it_was(lake, monkeypatch):
    update_addresses(lake, HouseholdSettings())
    before = _rows(lake, "*")
    lake.execute("delete from raw.customers where customer_id = 'c2'")
    lake.execute("insert into raw.customers (customer_id, service_address, postal_code) values ('c6', 'Neu 1', '1')")

    def fail(_frame: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(addresses, "address_parts", fail)
    with pytest.raises(RuntimeError):
        update_addresses(lake, HouseholdSettings())
    assert _rows(lake, "*") == before


LINKED = HouseholdSettings(linkage="splink")


def _streets(connection: duckdb.DuckDBPyConnection) -> None:
    """Three houses of one street, a fourth whose text is mistyped, and another street as near to it in letters."""
    connection.execute(
        """
        insert into raw.customers (customer_id, service_address, postal_code, country)
        select 'g' || i, street || ' ' || i, '20095', 'DE' from range(1, 5) as t(i)
        cross join (values ('Gartenweg'), ('Gertenweg')) as streets(street)
        union all select 'typo', 'Gartnweg 2 Whg. 1', '20095', 'DE'
        union all select 'right', 'Gartenweg 2 Whg. 1', '20095', 'DE'
        """
    )


def test_a_mistyped_street_is_linked_to_the_right_one_and_its_building_too_and_real_streets_are_not(lake):
    _streets(lake)
    report = update_addresses(lake, LINKED)
    assert report.linked == 1
    found = {text: rest for text, *rest in _rows(lake, "service_address, address_id, building_id, own_address_id")}
    assert found["Gartnweg 2 Whg. 1"][:2] == found["Gartenweg 2 Whg. 1"][:2]
    assert found["Gartnweg 2 Whg. 1"][2] != found["Gartenweg 2 Whg. 1"][2]
    assert found["Gartenweg 2"][0] != found["Gertenweg 2"][0]


def test_a_link_goes_with_the_address_it_led_to(lake):
    _streets(lake)
    update_addresses(lake, LINKED)
    lake.execute("delete from raw.customers where service_address like 'Gartenweg%'")
    assert update_addresses(lake, LINKED).linked == 0
    linked_once = _rows(lake, "*")
    lake.execute(f"delete from {addresses.NAME}")
    update_addresses(lake, LINKED)
    assert _rows(lake, "*") == linked_once


def test_links_do_not_depend_on_batches_nor_on_the_order_addresses_came_in(lake, monkeypatch):
    _streets(lake)
    update_addresses(lake, LINKED)
    whole = _rows(lake, "*")
    lake.execute(f"delete from {addresses.NAME}")
    lake.execute("create temp table late as select * from raw.customers where customer_id in ('right', 'g1')")
    lake.execute("delete from raw.customers where customer_id in ('right', 'g1')")
    monkeypatch.setattr(addresses, "BATCH_ROWS", 3)
    update_addresses(lake, LINKED)
    lake.execute("insert into raw.customers by name select * from late")
    update_addresses(lake, LINKED)
    assert _rows(lake, "*") == whole


def test_links_go_when_the_setting_does_and_without_splink_it_is_an_error(lake, monkeypatch):
    _streets(lake)
    update_addresses(lake, LINKED)
    assert update_addresses(lake, HouseholdSettings()).linked == 0
    monkeypatch.setattr(addresses, "find_spec", lambda _: None)
    with pytest.raises(SegmentationError, match="extra 'linkage'"):
        update_addresses(lake, LINKED)
