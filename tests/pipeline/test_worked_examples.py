"""A worked example of the docs to its published version, by the commands that stand there."""

import csv
import re
from pathlib import Path

import pytest
import yaml

from tests.ingest.test_worked_examples import SETTINGS
from tests.ingest.worked_exports import CUSTOMERS, SILENT, mobile_operator
from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow

# Attributes of one's own beside it, as the recipe in docs/your-data.md.
ATTRIBUTES = """
select subscriber_id as customer_id, attribute, attribute_value, date '2026-06-30' as known_from_date
from (unpivot (select subscriber_id, nps, risk from crm) on nps, risk into name attribute value attribute_value)
"""


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = Deployment(tmp_path_factory.mktemp("mobile"))
    exports = deployment.folder / "exports"
    exports.mkdir()
    mobile_operator(exports)
    with (exports / "crm.csv").open("w", newline="") as file:
        people = [(f"S{number:03d}", number - 20, "low" if number % 2 else "high") for number in range(CUSTOMERS)]
        csv.writer(file).writerows([("subscriber_id", "nps", "risk"), *people])
    settings = yaml.safe_load(SETTINGS["mobile_operator"])
    settings["locations"]["crm"] = {"files": "exports/crm.csv"}
    settings["sources"]["customer_attributes"] = {"query": ATTRIBUTES}
    settings["behavior"] = {"attributes": {"nps": "number", "risk": ["low", "high"]}}
    settings |= {"warehouse": {"path": "lake", "threads": 1}, "report": {"path": "reports"}}
    deployment.settings_file.write_text(yaml.safe_dump(settings))
    checked = deployment.command("check-sources")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    deployment.run("2026-06", "2026-06")
    return deployment


def test_a_mobile_operator_comes_to_a_version_by_the_three_commands_of_the_page(operator: Deployment) -> None:
    shown = operator.command("sql", "select count(*) as customers from bi.customer_segments")
    assert re.search(rf"\b{CUSTOMERS}\b", shown.stdout)
    assert Path(operator.folder / "reports" / "2026-06-30.1.html").exists()
    basis = operator.frame("select basis from bi.behavior_models where population = 'consumer'")
    assert basis["basis"].tolist() == ["calls"]


def test_who_only_calls_is_in_service_and_who_stopped_calling_is_dormant(operator: Deployment) -> None:
    stages = operator.frame("select customer_id, lifecycle_stage from bi.customer_segments where is_open")
    dormant = stages.loc[stages["lifecycle_stage"] == "dormant", "customer_id"]
    assert dormant.tolist() == [f"S{SILENT:03d}"]


def test_attributes_of_ones_own_are_features_and_measures_by_settings_alone(operator: Deployment) -> None:
    read = operator.frame("select features from segments.behavior_models where population = 'consumer'")
    assert '"attribute_nps"' in read["features"].iloc[0]
    shown = operator.frame(
        "select measure, mean_value from bi.segment_profiles"
        " where scheme = 'market_segment' and segment = 'consumer' and measure like 'attribute%'"
    ).set_index("measure")["mean_value"]
    assert shown["attribute_risk=low"] + shown["attribute_risk=high"] == pytest.approx(1)
    assert -20 < shown["attribute_nps"] < 20
