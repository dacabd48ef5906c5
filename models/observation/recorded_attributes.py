"""Attributes that were recorded only from a day on, and so are known only of customers who were still there.

A term or a label that a system began to keep last year is on the records of today's customers and on none of those who
left before. Every cohort told apart by it then looks loyal for all the months before: nobody who carries the value
could be seen to leave. It is the same fault as an observation window, within one value of an attribute, and is found by
the same test (``unrecorded_months``): customers who carry the value hardly end in a leading stretch of months,
while others of their market do. Before that stretch is over the attribute tells nothing, and its cohorts are not told
apart by it.
"""

from typing import Any

import pandas as pd

from models.observation.parameters import ObservationParameters
from models.observation.unrecorded_months import Counts, unrecorded_stretch
from models.observation.window import month_name

ATTRIBUTES = ("market_segment", "retention_product", "retention_term", "is_committed")
NOT_RECORDED = "not recorded"
ATTRIBUTE_COLUMNS = ("retention_market", "attribute", "value", "first_month", "endings_before", "expected_before",
                     "evidence")  # fmt: skip


def recorded_attributes(months: pd.DataFrame, parameters: ObservationParameters | None = None) -> pd.DataFrame:
    """Find the attributes that were recorded only from a month on.

    Args:
        months: ``window.MONTH_COLUMNS`` and ``ATTRIBUTES``, those within the observation window alone.
        parameters: the defaults where None.

    Returns:
        ``ATTRIBUTE_COLUMNS``, one row per market and attribute: the value that shows it last, and the first month end
        from which customers who carry it are seen to end.
    """
    parameters = parameters or ObservationParameters()
    rows = []
    for market, of_market in months.groupby("retention_market", sort=True):
        for attribute in ATTRIBUTES:
            found: list[dict[str, Any]] = [
                row
                for value, of_value in of_market.groupby(attribute, sort=True, dropna=True)
                if (row := _recorded_from(of_value, of_market, attribute, value, parameters))
            ]
            if found:
                latest = max(found, key=_first_month)
                rows.append({"retention_market": market, **latest})
    return pd.DataFrame(rows, columns=list(ATTRIBUTE_COLUMNS))


def without_unrecorded(exposures: pd.DataFrame, attributes: pd.DataFrame) -> pd.DataFrame:
    """Exposures whose cohorts are told apart by an attribute only in months in which it was recorded.

    Before them it reads ``not recorded``: what the customers of the market lose together is still learned. Months in
    which it was not recorded who is committed say nothing of either state, and are left out.

    Args:
        exposures: ``month_number`` and the columns of a cohort.
        attributes: as ``recorded_attributes`` gives them.
    """
    exposures = exposures.copy()
    for row in attributes.itertuples(index=False):
        is_before = (exposures["retention_market"] == row.retention_market) & (
            exposures["month_number"] < row.first_month
        )
        if row.attribute == "is_committed":
            exposures = exposures[~is_before]
        else:
            name = str(row.attribute)
            exposures[name] = exposures[name].astype("object").mask(is_before, NOT_RECORDED)
    return exposures


def _first_month(row: dict[str, Any]) -> int:
    return int(row["first_month"])


def _recorded_from(
    of_value: pd.DataFrame, of_market: pd.DataFrame, attribute: str, value: object, parameters: ObservationParameters
) -> dict[str, Any] | None:
    counts = Counts.of(of_value)
    found = unrecorded_stretch(counts, parameters.most_rate_before, parameters.significance, parameters.least_expected)
    if found is None:
        return None
    first = int(counts.months[found.months])
    others = of_market[(of_market[attribute] != value) & (of_market["month_number"] < first)]
    if not others["customers_churned"].sum():
        return None
    words = {"retention_term": "term", "retention_product": "product", "market_segment": "market segment"}
    named = "a commitment" if attribute == "is_committed" else f"{words[attribute]} {value}"
    return {
        "attribute": attribute,
        "value": str(value),
        "first_month": first,
        "endings_before": found.churned,
        "expected_before": found.expected,
        "evidence": (
            f"{found.churned:,.0f} customers with {named} left before {month_name(first + 1)}, where"
            f" {found.expected:,.0f} would be expected at the later rate: it was recorded only for those still there."
        ),
    }
