"""What was planted in the simulated ISP is found again."""

import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from models.backtest.forecasts import BASELINES, FALLBACKS, LAST_12_MONTHS, SBG_ALONE, UNCONDITIONAL_SURVIVAL
from models.retention.curves import RetentionCurves
from models.value.customer_value import customer_value
from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, stream
from orchestration.lake.declarations import tables_of_days
from orchestration.segments.exposures import exposures_within
from orchestration.segments.observation import observed
from orchestration.settings import load_settings
from tests.dbt.lakes import Lake
from tests.forecast_errors import forecast_errors

pytestmark = pytest.mark.slow

AS_OF = "2025-12-31"


@pytest.fixture(scope="module")
def customers(simulated) -> pd.DataFrame:
    return simulated.frame("select * from bi.customer_segments").set_index("customer_id")


@pytest.fixture(scope="module")
def planted(simulated) -> pd.DataFrame:
    truth = pd.read_parquet(simulated.folder / "truth" / "customers.parquet").set_index("customer_id")
    states = pd.read_parquet(simulated.folder / "truth" / "states.parquet")
    states = states[pd.to_datetime(states["as_of_date"]) == pd.Timestamp(AS_OF)].set_index("customer_id")
    return truth.join(states, rsuffix="_of_state")


def test_every_month_of_the_run_has_one_published_version(simulated):
    versions = simulated.versions()
    assert [(row["version_id"], row["status"]) for row in versions] == [
        (f"{day}.1", "published") for day in ("2025-12-31", "2025-11-30", "2025-10-31", "2025-09-30")
    ]


def test_the_current_view_has_every_customer_once(simulated, customers):
    features = simulated.frame("select customer_id from features.customer_features where as_of_date = ?", [AS_OF])
    assert customers.index.is_unique
    assert set(customers.index) == set(features["customer_id"])


def test_decile_sizes_differ_by_at_most_one_and_leave_wholesale_out(customers):
    sizes = customers["value_decile"].value_counts()
    assert sorted(sizes.index) == list(range(1, 11))
    assert sizes.max() - sizes.min() <= 1
    assert customers.loc[customers["market_segment"] == "wholesale", "value_decile"].isna().all()


def test_planted_archetypes_of_consumers_with_full_history_are_found_again(simulated, customers, planted):
    full = simulated.frame(
        "select customer_id from features.customer_features"
        " where as_of_date = ? and population = 'consumer' and is_open and usage_history_months >= 12",
        [AS_OF],
    )["customer_id"]
    found = customers.loc[full, "cluster_id"].fillna("none")
    score = adjusted_rand_score(planted.loc[full, "archetype"], found)
    print(f"adjusted Rand index of consumers with a full history: {score:.3f}")
    assert score >= 0.9


@pytest.mark.parametrize("horizon", ["future_value_horizon", "future_value"])
def test_predicted_future_value_of_the_base_is_that_of_the_truth(simulated, planted, horizon):
    column = {"future_value_horizon": "expected_future_margin_36m", "future_value": "expected_future_margin_total"}
    predicted = simulated.frame(
        f"select sum({horizon})::double as value from segments.customer_value where version_id = '{AS_OF}.1'"
    )["value"].iloc[0]
    true = planted[column[horizon]].sum()
    print(f"{horizon}: predicted {predicted:,.0f}, planted {true:,.0f}, ratio {predicted / true:.3f}")
    # At 3,000 customers the retention model alone has a standard error of 3% over seeds.
    assert predicted == pytest.approx(true, rel=0.05)


def test_each_of_the_five_best_tenths_is_worth_what_was_planted(simulated, planted):
    values = simulated.frame(
        "select customer_id, future_value::double as future_value from segments.customer_value"
        f" where version_id = '{AS_OF}.1' and churn_probability_1m is not null"
    ).set_index("customer_id")
    both = values.join(planted["expected_future_margin_total"], how="inner")
    place = both["future_value"].rank(ascending=False, method="first")
    sums = both.groupby((place * 10 / len(both)).apply(np.ceil)).sum()
    ratio = (sums["future_value"] / sums["expected_future_margin_total"]).loc[1:5]
    print(f"future value of the best tenths over the planted: {ratio.round(3).to_dict()}")
    assert ratio.to_numpy() == pytest.approx(1, abs=0.10)


