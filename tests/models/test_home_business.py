"""Businesses at home are told from workers, students, gamers, streamers and hobbyists on planted truth."""

import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from models.homes.home_business import HomeBusinessModel
from models.homes.parameters import HomeBusinessParameters
from simulator import SimulationParameters, simulate

# The features as features.home_business_features defines them, of all three months, straight from the source files.
FRAME = """
with contracts as (
    select * from '{folder}/source/contracts.parquet'
    qualify row_number() over (partition by contract_id order by valid_from_date desc) = 1
),
lines as (
    select customer_id, bool_or(has_static_ip) as has_static_ip,
        count(*) filter (product_family in ('internet', 'fixed_voice')) > 1 as has_second_line
    from contracts where status <> 'ended' and start_date <= date '2025-12-31'
    group by customer_id having bool_or(product_family = 'internet')
),
traffic as (
    select customer_id, bytes_up, bytes_down + bytes_up as bytes, dayofweek(usage_date) in (0, 6) as is_weekend,
        bytes_down_business_hours + bytes_up_business_hours as business_bytes, usage_date
    from '{folder}/source/usage/*.parquet' inner join contracts using (contract_id)
),
shapes as (
    select customer_id, count(distinct usage_date) as usage_days_3m, sum(bytes_up) / sum(bytes) as upload_share_3m,
        sum(business_bytes) / sum(bytes) as business_hours_share_3m,
        2.5 * sum(bytes) filter (is_weekend) / sum(bytes) filter (not is_weekend) as weekend_day_ratio_3m
    from traffic group by customer_id
)
select lines.*, shapes.* exclude (customer_id), customers.has_tax_number,
    truth.market_segment = 'small_business' as is_business, coalesce(customers.do_not_contact, false) as is_opted_out,
    truth.home_business_label, truth.decoy, truth.market_segment = 'employee' as is_provided_by_employer
from lines
inner join '{folder}/source/customers.parquet' as customers using (customer_id)
inner join '{folder}/truth/customers.parquet' as truth using (customer_id)
left join shapes using (customer_id)
where customers.customer_type = 'person' or truth.market_segment = 'small_business'
order by customer_id
"""


