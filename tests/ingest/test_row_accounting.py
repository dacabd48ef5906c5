"""Whatever the files hold, every row read is accepted, in quarantine, or a known duplicate; never lost, never twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

KINDS = ("person", "organization")
ROWS = st.tuples(
    st.sampled_from(["C1", "C2", "C3", "C4", ""]),
    st.sampled_from([*KINDS, *KINDS, "robot"]),
    st.sampled_from(["2024-01-01", "2024-01-01", "2024-02-30"]),
)
FILES = st.lists(st.lists(ROWS, min_size=1, max_size=12), min_size=1, max_size=3)


def is_good(row: tuple[str, str, str]) -> bool:
    return row[0] != "" and row[1] in KINDS and row[2] == "2024-01-01"


def expected(files: list[list[tuple[str, str, str]]]) -> tuple[dict[str, str], list[Counter[str]]]:
    """Return the table and each file's counts, told row by row."""
    table: dict[str, tuple[int, str]] = {}
    counts: list[Counter[str]] = []
    for number, rows in enumerate(files):
        count = Counter(read=len(rows), quarantined=sum(not is_good(row) for row in rows))
        kinds: dict[str, list[str]] = {}
        for row in filter(is_good, rows):
            kinds.setdefault(row[0], []).append(row[1])
        for customer, found in kinds.items():
            if len(set(found)) > 1:
                count["quarantined"] += len(found)
                continue
            count["duplicate"] += len(found) - 1
            stored = table.get(customer)
            if stored and stored[1] == found[0]:
                count["duplicate"] += 1
                continue
            count["accepted"] += 1
            if stored:
                counts[stored[0]]["superseded"] += 1
            table[customer] = (number, found[0])
        counts.append(count)
    return {customer: kind for customer, (_, kind) in table.items()}, counts


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES, data=st.data())
def test_every_row_ends_in_exactly_one_place(isp: Isp, files: list[list[tuple[str, str, str]]], data) -> None:
    isp.begin(isp.folder.parent / f"{isp.folder.name}_")
    isp.map("customers", "customers*.csv", growth="append")
    # The first column makes the files differ, as a file of known content is not a new load.
    for number, rows in enumerate(files):
        shuffled = data.draw(st.permutations(rows))
        lines = "".join(f"{number},{','.join(row)}\n" for row in shuffled)
        isp.write(f"customers_{number}.csv", f"batch,customer_id,customer_type,created_date\n{lines}")
    isp.ingest("customers")
    table, counts = expected(files)
    assert dict(isp.rows("select customer_id, customer_type from raw.customers")) == table
    names = ("read", "accepted", "quarantined", "duplicate", "superseded")
    loads = isp.rows(f"select {', '.join(f'rows_{name}' for name in names)} from ops.loads order by load_id")
    assert loads == [tuple(count[name] for name in names) for count in counts]
    assert all(read == accepted + quarantined + duplicate for read, accepted, quarantined, duplicate, _ in loads)
    assert isp.rows("select count(*) from ops.quarantine") == [(sum(count["quarantined"] for count in counts),)]
