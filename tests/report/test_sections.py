import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.report.backtest_evidence import backtest_evidence
from orchestration.report.cluster_section import feature_name, features_apart, stability
from orchestration.report.figures import spread_labels
from orchestration.report.hazard_evidence import hazard_evidence
from orchestration.report.provenance_sections import WITHOUT, missing_sources
from orchestration.report.retention_section import cohort_name, drift_sentences, new_customer_curves
from orchestration.report.segment_sections import bridge_sentence, segment_name, transition_matrix


@pytest.mark.parametrize(
    ("cohort", "name"),
    [
        ("all", "All customers"),
        ("consumer/consumer/internet/12/committed", "Consumer, internet, 12 months, committed"),
        ("business/small_business/mobile/none/free", "Small business, mobile, no term, free"),
        ("*/*/*/*/free", "All free"),
        ("business/*/*/*/committed", "All business, committed"),
        ("business/education/*/*/committed", "Education, committed"),
        ("something else", "Something else"),
    ],
)
def test_cohorts_are_named_in_words(cohort: str, name: str) -> None:
    assert cohort_name(cohort) == name


def _cohort(name: str, months: int = 100) -> dict:
    return {"retention_cohort": name, "customer_months": months}


def _curves(**hazards: list[float]) -> pd.DataFrame:
    rows = [
        {"retention_cohort": name, "tenure_months": month, "fitted_hazard": hazard, "observed_hazard": hazard / 2}
        for name, values in hazards.items()
        for month, hazard in enumerate(values, 1)
    ]
    return pd.DataFrame(rows)


def test_a_new_customer_keeps_the_committed_churn_until_the_term_ends() -> None:
    rows = pd.DataFrame([_cohort("c/c/i/2/committed"), _cohort("c/c/i/2/free")])
    curves = _curves(**{"c/c/i/2/committed": [0.0] * 40, "c/c/i/2/free": [0.5] * 40})
    (curve,) = new_customer_curves(rows, curves).values()
    assert curve.fitted[:5] == pytest.approx([1, 1, 1, 0.5, 0.25])
    assert curve.observed[:5] == pytest.approx([1, 1, 1, 0.75, 0.5625])
    assert len(curve.fitted) == 37


def test_a_curve_ends_where_the_free_cohort_was_never_seen() -> None:
    rows = pd.DataFrame([_cohort("c/c/i/12/committed")])
    (curve,) = new_customer_curves(rows, _curves(**{"c/c/i/12/committed": [0.1] * 40})).values()
    assert len(curve.fitted) == 13


def test_the_observed_part_ends_where_nobody_was_at_risk() -> None:
    curves = _curves(**{"c/c/i/none/free": [0.1] * 40})
    curves.loc[curves["tenure_months"] == 6, "observed_hazard"] = None
    (curve,) = new_customer_curves(pd.DataFrame([_cohort("c/c/i/none/free")]), curves).values()
    assert len(curve.observed) == 6
    assert len(curve.fitted) == 37


def test_only_the_largest_groups_are_drawn() -> None:
    names = [f"m/s{size}/i/none/free" for size in range(1, 20)]
    rows = pd.DataFrame([_cohort(name, months=size) for size, name in enumerate(names, 1)])
    curves = new_customer_curves(rows, _curves(**dict.fromkeys(names, [0.1] * 40)))
    assert next(iter(curves)) == "S19, i, no term"
    assert len(curves) == 6


@pytest.mark.parametrize(
    ("jaccard", "word"),
    [(0.85, "highly stable"), (0.849, "stable"), (0.75, "stable"), (0.749, "doubtful"), (0.6, "doubtful"),
     (0.599, "unstable"), (None, "not tested")],
)  # fmt: skip
def test_stability_words_follow_hennig(jaccard: float | None, word: str) -> None:
    assert stability(jaccard) == word


