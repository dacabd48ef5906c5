"""Daily usage: calibrated on published broadband figures, shaped by archetype, silent when it must be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from simulator import SimulationParameters, simulate

if TYPE_CHECKING:
    from tests.simulator.conftest import Isp

# Figure: (published, tolerance as a share of it). Sources: OpenVault broadband insights Q4 2024, a public ISP data set.
PUBLISHED = {
    "mean_gb": (698.0, 0.05),
    "share_from_1_tb": (0.243, 0.06),
    "top_10_share_of_downstream": (0.34, 0.06),
    "top_10_share_of_upstream": (0.54, 0.06),
    "top_1_share_of_upstream": (0.19, 0.10),
    "upstream_share": (0.055, 0.08),
    "sd_of_ln_gb": (1.2, 0.06),
    "business_upstream_share": (0.18, 0.10),
    "business_upstream_ratio": (2.5, 0.15),
    "business_downstream_ratio": (0.575, 0.12),
}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    folder: Path = tmp_path_factory.mktemp("calibration")
    simulate(SimulationParameters(customers=25_000, months=3), folder)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create table lines as
            select contract_id, market_segment = 'consumer' as is_home,
                sum(bytes_down) / 1e9 as down, sum(bytes_up) / 1e9 as up
            from '{folder}/source/usage/usage_2025-12.parquet'
            join (select distinct contract_id, customer_id from '{folder}/source/contracts.parquet'
                where product_family = 'internet') using (contract_id)
            join '{folder}/truth/customers.parquet' using (customer_id)
            where market_segment in
                ('consumer', 'small_business', 'medium_business', 'enterprise', 'unclassified_business')
            group by all having count(*) >= 15
            """
        )
        home = connection.execute("select down, up from lines where is_home order by contract_id").fetchnumpy()
        firm = connection.execute("select down, up from lines where not is_home order by contract_id").fetchnumpy()
    total = home["down"] + home["up"]

    def top(values: np.ndarray, share: float) -> float:
        return float(np.sort(values)[-round(len(values) * share) :].sum() / values.sum())

    return {
        "mean_gb": total.mean(),
        "share_from_1_tb": (total >= 1000).mean(),
        "top_10_share_of_downstream": top(home["down"], 0.10),
        "top_10_share_of_upstream": top(home["up"], 0.10),
        "top_1_share_of_upstream": top(home["up"], 0.01),
        "upstream_share": home["up"].sum() / total.sum(),
        "sd_of_ln_gb": np.log(total).std(),
        "business_upstream_share": firm["up"].sum() / (firm["up"] + firm["down"]).sum(),
        "business_upstream_ratio": firm["up"].mean() / home["up"].mean(),
        "business_downstream_ratio": firm["down"].mean() / home["down"].mean(),
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_usage_is_close_to_the_published_figure(figures: dict[str, float], name: str) -> None:
    published, tolerance = PUBLISHED[name]
    print(f"{name}: simulated {figures[name]:.4g}, published {published:.4g}")
    assert figures[name] == pytest.approx(published, rel=tolerance)


def test_parts_of_the_day_add_up_to_no_more_than_the_day(isp: Isp) -> None:
    for direction in ("bytes_down", "bytes_up"):
        parts = f"{direction}_business_hours + {direction}_evening + {direction}_night"
        assert isp.value(f"select count(*) from usage where {parts} > {direction} + 3 or {direction} < 0") == 0
    weekend = "isodow(usage_date) > 5 and bytes_down_business_hours + bytes_up_business_hours > 0"
    assert isp.value(f"select count(*) from usage where {weekend}") == 0


def test_nobody_uses_a_line_before_after_or_while_suspended(isp: Isp) -> None:
    outside = """
        with days as (select contract_id, usage_date from usage),
        latest as (
            select d.contract_id, d.usage_date, c.status
            from days as d asof join contracts as c
                on d.contract_id = c.contract_id and d.usage_date >= c.valid_from_date
        )
        select count(*) filter (status <> 'active') + (select count(*) from days) - count(*) from latest
    """
    assert isp.value(outside) == 0


def test_dormant_customers_have_no_usage_and_still_pay(isp: Isp) -> None:
    used = """
        select count(*) from true_states as s
        join (select distinct contract_id, customer_id from contracts) using (customer_id)
        join usage as u using (contract_id)
        where s.state = 'dormant' and date_trunc('month', u.usage_date) = date_trunc('month', s.as_of_date)
    """
    assert isp.value(used) == 0
    billed = """
        select avg((i.customer_id is not null)::int) from true_states as s
        left join (
            select distinct customer_id, last_day(invoice_date) as month_end from invoices where kind = 'recurring'
        ) as i on i.customer_id = s.customer_id and i.month_end = s.as_of_date
        where s.state = 'dormant'
    """
    assert isp.value(billed) > 0.99


def test_usage_collapses_before_a_voluntary_end(isp: Isp) -> None:
    """The median of the last full month is under half of the month three before, among those marked to collapse."""
    ratio = isp.value(
        """
        with ended as (
            select contract_id, date_trunc('month', end_date) as end_month from contracts
            join true_customers using (customer_id)
            where end_reason = 'voluntary' and product_family = 'internet' and collapses
                and end_date between date '2025-01-01' and date '2025-12-31'
        ),
        monthly as (
            select contract_id, date_trunc('month', usage_date) as month, avg(bytes_down + bytes_up) as daily
            from usage group by all
        )
        select median(last.daily / earlier.daily) from ended
        join monthly as last on last.contract_id = ended.contract_id and last.month = end_month - interval 1 month
        join monthly as earlier
            on earlier.contract_id = ended.contract_id and earlier.month = end_month - interval 4 month
        """
    )
    assert 0.2 < ratio < 0.45


def test_archetypes_are_separable_in_behavior(isp: Isp) -> None:
    rows = isp.connection.execute(
        """
        select archetype, ln(sum(bytes_down + bytes_up)) as level,
            ln(sum(bytes_up) / sum(bytes_down)) as upload,
            sum(bytes_down_business_hours) / sum(bytes_down) as business_hours,
            sum(bytes_down_evening) / sum(bytes_down) as evening, sum(bytes_down_night) / sum(bytes_down) as night,
            sum(bytes_down) filter (isodow(usage_date) > 5) / sum(bytes_down) as weekend,
            ln(stddev(bytes_down) / avg(bytes_down)) as volatility
        from usage
        join (select distinct contract_id, customer_id from contracts where product_family = 'internet')
            using (contract_id)
        join true_customers using (customer_id)
        where usage_date >= date '2025-10-01' and market_segment in ('consumer', 'employee')
        group by customer_id, archetype having count(*) > 60 order by customer_id
        """
    ).fetchnumpy()
    features = StandardScaler().fit_transform(np.column_stack([rows[name] for name in list(rows)[1:]]))
    found = KMeans(5, n_init=5, random_state=0).fit_predict(features)
    assert adjusted_rand_score(rows["archetype"], found) > 0.9


def test_overage_is_charged_for_the_volume_in_the_usage_files(isp: Isp) -> None:
    """A customer whose only charge is overage pays for exactly the metered excess."""
    wrong = isp.value(
        """
        with capped as (
            select contract_id, customer_id, any_value(data_cap_gb) as cap from contracts group by all
            having count(distinct product_code) = 1 and any_value(product_code) = 'NET30'
        ),
        metered as (
            select customer_id, last_day(usage_date) + 1 as billed_on,
                round(greatest(sum(bytes_down + bytes_up) / 1e9 - any_value(cap), 0) * 0.05, 2) as charge
            from usage join capped using (contract_id) group by all
        ),
        billed as (select customer_id, invoice_date, net_amount from invoices where kind = 'usage')
        select count(*) from metered left join billed
            on billed.customer_id = metered.customer_id and billed.invoice_date = metered.billed_on
        where metered.charge > 0.01 and billed_on <= date '2025-12-31'
            and coalesce(net_amount, 0) < metered.charge - 0.011
        """
    )
    assert wrong == 0
