"""Which model scores a month: the same one while customers stay as they are, a new one when they do not."""

import copy
import io
import json
import zipfile
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from models.behavior.champion import BehaviorMonth, Champion, segment_month
from models.behavior.parameters import BehaviorParameters
from models.behavior.store import dump_model, load_model, model_hash
from models.clusters.drift import drift_status, reference, stability_index
from models.clusters.feature_space import HeavyTail
from tests.models.planted_customers import ARCHETYPES, planted

JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


@pytest.fixture(scope="module")
def base() -> tuple[pd.DataFrame, np.ndarray]:
    return planted()


@pytest.fixture(scope="module")
def first(base) -> BehaviorMonth:
    return segment_month(base[0], "consumer", "2026-01-31.1", JANUARY)


def champion_of(month: BehaviorMonth) -> Champion:
    assert month.stored is not None
    return Champion.load(month.stored, month.registered, month.segmentation.evidence)


def next_month(first: BehaviorMonth, base: pd.DataFrame, frame: pd.DataFrame, **changes) -> BehaviorMonth:
    given = {
        "version_id": "2026-02-28.1",
        "as_of_date": FEBRUARY,
        "champion": champion_of(first),
        "previous": first.segmentation.score(base),
        "used_cluster_ids": list(first.segmentation.clusters["cluster_id"]),
    }
    return segment_month(frame, "consumer", **(given | changes))


