"""Typing errors in streets are linked, and streets that are there are kept apart."""

import pandas as pd
import pytest

from models.homes.address_linkage import COLUMNS, link_addresses
from models.homes.addresses import address_parts
from tests.models.planted_addresses import pair_quality, planted_addresses


def _addresses(*streets: str, number: str = "1", area: str = "DE 1") -> pd.DataFrame:
    rows = [(f"{area}/{street}/{number}", area, street, number, "") for street in streets]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _many(street: str) -> pd.DataFrame:
    return pd.concat([_addresses(street, number=str(number)) for number in range(1, 5)])


def _links(*frames: pd.DataFrame, threshold: float = 0.9) -> dict[str, str]:
    found = link_addresses(pd.concat(frames).drop_duplicates("address_id"), threshold)
    assert (found["probability"] >= threshold).all()
    return dict(zip(found["address_id"], found["linked_address_id"], strict=True))


@pytest.mark.parametrize("country", ["DE", "US"])
def test_planted_typing_errors_are_found_and_neighbouring_streets_kept_apart(country):
    written = planted_addresses(country, 3_000, typo_share=0.1)
    parts = address_parts(written)
    own = parts["area"] + "|" + parts["street"] + "|" + parts["house_number"] + "|" + parts["unit"]
    parts["address_id"] = own
    links = link_addresses(parts.drop_duplicates("address_id")).set_index("address_id")["linked_address_id"]
    linked = own.where(~own.isin(links.index), own.map(links))
    before, after = pair_quality(own, written["home"]), pair_quality(linked, written["home"])
    print(f"{country}: precision and recall before {before}, after {after}")
    assert after[0] >= 0.98
    assert after[1] >= 0.95
    assert after[1] > before[1] + 0.1


def test_a_spelling_seen_once_is_linked_to_that_of_the_street():
    assert _links(_many("gartenweg"), _addresses("gartnweg")) == {"DE 1/gartnweg/1": "DE 1/gartenweg/1"}


def test_streets_seen_at_three_doors_each_are_both_real():
    assert _links(_many("gartenweg"), _many("gertenweg")) == {}


def test_another_first_letter_is_another_street():
    assert _links(_many("pineave"), _addresses("vineave")) == {}


@pytest.mark.parametrize("other", [{"number": "2"}, {"area": "DE 2"}])
def test_another_number_or_postal_code_is_another_address(other):
    assert _links(_addresses("gartenweg"), _addresses("gartnweg", **other)) == {}


def test_houses_with_names_in_place_of_numbers_are_left_alone():
    assert _links(_addresses("rosecottagemoorrd", "risecottagemoorrd", number="")) == {}


def test_a_chain_of_errors_ends_at_the_right_spelling_and_of_two_alike_at_the_lower_identifier():
    assert set(_links(_many("gartenweg"), _addresses("gartnweg", "gartneweg")).values()) == {"DE 1/gartenweg/1"}
    assert _links(_addresses("gartenweg", "gartnweg")) == {"DE 1/gartnweg/1": "DE 1/gartenweg/1"}


def test_a_higher_threshold_links_no_more():
    streets = (_many("gartenweg"), _addresses("gartnweg", "gartnewg"))
    assert set(_links(*streets, threshold=0.999)) <= set(_links(*streets))


def test_the_order_of_rows_means_nothing_and_postal_codes_can_go_in_batches():
    written = planted_addresses("DE", 1_000, typo_share=0.1)
    parts = address_parts(written)
    parts["address_id"] = parts["area"] + "|" + parts["street"] + "|" + parts["house_number"] + "|" + parts["unit"]
    rows = parts.drop_duplicates("address_id")
    whole = link_addresses(rows)
    pd.testing.assert_frame_equal(link_addresses(rows.sample(frac=1, random_state=0)), whole)
    batches = pd.concat(link_addresses(part) for _, part in rows.groupby(rows["area"].str[-1]))
    pd.testing.assert_frame_equal(batches.sort_values("address_id", ignore_index=True), whole)


def test_nothing_to_compare_gives_no_links():
    assert link_addresses(_addresses("gartenweg")).empty
    assert list(link_addresses(_addresses().astype(object)).columns) == [
        "address_id",
        "linked_address_id",
        "probability",
    ]
