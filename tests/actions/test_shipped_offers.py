"""Every offer, guard and limit that is shipped, at its boundary: one day decided once, and one Saturday."""

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.actions.decisions import decide
from orchestration.settings.actions import ActionSettings
from tests.actions.days import DAY, connect, customers, facts, put

SETTINGS = ActionSettings.model_validate(
    {"arbitration": {"global_holdout_share": 0, "offer_control_share": 0, "exploration_share": 0}}
)
SATURDAY = DAY + timedelta(3)
AT_RISK = {"churn_probability_12m": 0.3, "future_value_36m": 400.0, "monthly_fee": 30.0}
HELD = AT_RISK | {
    "due_amount": 40, "payment_failed_date": DAY, "is_prepaid": True, "balance_days_left": 4.99, "cap_share": 0.8,
    "usage_change": 0.3, "days_to_commitment_end": 90, "price_rise_date": DAY,
    "gap_product_family": "tv", "home_business": "nanobusiness", "b2b_headroom": 200.0,
}  # fmt: skip
COMPLAINT = {"complaint_open_since_date": DAY}
Facts = dict[str, Any]
CLOSED: list[Facts] = [{"is_open": False}]

# Facts for which an offer is not made although its trigger has fired some days ago: the customer has left, or the
# occasion is over.
NOT_ELIGIBLE: dict[str, list[Facts]] = {
    "bill_reminder": [{"due_amount": 0}, {"due_amount": None}],
    "payment_help": [{"payment_failed_date": None}, {"payment_failed_date": None, "overdue_amount": 0}],
    "top_up_reminder": [{"balance_days_left": 5.0}, {"balance_days_left": None}, {"is_prepaid": False}],
    "volume_pack": [*CLOSED, {"cap_share": 0.79}, {"cap_share": None}],
    "larger_plan": CLOSED,
    "checkup_call": [*CLOSED, {"usage_change": 0.31}, {"usage_change": None}],
    "welcome": CLOSED,
    "renewal": [*CLOSED, {"days_to_commitment_end": 91}, {"days_to_commitment_end": None, "days_to_discount_end": 61}],
    "price_message": [*CLOSED, {"price_rise_date": None}],
    "outage_apology": CLOSED,
    "complaint_owner": [{"complaint_open_since_date": None}],
    "household_bundle": [*CLOSED, {"gap_product_family": None}],
    "own_line": CLOSED,
    "business_plan": [*CLOSED, {"home_business": "none"}],
    "account_review": CLOSED,
}
# Facts under which a guard keeps its kinds of offer back, and facts just short of that.
GUARDS: dict[str, tuple[Facts, Facts]] = {
    "overdue_gets_no_upsell": ({"overdue_amount": 0.01}, {"overdue_amount": 0}),
    "at_risk_gets_no_price_message": ({"lifecycle_stage": "at_risk"}, {"lifecycle_stage": "mature"}),
    "complaint_comes_first": (COMPLAINT, {"complaint_open_since_date": None}),
}


def granted(channel: str, days_ago: int, is_granted: bool) -> Facts:
    return {"channel": channel, "changed_at": datetime(2025, 12, 10) - timedelta(days_ago), "is_granted": is_granted}


# By limit: whether it speaks against a sale, then the customer, the consents, and the days since contacts by e-mail.
LIMITS: dict[str, list[tuple[bool, Facts, list[Facts], list[int]]]] = {
    "do_not_contact": [(True, {"do_not_contact": True}, [], []), (False, {"do_not_contact": False}, [], [])],
    # Eighteen on the last day of the year at the latest, and possibly not yet.
    "under_age": [(True, {"birth_year": 2007}, [], []), (False, {"birth_year": 2006}, [], [])],
    "no_consent": [(True, {"marketing_consent": None}, [], []), (False, {"marketing_consent": True}, [], [])],
    "opted_out": [
        (True, {}, [granted("email", 0, False)], []),
        (False, {}, [granted("email", -1, False)], []),
        (True, {}, [granted("email", 2, True), granted("all", 1, False)], []),
        (False, {}, [granted("all", 2, False), granted("email", 1, True)], []),
        (False, {}, [granted("sms", 1, False)], []),
    ],
    "minimum_distance": [(True, {}, [], [2]), (False, {}, [], [3])],
    "total_frequency": [(True, {}, [], [29] * 4), (False, {}, [], [29] * 3), (False, {}, [], [30] * 4)],
}


