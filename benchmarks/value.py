"""Retention and value beside other ways to model them on the same customers: ``python -m benchmarks.value``.

Every contestant runs in a process of its own, on the same customer-months, grouped where it can take groups. Ours reads
them in DuckDB: counts for the curves, a sample for the hazard model, batches to score. The Weibull accelerated failure
time model of lifelines takes a row a relationship (left-truncated, right-censored, covariates of its first month seen);
equal rows are one with a weight. BG/NBD of lifetimes takes what it can of a contract: paid months as purchases.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import duckdb
import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.value_rows import AHEAD, AS_OF, TAIL, write
from models.hazard.covariates import CATEGORIES
from models.retention.cohorts import COHORT_COLUMNS
from models.retention.residual_life import discounted_months

RATE = 0.10
VERSION = f"{AS_OF}.1"
COHORT = list(CATEGORIES)
# Quarters of usage and upload, for models that need few different rows.
QUARTERS = "ntile(4) over (order by gb_month_3m) as gb_quarter, ntile(4) over (order by upload_share_3m) as up_quarter"
Scores = Iterator[pd.DataFrame]


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the rows as the features have them, in bounded memory."""
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "1500MB", "temp_directory": str(folder / "tmp")})
    connection.execute("create schema features")
    connection.execute(
        "create view features.customer_months_at_risk as"
        f" select * replace (as_of_date::date as as_of_date), 'all' as source_system from '{folder}/months/*.parquet'"
    )
    cohort = ", ".join(COHORT_COLUMNS)
    connection.execute(
        f"create view features.retention_exposures as select as_of_date, source_system, market_segment, {cohort},"
        " month_number, spell_months, count(*) as customers_at_risk,"
        " count(*) filter (churned_next_month) as customers_churned"
        " from features.customer_months_at_risk where months_followed > 0 group by all"
    )
    # Every ending is on record.
    connection.execute("create schema segments")
    connection.execute(
        "create view segments.observation_windows as"
        f" select distinct '{VERSION}' as version_id, source_system, market_segment, null::date as endings_from,"
        " null::date as migrated_on, 36 as tenure_at_migration,"
        " as_of_date as endings_through, true as is_learnable, '' as decision from features.customer_months_at_risk"
    )
    connection.execute(
        "create table segments.recorded_attributes (version_id varchar, retention_market varchar, attribute varchar,"
        " attribute_value varchar, recorded_from date)"
    )
    return connection


def cohort_curves(folder: Path) -> Scores:
    """Our retention curves alone: every cohort's curve, commitments, renewals."""
    yield from _ours(folder, with_covariates=False)


def hazard_model(folder: Path) -> Scores:
    """Our hazard model joined with the curves, intervals included: what a version rests on."""
    yield from _ours(folder, with_covariates=True)


def _ours(folder: Path, *, with_covariates: bool) -> Scores:
    from models.hazard.churn_hazard import ChurnHazard
    from models.hazard.parameters import HazardParameters
    from models.retention.curves import RetentionCurves
    from models.value.customer_value import customer_value
    from models.value.parameters import ValueParameters
    from orchestration.lake.frames import read_batches
    from orchestration.segments.backtest_rows import Cutoff, ends_by, exposures_by, sample_by
    from orchestration.segments.observation import observed

    connection = connect(folder)
    latest = Cutoff(AS_OF, AHEAD, 0)
    window = observed(connection, VERSION, AS_OF)
    curves = RetentionCurves().fit(
        exposures_by(connection, AS_OF, window, latest), commitment_ends=ends_by(connection, AS_OF, window, latest)
    )
    model: RetentionCurves | ChurnHazard = curves
    if with_covariates:
        parameters = HazardParameters()
        model = ChurnHazard(curves, parameters).fit(
            sample_by(connection, AS_OF, window, latest, parameters.sample_rows)
        )
    # A margin of 100 a month makes the value of a customer a hundred of its discounted months.
    batches = read_batches(
        connection,
        "select *, true as is_open, retention_market as population,"
        " 0 as suspended_contracts, 0 as monthly_discount, 0 as past_value, 100 as expected_monthly_margin"
        f" from features.customer_months_at_risk where month_number = {latest.month_number}",
        {},
    )
    for batch in batches:
        value = customer_value(batch, model, ValueParameters(annual_discount_rate=RATE))
        yield pd.DataFrame(
            {
                "customer_id": value["customer_id"],
                "churn": value["churn_probability_12m"],
                "months": value["future_value"] / 100.0,
            }
        )