def steady(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The same customers a month later: every usage figure moves a little."""
    random = np.random.default_rng(seed)
    later = frame.copy()
    for column in ("gb_month_3m", "evening_share_3m", "business_hours_share_3m", "upload_share_3m", "peak_mbps_3m"):
        later[column] *= np.exp(0.03 * random.standard_normal(len(frame)))
    return later


def list_fees(frame: pd.DataFrame) -> pd.Series:
    """What customers pay by a price list: few prices, of plans and of what is added."""
    plan = frame["download_mbps"].map({50.0: 19.99, 100.0: 29.99, 250.0: 39.99, 1000.0: 59.99})
    return plan + 9.99 * frame["has_tv"] + 12 * frame["has_mobile"] + 6.5 * frame["has_security"]


def test_a_stored_model_scores_as_the_fitted_one_and_holds_no_customer(base, first):
    again = champion_of(first)
    assert not hasattr(again.model, "sample_")
    assert base[0]["customer_id"].iloc[0].encode() not in first.stored
    labels, distances = again.model.assign(base[0])
    expected_labels, expected_distances = first.segmentation.model.assign(base[0])
    np.testing.assert_array_equal(labels, expected_labels)
    np.testing.assert_array_equal(distances, expected_distances)


def test_the_same_month_again_gives_the_same_bytes(base, first):
    again = segment_month(base[0].sample(frac=1, random_state=3), "consumer", "2026-01-31.1", JANUARY)
    assert again.stored == first.stored
    assert again.registered == first.registered


def test_a_model_with_other_bytes_or_foreign_classes_is_refused(first):
    with pytest.raises(ValueError, match="do not match the registered SHA-256"):
        Champion.load(first.stored + b" ", first.registered, first.segmentation.evidence)
    foreign = skops.io.dumps({"space": HeavyTail(), "core": BehaviorParameters()})
    with pytest.raises(UntrustedTypesFoundException, match="BehaviorParameters"):
        load_model(foreign)


def test_a_steady_base_keeps_the_model_and_its_ids(base, first):
    later = steady(base[0])
    month = next_month(first, base[0], later)
    assert month.stored is None
    assert month.registered["decision"] == "kept"
    assert month.registered["fitted_version_id"] == "2026-01-31.1"
    assert set(month.segmentation.events["event"]) == {"kept"}
    before, now = first.segmentation.score(base[0]), month.segmentation.score(later)
    assert (before["cluster_id"].fillna("") == now["cluster_id"].fillna("")).mean() >= 0.97
    said = ["cluster_id", "cluster_name", "rule"]
    pd.testing.assert_frame_equal(month.segmentation.clusters[said], first.segmentation.clusters[said])


def test_a_new_archetype_is_seen_at_once_and_is_one_birth(base, first):
    night_owls = planted(400, 9, {"night_owl": (1.0, 5.4, 0.10, 0.06, 0.65, 0.07, 0.30)})[0]
    grown = pd.concat([steady(base[0]), night_owls.assign(customer_id="n" + night_owls["customer_id"])])
    month = next_month(first, base[0], grown.reset_index(drop=True))
    assert month.registered["drift_status"] == "act"
    assert month.segmentation.events["event"].value_counts().to_dict() == {"kept": len(ARCHETYPES), "birth": 1}


def test_a_shift_of_a_feature_is_acted_on_in_the_same_run_and_ids_survive(base, first):
    shifted = steady(base[0])
    shifted["night_share_3m"] = np.minimum(shifted["night_share_3m"] * 2, 0.9)
    month = next_month(first, base[0], shifted)
    assert month.registered["decision"] == "fitted"
    assert month.registered["reason"].startswith("night share has drifted")
    assert month.registered["drift_feature"] == "night_share_3m"
    assert month.registered["sha256"] == model_hash(month.stored)
    assert (month.segmentation.events["event"] == "kept").all()


@pytest.mark.parametrize("factor", [0.9, 1.08])
def test_prices_that_change_for_everybody_are_no_drift(base, first, factor):
    later = steady(base[0]).assign(monthly_fee=base[0]["monthly_fee"] * factor)
    month = next_month(first, base[0], later)
    assert month.registered["decision"] == "kept"
    assert month.registered["drift_status"] == "steady"
    assert f"monthly fee has {'risen' if factor > 1 else 'fallen'} for all" in month.registered["reason"]
    before, now = first.segmentation.score(base[0]), month.segmentation.score(later)
    assert (before["cluster_id"].fillna("") == now["cluster_id"].fillna("")).mean() >= 0.97


def test_a_price_rise_moves_no_customer_where_fees_are_what_is_clustered(base):
    random = np.random.default_rng(3)
    # What is left where no usage is on record.
    known = ["customer_id", "is_open", "tenure_months", "has_tv", "has_mobile", "has_security", "product_families"]
    frame = base[0][[*known, "has_internet", "has_autopay", "term_months", "download_mbps", "late_share_12m"]]
    frame = frame.assign(monthly_fee=list_fees(frame))
    first = segment_month(frame, "consumer", "2026-01-31.1", JANUARY)
    assert first.registered["basis"] == "billing"
    assert first.registered["clusters"] > 1
    for share, factor in ((1.0, 1.08), (0.6, 1.04)):
        dearer = np.where(random.random(len(frame)) < share, factor, 1.0)
        later = frame.assign(monthly_fee=frame["monthly_fee"] * dearer)
        month = next_month(first, frame, later)
        assert month.registered["decision"] == "kept", month.registered["reason"]
        assert month.registered["drift_status"] == "steady"
        before, now = first.segmentation.score(frame), month.segmentation.score(later)
        assert (before["cluster_id"].fillna("") == now["cluster_id"].fillna("")).mean() >= 0.97


def test_a_population_without_customers_has_a_model_that_goes_once_there_are_some(base, first):
    nobody = segment_month(base[0].head(0), "consumer", "2026-01-31.1", JANUARY)
    assert nobody.registered["clusters"] == 0
    somebody = next_month(nobody, base[0].head(0), base[0])
    assert somebody.registered["decision"] == "fitted"
    assert somebody.registered["clusters"] == first.registered["clusters"]


def test_an_old_model_stays_where_a_new_one_finds_the_same(base, first):
    month = next_month(first, base[0], steady(base[0]), as_of_date=date(2027, 1, 31))
    assert month.registered["decision"] == "kept"
    assert month.registered["challenger_agreement"] >= 0.95
    assert month.registered["challenged_as_of_date"] == date(2027, 1, 31)
    assert month.registered["fitted_as_of_date"] == JANUARY


def test_changed_settings_are_a_new_model(base, first):
    month = next_month(first, base[0], base[0], parameters=BehaviorParameters(resamples=9))
    assert month.registered["reason"] == "the settings have changed"
    assert month.registered["model_id"] == "consumer-2026-02-28.1"


def test_a_model_of_a_release_before_mixtures_still_scores_and_is_fitted_anew(base, first):
    model = copy.copy(first.segmentation.model)
    model.core_ = copy.copy(model.core_)
    for name in ("mixture_", "mixture_columns", "mixture_sample", "mixture_largest_k", "mixture_strength_threshold"):
        del model.core_.__dict__[name]
    again, _ = load_model(dump_model(model, {}))
    np.testing.assert_array_equal(again.predict(base[0]), first.segmentation.model.predict(base[0]))
    known = json.loads(first.registered["parameters"])
    del known["mixture_sample"]
    champion = replace(champion_of(first), registered=first.registered | {"parameters": json.dumps(known)})
    month = next_month(first, base[0], base[0], champion=champion)
    assert month.registered["reason"] == "the settings have changed"
    assert set(month.segmentation.events["event"]) == {"kept"}


def test_a_model_stored_before_the_packages_of_models_still_scores(base, first):
    stored = dump_model(first.segmentation.model, {})
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = files["schema.json"].decode()
    before = schema.replace("models.clusters.", "models.").replace("models.mixture", "models.cluster_mixture")
    assert before != schema
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in (files | {"schema.json": before.encode()}).items():
            archive.writestr(name, content)
    again, _ = load_model(target.getvalue())
    np.testing.assert_array_equal(again.predict(base[0]), first.segmentation.model.predict(base[0]))


def test_fewer_than_one_steady_month_in_twenty_raises_an_alarm(first):
    # Other customers of the same kinds each time: harder than the same customers a month later.
    found = [first.segmentation.model.drift(planted(600, 1000 + seed)[0]) for seed in range(100)]
    assert sum(drift_status(drift, watch=0.1, act=0.25)[0] != "steady" for drift in found) < 5


@pytest.mark.parametrize(("psi", "status"), [(0.099, "steady"), (0.1, "watch"), (0.249, "watch"), (0.25, "act")])
def test_drift_is_watched_and_acted_on_from_its_thresholds(psi, status):
    drift = pd.DataFrame({"feature": ["a"], "psi": [psi], "noise": [0.01]})
    assert drift_status(drift, watch=0.1, act=0.25)[0] == status


def test_stability_index_of_a_share_that_doubles_is_as_by_hand():
    before = reference(pd.DataFrame({"has_tv": [1.0] * 200 + [0.0] * 800}))
    drift = stability_index(before, pd.DataFrame({"has_tv": [1.0] * 400 + [0.0] * 600}))
    expected = (0.4 - 0.2) * np.log(0.4 / 0.2) + (0.6 - 0.8) * np.log(0.6 / 0.8)
    assert drift["psi"].item() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("change", "is_drift"),
    [
        (lambda fees, random: fees * 1.01, False),
        (lambda fees, random: fees * 1.08, False),
        (lambda fees, random: fees * np.where(random.random(len(fees)) < 0.6, 1.04, 1.0), False),
        (lambda fees, random: fees * np.where(random.random(len(fees)) < 0.4, 2.0, 1.0), True),
        (lambda fees, random: fees * 100, True),
        (lambda fees, random: np.full(len(fees), fees.mean()), True),
    ],
    ids=["a little dearer", "dearer", "dearer for some", "twice for some", "another unit", "all the same"],
)
def test_of_list_prices_what_all_pay_more_is_no_drift_and_what_some_pay_more_is(change, is_drift):
    fees = list_fees(planted(2000)[0])
    before = reference(pd.DataFrame({"monthly_fee": fees}))
    now = pd.DataFrame({"monthly_fee": change(fees, np.random.default_rng(0))})
    found = stability_index(before, now, money=["monthly_fee"])
    assert (drift_status(found, watch=0.1, act=0.25)[0] != "steady") is is_drift
    same = stability_index(before, pd.DataFrame({"monthly_fee": fees}), ["monthly_fee"])
    assert same[["psi", "level"]].to_numpy().tolist() == [[0, 1]]


def test_only_of_money_is_a_change_that_all_share_left_out():
    gb = np.random.default_rng(0).lognormal(5, 0.5, 2000)
    before = reference(pd.DataFrame({"gb_month_3m": gb}))
    assert drift_status(stability_index(before, pd.DataFrame({"gb_month_3m": gb * 2})), watch=0.1, act=0.25)[0] == "act"


@pytest.mark.parametrize("values", [[3.0] * 40, [0.0] * 39 + [1.0], [-2.0, 0.0, 5.0] * 10, [0.0, 1e-300] * 20])
def test_rows_are_in_the_bins_they_were_counted_in_whatever_the_values(values):
    frame = pd.DataFrame({"a": values})
    before = reference(frame)
    assert before["counts"]["a"].sum() == len(values)
    assert stability_index(before, frame)["psi"].item() == 0


def test_a_feed_that_stops_is_drift():
    before = reference(pd.DataFrame({"gb_month_3m": np.arange(500.0)}))
    drift = stability_index(before, pd.DataFrame({"gb_month_3m": [np.nan] * 500}))
    assert drift_status(drift, watch=0.1, act=0.25) == ("act", "gb_month_3m")


def test_past_months_tell_how_useful_the_clusters_are(base):
    frame, truth = base
    random = np.random.default_rng(99)
    churned = random.random(len(frame)) < np.where(truth == list(ARCHETYPES).index("light"), 0.5, 0.05)
    past = frame.assign(later_churned=churned, later_margin=np.where(churned, np.nan, 10.0 + truth))
    segmentation = segment_month(frame, "consumer", "2026-01-31.1", JANUARY, past=past).segmentation
    chosen = segmentation.evidence.loc[segmentation.evidence["is_chosen"]].iloc[0]
    assert chosen["later_churn_association"] > 0.3
    assert chosen["later_margin_association"] > 0.9
    assert chosen["outcome_customers"] == len(frame)
    rates = segmentation.clusters.set_index("cluster_name")["later_churn_rate"]
    planted_rate = churned[truth == list(ARCHETYPES).index("light")].mean()
    assert rates["Light users"] == pytest.approx(planted_rate, abs=0.05)
    assert rates.drop("Light users").max() < 0.15
    assert segmentation.evidence.loc[segmentation.evidence["k"] == 1, "later_churn_association"].isna().all()


def test_reasons_and_exemplars_say_what_was_planted(base, first):
    scored = first.segmentation.score(base[0])
    uploaders = scored[base[1] == list(ARCHETYPES).index("uploader")]
    assert uploaders["cluster_reasons"].str.contains("high upload share").mean() > 0.9
    assert not first.segmentation.clusters["exemplars"].str.contains("c0").any()
    assert first.segmentation.picture["cluster_id"].nunique() == len(ARCHETYPES)