@pytest.fixture(scope="module")
def valued_by_baselines(simulated, tmp_path_factory) -> dict[str, pd.DataFrame]:
    """What the same customers would be worth by the retention of each baseline, with all else as it is published."""
    # Months at risk are of a run alone: they are built again, in a copy.
    copied = shutil.copytree(simulated.folder, tmp_path_factory.mktemp("copied") / "isp")
    settings, day = load_settings(copied / simulated.settings_file.name), date.fromisoformat(AS_OF)
    lake = Lake(settings)
    lake.scope({day: None})
    lake.build_untested("--select", "+retention_exposures", "+customer_months_at_risk")
    with lake.warehouse.writer() as connection:
        exposures = exposures_within(connection, day, observed(connection, f"{AS_OF}.1", day))
    features = simulated.frame("select * from features.customer_features where as_of_date = ? and is_open", [AS_OF])
    found = {}
    for name in FALLBACKS:
        curves = RetentionCurves(settings.retention).fit(exposures)
        curves.use_one_for_all(name)
        found[name] = customer_value(features, curves, settings.value)
        if name == SBG_ALONE:
            newcomers = features.assign(spell_months=settings.retention.first_spell_months, committed_month_ends=0)
            found[UNCONDITIONAL_SURVIVAL] = customer_value(newcomers, curves, settings.value)
    months = np.minimum(features["spell_months"].clip(lower=1), 12)
    forever = np.array([1.0 / 1.1 ** (month / 12) for month in range(1, settings.value.tail_months + 1)]).cumsum()
    last = (features["margin_12m"].astype(float) / months).to_numpy()
    found[LAST_12_MONTHS] = features[["customer_id"]].assign(
        future_value_horizon=last * forever[settings.value.horizon_months - 1], future_value=last * forever[-1]
    )
    return {name: value.set_index("customer_id") for name, value in found.items()}