@pytest.fixture(scope="module")
def customers(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("home_business")
    simulate(SimulationParameters(customers=8_000, months=3, end_month="2025-12", seed=11), folder)
    return duckdb.sql(FRAME.format(folder=folder)).df()


@pytest.fixture(scope="module")
def model(customers) -> HomeBusinessModel:
    return HomeBusinessModel().fit(customers)


def _measures(customers: pd.DataFrame) -> dict[str, float]:
    fitted = HomeBusinessModel().fit(customers)
    found = fitted.classify(customers).set_index("customer_id")
    found = found[found["home_business_status"] == "scored"]
    planted = customers.set_index("customer_id").loc[found.index, "home_business_label"] == "nanobusiness"
    probability = found["nanobusiness_probability"]
    top = probability.nlargest(len(found) // 20).index
    measures = {
        "auc": float(roc_auc_score(planted, probability)),
        "precision_top_5": float(planted[top].mean()),
        "prevalence": float(probability.mean() / planted.mean()),
    }
    print(
        {name: round(value, 3) for name, value in measures.items()},
        fitted.nano_.mark_rates_.round(3).to_dict("records"),
    )
    return measures


def test_planted_nanobusinesses_are_found_with_decoys_in(customers):
    measures = _measures(customers)
    assert measures["auc"] >= 0.9
    assert measures["precision_top_5"] >= 0.7
    assert measures["prevalence"] == pytest.approx(1, abs=0.2)


def test_daily_usage_alone_finds_them_and_dayparts_find_them_better(customers):
    daily = _measures(customers.assign(business_hours_share_3m=np.nan))
    assert daily["auc"] >= 0.9
    assert daily["precision_top_5"] >= 0.7
    assert daily["prevalence"] == pytest.approx(1, abs=0.2)
    assert _measures(customers)["auc"] > daily["auc"]


def test_without_tax_numbers_other_marks_and_employers_lines_tell_them(customers):
    measures = _measures(customers.assign(has_tax_number=None))
    assert measures["auc"] >= 0.9
    assert measures["precision_top_5"] >= 0.7
    assert measures["prevalence"] == pytest.approx(1, abs=0.2)


def test_probabilities_are_calibrated(customers, model):
    found = model.classify(customers).dropna(subset="nanobusiness_probability").set_index("customer_id")
    planted = customers.set_index("customer_id").loc[found.index, "home_business_label"] == "nanobusiness"
    groups = pd.cut(found["nanobusiness_probability"], [0, 0.05, 0.3, 0.7, 0.95, 1], include_lowest=True)
    by_group = pd.DataFrame({"said": found["nanobusiness_probability"], "is": planted}).groupby(groups).mean()
    assert (by_group["said"] - by_group["is"]).abs().max() <= 0.2


def _workers(customers: pd.DataFrame) -> pd.DataFrame:
    """Return what is said of home workers and what is true, a row a scored person."""
    found = HomeBusinessModel().fit(customers).classify(customers).dropna(subset="home_worker_probability")
    planted = customers.set_index("customer_id").loc[found["customer_id"], "home_business_label"] == "home_worker"
    return pd.DataFrame({"said": found["home_worker_probability"].to_numpy(), "is": planted.to_numpy()})


def test_probabilities_of_home_workers_are_calibrated_and_tell_them_from_decoys(customers):
    workers = _workers(customers)
    by_group = workers.groupby(pd.cut(workers["said"], [0, 0.1, 0.5, 0.8, 1], include_lowest=True)).mean()
    auc = roc_auc_score(workers["is"], workers["said"])
    prevalence = workers["said"].mean() / workers["is"].mean()
    print(f"AUC {auc:.3f}, said / planted {prevalence:.3f}", by_group.round(3).to_dict("records"))
    assert auc >= 0.9
    assert prevalence == pytest.approx(1, abs=0.2)
    assert (by_group["said"] - by_group["is"]).abs().max() <= 0.2


def test_the_three_probabilities_are_of_classes_that_exclude_one_another(customers, model):
    found = model.classify(customers).dropna(subset="home_worker_probability")
    assert found["home_worker_probability"].between(0, 1).all()
    assert (found["home_worker_probability"] + found["nanobusiness_probability"]).max() <= 1 + 1e-12


def test_daily_usage_alone_gives_no_probability_of_home_workers_and_whoever_seems_to_be_one_is_unknown(customers):
    daily = customers.assign(business_hours_share_3m=np.nan)
    model = HomeBusinessModel().fit(daily)
    assert "daily totals" in model.workers_.refusal_
    found = model.classify(daily).merge(daily, on="customer_id")
    assert found["home_worker_probability"].isna().all()
    assert not (found["home_business"] == "home_worker").any()
    unknown = found[found["home_business"] == "unknown"]
    assert len(unknown) > 100
    assert (unknown["weekend_day_ratio_3m"] <= 0.7).all()


def test_without_lines_of_employers_home_workers_have_no_probability(customers):
    model = HomeBusinessModel().fit(customers.assign(is_provided_by_employer=None))
    assert "40 lines" in model.workers_.refusal_
    assert model.classify(customers)["home_worker_probability"].isna().all()


def test_who_has_no_known_business_hours_has_no_probability_of_work_at_home(customers, model):
    some = customers.assign(business_hours_share_3m=customers["business_hours_share_3m"].where(customers.index % 9 > 0))
    found = model.classify(some).merge(some, on="customer_id")
    scored = found[found["home_business_status"] == "scored"]
    assert (scored["home_worker_probability"].isna() == scored["business_hours_share_3m"].isna()).all()


def test_lines_of_employers_that_are_used_like_any_other_say_nothing(customers):
    draw = np.random.default_rng(1)
    anybody = customers.assign(is_provided_by_employer=draw.random(len(customers)) < 0.03)
    model = HomeBusinessModel().fit(anybody)
    assert "like others" in model.workers_.refusal_


def test_a_line_from_an_employer_is_a_reason(customers, model):
    found = model.classify(customers).merge(customers, on="customer_id").query("home_business_status == 'scored'")
    provided = found["reason_codes"].map(lambda codes: "line_from_employer" in json.loads(codes))
    assert (provided == found["is_provided_by_employer"]).all()


def test_decoys_are_held_apart(customers, model):
    found = customers.merge(model.classify(customers), on="customer_id")
    scored = found[found["home_business_status"] == "scored"]
    called = scored.assign(nano=scored["home_business"] == "nanobusiness").groupby("decoy")["nano"].mean()
    print(called.round(3).to_dict(), pd.crosstab(scored["home_business_label"], scored["home_business"]).to_dict())
    for decoy in ("student", "gamer", "streamer", "hobby_uploader"):
        assert called[decoy] <= 0.1, decoy
    workers = scored[scored["home_business_label"] == "home_worker"]
    assert (workers["home_business"] == "home_worker").mean() >= 0.7
    students = scored[scored["decoy"] == "student"]
    assert (students["home_business"] == "none").mean() >= 0.5


def test_upload_and_download_swapped_is_noticed_and_nobody_is_scored(customers):
    swapped = customers.assign(upload_share_3m=1 - customers["upload_share_3m"])
    model = HomeBusinessModel().fit(swapped)
    assert "swapped" in model.refusal_
    found = model.classify(swapped)
    assert found["home_business"].isna().all()
    assert set(found["home_business_status"]) <= {"not_learned", "opted_out", "insufficient_usage"}


def test_who_opted_out_is_neither_learned_from_nor_scored(customers, model):
    found = model.classify(customers).set_index("customer_id")
    out = customers.set_index("customer_id").query("is_opted_out and not is_business").index
    assert len(out)
    assert (found.loc[out, "home_business_status"] == "opted_out").all()
    assert found.loc[out, ["home_business", "nanobusiness_probability", "reason_codes"]].isna().all(axis=None)
    others = customers.assign(upload_share_3m=customers["upload_share_3m"].mask(customers["is_opted_out"], 0.9))
    assert HomeBusinessModel().fit(others).nano_.share_ == model.nano_.share_


def test_reasons_are_the_marks_and_shapes_the_customer_has(customers, model):
    found = model.classify(customers).merge(customers, on="customer_id")
    nano = found[found["home_business"] == "nanobusiness"]
    codes = nano["reason_codes"].map(json.loads)
    assert (codes.map(lambda each: "tax_number" in each) == nano["has_tax_number"]).all()
    assert (codes.map(len) > 0).mean() > 0.99


def test_batches_give_what_the_whole_gives(customers, model):
    whole = model.classify(customers)
    parts = pd.concat([model.classify(customers[start : start + 997]) for start in range(0, len(customers), 997)])
    pd.testing.assert_frame_equal(whole, parts.reset_index(drop=True))


def test_too_few_small_businesses_are_a_refusal_that_says_how_many_are_needed(customers):
    few = pd.concat([customers[~customers["is_business"]], customers[customers["is_business"]].head(10)])
    model = HomeBusinessModel(HomeBusinessParameters(minimum_businesses=50)).fit(few)
    assert "small businesses" in model.refusal_
    assert "50 are needed" in model.refusal_
    empty = model.classify(few.head(0))
    assert list(empty.columns) == list(model.classify(few).columns)


def test_without_any_mark_of_consumers_unlike_small_businesses_there_is_no_probability_and_no_name(customers):
    unmarked = customers.assign(has_tax_number=None, has_static_ip=None, has_second_line=None)
    model = HomeBusinessModel().fit(unmarked)
    found = model.classify(unmarked)
    assert "cannot be told" in model.workers_.refusal_
    assert "0 consumers have a tax number" in model.nano_.refusal_
    assert found[["nanobusiness_probability", "home_worker_probability"]].isna().all(axis=None)
    assert set(found["home_business"].dropna()) == {"unknown", "none"}


def test_a_tax_number_that_cannot_be_judged_is_unknown_and_a_reason(customers):
    few = customers.assign(has_tax_number=customers.index % 997 == 0, has_static_ip=None, has_second_line=None)
    model = HomeBusinessModel().fit(few)
    found = (
        model.classify(few).merge(few, on="customer_id").query("has_tax_number and home_business_status == 'scored'")
    )
    assert model.nano_.refusal_
    assert (found["home_business"] == "unknown").all()
    assert found["reason_codes"].str.contains("tax_number").all()


def test_the_model_clones_as_scikit_learn_expects():
    parameters = HomeBusinessParameters(folds=7)
    assert clone(HomeBusinessModel(parameters)).parameters == parameters
