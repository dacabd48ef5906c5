"""Behavioral clusters on planted archetypes, on nothing at all, and on everything awkward in between."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import BehaviorSegmentation, fit_behavior
from tests.models.planted_customers import ARCHETYPES, CONSUMER_BASE, ONE_ARCHETYPE, consumer_base, planted
from tests.models.segmented import BehaviorResult, score_behavior, segment_behavior


def labels_of(result: BehaviorResult) -> pd.Series:
    return result.customers.set_index("customer_id")["cluster_id"]


@pytest.fixture(scope="module")
def fitted() -> BehaviorSegmentation:
    return fit_behavior(planted()[0], "consumer")


@pytest.fixture(scope="module")
def structured(fitted) -> tuple[pd.DataFrame, np.ndarray, BehaviorResult]:
    frame, truth = planted()
    return frame, truth, score_behavior(fitted, frame)


def test_planted_archetypes_are_found_again(structured):
    frame, truth, result = structured
    found = labels_of(result)[frame["customer_id"]].fillna("mixed")
    assert len(result.clusters) == len(ARCHETYPES)
    assert adjusted_rand_score(truth, found) > 0.9


def test_overlapping_archetypes_without_gaps_are_still_found():
    frame, truth = planted(2600, seed=3, noise=0.35, level_noise=0.8)
    result = segment_behavior(frame, "consumer")
    assert adjusted_rand_score(truth, labels_of(result)[frame["customer_id"]].fillna("mixed")) > 0.8


@pytest.mark.parametrize("seed", [0, 4, 5])
def test_groups_of_different_size_and_width_are_neither_cut_nor_merged(seed):
    frame, truth = consumer_base(seed=seed)
    result = segment_behavior(frame, "consumer")
    assert adjusted_rand_score(truth, labels_of(result)[frame["customer_id"]].fillna("mixed")) > 0.95
    chosen = result.evidence.loc[result.evidence["is_chosen"]].iloc[0]
    assert chosen["k"] == len(CONSUMER_BASE)
    assert chosen["prediction_strength"] > 0.95
    assert set(result.clusters["cluster_name"]) == {
        "Heavy evening users",
        "Weekday daytime users",
        "Night-time uploaders",
        "Light users",
        "Typical users",
        "Mobile-only users",
    }


def test_one_archetype_is_not_split_by_who_has_a_mobile_contract_too():
    frame, truth = consumer_base(2600, seed=1)
    streamers = frame[truth == 0].reset_index(drop=True)
    assert len(segment_behavior(streamers, "consumer").clusters) == 1


@pytest.mark.parametrize("customers", [100, 400, 1500])
@pytest.mark.parametrize("seed", [0, 1])
def test_one_log_normal_cloud_is_one_cluster(customers, seed):
    frame, _ = planted(customers, seed, ONE_ARCHETYPE, level_noise=1.2)
    result = segment_behavior(frame, "consumer")
    assert result.clusters["cluster_name"].tolist() == ["All consumer customers"]
    chosen = result.evidence.loc[result.evidence["is_chosen"]]
    assert chosen["k"].tolist() == [1]
    assert "One cluster: no k from 2 to 8" in chosen["decision"].item()


def test_row_order_changes_nothing(structured):
    frame, _, result = structured
    shuffled = segment_behavior(frame.sample(frac=1, random_state=1).set_axis(range(len(frame))), "consumer")
    for name in ("customers", "clusters", "evidence", "events", "features"):
        pd.testing.assert_frame_equal(getattr(shuffled, name), getattr(result, name))


def test_another_seed_finds_the_same_clusters(structured):
    frame, _, result = structured
    reseeded = segment_behavior(frame, "consumer", parameters=BehaviorParameters(random_state=7))
    assert adjusted_rand_score(labels_of(result).fillna("x"), labels_of(reseeded).fillna("x")) >= 0.95


def test_units_of_volume_and_money_do_not_matter(structured):
    frame, _, result = structured
    in_bytes = frame.assign(gb_month_3m=frame["gb_month_3m"] * 1e9, monthly_fee=frame["monthly_fee"] * 100)
    pd.testing.assert_series_equal(labels_of(segment_behavior(in_bytes, "consumer")), labels_of(result))


def test_one_huge_outlier_moves_no_one_else(structured):
    frame, _, result = structured
    wild = frame.copy()
    wild.loc[0, "gb_month_3m"] = 1e12
    again = labels_of(segment_behavior(wild, "consumer"))
    assert (again == labels_of(result)).mean() > 0.99


def test_a_cluster_under_the_minimum_share_is_dissolved_into_mixed():
    frame, _ = planted(800, seed=2)
    odd = frame.head(40).assign(upload_share_3m=0.95, night_share_3m=0.9, evening_share_3m=0.02)
    odd["customer_id"] = "odd" + odd["customer_id"]
    parameters = BehaviorParameters(minimum_share=0.08)
    result = segment_behavior(pd.concat([frame, odd], ignore_index=True), "consumer", parameters=parameters)
    is_mixed = result.customers["behavior_status"] == "mixed"
    assert set(result.customers.loc[is_mixed, "customer_id"]) == set(odd["customer_id"])
    assert result.customers.loc[is_mixed, ["cluster_id", "cluster_name", "distance"]].isna().all(axis=None)
    assert result.customers.loc[is_mixed, "runner_up_cluster_id"].notna().all()
    assert result.clusters["share"].sum() == pytest.approx(800 / 840)
    assert "1 dissolved into mixed" in result.evidence.loc[result.evidence["is_chosen"], "decision"].item()


def test_two_kinds_of_identical_customers_are_two_clusters():
    frame, _ = planted(100)
    twins = frame.iloc[np.repeat([0, 7], [60, 40])].assign(customer_id=frame["customer_id"].to_numpy())
    result = segment_behavior(twins.reset_index(drop=True), "consumer")
    assert result.clusters["customers"].tolist() == [60, 40]
    tried = list(zip(result.evidence["shape"], result.evidence["k"], strict=True))
    assert tried == [("one_cluster", 1), ("k_means", 2), ("mixture", 2)]


def test_every_customer_gets_exactly_one_status(structured):
    frame, _, _ = structured
    mixed = frame.head(300).copy()
    mixed.loc[:9, "is_open"] = False
    mixed.loc[10:19, "usage_history_months"] = 2
    mixed.loc[20:29, ["usage_history_months", "usage_days_3m"]] = [0, 0]
    mixed.loc[20:29, "has_internet"] = False
    mixed.loc[30:39, "usage_days_3m"] = 9
    result = segment_behavior(mixed, "consumer").customers
    assert result["customer_id"].tolist() == sorted(mixed["customer_id"])
    expected = ["not_applicable"] * 10 + ["insufficient_history"] * 10 + ["not_applicable"] * 10
    assert result["behavior_status"].tolist()[:40] == [*expected, *["insufficient_history"] * 10]
    assert result["behavior_status"].iloc[40:].isin(["clustered", "mixed"]).all()
    assert result["cluster_id"].iloc[:40].isna().all()


@pytest.mark.parametrize(("months", "status"), [(2, "insufficient_history"), (3, "clustered"), (4, "clustered")])
def test_history_boundary(months, status):
    frame, _ = planted(60)
    frame.loc[0, "usage_history_months"] = months
    assert segment_behavior(frame, "consumer").customers["behavior_status"].iloc[0] == status


def test_without_usage_products_and_billing_are_clustered_and_what_is_missing_is_said():
    frame, _ = planted(600)
    usage = ["usage_history_months", "usage_days_3m", "gb_month_3m", "upload_share_3m", "evening_share_3m"]
    result = segment_behavior(frame.drop(columns=usage), "consumer")
    features = result.features.set_index("feature")
    assert features.loc["gb_month_3m", "reason"] == "too few customers have usage"
    assert features.loc["has_tv", "is_used"]
    assert result.customers["behavior_status"].isin(["clustered", "mixed"]).all()


@pytest.mark.parametrize("customers", [1, 2, 49])
def test_few_customers_are_one_cluster_and_it_says_so(customers):
    frame, _ = planted(customers)
    result = segment_behavior(frame, "business")
    assert result.clusters["cluster_id"].tolist() == ["business-01"]
    assert result.clusters["customers"].tolist() == [customers]
    assert result.clusters["rule"].tolist() == ["true"]
    assert f"{customers} measured customers are too few" in result.evidence["decision"].item()


def test_customers_all_equal_are_one_cluster():
    frame, _ = planted(80)
    equal = pd.concat([frame.head(1)] * 80, ignore_index=True).assign(customer_id=frame["customer_id"])
    result = segment_behavior(equal, "consumer")
    assert result.clusters["customers"].tolist() == [80]
    assert "nothing that is known of these customers varies" in result.evidence["decision"].item()


def test_nothing_known_is_no_cluster():
    frame, _ = planted(80)
    unknown = frame[["customer_id", "is_open"]].assign(gb_month_3m=None, has_tv=None)
    result = segment_behavior(unknown, "consumer")
    assert result.clusters.empty
    assert set(result.customers["behavior_status"]) == {"insufficient_history"}


def test_an_empty_population_gives_empty_frames():
    frame, _ = planted(5)
    result = segment_behavior(frame.head(0), "business")
    assert result.customers.empty
    assert result.clusters.empty
    assert result.events.empty
    assert "0 measured customers are too few" in result.evidence["decision"].item()


def test_an_unchanged_base_keeps_every_id_and_name(structured):
    frame, _, result = structured
    again = segment_behavior(frame, "consumer", result.customers)
    assert set(again.events["event"]) == {"kept"}
    assert labels_of(again).equals(labels_of(result))
    assert again.clusters["cluster_name"].tolist() == result.clusters["cluster_name"].tolist()


def test_a_steady_base_keeps_its_ids_from_month_to_month(structured):
    frame, _, result = structured
    random = np.random.default_rng(1)
    later = frame.copy()
    for column in ("gb_month_3m", "evening_share_3m", "business_hours_share_3m", "upload_share_3m"):
        later[column] *= np.exp(0.03 * random.standard_normal(len(frame)))
    again = segment_behavior(later, "consumer", result.customers)
    assert set(again.events["event"]) == {"kept"}
    assert (labels_of(again) == labels_of(result)).mean() >= 0.97


def test_a_planted_new_archetype_is_one_birth(structured):
    frame, _, result = structured
    newcomers = planted(250, 9, {"night_owl": (1.0, 5.4, 0.10, 0.06, 0.65, 0.07, 0.30)})[0]
    grown = pd.concat([frame, newcomers.assign(customer_id="n" + newcomers["customer_id"])], ignore_index=True)
    events = segment_behavior(grown, "consumer", result.customers).events
    assert events["event"].value_counts().to_dict() == {"kept": 5, "birth": 1}
    assert events.loc[events["event"] == "birth", "cluster_id"].item() == "consumer-06"


def test_batches_score_like_the_whole(structured, fitted):
    frame, _, result = structured
    batches = [frame.iloc[start : start + 400] for start in range(0, len(frame), 400)]
    parts = pd.concat([fitted.score(batch) for batch in batches]).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(parts, result.customers)


def test_runner_up_is_another_cluster(structured):
    customers = structured[2].customers
    assert (customers["runner_up_cluster_id"] != customers["cluster_id"]).all()
    assert customers["runner_up_cluster_id"].notna().all()


def test_distances_are_those_that_decide_the_label(structured, fitted):
    frame, _, _ = structured
    assert (fitted.model.transform(frame).argmin(axis=1) == fitted.model.predict(frame)).all()


def test_names_are_unique_and_rules_hold_on_the_published_columns(structured):
    frame, _, result = structured
    clusters, customers = result.clusters, result.customers.set_index("customer_id")
    assert clusters["cluster_name"].is_unique
    indexed = frame.set_index("customer_id")
    for row in clusters.itertuples():
        caught = customers.loc[indexed.query(row.rule).index, "cluster_id"] == row.cluster_id
        assert caught.mean() == pytest.approx(row.rule_precision, abs=0.06)
        assert caught.sum() / row.customers == pytest.approx(row.rule_recall, abs=0.06)
        assert row.rule_precision > 0.7


def test_names_say_what_was_planted(structured):
    frame, truth, result = structured
    by_customer = result.customers.set_index("customer_id")["cluster_name"][frame["customer_id"]].to_numpy()
    named = {archetype: pd.Series(by_customer[truth == n]).mode()[0] for n, archetype in enumerate(ARCHETYPES)}
    assert "evening" in named["evening_streamer"].lower()
    assert "daytime" in named["daytime_worker"].lower()
    assert "uploaders" in named["uploader"].lower()
    assert "light" in named["light"].lower()
