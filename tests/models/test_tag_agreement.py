import numpy as np
import pandas as pd
import pytest

from models.business.tag_agreement import AGREEMENT_COLUMNS, tag_agreement


def rows(segments: list[str], values: list[str], tag: str = "focus") -> pd.DataFrame:
    return pd.DataFrame({"scheme": "needs_cluster", "segment": segments, "tag": tag, "tag_value": values})


def test_the_same_partition_under_other_names_agrees_and_chance_does_not() -> None:
    same = tag_agreement(rows(["1", "2"] * 20, ["trade", "health"] * 20), 20).iloc[0]
    assert (same["adjusted_rand"], same["finding"]) == (1.0, "They agree.")
    draws = np.random.default_rng(7)
    by_chance = rows(list(draws.choice(["1", "2", "3"], 2_000)), list(draws.choice(["trade", "health"], 2_000)))
    found = tag_agreement(by_chance, 20).iloc[0]
    assert abs(found["adjusted_rand"]) < 0.01
    assert found["finding"] == "They have little to do with one another."


@pytest.mark.parametrize(("customers", "is_known"), [(19, False), (20, True)])
def test_nothing_is_said_of_too_few_customers(customers: int, is_known: bool) -> None:
    found = tag_agreement(rows(["1", "2"] * 10, ["a", "b"] * 10)[:customers], 20).iloc[0]
    assert pd.notna(found["adjusted_rand"]) == is_known


def test_where_all_are_alike_there_is_nothing_to_compare() -> None:
    found = tag_agreement(rows(["1"] * 30, ["a", "b"] * 15), 20).iloc[0]
    assert pd.isna(found["adjusted_rand"])
    assert "nothing to compare" in found["finding"]
    assert list(tag_agreement(rows([], []), 20).columns) == list(AGREEMENT_COLUMNS)
