"""One run: chunks of customers through every step, then the days of usage, month by month."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from simulator import billing, care, sources, truth, usage
from simulator.contracts import PriceList, sign
from simulator.dirt import soil
from simulator.history import forget
from simulator.lifetimes import live
from simulator.months import Window, label
from simulator.parameters import History, SimulationParameters
from simulator.population import archetype_names, populate
from simulator.randomness import Draws
from simulator.states import dated_states
from simulator.write import FileFormat, Writer

_PARTIAL = ".partial"
_DUCKDB_MEMORY = "2GB"
_MARKER = Path("truth") / "parameters.json"


class NotASimulationError(ValueError):
    """The output folder holds somebody else's `source`."""


def simulate(
    parameters: SimulationParameters,
    out: Path,
    *,
    file_format: FileFormat = "parquet",
    progress: Callable[[str], None] | None = None,
) -> dict[str, int]:
    """Write a simulated provider's source files and truth; return the rows of each source table.

    `out` gets the folders `source` and `truth`. Those of an earlier simulation are replaced when the new ones are
    complete; anything else of that name is left alone. The rows and their order depend on the
    parameters alone, not on the chunk size or the machine.

    Raises:
        NotASimulationError: `out / "source"` exists and is not an earlier simulation's.
    """
    out = Path(out)
    if (out / "source").exists() and not (out / _MARKER).exists():
        raise NotASimulationError(f"{out / 'source'} was not written by a simulation: choose another folder")
    say = progress or (lambda _: None)
    partial = out / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "truth").mkdir(parents=True)
    rows = _write(parameters, partial, file_format, say)
    (partial / _MARKER).write_text(parameters.model_dump_json(indent=2, exclude={"chunk_customers"}) + "\n")
    for name in ("source", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
        (partial / name).rename(out / name)
    shutil.rmtree(partial)
    return rows


def _write(
    parameters: SimulationParameters, folder: Path, file_format: FileFormat, say: Callable[[str], None]
) -> dict[str, int]:
    work = folder / "work"
    with (
        duckdb.connect() as connection,
        Writer(folder / "source", file_format) as source,
        Writer(folder / "truth", "parquet") as planted,
        Writer(work, "parquet") as scratch,
    ):
        connection.execute("set temp_directory = ?", [str(work / "spill")])
        connection.execute("set memory_limit = ?", [_DUCKDB_MEMORY])
        chunk = parameters.chunk_customers
        for start in range(0, parameters.customers, chunk):
            stop = min(start + chunk, parameters.customers)
            _chunk(parameters, start, stop, connection, source, planted, scratch)
            say(f"customers {stop:,} of {parameters.customers:,}")
        scratch.close()
        rows = dict(source.rows)
        rows["usage"] = 0
        draws = Draws(parameters.seed)
        for month in Window.of(parameters).months:
            written = _write_days(
                connection, draws, scratch.path("usage", month), source.path("usage", month), file_format
            )
            rows["usage"] += written
            say(f"usage {label(month)}: {written:,} rows")
        source.close()
        if parameters.history != History():
            rows |= forget(parameters, connection, source)
            say("history forgotten")
        if parameters.dirt:
            soil(parameters, connection, source, folder / "truth")
            say("dirt added")
    return rows


def _write_days(
    connection: duckdb.DuckDBPyConnection, draws: Draws, parameters_file: Path, target: Path, file_format: FileFormat
) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    query = usage.daily_sql(draws, f"read_parquet('{parameters_file}')")
    options = "format parquet, compression zstd" if file_format == "parquet" else "format csv, header"
    copied = connection.execute(f"copy ({query}) to '{target}' ({options})").fetchone()
    parameters_file.unlink()
    return int(copied[0]) if copied else 0


def _chunk(
    parameters: SimulationParameters,
    start: int,
    stop: int,
    connection: duckdb.DuckDBPyConnection,
    source: Writer,
    planted: Writer,
    scratch: Writer,
) -> None:
    """Write everything but the days of usage of the customers start to stop - 1."""
    window, draws, prices = Window.of(parameters), Draws(parameters.seed), PriceList.of(parameters)
    customers = populate(parameters, draws, start, stop)
    lifetimes = live(parameters, draws, customers, window)
    light = archetype_names(parameters).index("light")
    contracts = sign(parameters, draws, customers, lifetimes, window, prices, light)
    source.write("customers", sources.customer_rows(parameters, draws, customers, lifetimes))
    states = dated_states(contracts, window)
    source.write("contracts", sources.contract_rows(parameters, customers, contracts, states, prices, draws))

    profiles = usage.profile(parameters, draws, customers, lifetimes, contracts, prices)
    lines = contracts.take(prices.family[contracts.plan] == "internet")
    pending: billing.Invoices | None = None
    bills: list[billing.Invoices] = []
    for month in window.months:
        used = usage.month_parameters(parameters, draws, window, profiles, prices, month)
        scratch.write("usage", used, month)
        contacts, complaining, complaint_day = care.interactions(parameters, draws, customers, lifetimes, window, month)
        source.write("interactions", contacts, month)
        source.write("service_quality", care.outages(parameters, draws, customers, lines, month), month)
        parts = [
            billing.recurring(parameters, customers, contracts, prices, window, month),
            billing.goodwill(parameters, draws, customers, complaining, complaint_day, window, month),
        ]
        invoices = billing.join(parts if pending is None else [*parts, pending])
        source.write("invoices", billing.invoice_table(parameters, customers, invoices), month)
        bills.append(invoices)
        charges = billing.call_charges(parameters, draws, contracts, prices, month)
        charges = charges + _overage(connection, draws, profiles, prices, used, contracts.number, month)
        pending = billing.usage_charges(customers, contracts, charges, window, month)
    invoices = billing.join(bills)
    payments = billing.pay(parameters, draws, customers, lifetimes, invoices, window)
    for month, table in billing.payment_tables(parameters, customers, invoices, payments):
        source.write("payments", table, month)

    planted.write("customers", truth.customer_table(parameters, customers, lifetimes))
    planted.write(
        "states", truth.state_table(parameters, draws, customers, lifetimes, contracts, profiles, prices, window)
    )


def _overage(
    connection: duckdb.DuckDBPyConnection,
    draws: Draws,
    profiles: usage.Profiles,
    prices: PriceList,
    used: pa.Table,
    numbers: np.ndarray,
    month: int,
) -> np.ndarray:
    """Return each contract's charge for the metered volume beyond its cap."""
    charge = np.zeros(len(numbers))
    limited = usage.capped(prices, profiles, month)
    capped = profiles.contracts.number[limited]
    rows = used.filter(pa.array(np.isin(used["contract"].to_numpy(), capped)))
    if rows.num_rows:
        metered = usage.metered_gb(connection, draws, rows)
        position = np.searchsorted(profiles.contracts.number, metered["contract"])
        plan = profiles.contracts.plan_in(month)[position]
        excess = np.maximum(metered["gb"] - prices.cap_gb[plan], 0.0) * prices.overage[plan]
        charge[np.searchsorted(numbers, metered["contract"])] = excess
    return charge
