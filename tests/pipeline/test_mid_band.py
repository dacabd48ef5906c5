"""Needs of mid-size companies and lines downstream of resellers are found in a lake as they were planted."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from simulator import SimulationParameters

pytestmark = pytest.mark.slow

VERSION, AS_OF = "2025-12-31.1", "2025-12-31"
FAMILIES = ["fixed_voice", "mobile", "cloud", "security"]


@pytest.fixture(scope="module")
def companies(simulated) -> pd.DataFrame:
    truth = pd.read_parquet(simulated.folder / "truth" / "customers.parquet").set_index("customer_id")
    found = simulated.frame(
        "select companies.*, columns('^has_') from bi.b2b_mid_band as companies"
        " inner join features.mid_band_features as features using (customer_id, as_of_date) where version_id = ?",
        [VERSION],
    )
    return found.set_index("customer_id").join(truth["need"])


def _most_probable_need(companies: pd.DataFrame) -> np.ndarray:
    """The need of each company by Bayes' rule with what was planted: nobody who sees its products does better."""
    likelihoods = []
    for need in SimulationParameters().mid_band.needs.values():
        likelihood = np.where(companies["sites"].between(*need.sites), need.share / (1 + np.ptp(need.sites)), 1e-9)
        for family in FAMILIES:
            is_held = companies[f"has_{family}"].astype(bool)
            likelihood = likelihood * np.where(is_held, need.extras[family], 1 - need.extras[family])
        likelihoods.append(likelihood)
    return np.argmax(likelihoods, axis=0)


def test_planted_needs_are_found_nearly_as_well_as_by_who_knows_them(companies):
    assert companies["need"].notna().all()
    assert len(companies) > 80
    clustered = companies[companies["cluster_id"].notna()]
    found = adjusted_rand_score(clustered["need"], clustered["cluster_id"])
    best = adjusted_rand_score(clustered["need"], _most_probable_need(clustered))
    print(f"{len(clustered)} of {len(companies)} clustered, adjusted Rand index {found:.3f}, at best {best:.3f}")
    assert len(clustered) > 0.8 * len(companies)
    assert found > 0.75 * best


def test_look_alikes_foretell_who_holds_a_product_better_than_staff(simulated):
    evidence = simulated.frame("select * from bi.b2b_evidence where version_id = ?", [VERSION])
    explained = evidence.pivot_table(index="product_family", columns="method", values="explained_deviance")
    print(explained)
    assert (explained.loc[FAMILIES, "look_alikes"] > explained.loc[FAMILIES, "staff_bands"]).all()
    assert explained.loc[FAMILIES, "look_alikes"].mean() > 0.05


OPEN_CONTRACTS = f"""
    select * from (
        select * from raw.contracts where valid_from_date <= date '{AS_OF}' and start_date <= date '{AS_OF}'
        qualify row_number() over (partition by contract_id order by valid_from_date desc) = 1
    )
    where end_date is null and status <> 'pending'
"""


def test_exposure_is_that_of_the_contracts(simulated, companies):
    resold = simulated.frame(
        "select customer_id, bool_or(sales_channel = 'reseller') as some, bool_and(sales_channel = 'reseller') as every"
        f" from ({OPEN_CONTRACTS}) group by customer_id"
    ).set_index("customer_id")
    both = companies.join(resold)
    through, partly = (both["reseller_exposure"] == kind for kind in ("through_reseller", "partly_through_reseller"))
    assert ((through | partly) == both["some"]).all()
    assert through[both["every"]].all()
    assert through.sum() > 5


def test_lines_downstream_are_the_open_contracts_that_name_a_reseller(simulated):
    found = simulated.frame("select * from bi.wholesale_customers where version_id = ?", [VERSION])
    named = simulated.frame(
        f"select reseller_customer_id, count(*) as lines from ({OPEN_CONTRACTS})"
        " where reseller_customer_id is not null group by reseller_customer_id"
    ).set_index("reseller_customer_id")["lines"]
    lines = found.set_index("customer_id")["downstream_lines"]
    assert lines.sum() > 20
    assert lines[lines > 0].to_dict() == named[named.index.isin(lines.index)].to_dict()
    assert found.loc[found["downstream_lines"] > 0, "is_reseller"].all()
