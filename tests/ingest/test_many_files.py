"""Many Parquet files at once give, load by load, what they give one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestration.errors import SourceError
from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

BAD = "select 'K9' as contract_id, date '2025-01-03' as usage_date, 5 as bytes_down, 1 as bytes_up"
LOADS = """
    select parse_filename(file), rows_read, rows_accepted, rows_quarantined, rows_duplicate, rows_superseded
    from ops.loads where source_table = 'usage' order by load_id
"""
QUARANTINE = (
    "select parse_filename(file), row_number, line, column_name, value, reason from ops.quarantine order by all"
)
MONTHS = """
    select parse_filename(file), month_end_date, "rows"
    from ops.load_months inner join ops.loads using (load_id) where load_months.source_table = 'usage' order by all
"""
USAGE = (
    "select parse_filename(file), usage.* exclude (_load_id) from raw.usage inner join ops.loads on load_id = _load_id"
)


def day(number: int, contract: str = "K1", month: int = 1, down: int = 7) -> str:
    return (
        f"select '{contract}' as contract_id, date '2025-{month:02}-{number:02}' as usage_date,"
        f" {down} as bytes_down, 1 as bytes_up"
    )


@pytest.mark.parametrize(
    ("files", "passes"),
    [
        ({"a": day(1), "b": f"{day(2)} union all {BAD} union all {day(4, month=2)}", "c": day(5, "K2")}, 1),
        ({"a": day(1), "b": day(1, down=8), "c": day(2)}, 3),
        ({"a": day(1), "b": f"{day(2)} union all {day(2)}", "c": day(3)}, 3),
        ({"a": day(1), "b": day(2), "c": f"select *, 'x' as note from ({day(3)})"}, 2),
        ({"a": BAD, "b": BAD.replace("-03", "-04"), "c": f"select * from ({day(3)}) where false"}, 1),
    ],
    ids=["a bad row and two months", "a restated row", "a repeated row", "another column", "nothing good"],
)
def test_files_at_once_are_the_same_as_one_after_the_other(small_isp: Isp, files: dict[str, str], passes: int) -> None:
    for name, query in files.items():
        small_isp.write_parquet(f"usage_{name}.parquet", query)
    told: list[str] = []
    small_isp.ingest(progress=told.append)
    assert sum("raw.usage: usage_" in line and "rows read" in line for line in told) == passes
    assert_accounted(small_isp)

    one_by_one = small_isp.with_fresh_lake()
    for last in range(1, len(files) + 1):
        names = [f"usage_{name}.parquet" for name in list(files)[:last]]
        one_by_one.settings["locations"] |= {
            "usage": {"files": [str(one_by_one.folder / "source" / name) for name in names]}
        }
        one_by_one.ingest()
    for query in (LOADS, QUARANTINE, MONTHS, f"{USAGE} order by all"):
        assert small_isp.rows(query) == one_by_one.rows(query)


def test_the_file_among_many_that_is_damaged_is_named(small_isp: Isp) -> None:
    for number in range(1, 4):
        rows = f"select 'K1' as contract_id, date '2020-01-01' + i::integer as usage_date, hash(i * {number}) % 1000"
        small_isp.write_parquet(
            f"usage_{number}.parquet", f"{rows} as bytes_down, 1 as bytes_up from range(3000) as numbers(i)"
        )
    damaged = small_isp.folder / "source" / "usage_2.parquet"
    content = bytearray(damaged.read_bytes())
    content[40:400] = bytes(360)
    damaged.write_bytes(content)
    with pytest.raises(SourceError, match=r"sources.usage, \S*usage_2.parquet"):
        small_isp.ingest()
    assert small_isp.rows("select count(*) from raw.usage") == [(0,)]
