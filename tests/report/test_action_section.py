"""What the report says of actions, and what it does not claim."""

import duckdb

from orchestration.settings import Settings
from tests.report.page import words_of

_ACTIONS = """
    insert into bi.customer_actions (action_date, offer_id, outcome, suppressed_by, is_control, expected_value) values
        ('2026-10-05', 'renewal', 'chosen', null, false, 12.4), ('2026-10-31', 'renewal', 'chosen', null, false, 20),
        ('2026-10-06', 'renewal', 'suppressed', 'control_group', true, 9),
        ('2026-10-06', 'welcome', 'suppressed', 'overdue_gets_no_upsell', false, 9),
        ('2026-09-30', 'welcome', 'chosen', null, false, 1000), ('2026-11-01', 'welcome', 'chosen', null, false, 1000)
"""
_RESULTS = """
    insert into bi.action_results (
        action_date, offer_id, market_segment, period, treated, control, uptake, control_uptake,
        uplift, uplift_low, uplift_high, gain, gain_low, gain_high, sample_needed, verdict, finding
    ) values
        ('2026-10-31', 'renewal', 'all', 'all', 900, 100, .12, .05, .07, .04, .1, 5000, 1000, 9000, 0, 'effective',
            'It is.'),
        ('2026-10-31', 'welcome', 'all', 'all', 50, 0, .5, null, null, null, null, null, null, null, 700, 'no_control',
            'Nobody was held out, so nothing can be said of uplift.'),
        ('2026-10-31', 'volume_pack', 'all', 'all', 90, 9, .3, .7777, -.4777, -.6, -.3, -640, -770, -46, 99,
            'not_shown', 'The difference from those held out can still be chance.'),
        ('2026-10-31', 'larger_plan', 'all', 'all', 90, 10, .2, .1, .1, -.1, .2, 77, -50, 90, 98,
            'not_shown', 'The difference from those held out can still be chance.'),
        ('2026-10-30', 'old', 'all', 'all', 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'effective', 'Of another day.'),
        ('2026-11-02', 'later', 'all', 'all', 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'effective', 'Of another day.')
"""


def said(lake: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    return words_of("actions", lake, settings)


def test_a_month_without_decisions_says_so(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    assert "No day of this month has been decided" in said(lake, settings)


def test_the_actions_of_the_month_are_shown_with_what_was_not_done_and_why(
    lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    lake.execute(_ACTIONS)
    words = said(lake, settings)
    assert "2 actions chosen in the month, expected to bring CHF 32 after cost; 1 held out." in words
    assert "The results of earlier actions are not known yet." in words
    assert "A new term at the price of today" in words
    assert "Held out of this offer, to measure what it brings." in words
    assert "The customer owes money." in words
    assert "1,000" not in words


def test_no_uplift_is_claimed_without_a_control(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    lake.execute(_ACTIONS)
    lake.execute(_RESULTS)
    words = said(lake, settings)
    assert "Of 4 offers with results, 1 is shown to be effective against those held out." in words
    assert "+7.0% (+4.0% to +10.0%)" in words
    assert "CHF 5,000 (1,000 to 9,000)" in words
    assert "Nobody was held out, so nothing can be said of uplift." in words
    assert "Of another day." not in words


def test_the_uplift_of_a_handful_is_not_shown(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    lake.execute(_RESULTS)
    words = said(lake, settings)
    assert "too few to say" in words
    assert "77.8" not in words
    assert "640" not in words
    assert "+10.0% (−10.0% to +20.0%)" in words  # ten held out are enough
    lake.execute("delete from bi.action_results where verdict = 'effective'")
    assert "Of 3 offers with results, none has been shown yet to be effective." in said(lake, settings)
