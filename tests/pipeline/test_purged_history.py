"""A system that forgets who has left tells of the same churn as one that does not."""

import pytest

pytestmark = pytest.mark.slow
AS_OF = "2025-12-31"


def test_the_window_begins_with_the_purge(dirty):
    windows = dirty.frame("select market_segment, endings_from, basis from bi.observation_windows")
    consumer = windows.set_index("market_segment").loc["consumer"]
    assert consumer["basis"] == "found"
    assert abs((consumer["endings_from"].year * 12 + consumer["endings_from"].month) - (2025 * 12 + 7)) <= 1


def test_churn_within_a_year_is_that_of_the_whole_history(dirty, simulated):
    """Without the window it came out at .41 of it: the survivors' years would count."""
    churn = (
        "select avg(churn_probability_12m) as churn from bi.customer_segment_history"
        f" where as_of_date = '{AS_OF}' and is_open"
    )
    told, whole = (each.frame(churn)["churn"].iloc[0] for each in (dirty, simulated))
    print(f"churn within 12 months: {told:.4f} of the purged history, {whole:.4f} of the whole")
    # Six months hold some 110 endings, so their rate alone has a standard error of a tenth.
    assert told == pytest.approx(whole, rel=0.2)
