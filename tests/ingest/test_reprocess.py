"""After the source is mended, rejected rows come out of quarantine; what is still wrong stays and says so."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.cli.reprocess import reprocess
from orchestration.errors import SettingsError
from orchestration.settings import Settings
from tests.ingest.conftest import Isp

GOOD = "".join(f"C{i},person,2024-01-01\n" for i in range(3, 60))


@pytest.fixture
def dirty_isp(small_isp: Isp) -> Isp:
    """One customer of an unknown type, whose contract waits for it, and a contract without a fee."""
    small_isp.write("customers.csv", small_isp.CUSTOMERS + GOOD + "C99,robot,2024-03-01\n")
    small_isp.write("contracts.csv", small_isp.CONTRACTS + "K9,C99,NET,internet,2024-03-05,19.90\n"
                    "K8,C1,TV,tv,2024-03-05,cheap\n")  # fmt: skip
    del small_isp.settings["sources"]["usage"]
    small_isp.ingest()
    return small_isp


def again(isp: Isp, table: str | None = None) -> dict[str, tuple[int, int]]:
    result = reprocess(isp.warehouse, Settings.model_validate(isp.settings), table)
    return {name: (before, after) for name, before, after in result.rows}


def test_a_mended_mapping_brings_rows_out_with_those_that_waited_for_them(dirty_isp: Isp):
    assert again(dirty_isp) == {"customers": (1, 1), "contracts": (2, 2)}, "nothing was mended yet"
    mended = "case customer_type when 'robot' then 'organization' else customer_type end"
    dirty_isp.settings["sources"]["customers"]["columns"] = {"customer_type": mended}
    assert again(dirty_isp, "customers") == {"customers": (1, 0), "contracts": (2, 1)}
    assert dirty_isp.rejected("contracts") == [("monthly_fee", "wrong_type", "cheap")]
    assert dirty_isp.rows("select count(*) from raw.customers where customer_id = 'C99'") == [(1,)]
    checks = dirty_isp.rows(
        "select source_table, passed from ops.source_checks where check_name = 'row_accounting'"
        " and checked_at = (select max(checked_at) from ops.source_checks) order by all"
    )
    assert checks == [("contracts", True), ("customers", True)]


def test_only_the_table_asked_for_and_those_that_refer_to_it_are_read(dirty_isp: Isp):
    dirty_isp.write("customers.csv", dirty_isp.CUSTOMERS + GOOD + "C99,person,2024-03-01\n")
    dirty_isp.write("contracts.csv", dirty_isp.CONTRACTS + "K9,C99,NET,internet,2024-03-05,19.90\n")
    assert again(dirty_isp, "contracts") == {"contracts": (2, 1)}
    assert again(dirty_isp) == {"customers": (1, 0), "contracts": (1, 0)}
    assert again(dirty_isp) == {}
    with pytest.raises(SettingsError, match="clients is not a source table"):
        again(dirty_isp, "clients")


def test_the_commands_list_reprocess_and_say_what_stays(dirty_isp: Isp, tmp_path: Path):
    file = tmp_path / "segmentation.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(dirty_isp.settings, default=str))))

    def run(*command: str) -> str:
        result = CliRunner().invoke(app, ["quarantine", *command, "--config", str(file)])
        assert result.exit_code == 0, result.output
        return result.stdout

    found = json.loads(run("list", "--format", "json"))
    assert [(row["source_table"], row["reason"], row["rows"], row["example"]) for row in found] == [
        ("contracts", "unknown_reference", 1, "C99"),
        ("contracts", "wrong_type", 1, "cheap"),
        ("customers", "not_accepted_value", 1, "robot"),
    ]
    assert all(str(dirty_isp.folder) in row["place"] for row in found)
    assert "cheap" in run("list", "--table", "contracts", "--reason", "wrong_type", "--rows", "5")
    assert "cheap" not in run("list", "--table", "customers")
    dirty_isp.write("customers.csv", dirty_isp.CUSTOMERS + GOOD + "C99,person,2024-03-01\n")
    dirty_isp.write("contracts.csv", dirty_isp.CONTRACTS + "K9,C99,NET,internet,2024-03-05,19.90\n")
    said = run("reprocess")
    assert "Source checks" in said
    assert "No row is in quarantine." in run("list")
    assert "nothing was read again" in run("reprocess")
