"""Source rows of customers and contracts, as a provider's systems would export them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.addresses import address_texts, has_text, postal_code_numbers
from simulator.contracts import MOST_CONTRACTS, SALES_CHANNELS, Contracts, PriceList
from simulator.lifetimes import REASONS, Lifetimes
from simulator.parameters import SimulationParameters
from simulator.population import INDUSTRIES, LEGAL_FORMS, NONE, REGIONS, UNCLASSIFIED, Customers
from simulator.randomness import Draws, Integers
from simulator.states import STATUSES, DatedStates
from simulator.write import dates, money, numbers_or_null, text_ids, texts

_OCCUPATIONS = ("employed", "student", "retired", "self_employed", "unemployed")
_CHANNELS = ("phone", "email", "app", "letter")


def true_addresses(customers: Customers) -> pa.Array:
    """Return what identifies each customer's address: the unit is part of it, except where a building keeps none."""
    unknown_units = (customers.building >= 0) & ~customers.building_has_units
    plain = text_ids("A", np.where(customers.building >= 0, -1, customers.address_leader), 8)
    shared = text_ids("A9", np.where(unknown_units, customers.building, -1), 7)
    unit = np.where(customers.building_has_units, customers.building * 1000 + customers.number % 1000, -1)
    return pa.array(
        [
            a or b or c
            for a, b, c in zip(plain.to_pylist(), shared.to_pylist(), text_ids("A8", unit, 10).to_pylist(), strict=True)
        ],
        pa.string(),
    )


def customer_rows(
    parameters: SimulationParameters, draws: Draws, customers: Customers, lifetimes: Lifetimes
) -> pa.Table:
    """Return the customers' source rows."""
    number, person = customers.number, customers.is_person
    size = len(number)
    firm = ~person
    known_household = (customers.household >= 0) & draws.flag(
        "household known", np.maximum(customers.household, 0), parameters.mix.household_id_known
    )
    everybody = np.arange(size)
    is_text = has_text(parameters, draws, customers)
    base = np.array([[latitude, longitude] for _, latitude, longitude in REGIONS])[customers.region]
    latitude = base[:, 0] + 0.3 * draws.normal("latitude", customers.address_leader)
    longitude = base[:, 1] + 0.4 * draws.normal("longitude", customers.address_leader)
    student = customers.decoy == 1
    year = np.where(
        student, draws.integer("birth year", number, 1998, 2006), draws.integer("birth year", number, 1940, 2004)
    )
    occupation = np.where(student, 1, draws.pick("occupation", number, (0.58, 0.05, 0.22, 0.10, 0.05)))
    no_birth_year = firm | draws.flag("no birth year", number, 0.10)
    gender = draws.pick("gender", number, (0.49, 0.49, 0.02))
    # Evidence of a public body is not always the flag; the industry code is there instead.
    no_flag = draws.flag("flag missing", number, 0.15)
    unclassified = customers.segment == UNCLASSIFIED
    return pa.table(
        {
            "customer_id": text_ids("C", number, 8),
            "customer_type": texts(firm.astype(int), ("person", "organization")),
            "created_date": dates(lifetimes.order_date),
            "birth_year": pa.array(year, mask=no_birth_year).cast(pa.int32()),
            "gender": texts(np.where(person, gender, 3), ("female", "male", "other", None)),
            "occupation": texts(
                np.where(person & ~draws.flag("no occupation", number, 0.4), occupation, 5), (*_OCCUPATIONS, None)
            ),
            "household_id": text_ids("H", np.where(known_household, customers.household, -1), 8),
            "service_address_id": pc.if_else(pa.array(is_text), None, true_addresses(customers)),
            "service_address": pc.if_else(
                pa.array(is_text),
                address_texts(parameters, draws, customers, everybody, number, "customers"),
                None,
            ),
            "postal_code": text_ids("", postal_code_numbers(customers), 5),
            "region": texts(customers.region, tuple(name for name, _, _ in REGIONS)),
            "country": texts(np.zeros(size, dtype=int), (parameters.addresses.country,)),
            "latitude": np.round(latitude, 5),
            "longitude": np.round(longitude, 5),
            "parent_customer_id": text_ids("C", customers.parent, 8),
            "employer_customer_id": text_ids("C", customers.employer, 8),
            "employee_count": numbers_or_null(customers.employees, pa.int32()),
            "annual_revenue": numbers_or_null(customers.revenue, pa.float64()),
            "industry_code": texts(np.where(firm, customers.industry, len(INDUSTRIES)), (*INDUSTRIES, None)),
            "industry_scheme": texts(person.astype(int), ("NACE", None)),
            "legal_form": texts(
                np.where(firm & ~unclassified, customers.legal_form, len(LEGAL_FORMS)), (*LEGAL_FORMS, None)
            ),
            "is_public_sector": pa.array(customers.public_sector, mask=person | (customers.public_sector & no_flag)),
            "is_education": pa.array(customers.education, mask=person | (customers.education & no_flag)),
            "is_reseller": pa.array(customers.reseller, mask=person),
            "has_tax_number": customers.has_tax_number,
            "acquisition_channel": texts(
                draws.pick("acquisition", number, (0.4, 0.25, 0.2, 0.15)), ("online", "shop", "phone", "referral")
            ),
            "preferred_channel": texts(draws.pick("preferred channel", number, (0.3, 0.4, 0.25, 0.05)), _CHANNELS),
            "marketing_consent": draws.flag("consent", number, 0.62),
            "do_not_contact": draws.flag("do not contact", number, 0.03),
        }
    )


