"""Headroom, exposure and routes of mid-size companies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.business.look_alikes import LookAlikes
from models.business.mid_band import exposure, listed, listed_by_amount, segment_mid_band
from models.business.parameters import MidBandParameters, Route
from models.business.routes import recommend_routes
from models.business.uptake_evidence import rates_of_others, staff_band, uptake_evidence
from tests.models.planted_companies import MARGINS, NEEDS, companies

COMMON = {"needs_status": "clustered", "cluster_id": "mid_band-01", "cluster_name": "x", "cluster_reasons": None}


@pytest.fixture(scope="module")
def planted() -> tuple[LookAlikes, pd.DataFrame, np.ndarray]:
    frame, need = companies(900, seed=6)
    return LookAlikes().fit(frame), frame, need


def test_headroom_is_found_where_the_need_is_and_not_elsewhere(planted):
    model, frame, need = planted
    rows = model.headroom(frame).assign(need=np.tile(need, len(model.families_)))
    cloud = rows[(rows["product_family"] == "cloud") & ~rows["is_held"]]
    expected = {name: values[5] * MARGINS["cloud"] for name, values in NEEDS.items()}
    found = cloud.groupby("need")["headroom"].mean()
    cloud_first, basic = list(NEEDS).index("cloud_first"), list(NEEDS).index("basic")
    assert found[cloud_first] > 0.5 * expected["cloud_first"]
    assert found[basic] < 0.25 * expected["cloud_first"]


def test_what_a_company_holds_of_a_family_does_not_move_its_look_alikes(planted):
    model, frame, _ = planted
    changed = frame.assign(has_cloud=~frame["has_cloud"], cloud_lines=7, cloud_margin=900.0)
    np.testing.assert_array_equal(model.neighbors(frame, "cloud"), model.neighbors(changed, "cloud"))


def test_nobody_is_a_look_alike_of_itself_even_among_twins():
    frame = companies(60, seed=7)[0]
    twins = pd.concat([frame.iloc[[0]]] * 60, ignore_index=True).assign(customer_id=frame["customer_id"])
    both = pd.concat([twins, frame.iloc[1:].assign(customer_id=lambda rows: "o" + rows["customer_id"])])
    model = LookAlikes().fit(both)
    others = model.neighbors(both, "cloud")
    ids = model.sample_["customer_id"].to_numpy()
    assert (ids[others] != both["customer_id"].to_numpy()[:, None]).all()
    # A tenth of them, because 25 of so few would not be near.
    assert others.shape == (119, 11)


def test_headroom_is_that_of_the_look_alikes_less_ones_own_and_never_negative(planted):
    model, frame, _ = planted
    rows = model.headroom(frame)
    assert (rows["headroom"] >= 0).all()
    gap = (rows["look_alike_margin"] - rows["own_margin"]).clip(lower=0)
    np.testing.assert_allclose(rows["headroom"], gap, atol=0.011)
    assert rows["uptake"].between(0, 1).all()


def test_order_and_batches_do_not_matter(planted):
    model, frame, _ = planted
    shuffled = frame.sample(frac=1, random_state=0)
    again = LookAlikes().fit(shuffled).headroom(shuffled)
    whole = model.headroom(frame)
    keys = ["product_family", "customer_id"]
    pd.testing.assert_frame_equal(
        again.sort_values(keys, ignore_index=True), whole.sort_values(keys, ignore_index=True)
    )
    parts = pd.concat([model.headroom(frame[:100]), model.headroom(frame[100:])])
    pd.testing.assert_frame_equal(
        parts.sort_values(keys, ignore_index=True), whole.sort_values(keys, ignore_index=True)
    )


def test_look_alikes_foretell_uptake_better_than_staff_which_was_planted_to_say_nothing(planted):
    evidence = uptake_evidence(planted[0]).set_index(["product_family", "method"])
    for family in ("fixed_voice", "mobile", "cloud", "security"):
        near, staff = evidence.loc[(family, "look_alikes")], evidence.loc[(family, "staff_bands")]
        assert near["explained_deviance"] > staff["explained_deviance"] + 0.1
        assert near["auc"] > 0.7 > staff["auc"]
        assert abs(staff["explained_deviance"]) < 0.05
    # Everybody has internet and nobody TV: there is nothing to foretell.
    assert set(evidence.index.get_level_values(0)) == {"fixed_voice", "mobile", "cloud", "security"}


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_companies_have_no_headroom_but_a_route(rows):
    frame = companies(60, seed=8)[0][:rows].assign(**COMMON)
    found, headroom = segment_mid_band(frame, LookAlikes().fit(frame))
    assert len(found) == rows
    assert headroom.empty
    assert found["headroom"].isna().all()
    assert found["recommended_route"].notna().all()
    assert not set(found["reseller_exposure"]) & {"likely_elsewhere"}


def test_bands_begin_where_they_say_and_unknown_staff_is_a_band_of_its_own():
    staff = pd.Series([9, 10, 19, 20, 499, 500, 999, None], dtype="Int64")
    np.testing.assert_array_equal(staff_band(staff, MidBandParameters().staff_bands), [-1, 0, 0, 1, 4, 5, 5, -1])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=2, max_size=30))
def test_a_companys_own_answer_never_counts_in_what_is_predicted_of_it(rows):
    held, groups = np.array([float(own) for own, _ in rows]), np.array([group for _, group in rows])
    flipped = held.copy()
    flipped[0] = 1 - flipped[0]
    np.testing.assert_allclose(rates_of_others(held, groups)[0], rates_of_others(flipped, groups)[0])


def test_exposure_goes_by_contracts_first_and_by_gaps_then():
    share = pd.Series([1.0, 0.5, 0.49, 0.0, 0.0, np.nan, np.nan])
    lacks = np.array([True, False, True, True, False, True, False])
    assert list(exposure(share, lacks)) == [
        *("through_reseller", "through_reseller", "partly_through_reseller"),
        *("likely_elsewhere", "none", "likely_elsewhere", "unknown"),
    ]


def test_families_lacked_are_listed_where_most_look_alikes_hold_them(planted):
    model, frame, _ = planted
    found, rows = segment_mid_band(frame.assign(**COMMON), model)
    lacked = rows[~rows["is_held"] & (rows["uptake"] >= 0.6)].groupby("customer_id")["product_family"].agg(set)
    said = found.set_index("customer_id")["families_elsewhere"].dropna().str.split(", ").map(set)
    assert len(said) > 20
    assert dict(said) == dict(lacked)
    total = rows.groupby("customer_id")["headroom"].sum()
    np.testing.assert_allclose(found.set_index("customer_id")["headroom"].sort_index(), total.sort_index(), atol=0.01)


def test_lists_name_what_holds_and_the_largest_first():
    flags = pd.DataFrame({"a": [True, False], "b": [True, False]})
    assert list(listed(flags)) == ["a, b", None]
    amounts = pd.DataFrame({"a": [1.0, 0.0], "b": [2.0, np.nan], "c": [0.0, 0.0], "d": [3.0, 0.0], "e": [0.5, 0.0]})
    assert list(listed_by_amount(amounts)) == ["d, b, a", None]


ROUTES = {
    "digital": Route(5.0, headroom_share=0.0, most_sites=2, most_contracts=3),
    "desk": Route(20.0, 1.0, headroom_share=0.2),
    "partner": Route(0.0, margin_share=0.5),
}


def routed(margin: float, headroom: float | None, sites: int = 1, contracts: int = 1) -> pd.Series:
    row = {"monthly_margin": margin, "headroom": headroom, "sites": sites, "open_contracts": contracts}
    return recommend_routes(pd.DataFrame([row]), ROUTES).iloc[0]


def test_the_route_leaves_most_of_margin_and_headroom_after_its_cost():
    assert routed(100, 0)["recommended_route"] == "digital"
    assert routed(100, 0)["route_value"] == 95
    rich = routed(100, 500)
    assert (rich["recommended_route"], rich["route_cost"], rich["route_value"]) == ("desk", 21, 179)
    assert rich["runner_up_route"] == "digital"
    assert routed(4, 0)["recommended_route"] == "partner"


@pytest.mark.parametrize(
    ("sites", "contracts", "route"), [(1, 3, "digital"), (2, 3, "digital"), (3, 3, "desk"), (2, 4, "desk")]
)
def test_limits_hold_to_the_last_site_and_contract(sites, contracts, route):
    found = routed(200, 0, sites, contracts)
    assert found["recommended_route"] == route
    assert ("digital is out" in found["route_reason"]) == (route != "digital")


def test_equal_values_go_to_the_cheaper_route_and_unknown_headroom_counts_as_nothing():
    # Digital: 10 - 5. Partner: 0.5 x 10 - 0.
    assert routed(10, None)["recommended_route"] == "partner"
    assert routed(10.02, None)["recommended_route"] == "digital"


def test_a_loss_is_not_halved_by_a_commission():
    assert routed(-50, 0)["route_value"] == -50


def test_the_reason_says_cost_gain_and_what_the_next_best_would_leave():
    assert routed(100, 500)["route_reason"] == (
        "costs 21.00 a month, is expected to win 100.00 of headroom and leaves 179.00, 84.00 more than digital"
    )


def test_routes_that_cannot_serve_everybody_are_refused():
    with pytest.raises(ValueError, match="neither most_sites nor most_contracts"):
        MidBandParameters(routes={"digital": ROUTES["digital"]})
    with pytest.raises(ValueError, match="between 0 and 1"):
        Route(1.0, headroom_share=1.5)
