"""Why the hazard model expects a customer to leave, in words.

A covariate's contribution is the decrease of the log-odds of leaving next month if it had the value typical of the
customer's cohort. The largest contributions that raise the risk are reported, each as a short phrase with its number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.hazard.churn_hazard import ChurnHazard
from models.hazard.covariates import CATEGORIES, numbers
from models.hazard.parameters import HazardParameters
from models.retention.cohorts import cohort_names
from models.retention.shifted_beta_geometric import Floats

Applies = Callable[[Floats], NDArray[np.bool_]]


def _always(value: Floats) -> NDArray[np.bool_]:
    return np.ones(len(value), dtype=bool)


@dataclass(frozen=True)
class Phrase:
    """How a value is put into words: ``text`` with ``{}`` for the number ``value`` times ``scale``, rounded.

    ``applies`` says for which values; the first phrase of a reason that applies is used.
    """

    value: str
    text: str
    scale: float = 1.0
    applies: Applies = _always


@dataclass(frozen=True)
class Reason:
    """Covariates that a reader takes as one, and their phrases; a customer to whom none applies gets no such reason."""

    covariates: tuple[str, ...]
    phrases: tuple[Phrase, ...]


def _one(value: Floats) -> NDArray[np.bool_]:
    return value == 1


def _zero(value: Floats) -> NDArray[np.bool_]:
    return value == 0


def _several(value: Floats) -> NDArray[np.bool_]:
    return value >= 1.5


def _below_one(value: Floats) -> NDArray[np.bool_]:
    return value < 0.995


def _above_one(value: Floats) -> NDArray[np.bool_]:
    return value > 1.005


def _negative(value: Floats) -> NDArray[np.bool_]:
    return value <= -0.005


def _positive(value: Floats) -> NDArray[np.bool_]:
    return value >= 0.005


REASONS = (
    Reason(
        ("commitment_months_left", "months_since_commitment"),
        (
            Phrase("commitment_months_left", "term ends in 1 month", applies=_one),
            Phrase("commitment_months_left", "term ends in {} months", applies=_several),
            Phrase("months_since_commitment", "term ended this month", applies=_zero),
            Phrase("months_since_commitment", "term ended 1 month ago", applies=_one),
            Phrase("months_since_commitment", "term ended {} months ago", applies=_several),
            Phrase("commitment_months_left", "no term to serve", applies=_zero),
        ),
    ),
    Reason(
        ("spell_months",),
        (
            Phrase("spell_months", "a customer since this month", applies=_zero),
            Phrase("spell_months", "a customer for 1 month", applies=_one),
            Phrase("spell_months", "a customer for {} months", applies=_several),
        ),
    ),
    Reason(
        ("discount_months_left", "discount_share"),
        (
            Phrase("discount_months_left", "discount ends this month", applies=_zero),
            Phrase("discount_months_left", "discount ends in 1 month", applies=_one),
            Phrase("discount_months_left", "discount ends in {} months", applies=_several),
            Phrase("discount_share", "no discount", applies=_zero),
        ),
    ),
    Reason(
        ("price_change_3m",),
        (
            Phrase("price_change_3m", "price up {}% in 3 months", 100, _positive),
            Phrase("price_change_3m", "price down {}% in 3 months", -100, _negative),
        ),
    ),
    Reason(("monthly_fee",), (Phrase("monthly_fee", "monthly fee of {}"),)),
    Reason(
        ("open_contracts", "product_families"),
        (
            Phrase("open_contracts", "holds 1 contract only", applies=_one),
            Phrase("open_contracts", "holds {} contracts"),
        ),
    ),
    Reason(("suspended_share",), (Phrase("suspended_share", "service suspended", applies=_positive),)),
    Reason(
        ("usage_trend", "days_since_last_usage"),
        (
            Phrase("days_since_last_usage", "no usage for {} days", applies=lambda days: days >= 10),
            Phrase("usage_trend", "usage down to {}% of before", 100, _below_one),
            Phrase("usage_trend", "usage up to {}% of before", 100, _above_one),
        ),
    ),
    Reason(
        ("gb_month_3m",),
        (
            Phrase("gb_month_3m", "uses less than 1 GB a month", applies=lambda gb: gb < 0.5),
            Phrase("gb_month_3m", "uses {} GB a month"),
        ),
    ),
    Reason(("upload_share_3m",), (Phrase("upload_share_3m", "uploads are {}% of traffic", 100),)),
    Reason(
        ("days_late_3m",),
        (
            Phrase("days_late_3m", "bills paid on time", applies=_zero),
            Phrase("days_late_3m", "a bill 1 day late", applies=_one),
            Phrase("days_late_3m", "a bill {} days late"),
        ),
    ),
    Reason(
        ("failed_payments_3m",),
        (
            Phrase("failed_payments_3m", "1 failed payment in 3 months", applies=_one),
            Phrase("failed_payments_3m", "{} failed payments in 3 months", applies=_several),
        ),
    ),
    Reason(("has_autopay",), (Phrase("has_autopay", "pays bills by hand", applies=_zero),)),
    Reason(
        ("complaints_3m",),
        (
            Phrase("complaints_3m", "1 complaint in 3 months", applies=_one),
            Phrase("complaints_3m", "{} complaints in 3 months", applies=_several),
        ),
    ),
    Reason(
        ("contacts_3m",),
        (
            Phrase("contacts_3m", "no contact in 3 months", applies=_zero),
            Phrase("contacts_3m", "1 contact in 3 months", applies=_one),
            Phrase("contacts_3m", "{} contacts in 3 months", applies=_several),
        ),
    ),
    Reason(
        ("outage_minutes_3m",),
        (Phrase("outage_minutes_3m", "{} minutes of outage in 3 months", applies=lambda minutes: minutes >= 0.5),),
    ),
)


def churn_reasons_frame(model: ChurnHazard, customers: pd.DataFrame) -> pd.DataFrame:
    """Next month's hazard of open customers beside their cohort's, and why it is high; rows are independent.

    Args:
        model: fitted.
        customers: open customers with the columns ``key_columns`` of the model and of its curves.

    Returns:
        One row per customer: ``hazard_model`` (the model used for this customer), ``hazard_1m``,
        ``cohort_hazard_1m`` and ``churn_reasons``, a JSON list, null if the hazard is not above the cohort's or
        no covariate raises it materially.
    """
    known = model.has_covariates(customers)
    frame = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy(),
            "hazard_model": np.where(known, "hazard_model", "cohort_curves"),
            "hazard_1m": model.hazard(customers, 1)[:, 0],
            "cohort_hazard_1m": model.curves.hazard(customers, 1)[:, 0],
            "churn_reasons": None,
        }
    )
    frame["churn_reasons"] = frame["churn_reasons"].astype("object")
    at_risk = known & (frame["hazard_1m"] > frame["cohort_hazard_1m"]).to_numpy()
    if at_risk.any():
        frame.loc[at_risk, "churn_reasons"] = churn_reasons(model, customers.loc[at_risk]).to_numpy()
    return frame


def churn_reasons(model: ChurnHazard, customers: pd.DataFrame) -> pd.Series:
    """The reasons of each customer as a JSON list of phrases, strongest first; null if there are none."""
    parameters = model.parameters or HazardParameters()
    texts = np.column_stack([_told(reason, customers) for reason in REASONS])
    contribution = np.where(texts == "", -np.inf, contributions(model, customers))
    order = np.argsort(-contribution, axis=1, kind="stable")[:, : parameters.reasons]
    strongest = np.take_along_axis(contribution, order, axis=1)
    phrases = np.where(strongest >= parameters.min_reason_log_odds, np.take_along_axis(texts, order, axis=1), "")
    told = pd.Series("", index=customers.index, dtype="object")
    for column in range(phrases.shape[1]):
        phrase = pd.Series(phrases[:, column], index=customers.index, dtype="object")
        told += np.where(phrase == "", "", np.where(told == "", "", ", ") + '"' + phrase + '"')
    return ("[" + told + "]").where(told != "", None)


def contributions(model: ChurnHazard, customers: pd.DataFrame) -> Floats:
    """The addition of each of ``REASONS`` to the log-odds of leaving next month, array (customers, reasons)."""
    typical = _typical_of(model.typical_, customers)
    expected = model.near_.next_month_log_odds(customers)
    columns = []
    for reason in REASONS:
        changed = customers.assign(**{column: typical[column].to_numpy() for column in reason.covariates})
        columns.append(expected - model.near_.next_month_log_odds(changed))
    return np.column_stack(columns)


def _typical_of(typical: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """The typical values of each customer's cohort, or of everyone for a cohort absent from the training data."""
    keys = pd.MultiIndex.from_frame(cohort_names(customers, CATEGORIES))
    position = typical.index.get_indexer(keys)
    position[position < 0] = len(typical) - 1
    return typical.iloc[position]


def _told(reason: Reason, customers: pd.DataFrame) -> NDArray[np.object_]:
    """The phrase of a reason for each customer, empty if none applies."""
    text = np.full(len(customers), "", dtype=object)
    for phrase in reversed(reason.phrases):
        value = numbers(customers, phrase.value)
        with np.errstate(invalid="ignore"):
            applies = np.nan_to_num(phrase.applies(value)).astype(bool) & ~np.isnan(value)
        before, gap, after = phrase.text.partition("{}")
        number = pd.Series(np.round(value[applies] * phrase.scale).astype(np.int64)).astype(str).astype(object)
        text[applies] = (before + number + after).to_numpy() if gap else phrase.text
    return text
