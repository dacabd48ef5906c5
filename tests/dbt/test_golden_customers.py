"""Made-up organizations of many countries, labelled by what a person of the trade would call them."""

import pandas as pd
import pytest

from tests.dbt.conftest import GOLDEN_CUSTOMERS
from tests.dbt.lakes import Lake

SEGMENTS = {
    "consumer", "employee", "small_business", "medium_business", "enterprise", "education", "government", "wholesale",
    "unclassified_business",
}  # fmt: skip


@pytest.fixture(scope="module")
def golden(built_lake: Lake) -> pd.DataFrame:
    """The labelled customers beside what the rules make of them."""
    labelled = pd.read_csv(GOLDEN_CUSTOMERS, dtype=str)
    labelled["customer_id"] = labelled["customer_id"].fillna(labelled["who"])
    found = built_lake.frame("select * from segments.customer_market")
    return labelled.merge(found, on="customer_id", how="outer", validate="one_to_one", suffixes=("", "_found"))


def test_every_golden_customer_has_exactly_one_known_segment(golden: pd.DataFrame) -> None:
    assert (golden["customer_type"] == "organization").sum() >= 200
    assert golden["expected_segment"].notna().all()
    assert set(golden["market_segment"]) == set(golden["expected_segment"]) == SEGMENTS


def test_golden_customers_are_told_apart_as_a_person_of_the_trade_would(golden: pd.DataFrame) -> None:
    right = golden["market_segment"] == golden["expected_segment"]
    print(golden.loc[~right, ["who", "expected_segment", "market_segment", "reason"]].to_string())
    recall = right.groupby(golden["expected_segment"]).mean()
    print(recall.to_string())
    assert right[golden["customer_type"] == "organization"].mean() >= 0.98
    assert (recall >= 0.95).all()


def test_an_unknown_size_is_never_small(golden: pd.DataFrame) -> None:
    sized = golden["market_segment"].isin(["small_business", "medium_business", "enterprise"])
    known = golden["group_employee_count"].notna() | golden["group_annual_revenue"].notna()
    assert known[sized].all()


def test_a_segment_says_what_speaks_for_it_and_what_against(golden: pd.DataFrame) -> None:
    by_id = golden.set_index("who")
    university = by_id.loc["State university with a transit port of its own"]
    assert university["evidence"] == "the record itself, the industry code"
    assert university["conflicts"] == "the products held says wholesale"
    assert university["confidence"] == "medium"
    cleaners = by_id.loc["Cleaning company with many people"]
    assert cleaners["conflicts"] == "the revenue says small_business"
    assert cleaners["confidence"] == "medium"
    assert by_id.loc["Driving school", ["conflicts", "confidence"]].isna().tolist() == [True, False]
    assert set(by_id.loc[by_id["market_segment"] == "unclassified_business", "confidence"]) == {"low"}
