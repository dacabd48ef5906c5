"""Work at home on truths that share nothing with the simulator's: what is said of it holds, or nothing is said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.homes.home_business import HomeBusinessModel
from tests.models.planted_homes import BUSINESSES, PlantedHomes

ISP = PlantedHomes(customers=8_000, seed=1)
NO_OTHER_MARKS = {"marked": 0.0, "wrong_marks": 0.0, "has_static_ip": False, "has_second_line": False}
TOLD_BY_OTHER_MARKS = tuple(name for name in BUSINESSES if name != "like_teleworkers")


def _said(customers: pd.DataFrame) -> tuple[pd.DataFrame, HomeBusinessModel]:
    """Return what is said of each consumer, with the truth beside it."""
    model = HomeBusinessModel().fit(customers)
    return model.classify(customers).merge(customers[["customer_id", "truth"]], on="customer_id"), model


def _ratio(said: pd.DataFrame) -> float:
    """Return the sum of probabilities over the number planted; NaN where none is published."""
    return float(said["nanobusiness_probability"].sum(min_count=1) / (said["truth"] == "nanobusiness").sum())


def _labels_hold(said: pd.DataFrame) -> bool:
    """Whether each name is right for at least half of those who carry it."""
    named = said[said["home_business"].isin(["nanobusiness", "home_worker"])]
    right = (named["home_business"] == named["truth"]).groupby(named["home_business"].astype(str)).mean()
    return bool((right >= 0.5).all())


def _holds(said: pd.DataFrame) -> bool:
    is_one = said["truth"] == "nanobusiness"
    brier = ((said["nanobusiness_probability"] - is_one) ** 2).mean()
    print(f"said / planted {_ratio(said):.2f}, Brier {brier:.4f}, of the prevalence {is_one.var(ddof=0):.4f}")
    print(pd.crosstab(said["truth"], said["home_business"]).to_string())
    return abs(_ratio(said) - 1) <= 0.2 and brier < is_one.var(ddof=0) and _labels_hold(said)


@pytest.mark.parametrize("marked", [1.0, 0.5])
@pytest.mark.parametrize("business", BUSINESSES)
def test_businesses_without_a_tax_number_on_record_are_counted(business, marked):
    said, _ = _said(replace(ISP, business=business, marked=marked).draw())
    assert _holds(said)


@pytest.mark.parametrize("business", TOLD_BY_OTHER_MARKS)
def test_without_any_tax_number_other_marks_and_employers_lines_count_them(business):
    said, model = _said(replace(ISP, customers=12_000, business=business, marked=0.0, wrong_marks=0.0).draw())
    assert "has_tax_number" not in model.nano_.basis_
    assert _holds(said)


def test_by_small_businesses_that_use_their_lines_alike_they_are_counted():
    shop = BUSINESSES["evenings_too"]
    isp = replace(ISP, customers=12_000, business="evenings_too", shop=shop, shop_private=1.0, **NO_OTHER_MARKS)
    said, model = _said(isp.draw())
    assert "is_business" in model.nano_.basis_
    assert _holds(said)


@pytest.mark.parametrize("business", ["evenings_too", "like_teleworkers"])
def test_where_small_businesses_use_their_lines_otherwise_and_nothing_else_tells_the_answer_is_unknown(business):
    said, model = _said(replace(ISP, customers=5_000, business=business, **NO_OTHER_MARKS).draw())
    assert model.nano_.refusal_
    assert said[["nanobusiness_probability", "home_worker_probability"]].isna().all(axis=None)
    assert set(said["home_business"]) == {"unknown", "none"}
    assert (said.loc[said["home_business"] == "unknown", "truth"] != "none").mean() > 0.5


def test_tax_numbers_that_only_errors_put_on_record_name_nobody():
    said, model = _said(replace(ISP, customers=5_000, **NO_OTHER_MARKS | {"wrong_marks": 0.004}).draw())
    assert model.nano_.refusal_
    assert not said["home_business"].isin(["nanobusiness", "home_worker"]).any()


@pytest.mark.parametrize("seed", range(2))
def test_of_a_small_base_little_is_said_and_what_is_said_holds(seed):
    isp = replace(ISP, customers=3_000, prevalence=0.01, provided=0.0, business="like_teleworkers", seed=seed)
    said, model = _said(isp.draw())
    print(model.nano_.refusal_ or f"{_ratio(said):.2f}", said["home_business"].value_counts().to_dict())
    assert _labels_hold(said)


def test_a_mark_that_is_null_is_one_that_is_not_on_record():
    customers = replace(ISP, customers=4_000).draw()
    without = customers.assign(has_tax_number=customers["has_tax_number"].where(customers["has_tax_number"]))
    pd.testing.assert_frame_equal(_said(customers)[0], _said(without)[0])


def test_whose_business_hours_are_not_known_is_told_by_daily_totals():
    customers = ISP.draw()
    some = np.random.default_rng(0).random(len(customers)) < 0.1
    customers["business_hours_share_3m"] = customers["business_hours_share_3m"].mask(some)
    said, _ = _said(customers)
    assert said["nanobusiness_probability"].notna().all()
    assert _ratio(said) == pytest.approx(1, abs=0.2)
    lacking = said[said["customer_id"].isin(customers.loc[some, "customer_id"])]
    assert _ratio(lacking) == pytest.approx(1, abs=0.35)


def test_where_all_use_their_lines_alike_nobody_is_named():
    customers = replace(ISP, customers=3_000).draw()
    customers[["upload_share_3m", "weekend_day_ratio_3m", "business_hours_share_3m"]] = [0.1, 0.9, 0.2]
    said, _ = _said(customers)
    assert not said["home_business"].isin(["nanobusiness", "home_worker"]).any()
