import numpy as np
import pandas as pd
import pytest

from models.business.tag_agreement import AGREEMENT_COLUMNS, NAME_COLUMNS, names_by_tag, tag_agreement


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


def named(given: pd.DataFrame, least_agreement: float = 0.65, least_customers: int = 20) -> dict[str, str]:
    found = names_by_tag(given, tag_agreement(given, 20), least_customers, least_agreement, least_share=0.6)
    assert list(found.columns) == list(NAME_COLUMNS)
    return dict(zip(found["segment"], found["tag_value"], strict=True))


def test_a_segment_is_known_by_the_value_that_is_most_over_represented_in_it() -> None:
    # Most customers of both segments are in the city, and that tells neither of them.
    focus = rows(["1"] * 40 + ["2"] * 40, ["trade"] * 38 + ["health"] * 41 + ["trade"])
    place = rows(["1"] * 40 + ["2"] * 40, (["city"] * 9 + ["country"]) * 8, tag="place")
    given = pd.concat([place, focus])
    assert named(given) == {"1": "trade", "2": "health"}
    found = names_by_tag(given, tag_agreement(given, 20), 20, 0.65, 0.6).iloc[0]
    assert (found["tag"], found["customers"], found["share"], found["share_elsewhere"]) == ("focus", 40, 0.95, 0.025)
    shuffled = given.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        names_by_tag(shuffled, tag_agreement(shuffled, 20), 20, 0.65, 0.6),
        names_by_tag(given, tag_agreement(given, 20), 20, 0.65, 0.6),
    )


def test_a_tag_names_segments_from_the_least_agreement_on() -> None:
    given = rows(["1"] * 40 + ["2"] * 40, ["trade"] * 34 + ["health"] * 40 + ["trade"] * 6)
    agreement = tag_agreement(given, 20)["adjusted_rand"].iloc[0]
    assert named(given, least_agreement=agreement) == {"1": "trade", "2": "health"}
    assert named(given, least_agreement=agreement + 0.001) == {}


@pytest.mark.parametrize(("customers", "known"), [(19, {"1": "trade"}), (20, {"1": "trade", "2": "health"})])
def test_a_segment_with_too_few_tagged_customers_gets_no_name(customers: int, known: dict[str, str]) -> None:
    assert named(rows(["1"] * 40 + ["2"] * customers, ["trade"] * 40 + ["health"] * customers)) == known


@pytest.mark.parametrize(("with_value", "is_named"), [(23, False), (24, True)])
def test_a_segment_in_which_too_few_have_the_value_gets_no_name(with_value: int, is_named: bool) -> None:
    values = ["trade"] * with_value + [f"other {number}" for number in range(40 - with_value)]
    given = rows(["1"] * 40 + ["2"] * 400, values + ["health"] * 400)
    assert ("1" in named(given, least_agreement=0.2)) == is_named


def test_without_agreement_or_tags_there_are_no_names() -> None:
    assert named(rows(["1", "2"] * 40, ["a", "a", "b", "b"] * 20)) == {}
    assert named(rows([], [])) == {}
