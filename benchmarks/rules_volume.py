"""Market and lifecycle of many customers: a lake with a base of them, and the models that decide by rules."""

import json
import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any

from orchestration.dagster_support.dbt import DBT, dbt_arguments, prepare_for_dbt
from orchestration.lake.migrations import migrate
from orchestration.lake.run_scope import set_scope
from orchestration.lake.warehouse import Warehouse, transaction
from orchestration.paths import PROJECT_DIR

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings

MONTHS = (date(2025, 11, 30), date(2025, 12, 31))
# What decides the two schemes, with what they are made of that nothing else builds.
MODELS = (
    *("customer_groups_as_of", "market_segments_as_of"),
    *("customer_market", "customer_lifecycle", "lifecycle_transitions"),
)

# One customer in ten is an organization, a third of those in groups up to five deep; hashes stand for chance.
RUN = "benchmark"
_CUSTOMERS = """
    insert into raw.customers by name
    select 'C' || lpad(i::varchar, 8, '0') as customer_id, if(i % 10 = 0, 'organization', 'person') as customer_type,
        date '2018-01-01' + (hash(i) % 2500)::integer as created_date,
        -- Two at an address mostly, and forty at every fiftieth.
        if(i // 40 % 50 = 0, 'B' || i // 40, 'S' || i // 2) as service_address_id,
        (1940 + hash(i, 1) % 65)::integer as birth_year, 'region ' || hash(i, 2) % 12 as region,
        if(i % 10 = 0 and hash(i, 3) % 3 = 0 and i % 100000 >= 20,
            'C' || lpad((i // 100000 * 100000 + i % 100000 // 20 * 10)::varchar, 8, '0'), null) as parent_customer_id,
        if(i % 40 = 1, 'C00000000', null) as employer_customer_id,
        if(i % 10 = 0 and hash(i, 4) % 4 > 0, (hash(i, 5) % 3000)::integer, null) as employee_count,
        if(i % 10 = 0 and hash(i, 6) % 3 > 0, hash(i, 7) % 2000000000, null) as annual_revenue,
        if(i % 10 = 0, 'NACE Rev. 2', null) as industry_scheme,
        if(i % 10 = 0, (10 + hash(i, 8) % 89) || '.' || (10 + hash(i, 9) % 90), null) as industry_code,
        if(i % 10 = 0, (['GmbH', 'Gemeinde', 'e.V.', 'Ltd', 'Universität'])[(1 + hash(i, 10) % 5)::integer], null)
            as legal_form
    from range($customers) as numbers(i)
"""
_CONTRACTS = """
    insert into raw.contracts by name
    select customer_id || '-' || number as contract_id, customer_id, created_date as start_date,
        created_date as valid_from_date, if(number = 2, 'TV', if(hash(customer_id) % 500 = 0, 'IP-TRANSIT', 'NET')) as
        product_code, if(number = 2, 'tv', 'internet') as product_family, 20 + hash(customer_id) % 60 as monthly_fee,
        if(hash(customer_id, 1) % 8 = 0, date '2025-06-01' + (hash(customer_id, 2) % 200)::integer, null) as end_date,
        'voluntary' as end_reason
    from raw.customers, unnest(if(hash(customer_id, 3) % 2 = 0, [1], [1, 2])) as contracts(number)
"""
_FEATURES = """
    insert into features.customer_features by name
    select customer_id, $day::date as as_of_date, customer_type, 'consumer' as market_segment,
        'consumer' as population, created_date as first_start_date, ($day::date - created_date)::integer as tenure_days,
        true as has_internet, hash(customer_id, 3) % 2 > 0 as has_tv, false as has_fixed_voice, false as has_mobile,
        false as has_cloud, false as has_security,
        created_date as spell_start_date, 1 as spells, hash(customer_id, 1) % 8 > 0 as is_open,
        if(hash(customer_id, 1) % 8 > 0, 1, 0) as open_contracts, (hash(customer_id, 4) % 200 = 0)::integer as
        suspended_contracts, if(hash(customer_id, 1) % 8 = 0, 20, null) as days_since_service_end,
        20 + hash(customer_id) % 60 as monthly_fee, 20 + hash(customer_id) % 63 as monthly_fee_3m_ago,
        0 as price_effect_3m,
        (hash(customer_id, 5) % 12)::decimal(18, 4) as monthly_discount,
        (hash(customer_id, 6) % 20)::integer as discount_months_left,
        (hash(customer_id, 7) % 24)::integer as commitment_months_left,
        (hash(customer_id, 8, $day) % 200) / 100.0 as usage_trend,
        (hash(customer_id, 9, $day) % 50)::integer as days_since_last_usage,
        (hash(customer_id, 10) % 70)::integer as overdue_days
    from raw.customers
"""
_VALUES = """
    insert into segments.customer_value by name
    select $version as version_id, $day::date as as_of_date, customer_id,
        (hash(customer_id, 11, $day) % 1000) / 2500.0 as churn_probability_3m,
        300 as past_value, 700 as future_value, 1000 as total_value, 15 as expected_monthly_margin,
        (hash(customer_id, 22) % 60)::double as expected_remaining_months
    from raw.customers where hash(customer_id, 1) % 8 > 0
"""


def prepare(settings: "Settings", customers: int) -> None:
    """Make a lake whose month before the last is segmented and published, and the last one ready to be."""
    with Warehouse(settings.warehouse).writer() as connection:
        migrate(connection)
        set_scope(connection, RUN, {MONTHS[0]: f"{MONTHS[0]}.1"})
    dbt(settings, "build")
    with Warehouse(settings.warehouse).writer() as connection:
        connection.execute(_CUSTOMERS, {"customers": customers})
        connection.execute(_CONTRACTS)
        for day in MONTHS:
            connection.execute(_FEATURES, {"day": day})
            connection.execute(_VALUES, {"day": day, "version": f"{day}.1"})
    dbt(settings, "run", "staging", "intermediate", *MODELS)
    with Warehouse(settings.warehouse).writer() as connection, transaction(connection):
        _publish(connection)
        set_scope(connection, RUN, {MONTHS[1]: f"{MONTHS[1]}.1"})
    dbt(settings, "run", "months", "contract_months", "contracts_as_of", "demographics_as_of")


def dbt(settings: "Settings", command: str, *models: str) -> dict[str, float]:
    """Run a dbt command and return the seconds of each model.

    Raises:
        RuntimeError: dbt failed; its output is in the message.
    """
    target = prepare_for_dbt(settings, RUN)
    finished = subprocess.run(
        [
            DBT, *dbt_arguments(command, settings), *(["--select", *models] if models else ["--exclude", "source:raw"]),
            "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR), "--target-path", str(target),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if finished.returncode:
        raise RuntimeError(finished.stdout + finished.stderr)
    results: list[dict[str, Any]] = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {each["unique_id"].split(".")[-1]: float(each["execution_time"]) for each in results}


def _publish(connection: "duckdb.DuckDBPyConnection") -> None:
    connection.execute(
        "insert into segments.versions (version_id, as_of_date, revision, status) values (?, ?, 1, 'published')",
        [f"{MONTHS[0]}.1", MONTHS[0]],
    )