def weibull_aft(folder: Path) -> Scores:
    """The Weibull accelerated failure time model of lifelines, left-truncated, on weighted distinct rows."""
    from lifelines import WeibullAFTFitter

    connection = connect(folder)
    rows = connection.execute(
        f"""
        with seen as (
            select customer_id, {", ".join(f"arg_min({name}, month_number) as {name}" for name in COHORT)},
                arg_min(has_autopay, month_number)::integer as has_autopay,
                arg_min(gb_month_3m, month_number) as gb_month_3m,
                arg_min(upload_share_3m, month_number) as upload_share_3m,
                min(spell_months) as entry, max(spell_months) + bool_or(churned_next_month)::integer as duration,
                bool_or(churned_next_month)::integer as churned
            from features.customer_months_at_risk group by customer_id
        ),
        quarters as (select *, {QUARTERS} from seen where duration > entry)
        select {", ".join(COHORT)}, has_autopay, gb_quarter, up_quarter, entry, duration, churned, count(*) as weight
        from quarters group by all
        """
    ).df()
    covariates = ["has_autopay", "gb_quarter", "up_quarter", *COHORT]
    model = WeibullAFTFitter(penalizer=1e-6).fit(
        pd.get_dummies(rows, columns=COHORT, drop_first=True, dtype=float),
        duration_col="duration",
        event_col="churned",
        entry_col="entry",
        weights_col="weight",
    )
    columns = [name for name in model.params_["lambda_"].index if name != "Intercept"]
    customers = _open(connection, f"has_autopay::integer as has_autopay, {QUARTERS}", ["spell_months", *covariates])
    keys = customers.drop_duplicates(["spell_months", *covariates])[["spell_months", *covariates]]
    design = pd.get_dummies(keys, columns=COHORT, dtype=float).reindex(columns=columns, fill_value=0.0)
    scale = np.exp(design @ model.params_["lambda_"][columns] + model.params_["lambda_"]["Intercept"]).to_numpy()
    shape = float(np.exp(model.params_["rho_"]["Intercept"]))
    tenure = keys["spell_months"].to_numpy()[:, None] + np.arange(TAIL + 1)
    cumulative = (tenure / scale[:, None]) ** shape
    yield _scored(customers, keys, np.exp(cumulative[:, :1] - cumulative))


def bg_nbd(folder: Path) -> Scores:
    """BG/NBD of lifetimes, made for shops: a month that was paid is a purchase, the relationship has no end."""
    from lifetimes import BetaGeoFitter

    connection = connect(folder)
    rows = connection.execute(
        "with seen as (select customer_id, max(spell_months) as frequency, min(spell_months) as first,"
        f"  {AS_OF.year * 12 + AS_OF.month} - min(month_number) as passed"
        "  from features.customer_months_at_risk group by customer_id)"
        " select frequency, frequency as recency, first + passed as age, count(*) as weight from seen group by all"
    ).df()
    model = BetaGeoFitter(penalizer_coef=0.001).fit(rows["frequency"], rows["recency"], rows["age"], rows["weight"])
    customers = _open(connection, "", ["spell_months"])
    keys = customers.drop_duplicates("spell_months")[["spell_months"]]
    paid = keys["spell_months"].to_numpy(dtype=float)
    purchases = [
        model.conditional_expected_number_of_purchases_up_to_time(t, paid, paid, paid) for t in range(TAIL + 1)
    ]
    expected = np.diff(np.column_stack(purchases), axis=1, prepend=0.0)
    expected[:, 0] = 1.0
    yield _scored(customers, keys, np.minimum(expected, 1.0))


