"""Columns a location declares: exports leave out what is null, and a mapping that names such a column still binds."""

import pytest

COLUMNS = {"id": "varchar", "type": "varchar", "since": "varchar", "born": "json"}
MAPPING = {
    "customer_id": "id",
    "customer_type": "coalesce(type, 'person')",
    "created_date": "since",
    "birth_year": "born ->> '$.year'",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.csv", "id,since\n007,2024-02-29\n"),
        ("people.json", '[{"id": "007", "since": "2024-02-29", "other": {"deep": [1]}}]'),
        ("people.jsonl", '{"id": "007", "since": "2024-02-29"}\n'),
    ],
)
def test_declared_columns_that_a_file_lacks_are_null(isp, name, text):
    isp.write(name, text)
    isp.map("customers", name, columns=MAPPING)
    isp.locate("customers", name, columns=COLUMNS)
    isp.ingest("customers")
    assert isp.rows("select customer_id, customer_type, created_date::varchar, birth_year from raw.customers") == [
        ("007", "person", "2024-02-29", None)
    ]


def test_declared_columns_that_parquet_lacks_are_null_and_rows_keep_their_numbers(isp):
    isp.write_parquet("people.parquet", "select '1' as id, date '2024-02-29' as since union all select '2', null")
    isp.map("customers", "people.parquet", columns=MAPPING)
    isp.locate("customers", "people.parquet", columns=COLUMNS)
    isp.ingest("customers")
    assert isp.rows("select customer_id, customer_type from raw.customers") == [("1", "person")]
    assert isp.rows("select row_number from ops.quarantine") == [(2,)]


def test_times_of_declared_text_keep_their_offset_so_the_day_is_the_local_one(isp):
    isp.settings["schedule"] = {"timezone": "Europe/Berlin"}
    isp.write("people.json", '[{"id": 7, "since": "2024-01-31T23:30:00+0000", "born": {"year": 1980}}]')
    isp.map("customers", "people.json", columns=MAPPING)
    isp.locate("customers", "people.json", columns=COLUMNS)
    isp.ingest("customers")
    assert isp.rows("select customer_id, created_date::varchar, birth_year from raw.customers") == [
        ("7", "2024-02-01", 1980)
    ]


def test_faults_that_are_listed_without_their_minutes_are_outages_of_unknown_length(small_isp):
    small_isp.settings["sources"].pop("usage")
    faults = "K1,2024-03-01 08:00:00\nK1,2024-03-01 19:30:00\nK2,2024-03-02 10:00:00\n"
    small_isp.write("faults.csv", f"line_id,reported_at\n{faults}")
    small_isp.locate("faults", "faults.csv")
    query = "select distinct line_id as contract_id, cast(reported_at as date) as date from faults"
    small_isp.map("service_quality", query=query)
    small_isp.ingest()
    rows = small_isp.rows("select contract_id, date::varchar, outage_minutes from raw.service_quality order by 1")
    assert rows == [("K1", "2024-03-01", None), ("K2", "2024-03-02", None)]
    assert small_isp.rejected("service_quality") == []
