import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from orchestration.report.formats import (
    date,
    is_unknown,
    label,
    listed,
    moment,
    money,
    number,
    plural,
    share,
    signed,
    signed_share,
)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 0, "0"),
        (1234567, 0, "1,234,567"),
        (Decimal("1234.567"), 2, "1,234.57"),
        (-1234.4, 0, "−1,234"),
        (-0.3, 0, "0"),
        (None, 0, "–"),
        (float("nan"), 1, "–"),
        (pd.NA, 0, "–"),
    ],
)
def test_numbers_have_thousands_separators_and_a_dash_for_what_is_not_known(
    value: object, decimals: int, text: str
) -> None:
    assert number(value, decimals) == text  # type: ignore[arg-type]


def test_a_change_shows_its_sign_unless_it_rounds_to_nothing() -> None:
    assert [signed(change) for change in (3, -3, 0, 0.2, None)] == ["+3", "−3", "0", "0", "–"]
    assert signed_share(0.0149) == "+1.5%"
    assert signed_share(None) == "–"


def test_money_for_sentences_turns_to_millions_from_ten_million_on() -> None:
    assert money(9_999_999, "EUR") == "EUR\u00a09,999,999"
    assert money(Decimal("12345678.90"), "EUR") == "EUR\u00a012.3\u00a0million"
    assert money(None, "EUR") == "–"


def test_shares_are_percentages() -> None:
    assert share(0.5364) == "53.6%"
    assert share(-0.01, 0) == "−1%"
    assert share(float("nan")) == "–"


def test_dates_are_written_in_words() -> None:
    assert date(dt.date(2026, 2, 3)) == "3 February 2026"
    assert moment(dt.datetime(2026, 2, 3, 4, 5)) == "3 February 2026, 04:05"
    assert date(pd.NaT) == "–"
    assert moment(None) == "–"


def test_identifiers_become_words() -> None:
    assert label("won_back") == "Won back"
    assert label("tv") == "TV"
    assert label("value_decile_fixed") == "Fixed value decile"
    assert label("TV users") == "TV users"
    assert label(None) == "–"


def test_lists_read_as_in_a_sentence() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [plural(1, "load"), plural(2, "load"), plural(2, "party", "parties")] == ["1 load", "2 loads", "2 parties"]


def test_unknown_is_every_null_that_a_frame_can_hold_and_no_zero() -> None:
    assert all(is_unknown(value) for value in (None, float("nan"), pd.NaT, pd.NA))
    assert not any(is_unknown(value) for value in (0, 0.0, "", False))
