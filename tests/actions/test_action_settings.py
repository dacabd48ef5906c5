"""Rules as data: what a settings file changes, what it keeps, and what is refused."""

import pytest
from pydantic import ValidationError

from orchestration.settings import Settings
from orchestration.settings.actions import ActionSettings, FactSettings


def test_a_file_names_only_what_it_adds_or_changes() -> None:
    shipped = ActionSettings()
    changed = ActionSettings.model_validate(
        {
            "triggers": {
                "cap_80": {"enabled": False},
                "own": {"when": True, "period": "action_date", "because": "It is so."},
            },
            "offers": {"renewal": {"cost": 7}},
        }
    )
    assert set(changed.triggers) == {*shipped.triggers, "own"}
    assert changed.triggers["cap_80"] == shipped.triggers["cap_80"].model_copy(update={"enabled": False})
    assert changed.triggers["own"].when == "true"
    assert changed.offers["renewal"] == shipped.offers["renewal"].model_copy(update={"cost": 7})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"offers": {"renewal": {"triggers": ["no_such"]}}}, "offer renewal names triggers that do not exist: no_such"),
        ({"offers": {"renewal": {"channels": ["pigeon"]}}}, "offer renewal names channels that do not exist: pigeon"),
        ({"triggers": {"own": {"when": "true"}}}, "triggers.own.period"),
        ({"offers": {"renewal": {"uptake": 2}}}, "offers.renewal.uptake"),
        ({"channels": {"phone": {"contact_from": "22:00"}}}, "contact_from must be before contact_until"),
        (
            {"offers": {"renewal": {"valid_from_date": "2025-12-31", "valid_until_date": "2025-12-01"}}},
            "valid_until_date .2025-12-01. is before valid_from_date",
        ),
        ({"channels": {"e_mail": {}}}, "channel e_mail has the name of another"),
        ({"channels": {"all": {}}}, "channel all has the name of another, or of all of them"),
        ({"results": {"late_response_days": -1}}, "late_response_days must be at least 0"),
        ({"arbitration": {"global_holdout_share": 1}}, "global_holdout_share must be at least 0 and less than 1"),
        ({"webhook": {"url": "http://x", "key": "short"}}, "webhook.key"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ActionSettings.model_validate(given)


def test_no_rule_of_an_action_uses_a_protected_attribute() -> None:
    with pytest.raises(ValidationError, match=r"actions\.guards\.own uses gender, which protected_attributes forbids"):
        Settings.model_validate(
            {"actions": {"guards": {"own": {"kinds": ["upsell"], "when": "gender = 'f'", "because": "No."}}}}
        )


def test_facts_look_back_as_far_as_they_compare() -> None:
    with pytest.raises(ValidationError, match="lookback_days must cover"):
        FactSettings(lookback_days=30)


def test_actions_change_no_segment_and_make_no_revision() -> None:
    changed = Settings.model_validate({"actions": {"recheck_days": 5}})
    assert changed.semantic_hash() == Settings().semantic_hash()
    plans = Settings.model_validate({"plan_fit": {"headroom": 0.5}})
    assert plans.semantic_hash() != Settings().semantic_hash()
