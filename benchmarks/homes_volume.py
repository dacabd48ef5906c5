"""Households and work at home of many customers, in the lake of the rules' benchmark."""

from typing import TYPE_CHECKING

from benchmarks.rules_volume import MONTHS, dbt
from orchestration.lake.warehouse import Warehouse
from orchestration.segments.candidate import Candidate
from orchestration.segments.steps.home_business import make_month
from orchestration.segments.tables import write_tables

if TYPE_CHECKING:
    from orchestration.settings import Settings

MODELS = ("household_members_as_of", "household_members", "households", "household_opportunities")
CANDIDATE = Candidate(f"{MONTHS[1]}.1", MONTHS[1], None, "")

_BEHAVIOR = """
    insert into segments.customer_behavior by name
    select $version as version_id, $day::date as as_of_date, customer_id, 'consumer' as population,
        'clustered' as behavior_status, 'consumer-' || hash(customer_id, 12) % 6 as cluster_id
    from raw.customers where customer_type = 'person'
"""
# Every tenth consumer has the traffic of a business, and half of those a mark of one.
_TRAFFIC = """
    insert into features.home_business_features by name
    select $day::date as as_of_date, customer_id, is_business, hash(customer_id, 13) % 100 = 0 as is_opted_out,
        is_like_one and hash(customer_id, 14) % 2 = 0 as has_tax_number,
        not is_business and hash(customer_id, if(is_like_one, 22, 23)) % if(is_like_one, 5, 200) = 0 as
        is_provided_by_employer,
        is_like_one and hash(customer_id, 15) % 3 = 0 as has_static_ip, hash(customer_id, 16) % 12 = 0 as
        has_second_line, (60 + hash(customer_id, 17) % 32)::integer as usage_days_3m,
        if(is_like_one, 0.18, 0.06) + (hash(customer_id, 18) % 1000) / 1e4 as upload_share_3m,
        if(is_like_one, 0.5, 1.0) + (hash(customer_id, 19) % 1000) / 2e3 as weekend_day_ratio_3m,
        if(is_like_one, 0.35, 0.10) + (hash(customer_id, 20) % 1000) / 5e3 as business_hours_share_3m
    from (
        select customer_id, customer_type = 'organization' as is_business,
            customer_type = 'organization' or hash(customer_id, 21) % 10 = 0 as is_like_one
        from raw.customers where hash(customer_id, 1) % 8 > 0
    )
"""


def prepare(settings: "Settings") -> None:
    """Add what households and work at home are made of to a lake that `rules_volume.prepare` has made."""
    with Warehouse(settings.warehouse).writer() as connection:
        connection.execute(_BEHAVIOR, {"day": MONTHS[1], "version": CANDIDATE.version_id})
        connection.execute(_TRAFFIC, {"day": MONTHS[1]})


def households(settings: "Settings") -> dict[str, float]:
    """Make households and their opportunities in one dbt run; return the seconds of each model."""
    return dbt(settings, "run", *MODELS)


def home_business(settings: "Settings") -> int:
    """Learn who works at home, score everybody and write it; return the rows written."""
    with Warehouse(settings.warehouse).writer() as connection:
        return write_tables(connection, CANDIDATE, make_month(connection, CANDIDATE, settings).tables)["home_business"]