def _sites(
    parameters: SimulationParameters, draws: Draws, customers: Customers, rows: Contracts
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return identifier, text and postal code of each contract's address: the customer's, or a company's further site.

    A text is written again with every contract.
    """
    has_sites = np.array([*(need.sites != (1, 1) for need in parameters.mid_band.needs.values()), False])
    # Lines have the first slots, the one at the main address is number 0.
    further = has_sites[customers.need[rows.row]] & rows.is_line & (rows.number % MOST_CONTRACTS > 0)
    own = text_ids("S", np.where(further, rows.number, NONE), 10)
    is_text = pa.array(has_text(parameters, draws, customers)[rows.row])
    known = pc.if_else(is_text, None, true_addresses(customers).take(pa.array(rows.row)))
    written = address_texts(parameters, draws, customers, rows.row, rows.number, "contracts")
    codes = text_ids("", np.where(further, NONE, postal_code_numbers(customers)[rows.row]), 5)
    return pc.coalesce(own, known), pc.if_else(is_text, written, None), codes


def contract_rows(
    parameters: SimulationParameters,
    customers: Customers,
    contracts: Contracts,
    states: DatedStates,
    prices: PriceList,
    draws: Draws,
) -> pa.Table:
    """Return one source row for each dated state of a contract; the end stands on the row of the end only."""
    rows = contracts.take(states.contract)
    plan: Integers = rows.plan_in(states.month)
    ended = states.status == STATUSES.index("ended")
    plans = prices.plans
    address_ids, written, postal_codes = _sites(parameters, draws, customers, rows)
    by_reseller = rows.channel == SALES_CHANNELS.index("reseller")

    def numbers(name: str, kind: pa.DataType) -> pa.Array:
        values = np.array([np.nan if getattr(item, name) is None else getattr(item, name) for item in plans])
        return numbers_or_null(values[plan], kind)

    return pa.table(
        {
            "contract_id": text_ids("K", rows.number, 10),
            "valid_from_date": dates(states.valid_from),
            "customer_id": text_ids("C", customers.number[rows.row], 8),
            "product_code": texts(plan, tuple(item.code for item in plans)),
            "product_family": texts(plan, tuple(item.family for item in plans)),
            "start_date": dates(rows.start_date),
            "monthly_fee": money(rows.fee_in(states.month, prices, parameters)),
            "end_date": dates(np.where(ended, rows.end_date, 0)),
            "end_reason": texts(np.where(ended, rows.reason, len(REASONS)), (*REASONS, None)),
            "status": texts(states.status, STATUSES),
            "committed_until_date": dates(states.committed_until),
            "term_months": pa.array(rows.term).cast(pa.int32()),
            "discount_amount": money(rows.discount),
            "discount_until_date": dates(rows.discount_until),
            "plan_name": texts(plan, tuple(item.name for item in plans)),
            "service_address_id": address_ids,
            "service_address": written,
            "postal_code": postal_codes,
            "access_technology": texts(plan, tuple(item.technology for item in plans)),
            "download_mbps": numbers("download_mbps", pa.float64()),
            "upload_mbps": numbers("upload_mbps", pa.float64()),
            "data_cap_gb": numbers("cap_gb", pa.float64()),
            "has_static_ip": rows.has_static_ip,
            "sales_channel": texts(rows.channel, SALES_CHANNELS),
            "reseller_customer_id": text_ids("C", np.where(by_reseller, customers.served_by[rows.row], NONE), 8),
            "monthly_cost": money(prices.cost[plan]),
        }
    )
