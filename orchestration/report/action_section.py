"""The section about actions: what was done in the month, what was not and why, and what resulted."""

from typing import Any

import pandas as pd

from models.actions.arbitration import WORDS
from orchestration.actions import permissions
from orchestration.report.data import ReportData
from orchestration.report.formats import label, money, number, plural, share, signed_share
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

# Each share with the count it is a share of.
_SIZES = {"uptake": "treated", "control_uptake": "control"}


def actions(data: ReportData, settings: Settings) -> Section:
    """Show the actions of the month by offer, why others were not taken, and the uplift of earlier ones."""
    title = "Actions and their results"
    offers, reasons, results = data["actions"], data["action_reasons"], data["action_results"]
    if offers.empty and results.empty:
        return empty("actions", title, data, "No day of this month has been decided; 'segmentation actions' does that.")
    titles = {name: offer.title for name, offer in settings.actions.offers.items()}
    chosen, held_out = int(offers["chosen"].sum()), int(offers["held_out"].sum())
    expected = money(float(offers["expected_value"].sum()), settings.currency)
    takeaway = f"{plural(chosen, 'action')} chosen in the month, expected to bring {expected} after cost;"
    takeaway += f" {number(held_out)} held out. " + _proven(results)
    return Section(
        "actions",
        title,
        takeaway,
        content={
            "offers": _titled(offers, titles).to_dict("records"),
            "reasons": reasons.assign(words=[_words(name, settings) for name in reasons["suppressed_by"]]).to_dict(
                "records"
            ),
            "results": [_result(row, settings) for row in _titled(results, titles).to_dict("records")],
            "interval": share(settings.actions.results.interval, 0),
            "target": number(100 * settings.actions.results.target_uplift, 1),
        },
    )


def _titled(frame: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    return frame.assign(title=[titles.get(offer, label(offer)) for offer in frame["offer_id"]])


def _words(suppressed_by: str, settings: Settings) -> str:
    guard = settings.actions.guards.get(suppressed_by)
    return guard.because if guard else (WORDS | permissions.WORDS).get(suppressed_by, label(suppressed_by))


def _proven(results: pd.DataFrame) -> str:
    """Say what is known about uplift, and no more."""
    if results.empty:
        return "The results of earlier actions are not known yet."
    effective = int((results["verdict"] == "effective").sum())
    if not effective:
        return f"Of {plural(len(results), 'offer')} with results, none has been shown yet to be effective."
    return (
        f"Of {plural(len(results), 'offer')} with results, {number(effective)}"
        f" {'is' if effective == 1 else 'are'} shown to be effective against those held out."
    )


def _result(row: dict[Any, Any], settings: Settings) -> dict[Any, Any]:
    """Put uplift and money into words, and hide shares of a few customers, which are noise and could reveal persons."""
    too_few = {side: None for side, size in _SIZES.items() if row[size] < settings.report.minimum_cell_size}
    if pd.isna(row["uplift"]) or too_few:
        words = "unknown" if pd.isna(row["uplift"]) else "too few to say"
        return row | too_few | {"uplift_words": words, "gain_words": words}
    low, high = signed_share(row["uplift_low"], 1), signed_share(row["uplift_high"], 1)
    gain = f"{money(row['gain'], settings.currency)} ({number(row['gain_low'])} to {number(row['gain_high'])})"
    return row | {"uplift_words": f"{signed_share(row['uplift'], 1)} ({low} to {high})", "gain_words": gain}
