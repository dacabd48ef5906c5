from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from orchestration.actions.rules import naming_the_rule, require_sound_rules
from orchestration.actions.triggers import TriggerReport, find_triggers
from orchestration.errors import SettingsError
from orchestration.settings.actions import ActionSettings, Trigger
from tests.actions.days import DAY, connect, facts, put

NEXT_DAY = DAY + timedelta(1)
DUE = Trigger(when="days_to_next_due <= 3", period="next_due_date", because="A bill is due.", valid_days=3)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


def find(connection: duckdb.DuckDBPyConnection, *days: date, trigger: Trigger = DUE) -> TriggerReport:
    return find_triggers(connection, {"due": trigger}, days, max(days))


def found(connection: duckdb.DuckDBPyConnection, columns: str = "customer_id, trigger_date") -> list[Any]:
    return connection.execute(f"select {columns} from segments.triggers order by all").fetchall()


def due(customer: str, in_days: int, day: date = DAY) -> dict[str, Any]:
    return {"customer_id": customer, "days_to_next_due": in_days, "next_due_date": day + timedelta(in_days)}


def test_a_day_that_is_run_again_fires_nothing_twice(connection: duckdb.DuckDBPyConnection) -> None:
    facts(connection, due("A", 2), due("B", 3))
    assert find(connection, DAY).fired == {"due": 2}
    before = found(connection, "*")
    assert find(connection, DAY).fired == {"due": 0}
    assert found(connection, "*") == before


def test_an_occasion_fires_on_the_first_of_its_days_alone(connection: duckdb.DuckDBPyConnection) -> None:
    facts(connection, due("A", 3))
    facts(connection, due("A", 2, NEXT_DAY), day=NEXT_DAY)
    assert find(connection, NEXT_DAY, DAY).fired == {"due": 1}
    assert found(connection) == [("A", DAY)]


def test_the_identifier_is_that_of_customer_trigger_and_period_whatever_the_order_of_rows_and_rules() -> None:
    identifiers = []
    for order in (1, -1):
        connection = connect()
        facts(connection, *[due("A", 2), due("B", 2), due("C", 1)][::order])
        rules = {"due": DUE, "owing": DUE.model_copy(update={"when": "next_due_date is not null"})}
        find_triggers(connection, dict(list(rules.items())[::order]), [DAY], DAY)
        identifiers.append(found(connection, "trigger_event_id"))
    assert identifiers[0] == identifiers[1]
    assert len(set(identifiers[0])) == 6


def test_what_late_data_take_back_is_marked_and_what_they_bring_back_is_unmarked(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    facts(connection, due("A", 2), due("B", 2))
    find(connection, DAY)
    facts(connection, due("B", 2))  # A had paid before
    facts(connection, day=NEXT_DAY)
    assert find(connection, DAY, NEXT_DAY).retracted == 1
    assert found(connection, "customer_id, retracted_date") == [("A", NEXT_DAY), ("B", None)]
    facts(connection, due("A", 2), due("B", 2))
    report = find(connection, DAY, NEXT_DAY)
    assert (report.restored, report.fired) == (1, {"due": 0})
    assert found(connection, "customer_id, retracted_date") == [("A", None), ("B", None)]


def test_an_occasion_stands_where_a_later_day_gives_it(connection: duckdb.DuckDBPyConnection) -> None:
    facts(connection, due("A", 3))
    find(connection, DAY)
    facts(connection)
    facts(connection, due("A", 2, NEXT_DAY), day=NEXT_DAY)
    assert find(connection, DAY, NEXT_DAY).retracted == 0


def test_late_data_fire_for_the_day_they_are_of_and_say_when_they_were_found(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    facts(connection)
    find(connection, DAY)
    facts(connection, due("A", 2))
    facts(connection, due("A", 1, NEXT_DAY), day=NEXT_DAY)
    find(connection, DAY, NEXT_DAY)
    assert found(connection, "customer_id, trigger_date, found_date") == [("A", DAY, NEXT_DAY)]


@pytest.mark.parametrize(("days", "fires"), [(9, 0), (10, 1)])
def test_a_trigger_does_not_fire_again_within_its_cooldown(
    connection: duckdb.DuckDBPyConnection, days: int, fires: int
) -> None:
    rule = DUE.model_copy(update={"cooldown_days": 10})
    facts(connection, due("A", 0))
    find(connection, DAY, trigger=rule)
    later = DAY + timedelta(days)
    facts(connection, due("A", 0, later), day=later)
    assert find(connection, later, trigger=rule).fired == {"due": fires}


def test_an_occasion_whose_period_is_not_known_is_none(connection: duckdb.DuckDBPyConnection) -> None:
    facts(connection, {"customer_id": "A", "days_to_next_due": 1})
    assert find(connection, DAY).fired == {"due": 0}


def test_a_trigger_without_its_source_table_is_named_and_takes_nothing_back(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rule = DUE.model_copy(update={"needs": ["invoices", "payments"]})
    put(connection, "raw.invoices", [{"invoice_id": "I"}])
    put(connection, "raw.payments", [{"payment_id": "P"}])
    facts(connection, due("A", 2))
    assert find(connection, DAY, trigger=rule).fired == {"due": 1}
    connection.execute("delete from raw.payments")
    facts(connection)
    report = find(connection, DAY, trigger=rule)
    assert (dict(report.silent), report.retracted) == ({"due": "payments"}, 0)


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("is_opn", "is_opn"),
        ("true) or (select true from raw.customers", "cannot be used"),
        ("(select max(customer_id) from raw.customers) = customer_id", "cannot be used"),
        ("getenv('HOME') <> ''", "cannot be used"),
    ],
)
def test_a_condition_that_is_more_than_an_expression_over_the_facts_is_refused_by_name(
    connection: duckdb.DuckDBPyConnection, condition: str, complaint: str
) -> None:
    settings = ActionSettings.model_validate({"triggers": {"cap_80": {"when": condition}}})
    with pytest.raises(SettingsError, match=rf"actions\.triggers\.cap_80\.when.*{complaint}"):
        require_sound_rules(connection, settings)


def test_a_condition_that_fails_on_the_facts_of_a_customer_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    settings = ActionSettings.model_validate({"triggers": {"cap_80": {"when": "cast(market_segment as integer) > 1"}}})
    facts(connection, {"customer_id": "A", "market_segment": "consumer"})
    require_sound_rules(connection, settings)
    with (
        pytest.raises(SettingsError, match=r"actions\.triggers\.cap_80\.when.*'consumer'"),
        naming_the_rule(connection, settings),
    ):
        find_triggers(connection, {"cap_80": settings.triggers["cap_80"].model_copy(update={"needs": []})}, [DAY], DAY)


def test_the_shipped_conditions_are_sound(connection: duckdb.DuckDBPyConnection) -> None:
    require_sound_rules(connection, ActionSettings())
