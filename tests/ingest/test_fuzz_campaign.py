"""A share of the fuzz campaign (``python -m benchmarks.ingest_fuzz``), with inputs of its own, and its reader."""

from pathlib import Path

import pytest

from benchmarks.ingest_fuzz.campaign import run
from benchmarks.ingest_fuzz.inputs import FileInput
from benchmarks.ingest_fuzz.reader import records_of

HEADER = "contract_id,usage_date,bytes_down,bytes_up,sessions\n"


def test_records_add_up_and_no_mapping_gets_out(tmp_path: Path) -> None:
    results = run(inputs=200, seed=2026, folder=tmp_path)
    assert results.failures == []
    assert {kind.partition(".")[0] for kind, _ in results.inputs} == {
        "csv",
        "jsonl",
        "json",
        "parquet",
        "xlsx",
        "mapping",
    }
    assert results.records["accepted"] > 0
    assert results.records["quarantined or known"] > 0


@pytest.mark.parametrize(
    ("body", "records"),
    [
        ("", 0),
        ("a,b,c,d,e", 1),
        ("\n\na,b,c,d,e\n", 1),
        ('"a\nb",b,c,d,e\n', 1),
        ('"a,b,c,d,e\n1,2,3,4,5\n', 2),
        ('a,b,c,d,"e\n1,2,3,4,5\n1,2,3,4,5\n1,2,3,4,5"\n', 4),
        ('"a\nb",b\n', 2),
    ],
)
def test_the_independent_reader_counts_by_the_rules_it_states(body: str, records: int) -> None:
    assert records_of(FileInput("usage.csv", "csv", (HEADER + body).encode())) == records
