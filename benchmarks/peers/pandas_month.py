"""A month of segments as a competent analyst scripts it with pandas and scikit-learn, from the same files.

It has in outline what the pipeline gives: features, past and future value, deciles, clusters, stages, market segments
and households. It has no contract of sources, late data, versions, checks, ledger of margin, observation window,
intervals, explanations or evidence beyond a silhouette.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import typer
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PRODUCT_COST_SHARE, COST_PER_GB, COST_PER_CONTACT = 0.35, 0.004, 4.0
HORIZON_MONTHS, YEARLY_DISCOUNT = 36, 0.10
SILHOUETTE_SAMPLE = 5_000
SUMS = [
    "bytes_down", "bytes_up", "sessions", "session_seconds", "bytes_down_business_hours", "bytes_up_business_hours",
    "bytes_down_evening", "bytes_up_evening", "bytes_down_night", "bytes_up_night",
]  # fmt: skip
SHAPES = ["gb", "upload_share", "business_share", "evening_share", "night_share", "peak_mbps", "devices", "usage_days"]
RISKS = ["tenure_months", "fee", "gb_ratio", "contacts_90d", "late_payments_12m", "is_committed"]


def main(source: Path, target: Path, month: str) -> None:
    """Read the files in ``source``, and write a Parquet file per table for the end of ``month`` to ``target``."""
    target.mkdir(parents=True)
    as_of = pd.Period(month, "M").end_time.normalize()
    before = as_of - pd.DateOffset(months=1) + pd.offsets.MonthEnd(0)
    customers = pd.read_parquet(source / "customers.parquet")
    states = pd.read_parquet(source / "contracts.parquet")
    for name in ("valid_from_date", "start_date", "end_date", "committed_until_date"):
        states[name] = pd.to_datetime(states[name])
    states["monthly_fee"] = states["monthly_fee"].astype(float)
    usage = usage_months(source / "usage")
    money = money_of(source)
    features = features_at(as_of, customers, states, usage, money)
    features.to_parquet(target / "features.parquet")
    training = features_at(before, customers, states, usage, money)
    value = value_of(features, training)
    value.to_parquet(target / "value.parquet")
    clusters_of(features).to_parquet(target / "clusters.parquet")
    segments_of(features).to_parquet(target / "segments.parquet")


def usage_months(folder: Path) -> pd.DataFrame:
    """Return usage by contract and month, read a file at a time as it would not fit otherwise."""
    parts = []
    for file in sorted(folder.glob("*.parquet")):
        days = pd.read_parquet(file)
        by_contract = days.groupby("contract_id")
        part = by_contract[SUMS].sum()
        part["peak_mbps"] = by_contract["peak_mbps"].max()
        part["devices"] = by_contract["devices"].max()
        part["usage_days"] = by_contract["usage_date"].nunique()
        part["month"] = month_number(pd.Timestamp(days["usage_date"].iloc[0]))
        parts.append(part.reset_index())
    return pd.concat(parts, ignore_index=True)


def month_number(day: pd.Timestamp) -> int:
    """Return months counted through."""
    return 12 * day.year + day.month


def money_of(source: Path) -> dict[str, pd.DataFrame]:
    """Return invoices, payments and interactions with real dates and floats."""
    frames = {}
    for name, date, amount in (
        ("invoices", "invoice_date", "net_amount"),
        ("payments", "paid_date", "amount"),
        ("interactions", "occurred_at", None),
    ):
        frame = pd.read_parquet(source / name)
        frame[date] = pd.to_datetime(frame[date])
        if amount:
            frame[amount] = frame[amount].astype(float)
        frames[name] = frame
    frames["invoices"]["due_date"] = pd.to_datetime(frames["invoices"]["due_date"])
    return frames


def features_at(
    as_of: pd.Timestamp,
    customers: pd.DataFrame,
    states: pd.DataFrame,
    usage: pd.DataFrame,
    money: dict[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return one row per customer as of a day."""
    known = states[states["valid_from_date"] <= as_of].sort_values("valid_from_date")
    contracts = known.drop_duplicates("contract_id", keep="last")
    is_open = (contracts["start_date"] <= as_of) & ~(contracts["end_date"] <= as_of)
    open_now = contracts[is_open].groupby("customer_id")
    every = contracts.groupby("customer_id")
    frame = customers[pd.to_datetime(customers["created_date"]) <= as_of].set_index("customer_id")
    frame["first_start_date"] = every["start_date"].min()
    frame["last_end_date"] = every["end_date"].max()
    frame["open_contracts"] = open_now.size()
    frame["fee"] = open_now["monthly_fee"].sum()
    frame["families"] = open_now["product_family"].nunique()
    frame["is_committed"] = open_now["committed_until_date"].max() > as_of
    frame["tenure_months"] = (as_of - frame["first_start_date"]).dt.days / 30.4375
    frame["is_open"] = frame["open_contracts"].fillna(0) > 0

    now = month_number(as_of)
    until = usage[usage["month"] <= now]
    owned = until.merge(contracts[["contract_id", "customer_id"]], on="contract_id")
    monthly = owned.groupby(["customer_id", "month"]).agg(
        {**dict.fromkeys(SUMS, "sum"), "peak_mbps": "max", "devices": "max", "usage_days": "max"}
    )
    monthly = monthly.reset_index()
    recent = monthly[monthly["month"] > now - 3].groupby("customer_id").mean(numeric_only=True)
    earlier = monthly[monthly["month"].between(now - 5, now - 3)]
    total = recent["bytes_down"] + recent["bytes_up"]
    frame["gb"] = total / 1e9
    frame["upload_share"] = recent["bytes_up"] / total
    for daypart in ("business_hours", "evening", "night"):
        name = daypart.removesuffix("_hours")
        frame[f"{name}_share"] = (recent[f"bytes_down_{daypart}"] + recent[f"bytes_up_{daypart}"]) / total
    frame[["peak_mbps", "devices", "usage_days"]] = recent[["peak_mbps", "devices", "usage_days"]]
    was = earlier.groupby("customer_id")[["bytes_down", "bytes_up"]].mean().sum(axis=1) / 1e9
    frame["gb_ratio"] = (frame["gb"] / was).replace([np.inf], np.nan)
    frame["gb_of_all_months"] = monthly.groupby("customer_id")[["bytes_down", "bytes_up"]].sum().sum(axis=1) / 1e9

    invoices = money["invoices"][money["invoices"]["invoice_date"] <= as_of]
    frame["billed"] = invoices.groupby("customer_id")["net_amount"].sum()
    payments = money["payments"][money["payments"]["paid_date"] <= as_of]
    year = payments[payments["paid_date"] > as_of - pd.DateOffset(years=1)]
    due = year.merge(invoices[["invoice_id", "due_date"]], on="invoice_id")
    frame["late_payments_12m"] = due[due["paid_date"] > due["due_date"]].groupby("customer_id").size()
    contacts = money["interactions"][money["interactions"]["occurred_at"] < as_of + pd.Timedelta(days=1)]
    frame["contacts"] = contacts.groupby("customer_id").size()
    quarter = contacts[contacts["occurred_at"] > as_of - pd.Timedelta(days=90)]
    frame["contacts_90d"] = quarter.groupby("customer_id").size()
    return frame


