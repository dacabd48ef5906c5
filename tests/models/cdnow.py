"""The purchases of 2,357 customers of CDNOW (Fader & Hardie), as the package ``lifetimes`` carries them."""

from importlib.metadata import files

import pandas as pd


def _table(name: str, **options) -> pd.DataFrame:
    # Read without importing the package, which is here for its data alone.
    found = [file for file in files("lifetimes") or [] if file.name == name]
    assert found, f"lifetimes no longer carries {name}"
    return pd.read_csv(found[0].locate(), **options)


def spend() -> pd.Series:
    """Return all that each customer spent in 78 weeks, in US dollars."""
    names = ["sample_id", "customer_id", "date", "discs", "amount"]
    purchases = _table("CDNOW_sample.txt", sep=r"\s+", names=names)
    return purchases.groupby("customer_id")["amount"].sum()


def repeats() -> pd.DataFrame:
    """Return ``repeats`` and ``mean_repeat_spend`` (US dollars) of each customer in the first 39 weeks."""
    summary = _table("cdnow_customers_summary_with_transactions.csv")
    return summary.rename(columns={"x": "repeats", "zbar": "mean_repeat_spend"})