@pytest.mark.parametrize("horizon", ["future_value_horizon", "future_value"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_the_planted_future_of_customers_is_predicted_better_than_by_any_baseline(
    simulated, planted, valued_by_baselines, horizon, baseline
):
    column = {"future_value_horizon": "expected_future_margin_36m", "future_value": "expected_future_margin_total"}
    published = simulated.frame(
        f"select customer_id, {horizon}::double as value from segments.customer_value where version_id = '{AS_OF}.1'"
    ).set_index("customer_id")["value"]
    by_baseline = valued_by_baselines[baseline][horizon].astype(float)
    # The planted expectation does not know who is about to leave. The hazard model does, and takes them down.
    planted = planted[~planted["is_leaving"]]
    both = pd.DataFrame({"own": published, "baseline": by_baseline, "planted": planted[column[horizon]]}).dropna()
    errors = pd.DataFrame({name: forecast_errors(both[name], both["planted"]) for name in ("own", "baseline")}).abs()
    print(f"{horizon}, {baseline}, {len(both)} customers:\n{errors.round(3)}")
    assert (errors["own"] < errors["baseline"]).all()


def test_four_of_five_customers_brought_what_their_interval_said(simulated):
    covered = simulated.frame(
        "select value from bi.value_backtest where version_id = ? and cutoff_date is null and is_champion"
        " and horizon_months = 6 and measure = 'interval_coverage'",
        [f"{AS_OF}.1"],
    )["value"].iloc[0]
    print(f"covered: {covered:.3f}")
    assert 0.75 <= covered <= 0.85


def test_hazards_and_values_are_compared_with_those_of_the_month_before(simulated):
    drift = simulated.frame("select * from bi.value_drift order by version_id, measure")
    months = drift.groupby("version_id")["reference_version_id"].first().tolist()
    assert [None if pd.isna(month) else month for month in months] == [
        None, "2025-09-30.1", "2025-10-31.1", "2025-11-30.1"
    ]  # fmt: skip
    later = drift[drift["reference_version_id"].notna()]
    assert (later["psi"] > 0).all()
    assert not (later["drift_status"] == "act").any()


def test_next_months_churn_comes_from_the_hazard_model_and_is_calibrated(simulated):
    quality = simulated.frame(
        f"select * from bi.retention_quality where version_id = '{AS_OF}.1' and part is null"
    ).pivot_table(index="hazard_model", columns="measure", values="value")
    model, curves = quality.loc["hazard_model"], quality.loc["cohort_curves"]
    assert model["is_used"] == 1
    assert model["expected_churn"] == pytest.approx(model["observed_churn"], rel=0.1)
    assert model["auc"] > curves["auc"] + 0.1
    assert model["top_decile_lift"] > 3


def test_customers_about_to_leave_are_told_by_the_usage_that_falls_before(simulated, planted):
    reasons = simulated.frame(
        f"select customer_id, hazard_1m, churn_reasons from bi.churn_reasons where version_id = '{AS_OF}.1'"
    ).set_index("customer_id")
    # Of leavers with this mark the voluntary ones, two thirds, use less in their last three months.
    collapsing = planted["is_leaving"] & planted["collapses"]
    told = reasons.loc[reasons.index.intersection(collapsing[collapsing].index)]
    assert len(told) > 5
    assert (told["churn_reasons"].str.contains("usage").fillna(False)).mean() > 0.4


def test_stages_agree_with_the_planted_states_where_both_define_the_same(customers, planted):
    both = customers.join(planted["state"], how="inner")
    for state in ("pending", "churned", "suspended", "won_back"):
        is_planted, is_found = both["state"] == state, both["lifecycle_stage"] == state
        assert (is_planted & is_found).sum() >= 0.95 * (is_planted | is_found).sum(), state
    onboarding = both[both["state"] == "onboarding"]
    assert onboarding["lifecycle_stage"].isin({"onboarding", "won_back", "suspended"}).mean() >= 0.95
    dormant = both[both["state"] == "dormant"]
    assert (dormant["lifecycle_stage"] == "dormant").mean() >= 0.8


def test_market_segments_are_the_planted_ones(customers, planted):
    both = customers.join(planted["market_segment"].rename("planted_segment"), how="inner")
    assert (both["market_segment"] == both["planted_segment"]).mean() >= 0.98


def test_stock_flow_identity_holds_for_every_stage_and_month(simulated):
    stages = simulated.frame("select * from bi.lifecycle_stages")
    first = stages["as_of_date"].min()
    later = stages[stages["as_of_date"] > first]
    assert len(later)
    assert (later["opened"] + later["inflow"] - later["outflow"] == later["customers"]).all()


def test_rows_of_the_transition_matrix_sum_to_one(simulated):
    moves = simulated.frame("select * from bi.lifecycle_transitions")
    assert moves["version_id"].nunique() == 3
    sums = moves.groupby(["version_id", moves["from_stage"].fillna("new")])["share_of_from"].sum()
    assert sums.to_numpy() == pytest.approx(1)


@pytest.fixture(scope="module")
def stages(simulated) -> pd.DataFrame:
    """The stage of each customer, one column per month."""
    rows = simulated.frame("select customer_id, as_of_date, lifecycle_stage from bi.customer_segment_history")
    return rows.pivot_table(index="customer_id", columns="as_of_date", values="lifecycle_stage", aggfunc="first")


def test_hardly_a_move_is_undone_in_the_month_after(stages):
    first, second, third, fourth = (stages[month] for month in sorted(stages))
    moves, undone = 0, 0
    for before, now, after in ((first, second, third), (second, third, fourth)):
        moved = before.notna() & (before != now)
        moves += int(moved.sum())
        undone += int((moved & (before == after)).sum())
    print(f"{undone} of {moves} moves undone")
    assert moves > 100
    assert undone <= 0.01 * moves


def test_customers_at_risk_leave_three_times_as_often_as_mature_ones(stages):
    first, *later = sorted(stages)
    churned = (stages[later] == "churned").any(axis=1).groupby(stages[first]).mean()
    print(f"left within three months: {churned.to_dict()}")
    assert churned["at_risk"] >= 3 * churned["mature"] > 0


def test_every_loss_has_its_planted_kind(simulated, customers):
    kinds = customers.loc[customers["lifecycle_stage"] == "churned", "churn_kind"]
    ends = simulated.frame(
        "select customer_id, end_reason from raw.contracts where end_date <= ? and valid_from_date <= ?", [AS_OF, AS_OF]
    )
    # Of customers whose contracts all ended for one reason; "other" says of nobody who chose it.
    reasons = ends.groupby("customer_id")["end_reason"].agg(lambda found: set(found.dropna()) - {"plan_change"})
    alone = reasons[reasons.map(len) == 1].map(lambda found: next(iter(found))).replace("other", "unknown")
    both = pd.concat([kinds, alone.reindex(kinds.index)], axis="columns").dropna()
    assert len(both) > 0.9 * len(kinds)
    assert (both["churn_kind"] == both["end_reason"]).all()
    assert set(both["churn_kind"]) == {"voluntary", "involuntary", "moved", "unknown"}
    assert kinds.value_counts().idxmax() == "voluntary"


def test_the_bridge_leads_from_the_value_of_one_month_to_that_of_the_next(simulated):
    bridge = simulated.frame("select * from bi.value_bridge order by position")
    amounts = bridge.pivot_table(index="version_id", columns="component", values="amount", aggfunc="first")
    company = simulated.frame(
        "select version_id, sum(total_value) as value from segments.customer_value group by version_id"
    ).set_index("version_id")["value"]
    assert len(amounts) == 3
    assert (amounts.drop(columns="closing").sum(axis="columns") == amounts["closing"]).all()
    assert (amounts["closing"] == company.loc[amounts.index]).all()
    assert (amounts["opening"] == company.sort_index().shift().loc[amounts.index]).all()


def test_fixed_deciles_are_those_of_the_first_month_and_customers_move_between_them(simulated):
    fixed = simulated.frame("select * from bi.value_cutoffs order by version_id, value_decile_fixed")
    assert set(fixed["reference_version_id"]) == {"2025-09-30.1"}
    limits = fixed.groupby("value_decile_fixed")["min_ranked_value"]
    assert limits.min().equals(limits.max())
    sizes = fixed.pivot_table(index="version_id", columns="value_decile_fixed", values="customers")
    assert sizes.loc["2025-09-30.1"].max() - sizes.loc["2025-09-30.1"].min() <= 2
    moves = simulated.frame("select * from bi.segment_migrations where scheme = 'value_decile_fixed'")
    arrived = moves[moves["to_segment"].notna()].groupby("version_id")["customers"].sum()
    assert arrived.to_dict() == sizes.sum(axis="columns").loc[arrived.index].to_dict()


def test_every_bi_view_has_rows_and_shows_published_versions_only(simulated):
    published = {row["version_id"] for row in simulated.versions() if row["status"] == "published"}
    views = simulated.frame("select table_name from information_schema.tables where table_schema = 'bi'")["table_name"]
    assert {"customer_segments", "customer_segment_history", "value_deciles", "value_concentration",
            "behavior_clusters", "lifecycle_transitions", "market_segments", "segment_profiles", "churn_kinds",
            "segment_migrations", "segmentation_versions"} <= set(views)  # fmt: skip
    for view in views:
        # The registry has versions of any status, periods span them, every attribute was recorded all along, sales
        # have told nothing, and no day was decided.
        if view in ("segmentation_versions", "customer_segment_periods", "recorded_attributes", "account_agreement"):
            continue
        if view in tables_of_days():
            continue
        versions = simulated.frame(f"select distinct version_id from bi.{view}")["version_id"]
        assert len(versions), f"bi.{view} is empty"
        assert set(versions) <= published, view


def test_the_contract_holds_on_what_was_loaded(simulated):
    settings = load_settings(simulated.settings_file)
    project = ensure_manifest(settings).with_name(PARSED_PROJECT)
    command = [*dbt_arguments("test", settings), "--select", "source:raw"]
    said = [event["info"]["msg"] for event in stream(command, project, prepare_for_dbt(settings, "test"))]
    assert any("ERROR=0" in line for line in said)


def test_reports_are_written_for_every_version(simulated):
    reports = sorted(path.name for path in (simulated.folder / "reports").glob("*.html"))
    assert reports == [f"{day}.1.html" for day in ("2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31")]