def _occasion(connection: duckdb.DuckDBPyConnection, name: str, trigger: str, expires: date) -> None:
    put(connection, "segments.triggers", [
        {"trigger_event_id": f"{name} {trigger}", "customer_id": name, "trigger_id": trigger, "period": "1",
         "trigger_date": DAY - timedelta(40), "expires_date": expires, "priority": 5, "reason": "It is so."}
    ])  # fmt: skip


def _day(connection: duckdb.DuckDBPyConnection) -> list[Facts]:
    """Put customers, their occasions and their contacts; return their facts. A customer is named after its case."""
    known: list[Facts] = []
    for offer_id, offer in SETTINGS.offers.items():
        for trigger in offer.triggers:
            for place, expires in enumerate((DAY, DAY - timedelta(1))):
                name = f"{offer_id} {trigger} {place}"
                _occasion(connection, name, trigger, expires)
                known.append({"customer_id": name} | HELD | (COMPLAINT if offer_id == "complaint_owner" else {}))
        for place, more in enumerate(NOT_ELIGIBLE[offer_id]):
            name = f"{offer_id} not eligible {place}"
            _occasion(connection, name, offer.triggers[0], DAY)
            known.append({"customer_id": name} | HELD | more)
    for guard_id in GUARDS:
        for place, more in enumerate(GUARDS[guard_id]):
            for offer_id, offer in SETTINGS.offers.items():
                name = f"{guard_id} {offer_id} {place}"
                _occasion(connection, name, offer.triggers[0], DAY)
                known.append({"customer_id": name} | HELD | more)
    customers(connection, *[each["customer_id"] for each in known])
    for limit, cases in LIMITS.items():
        for place, (_, columns, consents, contacts) in enumerate(cases):
            name = f"{limit} {place}"
            customers(connection, name, **columns)
            put(connection, "raw.consents", [each | {"customer_id": name} for each in consents])
            put(connection, "raw.contacts", _contacts(name, "letter", contacts))
            _occasion(connection, name, "left_household", DAY)
            known.append({"customer_id": name} | HELD)
    for channel, limits in SETTINGS.channels.items():
        for most in (limits.most_contacts - 1, limits.most_contacts):
            name = f"{channel} {most}"
            customers(connection, name)
            put(connection, "raw.contacts", _contacts(name, channel, [limits.contact_days - 1] * most))
            for offer in SETTINGS.offers.values():
                _occasion(connection, name, offer.triggers[0], SATURDAY)
            known.append({"customer_id": name} | HELD)
    return known


