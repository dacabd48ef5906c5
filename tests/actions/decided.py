"""A day that is found, decided and looked at by two triggers and two offers."""

from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd

from orchestration.actions.decisions import decide
from orchestration.actions.triggers import find_triggers
from orchestration.settings.actions import ActionSettings
from tests.actions.days import DAY

NOW = datetime(2025, 12, 10, 9)
NOBODY_HELD_OUT = {"global_holdout_share": 0, "offer_control_share": 0, "exploration_share": 0}
RULES: dict[str, Any] = {
    "triggers": {"owing": {"when": "due_amount > 0", "period": "next_due_date", "because": "A bill is due."},
                 "large": {"when": "gap_value > 0", "period": "version_date", "because": "It lacks a product."}},
    "offers": {
        "remind": {"title": "Reminder", "kind": "service", "triggers": ["owing"], "channels": ["email"],
                   "uptake": 0.5, "monthly_margin": 1},
        "sell": {"title": "Product", "kind": "cross_sell", "triggers": ["large"], "channels": ["email", "phone"],
                 "uptake": 0.1, "monthly_margin": "gap_value", "deadline_days": 14},
    },
    "channels": {"phone": {"quiet_weekdays": []}},
}  # fmt: skip


def rules(held_out: bool = False, **changes: Any) -> ActionSettings:
    arbitration = {"global_holdout_share": 0.3, "offer_control_share": 0.3} if held_out else NOBODY_HELD_OUT
    return ActionSettings.model_validate(RULES | {"arbitration": arbitration} | changes)


def act(connection: duckdb.DuckDBPyConnection, given_rules: ActionSettings, day: date = DAY) -> pd.DataFrame:
    """Find the triggers of a day, decide it, and return every candidate."""
    find_triggers(connection, given_rules.triggers, [day], day)
    decide(connection, given_rules, day)
    return connection.execute(
        "select * from segments.customer_actions where action_date = ? order by action_id", [day]
    ).to_arrow_table().to_pandas()  # fmt: skip


def sold(found: pd.DataFrame, channel: str = "email") -> dict[str, str | None]:
    rows = found[(found["offer_id"] == "sell") & (found["channel"] == channel)]
    return dict(zip(rows["customer_id"], rows["suppressed_by"].fillna(rows["outcome"]), strict=True))