def test_what_sets_a_cluster_apart_has_the_unit_of_the_feature() -> None:
    stored = (
        '[{"feature": "evening_share_3m", "effect": 1.2, "typical": 0.48, "typical_rest": 0.24},'
        ' {"feature": "gb_month_3m", "effect": 0.9, "typical": 1402.4, "typical_rest": 6.25},'
        ' {"feature": "has_tv", "effect": 0.8, "typical": 1.0, "typical_rest": NaN}]'
    )
    assert features_apart(stored) == [
        "Evening share: 48%, others 24%",
        "GB a month: 1,402, others 6.2",
        "TV: 100%",
    ]
    assert features_apart(None) == []
    assert feature_name("mean_days_late_12m") == "Days late"


def test_the_transition_matrix_keeps_every_customer_and_the_given_order() -> None:
    moves = pd.DataFrame(
        [(None, "onboarding", 3, 1.0), ("mature", "mature", 8, 0.8), ("mature", "churned", 2, 0.2)],
        columns=["from_stage", "to_stage", "customers", "share_of_from"],
    )
    matrix = transition_matrix(moves, ["onboarding", "mature", "churned"])
    assert [row["name"] for row in matrix["rows"]] == ["New customers", "Mature"]
    assert matrix["targets"] == ["Onboarding", "Mature", "Churned"]
    assert [[cell["customers"] for cell in row["cells"]] for row in matrix["rows"]] == [[3, 0, 0], [0, 8, 2]]
    assert matrix["says"].startswith("80.0%")


def test_customers_whose_record_is_gone_have_the_last_column() -> None:
    moves = pd.DataFrame(
        [("mature", "mature", 9, 0.9), ("mature", None, 1, 0.1)],
        columns=["from_stage", "to_stage", "customers", "share_of_from"],
    )
    matrix = transition_matrix(moves, ["mature", "churned"])
    assert matrix["targets"] == ["Mature", "Record gone"]
    assert [cell["customers"] for cell in matrix["rows"][0]["cells"]] == [9, 1]


def test_a_source_without_an_accepted_row_is_missing() -> None:
    loads = pd.DataFrame({"source_table": ["customers", "usage"], "rows_accepted": [10, 0]})
    missing = [row["source_table"] for row in missing_sources(loads)]
    assert "usage" in missing
    assert "customers" not in missing
    assert len(missing) == len(WITHOUT) - 1


def test_daily_usage_is_not_missed_where_sessions_tell_it() -> None:
    loads = pd.DataFrame({"source_table": ["usage_sessions"], "rows_accepted": [10]})
    assert not {"usage", "usage_sessions"} & {row["source_table"] for row in missing_sources(loads)}


def test_segments_are_named_for_a_reader_of_their_scheme() -> None:
    names = {"consumer-03": "Heavy evening downloaders"}
    assert segment_name("value_decile", "3", names) == "Decile 3"
    assert segment_name("behavior_cluster", "consumer-03", names) == "Heavy evening downloaders"
    assert segment_name("lifecycle_stage", "at_risk", names) == "At risk"


@pytest.mark.parametrize("heights", [[0.99, 1.0, 1.0, 0.98, 0.45], [0.0, 0.0, 0.0], [0.5], [0.2, 0.8]])
def test_labels_of_curves_keep_their_order_and_do_not_overlap(heights: list[float]) -> None:
    placed = spread_labels(heights, 0.065)
    assert np.argsort(placed, kind="stable").tolist() == np.argsort(heights, kind="stable").tolist()
    assert (np.diff(sorted(placed)) > 0.06).all()
    assert all(0 <= height <= 1.001 for height in placed)


def test_a_label_with_room_stays_at_its_curve() -> None:
    assert spread_labels([0.99, 1.0, 1.0, 0.98, 0.45], 0.065)[4] == 0.45


