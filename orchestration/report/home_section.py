"""The section about homes: households and the products they lack, and who works at home."""

import pandas as pd

from orchestration.report.data import ReportData
from orchestration.report.formats import label, money, number, plural, share
from orchestration.report.section import Section, empty
from orchestration.settings import Settings

_NAMES = {
    "nanobusiness": "Business at home",
    "home_worker": "Work at home",
    "unknown": "Unknown",
    "none": "Neither",
}


def homes(data: ReportData, settings: Settings) -> Section:
    """Show households by size, the product families they lack, and who works at home."""
    title = "Households and work at home"
    sizes, offers, work = data["households"], data["household_offers"], data["home_business"]
    if sizes.empty:
        return empty("homes", title, data, "No person has a contract open in this version.")
    shared = sizes[sizes["members"] > 1]
    everyone = float(sizes["total_value"].sum())
    takeaway = f"{plural(int(sizes['households'].sum()), 'household')}, {number(shared['households'].sum())} of them of"
    takeaway += " more than one customer"
    takeaway += f", with {share(float(shared['total_value'].sum()) / everyone, 0)} of all value." if everyone else "."
    if not offers.empty and offers["next_households"].sum():
        first = offers.sort_values("next_value").iloc[-1]
        takeaway += (
            f" {label(first['product_family'])} is the next product worth most:"
            f" {money(first['next_value'], settings.currency)}"
            f" over {plural(int(first['next_households']), 'household')}."
        )
    scored = work["customers"].sum()
    rows = work.assign(name=work["home_business"].map(_NAMES), share=work["customers"] / scored if scored else None)
    says = (
        _businesses(work) + _workers(work)
        if scored
        else "Nobody could be scored: too little usage, or too few small businesses to learn from."
    )
    return Section(
        "homes",
        title,
        takeaway,
        content={
            "sizes": sizes.to_dict("records"),
            "offers": offers.to_dict("records"),
            "work": rows.to_dict("records"),
            "says": says,
        },
    )


def _businesses(work: pd.DataFrame) -> str:
    known = int(work["with_probability"].sum())
    unknown = plural(int(work.loc[work["home_business"] == "unknown", "customers"].sum()), "person")
    if not known:
        return (
            "How many run a business at home cannot be told: too few tax numbers and employers' lines are on record,"
            f" and small-business contracts do not say. Unknown: {unknown} who may work at home."
        )
    expected = share(float(work["expected"].sum()) / known)
    return f"Of {plural(known, 'person')} with enough usage, {expected} are expected to run a business at home."


def _workers(work: pd.DataFrame) -> str:
    known = int(work["with_worker_probability"].sum())
    if not known:
        return (
            " Work at home without a business has no probability here: business hours or employers' lines are lacking,"
            " or businesses cannot be told."
        )
    expected = share(float(work["expected_workers"].sum()) / known)
    who = f"Of {plural(known, 'person')} whose business hours are known"
    return f" {who}, {expected} are expected to work at home without one."