def _contacts(customer: str, channel: str, days_ago: list[int]) -> list[Facts]:
    return [
        {"contact_id": f"{customer} {place}", "customer_id": customer, "channel": channel,
         "contacted_at": datetime(2025, 12, 10, 12) - timedelta(days)}
        for place, days in enumerate(days_ago)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def decided() -> dict[date, pd.DataFrame]:
    """Every candidate of the day and of the Saturday."""
    connection = connect()
    known = _day(connection)
    found = {}
    # The later day first: what is chosen on the earlier one would speak against it.
    for day in (SATURDAY, DAY):
        facts(connection, *known, day=day)
        decide(connection, SETTINGS, day)
        found[day] = connection.execute(
            "select * from segments.customer_actions where action_date = ?", [day]
        ).to_arrow_table().to_pandas()  # fmt: skip
    return found


def _of(found: pd.DataFrame, customer: str, **where: str) -> pd.DataFrame:
    rows = found[found["customer_id"] == customer]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def test_every_shipped_offer_guard_and_channel_is_in_these_tables() -> None:
    assert NOT_ELIGIBLE.keys() == SETTINGS.offers.keys()
    assert GUARDS.keys() == SETTINGS.guards.keys()
    conditional = {name for name, offer in SETTINGS.offers.items() if (offer.eligible, offer.suitable) != ("true",) * 2}
    assert conditional == {name for name, facts_of in NOT_ELIGIBLE.items() if facts_of}


@pytest.mark.parametrize("offer_id", SETTINGS.offers)
def test_a_shipped_offer_answers_its_triggers_until_they_expire(
    offer_id: str, decided: dict[date, pd.DataFrame]
) -> None:
    offer = SETTINGS.offers[offer_id]
    for trigger in offer.triggers:
        made = _of(decided[DAY], f"{offer_id} {trigger} 0", offer_id=offer_id)
        assert set(made["channel"]) == set(offer.channels)
        ends = DAY + timedelta(offer.deadline_days) if offer.deadline_days else None
        assert set(made["offer_deadline_date"].dropna()) == ({ends} if ends else set())
        assert _of(decided[DAY], f"{offer_id} {trigger} 1").empty
    others = {name for name, other in SETTINGS.offers.items() if offer.triggers[0] not in other.triggers}
    assert not set(_of(decided[DAY], f"{offer_id} {offer.triggers[0]} 0")["offer_id"]) & others


@pytest.mark.parametrize("offer_id", SETTINGS.offers)
def test_a_shipped_offer_is_not_made_to_those_who_cannot_have_it(
    offer_id: str, decided: dict[date, pd.DataFrame]
) -> None:
    for place in range(len(NOT_ELIGIBLE[offer_id])):
        assert _of(decided[DAY], f"{offer_id} not eligible {place}", offer_id=offer_id).empty


@pytest.mark.parametrize("guard_id", SETTINGS.guards)
def test_a_shipped_guard_keeps_its_kinds_back_and_no_others(guard_id: str, decided: dict[date, pd.DataFrame]) -> None:
    for offer_id, offer in SETTINGS.offers.items():
        kept = set(_of(decided[DAY], f"{guard_id} {offer_id} 0", offer_id=offer_id)["suppressed_by"].dropna())
        assert (guard_id in kept) == (offer.kind in SETTINGS.guards[guard_id].kinds), offer_id
        short = set(_of(decided[DAY], f"{guard_id} {offer_id} 1", offer_id=offer_id)["suppressed_by"].dropna())
        assert guard_id not in short, offer_id


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_of_contacts_holds_at_its_boundary(limit: str, decided: dict[date, pd.DataFrame]) -> None:
    for place, (is_against, *_) in enumerate(LIMITS[limit]):
        found = _of(decided[DAY], f"{limit} {place}", offer_id="own_line")["suppressed_by"].tolist()
        assert (found == [limit]) == is_against, f"{limit} {place}: {found}"


@pytest.mark.parametrize("channel", SETTINGS.channels)
def test_a_channel_is_used_as_often_as_it_may_be_and_rests_on_its_days(
    channel: str, decided: dict[date, pd.DataFrame]
) -> None:
    limits = SETTINGS.channels[channel]
    allowed = _of(decided[DAY], f"{channel} {limits.most_contacts - 1}", channel=channel)
    used_up = _of(decided[DAY], f"{channel} {limits.most_contacts}", channel=channel)
    assert not allowed.empty
    assert "channel_frequency" not in set(allowed["suppressed_by"].dropna())
    expected = "total_frequency" if limits.most_contacts >= SETTINGS.contacts.most_contacts else "channel_frequency"
    assert set(used_up["suppressed_by"]) == {expected}
    assert set(allowed["contact_from"]) == {limits.contact_from}
    assert set(allowed["contact_until"]) == {limits.contact_until}
    on_saturday = _of(decided[SATURDAY], f"{channel} {limits.most_contacts - 1}", channel=channel)
    assert ("quiet_day" in set(on_saturday["suppressed_by"])) == ("saturday" in limits.quiet_weekdays)
