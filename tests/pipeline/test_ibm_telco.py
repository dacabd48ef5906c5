"""The public IBM Telco data, mapped by settings alone: the published figures come out, and what is missing is said."""

import pytest

pytestmark = pytest.mark.slow


def test_churned_share_is_the_published_one(ibm):
    stages = ibm.frame("select * from bi.lifecycle_stages").set_index("lifecycle_stage")
    assert stages["customers"].sum() == 7_043
    assert stages.loc["churned", "customers"] == 1_869
    assert stages.loc["churned", "share"] == pytest.approx(0.2654, abs=5e-5)


def test_decile_sizes_differ_by_at_most_one(ibm):
    sizes = ibm.frame("select value_decile, count(*) as n from bi.customer_segments group by 1")
    assert sorted(sizes["value_decile"]) == list(range(1, 11))
    assert sizes["n"].max() - sizes["n"].min() == 1


def test_concentration_of_past_value_is_the_published_one(ibm):
    past = ibm.frame("select * from bi.value_concentration where value_measure = 'past'").iloc[0]
    assert past["gini"] == pytest.approx(0.537, abs=5e-4)
    assert past["top_20_share"] == pytest.approx(0.536, abs=1e-3)
    assert past["top_10_share"] == pytest.approx(0.308, abs=5e-4)


def test_clusters_rest_on_products_and_billing_and_the_report_says_what_is_missing(ibm):
    assert ibm.frame("select count(*) as n from bi.behavior_clusters")["n"].iloc[0] >= 2
    features = ibm.frame("select count(gb_month_3m) as known, count(*) as n from features.customer_features")
    assert features["known"].iloc[0] == 0
    assert features["n"].iloc[0] == 7_043
    report = (ibm.folder / "reports" / "2025-12-31.1.html").read_text()
    assert "usage" in report
    assert "products and billing" in report


def test_a_churn_flag_without_dates_is_not_learned_from_and_everybody_who_reads_is_told(ibm):
    """All endings fall on one day, so any monthly churn would be made up: past value alone is published."""
    why = (
        "1,869 of the 1,869 recorded endings fall in 2025-12: the data tell who left, not when, so churn cannot be"
        " learned."
    )
    version = ibm.frame("select * from bi.segmentation_versions").iloc[0]
    assert (version["value_basis"], version["observation_decision"]) == ("past_only", why)
    assert version["backtest_status"] == "not_judged"
    customers = ibm.frame("select * from bi.customer_segments")
    assert customers.loc[customers["is_open"], "future_value"].isna().all()
    assert (customers["total_value"] == customers["past_value"]).all()
    assert set(ibm.frame("select * from bi.retention_quality")["decision"]) == {f"Cohort curves: {why}"}
    report = (ibm.folder / "reports" / "2025-12-31.1.html").read_text()
    said = f"Future value is not known, and customers are ranked by past value: {why}"
    assert report.index(said) < report.index("<section")