def value_of(features: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Return past and future value and deciles: who was open a month ago, and has left since, tells the hazard."""
    at_risk = training[training["is_open"]]
    left = ~features["is_open"].reindex(at_risk.index, fill_value=False)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(at_risk[RISKS].astype(float).fillna(0.0), left)
    churn = pd.Series(model.predict_proba(features[RISKS].astype(float).fillna(0.0))[:, 1], index=features.index)
    months = np.arange(1, HORIZON_MONTHS + 1)
    discount = (1 + YEARLY_DISCOUNT) ** (-months / 12)
    left_months = ((1 - churn.to_numpy())[:, None] ** months * discount).sum(axis=1)
    margin = features["fee"].fillna(0) * (1 - PRODUCT_COST_SHARE) - features["gb"].fillna(0) * COST_PER_GB
    past = (
        features["billed"].fillna(0) * (1 - PRODUCT_COST_SHARE)
        - features["gb_of_all_months"].fillna(0) * COST_PER_GB
        - features["contacts"].fillna(0) * COST_PER_CONTACT
    )
    frame = pd.DataFrame({"past_value": past, "churn_hazard": churn})
    frame["future_value_36m"] = np.where(features["is_open"], margin * left_months, 0.0)
    frame["total_value"] = frame["past_value"] + frame["future_value_36m"]
    frame["decile"] = 10 - pd.qcut(frame["total_value"].rank(method="first"), 10, labels=False)
    return frame


def clusters_of(features: pd.DataFrame) -> pd.DataFrame:
    """Return a cluster for everybody with usage, k by silhouette, consumers and organizations apart."""
    found = []
    for kind, members in features[features["gb"].notna() & features["is_open"]].groupby("customer_type"):
        shape = members[SHAPES].astype(float).fillna(0.0)
        shape["gb"] = np.log1p(shape["gb"])
        scaled = StandardScaler().fit_transform(shape)
        sample = np.random.default_rng(0).permutation(len(scaled))[: 4 * SILHOUETTE_SAMPLE]
        fits = [KMeans(k, n_init=10, random_state=0).fit(scaled[sample]) for k in range(2, 9)]
        scores = [
            silhouette_score(
                scaled[sample], fit.labels_, sample_size=min(SILHOUETTE_SAMPLE, len(sample)), random_state=0
            )
            for fit in fits
        ]
        best = fits[int(np.argmax(scores))]
        labels = best.predict(scaled)
        found.append(pd.DataFrame({"cluster": [f"{kind}-{label}" for label in labels]}, index=members.index))
    return pd.concat(found)


def segments_of(features: pd.DataFrame) -> pd.DataFrame:
    """Return lifecycle stage, market segment and household of every customer."""
    tenure, employees = features["tenure_months"].fillna(0), features["employee_count"].fillna(0)
    is_person = features["customer_type"] == "person"
    flags = features[["is_reseller", "is_education", "is_public_sector"]].astype("boolean").fillna(False).astype(bool)
    stage = np.select(
        [
            ~features["is_open"] & features["last_end_date"].notna(),
            ~features["is_open"],
            tenure < 3,
            features["gb"].fillna(0) < 0.1,
            features["gb_ratio"] < 0.5,
            features["gb_ratio"] > 1.3,
        ],
        ["churned", "pending", "onboarding", "dormant", "at_risk", "growing"],
        "mature",
    )
    market = np.select(
        [
            flags["is_reseller"],
            flags["is_education"],
            flags["is_public_sector"],
            is_person,
            employees < 50,
            employees < 250,
        ],
        ["wholesale", "education", "government", "consumer", "small", "medium"],
        "enterprise",
    )
    household = features["household_id"].fillna(features["service_address_id"])
    frame = pd.DataFrame({"stage": stage, "market_segment": market, "household": household}, index=features.index)
    frame["household_size"] = frame.groupby("household")["stage"].transform("size")
    return frame


if __name__ == "__main__":
    typer.run(main)