def constant_retention(folder: Path) -> Scores:
    """One monthly rate for everybody, forever."""
    connection = connect(folder)
    found = connection.execute(
        "select avg(churned_next_month::integer) from features.customer_months_at_risk where months_followed > 0"
    ).fetchall()
    customers = _open(connection, "", ["spell_months"])
    keys = customers.drop_duplicates("spell_months")[["spell_months"]]
    yield _scored(customers, keys, np.tile((1.0 - found[0][0]) ** np.arange(TAIL + 1), (len(keys), 1)))


def _open(connection: duckdb.DuckDBPyConnection, computed: str, names: list[str]) -> pd.DataFrame:
    """Read the open customers with some columns of theirs, computed ones among them."""
    shown = f"* exclude (has_autopay), {computed}" if computed else "*"
    return connection.execute(
        f"select customer_id, {', '.join(names)} from (select {shown} from features.customer_months_at_risk"
        f" where month_number = {AS_OF.year * 12 + AS_OF.month})"
    ).df()


def _scored(customers: pd.DataFrame, keys: pd.DataFrame, survival: np.ndarray) -> pd.DataFrame:
    """Give every customer what its key predicts; ``survival`` has a row a key, column t is after t months."""
    scores = keys.assign(churn=1.0 - survival[:, AHEAD], months=discounted_months(survival, RATE)[:, -1])
    return customers.merge(scores, on=list(keys))[["customer_id", "churn", "months"]]


CONTESTANTS: dict[str, tuple[str, Callable[[Path], Scores]]] = {
    "hazard_model": ("ours", hazard_model),
    "cohort_curves": ("ours, curves alone", cohort_curves),
    "weibull_aft": ("Weibull AFT (lifelines)", weibull_aft),
    "bg_nbd": ("BG/NBD (lifetimes)", bg_nbd),
    "constant_retention": ("constant retention", constant_retention),
}


def measure(name: str, folder: Path) -> dict[str, float | str]:
    """Fit and score with one contestant in this process, then hold it against what was planted."""
    before, cpu = time.perf_counter(), time.process_time()
    scores = pd.concat(CONTESTANTS[name][1](folder), ignore_index=True)
    seconds, cpu = time.perf_counter() - before, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    both = scores.merge(pd.read_parquet(folder / "open"), on="customer_id", validate="one_to_one")
    churned = both["has_churned"].to_numpy(dtype=float)
    tenth = both["months"].rank(ascending=False, method="first").mul(10 / len(both)).apply(np.ceil)
    sums = both.groupby(tenth)[["months", "true_months"]].sum()
    return {
        "customers": len(both),
        "seconds": seconds,
        "cpu": cpu,
        "mib": peak,
        "auc": float(roc_auc_score(churned, both["churn"])),
        "brier": float(np.mean((both["churn"] - churned) ** 2)),
        "churn": float(both["churn"].mean() / churned.mean() - 1),
        "months": float(both["months"].sum() / both["true_months"].sum() - 1),
        "deciles": float((sums["months"] / sums["true_months"] - 1).loc[1:5].abs().max()),
    }


def main(
    customers: Annotated[int, typer.Option(min=1_000, help="Customers that are planted.")] = 1_000_000,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
    rows: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare time, memory and quality; making the rows and judging are not counted."""
    if only and rows:
        sys.stdout.write(json.dumps(measure(only, rows)))
        return
    table = Table("contestant", "s", "CPU s", "peak MiB", "AUC", "Brier", "churn", "lifetime", "worst decile 1-5")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), customers)
        for name, (title, _) in CONTESTANTS.items():
            command = [sys.executable, "-m", "benchmarks.value", "--rows", folder, "--only", name]
            run = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
            if run.returncode:
                table.add_row(title, *["failed"] * 8)
                continue
            row = json.loads(run.stdout.splitlines()[-1])
            table.add_row(
                title, f"{row['seconds']:.1f}", f"{row['cpu']:.1f}", f"{row['mib']:,.0f}", f"{row['auc']:.3f}",
                f"{row['brier']:.4f}", f"{row['churn']:+.1%}", f"{row['months']:+.1%}", f"{row['deciles']:.1%}",
            )  # fmt: skip
    console = Console(width=120)
    console.print(f"{row['customers']:,} customers open at the end of {AS_OF:%B %Y}, of {customers:,}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
