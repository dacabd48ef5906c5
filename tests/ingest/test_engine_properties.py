"""Whatever is delivered, in whatever steps: no good row is lost, no bad one gets in, and the records add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

CONTRACTS = ("K1", "K2", "K3")
DAYS = ("2025-01-30", "2025-01-31", "2025-02-01")
TABLES = ("customers", "contracts", "usage")
Row = tuple[str, str, str]
# More good rows than bad, few keys: rows must meet.
ROWS = st.lists(
    st.tuples(
        st.sampled_from([*CONTRACTS, *CONTRACTS, "K9", " "]),
        st.sampled_from([*DAYS, *DAYS, "2025-02-30"]),
        st.sampled_from(["1", "2", "1", "2", "-1", "1.5", "many", ""]),
    ),
    min_size=1,
    max_size=8,
)
USAGE_FILES = st.tuples(st.just("usage"), st.integers(0, 2), ROWS)
FORMS = ("csv", "parquet", "csv")
CONTRACT_LISTS = st.tuples(st.just("contracts"), st.sets(st.sampled_from(CONTRACTS), min_size=1))
STEPS = st.lists(st.one_of(USAGE_FILES, USAGE_FILES, CONTRACT_LISTS), min_size=2, max_size=5)


def expected(files: dict[int, list[Row]], contracts: set[str]) -> dict[tuple[str, str], int]:
    """Return the usage that must be stored, told row by row."""
    stored: dict[tuple[str, str], int] = {}
    for _, rows in sorted(files.items()):
        found: dict[tuple[str, str], set[int]] = {}
        for contract, day, volume in rows:
            if contract in contracts and day in DAYS and volume in {"1", "2"}:
                found.setdefault((contract, day), set()).add(int(volume))
        stored |= {key: volumes.pop() for key, volumes in found.items() if len(volumes) == 1}
    return stored


def deliver_usage(isp: Isp, number: int, rows: list[Row], step: int) -> None:
    # The step makes deliveries differ, as a file of known content is not a new load.
    lines = "".join(f"{contract},{day},{volume},1,{step}\n" for contract, day, volume in rows)
    path = isp.write(f"usage_{number}.csv", f"contract_id,usage_date,bytes_down,bytes_up,step\n{lines}")
    if FORMS[number] == "parquet":
        duckdb.sql(f"from read_csv('{path}', all_varchar = true)").write_parquet(str(path.with_suffix(".parquet")))
        path.unlink()


def deliver_contracts(isp: Isp, contracts: set[str]) -> None:
    head, first, *_ = isp.CONTRACTS.splitlines()
    lines = "".join(f"{first.replace('K1', contract)}\n" for contract in sorted(contracts))
    isp.write("contracts.csv", f"{head}\n{lines}")


# An example is several runs of ingestion, so a failure is told as it was found, not made smaller first.
@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_course_of_deliveries_ends_as_if_all_had_been_loaded_at_once(isp: Isp, steps: list) -> None:
    isp.begin(isp.folder.parent / f"{isp.folder.name}_")
    isp.map("customers", "customers.csv")
    isp.map("contracts", "contracts.csv")
    isp.map("usage", "usage_*", growth="append")
    isp.write("customers.csv", isp.CUSTOMERS)
    contracts: set[str] = {"K1", "K2"}
    deliver_contracts(isp, contracts)
    files: dict[int, list[Row]] = {}
    for step, (kind, *delivery) in enumerate(steps):
        if kind == "contracts":
            (contracts,) = delivery
            deliver_contracts(isp, contracts)
        else:
            # A new file comes last by name, as it does in time; a number that is known is a file delivered again.
            number, rows = delivery
            number = min(number, len(files))
            files[number] = rows
            deliver_usage(isp, number, rows, step)
        isp.ingest(*(TABLES if files else TABLES[:2]))
        assert_accounted(isp)
        stored = isp.rows("select contract_id, usage_date::varchar, bytes_down from raw.usage")
        assert {(contract, day): volume for contract, day, volume in stored} == expected(files, contracts)
        assert len(stored) == len(expected(files, contracts))
    if files:
        fresh = isp.with_fresh_lake()
        fresh.ingest(*TABLES)
        for table in TABLES:
            query = f"select * exclude (_load_id) from raw.{table} order by all"
            assert isp.rows(query) == fresh.rows(query)
