"""Planted households and businesses at home are found again in a lake."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.slow

VERSION = "2025-12-31.1"


def _pairs(members: pd.DataFrame, household: str) -> set[tuple[str, str]]:
    """Return every two customers who share a household."""
    known = members[["customer_id", household]].dropna()
    both = known.merge(known, on=household)
    both = both[both["customer_id_x"] < both["customer_id_y"]]
    return set(zip(both["customer_id_x"], both["customer_id_y"], strict=True))


def _quality(members: pd.DataFrame) -> tuple[float, float]:
    """Return pairwise precision and recall of the households found."""
    found, planted = _pairs(members, "found_id"), _pairs(members, "household_id")
    assert len(planted) > 50
    return len(found & planted) / len(found), len(found & planted) / len(planted)


@pytest.fixture(scope="module")
def members(simulated) -> pd.DataFrame:
    truth = pd.read_parquet(simulated.folder / "truth" / "customers.parquet")
    found = simulated.frame(
        "select customer_id, household_id as found_id, household_basis from segments.household_members"
        " where version_id = ?",
        [VERSION],
    )
    return found.merge(truth, on="customer_id")


def test_who_lives_together_is_found_and_strangers_are_kept_apart(members):
    precision, recall = _quality(members)
    print(f"precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= 0.98
    assert recall >= 0.95


def test_nobody_in_a_large_building_is_taken_for_a_household(members):
    residents = members[members["building_id"].notna()]
    assert len(residents) > 20
    assert residents["found_id"].is_unique
    assert (residents["household_basis"] == "building").any()


def test_addresses_in_text_say_who_lives_together_as_identifiers_do(simulated, members):
    written = pd.read_parquet(simulated.folder / "source" / "customers.parquet")[["customer_id", "service_address"]]
    by_text = members.merge(written.dropna(), on="customer_id")
    precision, recall = _quality(by_text)
    statuses = simulated.frame("select address_status, count(*) as n from intermediate.service_addresses group by all")
    print(f"{statuses['n'].sum()} texts of {len(by_text)} persons: precision {precision:.3f}, recall {recall:.3f}")
    assert list(statuses["address_status"]) == ["normal"]
    assert statuses["n"].sum() > len(by_text)
    assert precision >= 0.98
    assert recall >= 0.95


def test_no_address_goes_further_than_the_intermediate_schema(simulated):
    columns = simulated.frame(
        "select table_schema || '.' || table_name as name, list(column_name) as columns from information_schema.columns"
        " where table_schema in ('features', 'segments', 'bi') and data_type = 'VARCHAR' group by all order by all"
    )
    assert len(columns) > 30
    simulated.reader.execute(
        "create or replace temp table address_texts as select service_address as text from raw.customers"
        " where service_address is not null union select address_id from intermediate.service_addresses"
    )
    assert simulated.frame("select count(*) as n from temp.address_texts")["n"].item() > 100
    for name, held in columns.itertuples(index=False):
        values = ", ".join(f'"{column}"' for column in held)
        leaks = simulated.frame(
            f"select count(*) as n from (select unnest([{values}]) as held from {name}) semi join temp.address_texts"
            " on held = text"
        )["n"].item()
        assert leaks == 0, name


def test_a_household_keeps_its_id_from_month_to_month(simulated):
    ids = simulated.frame(
        "select now.household_id = before.household_id as is_same from segments.household_members as now"
        " inner join segments.household_members as before on now.customer_id = before.customer_id"
        " where now.version_id = ? and before.version_id = '2025-11-30.1'",
        [VERSION],
    )["is_same"]
    assert len(ids)
    assert ids.mean() > 0.99


def test_members_and_their_value_add_up_to_the_households(simulated):
    wrong = simulated.frame(
        "select households.household_id from segments.households as households left join ("
        " select household_id, count(*) as members, sum(total_value) as total_value from segments.customer_segments"
        " where version_id = ? group by household_id) as customers using (household_id)"
        " where households.version_id = ? and (households.members is distinct from customers.members"
        " or households.total_value is distinct from customers.total_value)",
        [VERSION, VERSION],
    )
    assert wrong.empty


def test_offers_are_of_families_nobody_in_the_household_holds_best_first(simulated):
    offers = simulated.frame("select * from bi.household_opportunities where version_id = ?", [VERSION])
    held = simulated.frame("select * from segments.households where version_id = ?", [VERSION])
    joined = offers.merge(held, on="household_id", suffixes=("", "_held"))
    assert len(joined) == len(offers) > 100
    for family in offers["product_family"].unique():
        assert not joined.loc[joined["product_family"] == family, f"has_{family}"].any()
    assert offers["uptake"].between(0, 1).all()
    ranked = offers.sort_values(["household_id", "offer_rank"])
    assert (ranked.groupby("household_id")["expected_value"].diff().dropna() <= 0).all()
    assert (ranked.groupby("household_id")["offer_rank"].first() == 1).all()
    product = (offers["uptake"] * offers["monthly_margin"].astype(float) * offers["expected_life_months"]).sum()
    assert float(offers["expected_value"].sum()) == pytest.approx(product, rel=0.01)


def test_planted_nanobusinesses_are_found_by_the_pipeline_and_opt_outs_left_alone(simulated):
    truth = pd.read_parquet(simulated.folder / "truth" / "customers.parquet").set_index("customer_id")
    found = simulated.frame("select * from segments.home_business where version_id = ?", [VERSION])
    found = found.set_index("customer_id").join(truth)
    assert found.loc[found["home_business_status"] == "opted_out", "home_business"].isna().all()
    scored = found[found["home_business_status"] == "scored"]
    planted = scored["home_business_label"] == "nanobusiness"
    top = scored["nanobusiness_probability"].nlargest(len(scored) // 20).index
    auc = roc_auc_score(planted, scored["nanobusiness_probability"])
    print(f"AUC {auc:.3f}, top 5%: {planted[top].mean():.3f}")
    print(f"share found / planted: {scored['nanobusiness_probability'].mean() / planted.mean():.3f}")
    assert auc >= 0.9
    assert planted[top].mean() >= 0.7


def test_planted_home_workers_have_a_probability_that_holds_on_the_whole(simulated):
    truth = pd.read_parquet(simulated.folder / "truth" / "customers.parquet").set_index("customer_id")
    found = simulated.frame(
        "select customer_id, home_worker_probability as said from bi.customer_segment_history where version_id = ?"
        " and home_worker_probability is not null",
        [VERSION],
    ).set_index("customer_id")
    planted = truth.loc[found.index, "home_business_label"] == "home_worker"
    auc = roc_auc_score(planted, found["said"])
    print(f"{len(found)} persons: AUC {auc:.3f}, said / planted {found['said'].mean() / planted.mean():.3f}")
    assert auc >= 0.9
    assert found["said"].mean() == pytest.approx(planted.mean(), rel=0.35)