@pytest.mark.parametrize(
    ("moves", "closing", "said"),
    [
        (
            {"price": 30.0, "losses": -10.0},
            120.0,
            "Total value rose by EUR\xa020; the largest changes: price (+30) and",
        ),
        ({"losses": -10.0}, 90.0, "Total value fell by EUR\xa010; the largest changes: losses (−10)."),
        ({}, 100.0, "Total value did not change."),
    ],
)
def test_the_bridge_is_said_in_words(moves: dict[str, float], closing: float, said: str) -> None:
    amounts = {"opening": 100.0, **dict.fromkeys(("price", "losses", "mix"), 0.0), **moves, "closing": closing}
    bridge = pd.DataFrame({"component": amounts.keys(), "amount": amounts.values()})
    assert bridge_sentence(bridge, "EUR").startswith(said)


def test_the_evidence_for_the_hazard_model_is_shown_beside_the_curves(lake: duckdb.DuckDBPyConnection) -> None:
    content = hazard_evidence(lake.execute("select * from bi.retention_quality").df())
    assert [(row["name"], row["is_used"], row["auc"]) for row in content["quality"]] == [
        ("Hazard model", True, 0.84),
        ("Cohort curves", False, 0.62),
    ]
    assert content["held_out"] == "6 months (5,400 customer-months)"
    assert content["calibration_says"].startswith("Of the tenth of customers at the highest risk 9.0% were expected")
    assert content["important"] == "usage against the quarter before"


def test_drift_of_hazard_and_value_is_said_with_its_number(lake: duckdb.DuckDBPyConnection) -> None:
    drift = lake.execute("select * from bi.value_drift order by measure").df()
    said = drift_sentences(drift)
    assert said == (
        "Since the month before: probability of leaving next month: a drift to be explained (PSI 0.310);"
        " future values: steady (PSI 0.012)."
    )
    assert drift_sentences(drift.assign(drift_status="no_reference")) == ""


def test_past_predictions_are_shown_beside_what_came_with_the_champion_marked(lake: duckdb.DuckDBPyConnection) -> None:
    content = backtest_evidence(lake.execute("select * from bi.value_backtest").df(), promised=0.8)
    assert content["verdict"] == "The cohort curves beat every other forecast 6 months ahead."
    assert [(row["name"], row["is_champion"], row["total_error"]) for row in content["backtests"]] == [
        ("Cohort curves", True, -0.021),
        ("One sBG for all", False, -0.04),
        ("Last 12 months continued", False, 0.083),
    ]
    assert content["backtest_cutoffs"] == "1 past month end"
    assert "−2.1" in content["backtest_says"]
    assert content["errors_say"] == (
        "RMSE is lower for “One sBG for all” over 6 months (by 0.5 standard errors). It depends on a few:"
        " five customers made 66% of the squared error of the cohort curves over 6 months."
    )
    assert content["intervals_say"].endswith(
        "meant to contain what 80% of the customers actually bring. Computed at 1 past month end, they contained"
        " what 81% brought in the next 6 months; 9% brought less, 9% more."
    )


def test_a_baseline_that_took_over_is_shown_though_it_was_compared_with_no_model(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    rows = lake.execute("select * from bi.value_backtest where measure not like 'margin_loss_gain%'").df()
    rows = rows.replace({"forecast": {"cohort_curves": "constant_retention"}})
    content = backtest_evidence(rows, promised=0.8)
    assert content["errors_say"].startswith("RMSE is lower for “One sBG for all” over 6 months. It depends on a few:")


def test_without_enough_history_the_backtest_is_a_sentence() -> None:
    told = {"measure": "not_enough_history", "decision": "Not enough history.", "cutoff_date": None}
    content = backtest_evidence(pd.DataFrame([told | {"horizon_months": None}]), promised=0.8)
    assert content["verdict"] == "Not enough history."
    assert not content["backtests"]


def test_a_fallback_is_a_sentence_without_figures() -> None:
    used = {"measure": "is_used", "decision": "Cohort curves: 0 months with a known outcome."}
    content = hazard_evidence(pd.DataFrame([used]))
    assert content["decision"] == used["decision"]
    assert not content["quality"]
    assert not content["calibration"]
