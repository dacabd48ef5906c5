"""Who the customers are: market, firmographics, groups, households, buildings, archetype and home business.

Every block of one thousand customers holds the same mix, so links (parent, employer, household) stay inside a block
and can be computed from the customer's number alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.parameters import SimulationParameters
from simulator.randomness import Draws, Flags, Floats, Integers

SEGMENTS = (
    "consumer", "employee", "small_business", "medium_business", "enterprise", "education", "government",
    "wholesale", "unclassified_business",
)  # fmt: skip
(CONSUMER, EMPLOYEE, SMALL, MEDIUM, ENTERPRISE, EDUCATION, GOVERNMENT, WHOLESALE, UNCLASSIFIED) = range(9)
MARKETS = ("consumer", "business", "public", "wholesale")
MARKET_OF_SEGMENT = np.array([0, 0, 1, 1, 1, 2, 2, 3, 1])
HOME_BUSINESS = ("none", "nanobusiness", "home_worker")
DECOYS = ("none", "student", "gamer", "streamer", "hobby_uploader")
MAIN_FAMILIES = ("internet", "mobile", "fixed_voice", "wholesale")
REGIONS = (("north", 53.6, 10.0), ("west", 51.2, 6.9), ("central", 50.1, 8.7), ("south", 48.1, 11.6))
METHODS = ("direct_debit", "card", "transfer", "cash")

_BLOCK = 1_000
_STRIDE = 389  # coprime to the block, so that neighbours in number are strangers in role
_STRIDE_INVERSE = pow(_STRIDE, -1, _BLOCK)
NONE = -1


@dataclass(frozen=True)
class Customers:
    """One chunk of customers, a vector per attribute; link attributes hold customer numbers or -1."""

    number: Integers
    segment: Integers
    market: Integers
    archetype: Integers
    main_family: Integers
    home_business: Integers
    decoy: Integers
    household: Integers
    building: Integers
    building_has_units: Flags
    address_leader: Integers
    parent: Integers
    employer: Integers
    employees: Floats
    revenue: Floats
    public_sector: Flags
    education: Flags
    reseller: Flags
    need: Integers
    served_by: Integers
    industry: Integers
    legal_form: Integers
    region: Integers
    method: Integers
    late_chance: Floats
    has_tax_number: Flags

    def __len__(self) -> int:
        """Return the number of customers in the chunk."""
        return len(self.number)

    @property
    def is_person(self) -> Flags:
        """Consumers and employees; everybody else is an organization."""
        return self.segment <= EMPLOYEE


INDUSTRIES = (
    "47.11", "47.71", "56.10", "55.10", "62.01", "62.02", "69.10", "69.20", "70.22", "43.21", "86.21", "25.62",
    "28.10", "64.19", "84.11", "85.31", "85.42", "61.10",
)  # fmt: skip
_COMMERCIAL, _GOVERNMENT_CODE, _SCHOOL_CODE, _TELECOM_CODE = 14, 14, 15, 17
LEGAL_FORMS = ("sole_trader", "partnership", "limited_company", "stock_company", "public_body", "association")


def archetype_names(parameters: SimulationParameters) -> tuple[str, ...]:
    """Return every archetype: consumers', businesses', and `none` for customers without a fixed line."""
    return (*parameters.usage.consumer, *parameters.usage.business, "none")


def roles(parameters: SimulationParameters) -> NDArray[np.int64]:
    """Return the segment of each of the thousand positions of a block, consumers first."""
    mix = parameters.mix
    counts = [round(getattr(mix, name) * _BLOCK) for name in SEGMENTS[1:]]
    return np.repeat(np.arange(len(SEGMENTS)), [_BLOCK - sum(counts), *counts])


def _number_at(block: Integers, position: Integers | int) -> Integers:
    """Return the customer number at a position of a block (the inverse of `_position`)."""
    return block * _BLOCK + ((np.asarray(position) - block * 211) * _STRIDE_INVERSE) % _BLOCK


def _position(number: Integers) -> Integers:
    return ((number % _BLOCK) * _STRIDE + (number // _BLOCK) * 211) % _BLOCK


def _homes(
    parameters: SimulationParameters, position: Integers, block: Integers
) -> tuple[Integers, Integers, Flags, Integers, Flags]:
    """Return household leader, building, whether units are known, address leader and second-line flag."""
    mix = parameters.mix
    pairs_end = 2 * mix.household_pairs
    triples_end = pairs_end + 3 * mix.household_triples
    no_units_end = triples_end + mix.building_residents
    units_end = no_units_end + mix.building_residents
    leader = position.copy()
    in_pair = position < pairs_end
    in_triple = (position >= pairs_end) & (position < triples_end)
    leader[in_pair] -= position[in_pair] % 2
    leader[in_triple] -= (position[in_triple] - pairs_end) % 3
    shared = in_pair | in_triple
    household = np.where(shared, _number_at(block, leader), NONE)
    without_units = (position >= triples_end) & (position < no_units_end)
    with_units = (position >= no_units_end) & (position < units_end)
    building = np.where(without_units, block * 2, np.where(with_units, block * 2 + 1, NONE))
    address_leader = np.where(without_units, _number_at(block, triples_end), _number_at(block, leader))
    return household, building, with_units, address_leader, shared & (leader != position)


def _archetypes(
    parameters: SimulationParameters, draws: Draws, number: Integers, segment: Integers, has_line: Flags
) -> Integers:
    names = archetype_names(parameters)
    consumer = [archetype.share for archetype in parameters.usage.consumer.values()]
    business = [archetype.share for archetype in parameters.usage.business.values()]
    person = draws.pick("archetype", number, consumer)
    firm = len(consumer) + draws.pick("archetype", number, business)
    if "daytime_worker" in names:
        worker = (segment == EMPLOYEE) & draws.flag("employee works at home", number, 0.75)
        person = np.where(worker, names.index("daytime_worker"), person)
    if "office" in names:
        office = np.isin(segment, (GOVERNMENT, EDUCATION, ENTERPRISE)) & draws.flag("office", number, 0.7)
        firm = np.where(office, names.index("office"), firm)
    drawn = np.where(segment <= EMPLOYEE, person, firm)
    return np.where(has_line & (segment != WHOLESALE), drawn, len(names) - 1)


def _home_business(
    parameters: SimulationParameters, draws: Draws, number: Integers, segment: Integers, archetype: Integers
) -> tuple[Integers, Integers]:
    names = archetype_names(parameters)
    uniform = draws.uniform("home business", number)
    label = np.zeros(len(number), dtype=np.int64)
    for name, (nano, worker) in parameters.home_business.shares.items():
        has_it = (archetype == names.index(name)) & (segment == CONSUMER)
        label[has_it & (uniform < nano)] = 1
        label[has_it & (uniform >= nano) & (uniform < nano + worker)] = 2
    # Persons with an employer's access who are at their desk all day do work at home.
    label[(segment == EMPLOYEE) & (archetype == names.index("daytime_worker"))] = 2
    decoy = np.zeros(len(number), dtype=np.int64)
    for code, (name, (kind, share)) in enumerate(parameters.home_business.decoys.items(), start=1):
        alike = (label == 0) & (archetype == names.index(kind)) & (segment == CONSUMER)
        decoy[alike & draws.flag(f"decoy {name}", number, share)] = code
    return label, decoy


def _firmographics(draws: Draws, number: Integers, segment: Integers) -> tuple[Floats, Floats]:
    """Return employees and annual revenue, NaN where unknown; both always agree on the segment."""
    bounds = {
        SMALL: (1, 99, 7, 1.1),
        MEDIUM: (100, 999, 240, 0.6),
        ENTERPRISE: (1000, 60000, 2800, 0.8),
        EDUCATION: (15, 4000, 90, 0.9),
        GOVERNMENT: (10, 6000, 150, 1.0),
        WHOLESALE: (10, 900, 60, 0.8),
    }
    revenue_bounds = {SMALL: (3e4, 4.5e7), MEDIUM: (1e7, 9e8), ENTERPRISE: (1.05e9, 5e10)}
    employees = np.full(len(number), np.nan)
    revenue = np.full(len(number), np.nan)
    for code, (low, high, median, spread) in bounds.items():
        rows = segment == code
        ids = number[rows]
        staff = np.round(np.clip(median * np.exp(spread * draws.normal("employees", ids)), low, high))
        turnover = staff * 140_000 * np.exp(0.5 * draws.normal("revenue", ids))
        lowest, highest = revenue_bounds.get(code, (1e5, 4e8))
        turnover = np.round(np.clip(turnover, lowest, highest), -3)
        # One of the two is often missing, never both.
        unknown = draws.uniform("firmographics missing", ids)
        employees[rows] = np.where(unknown < 0.10, np.nan, staff)
        revenue[rows] = np.where((unknown >= 0.10) & (unknown < 0.40), np.nan, turnover)
    return employees, revenue


def _links(
    parameters: SimulationParameters, draws: Draws, number: Integers, segment: Integers, position: Integers
) -> tuple[Integers, Integers]:
    """Return parent and employer: an enterprise of the same block, or the medium businesses as employers."""
    role = roles(parameters)
    block = number // _BLOCK
    enterprises = np.flatnonzero(role == ENTERPRISE)
    employers = np.flatnonzero((role == ENTERPRISE) | (role == MEDIUM))
    parent = np.full(len(number), NONE)
    employer = np.full(len(number), NONE)
    if len(enterprises):
        in_group = ((segment == SMALL) & draws.flag("in a group", number, 0.04)) | (
            (segment == MEDIUM) & draws.flag("in a group", number, 0.25)
        )
        # The second enterprise of a block belongs to the first: groups are more than one level deep.
        in_group |= position == (enterprises[1] if len(enterprises) > 1 else NONE)
        chosen = enterprises[draws.integer("parent", number, 0, min(1, len(enterprises) - 1))]
        chosen = np.where(segment == ENTERPRISE, enterprises[0], chosen)
        parent = np.where(in_group, _number_at(block, chosen), NONE)
    if len(employers):
        chosen = employers[draws.integer("employer", number, 0, len(employers) - 1)]
        employer = np.where(segment == EMPLOYEE, _number_at(block, chosen), NONE)
    exists = parameters.customers
    return np.where(parent < exists, parent, NONE), np.where(employer < exists, employer, NONE)


def _needs(
    parameters: SimulationParameters, draws: Draws, number: Integers, segment: Integers, staff: Floats, revenue: Floats
) -> Integers:
    """Return the need of each mid-size company, -1 for everybody else; it has nothing to do with size."""
    fewest, most = parameters.mid_band.employees
    is_middle = np.where(
        np.isnan(staff), revenue >= parameters.mid_band.least_revenue, (staff >= fewest) & (staff <= most)
    )
    is_middle &= np.isin(segment, (SMALL, MEDIUM))
    drawn = draws.pick("need", number, [need.share for need in parameters.mid_band.needs.values()])
    return np.where(is_middle, drawn, NONE)


def _served_by(parameters: SimulationParameters, draws: Draws, number: Integers, segment: Integers) -> Integers:
    """Return the reseller of the same block that serves an organization, if any does; -1 where it is not known."""
    wholesale = np.flatnonzero(roles(parameters) == WHOLESALE)
    if not len(wholesale):
        return np.full(len(number), NONE)
    chosen = wholesale[draws.integer("reseller of", number, 0, len(wholesale) - 1)]
    reseller = _number_at(number // _BLOCK, chosen)
    known = (segment >= SMALL) & (segment != WHOLESALE) & (reseller < parameters.customers)
    known &= _is_reseller(draws, reseller) & draws.flag("reseller known", number, parameters.mid_band.reseller_known)
    return np.where(known, reseller, NONE)


def _is_reseller(draws: Draws, number: Integers) -> Flags:
    return draws.flag("reseller", number, 0.5)


def populate(parameters: SimulationParameters, draws: Draws, start: int, stop: int) -> Customers:
    """Return the customers numbered start to stop - 1."""
    number = np.arange(start, stop, dtype=np.int64)
    block = number // _BLOCK
    position = _position(number)
    segment = roles(parameters)[position]
    household, building, with_units, address_leader, second_line = _homes(parameters, position, block)

    mix = parameters.mix
    kind = draws.uniform("main family", number)
    family = np.select([kind < mix.mobile_only, kind < mix.mobile_only + mix.voice_only], [1, 2], 0)
    family = np.where(second_line & draws.flag("second line is mobile", number, 0.6), 1, family)
    family = np.where(segment == CONSUMER, family, np.where(segment == WHOLESALE, 3, 0))

    archetype = _archetypes(parameters, draws, number, segment, family == 0)
    home_business, decoy = _home_business(parameters, draws, number, segment, archetype)
    employees, revenue = _firmographics(draws, number, segment)
    parent, employer = _links(parameters, draws, number, segment, position)

    person = segment <= EMPLOYEE
    chance = parameters.home_business.tax_number
    by_label = np.array([chance[name] for name in HOME_BUSINESS])
    industry = draws.integer("industry", number, 0, _COMMERCIAL - 1)
    industry = np.where(segment == GOVERNMENT, _GOVERNMENT_CODE, industry)
    industry = np.where(segment == EDUCATION, _SCHOOL_CODE + draws.integer("school", number, 0, 1), industry)
    industry = np.where(segment == WHOLESALE, _TELECOM_CODE, industry)
    legal_form = draws.pick("legal form", number, (0.35, 0.15, 0.50))
    legal_form = np.where(np.isin(segment, (MEDIUM, WHOLESALE)), 2, legal_form)
    legal_form = np.where(segment == ENTERPRISE, 3, legal_form)
    legal_form = np.where(np.isin(segment, (GOVERNMENT, EDUCATION)), 4, legal_form)
    methods = [parameters.billing.methods[name] for name in METHODS]
    manual_late = np.clip(parameters.billing.late_mean * np.exp(0.8 * draws.normal("late", number) - 0.32), 0, 0.9)
    method = draws.pick("payment method", number, methods)
    return Customers(
        number=number,
        segment=segment,
        market=MARKET_OF_SEGMENT[segment],
        archetype=archetype,
        main_family=family,
        home_business=home_business,
        decoy=decoy,
        household=household,
        building=building,
        building_has_units=with_units,
        address_leader=address_leader,
        parent=parent,
        employer=employer,
        employees=employees,
        revenue=revenue,
        public_sector=segment == GOVERNMENT,
        education=segment == EDUCATION,
        reseller=(segment == WHOLESALE) & _is_reseller(draws, number),
        need=_needs(parameters, draws, number, segment, employees, revenue),
        served_by=_served_by(parameters, draws, number, segment),
        industry=industry,
        legal_form=legal_form,
        # Regions go by block of a hundred addresses, so that a household never spans two.
        region=draws.integer("region", address_leader, 0, len(REGIONS) - 1),
        method=method,
        late_chance=np.where(method >= 2, manual_late, 0.0),
        has_tax_number=np.where(person, draws.flag("tax number", number, by_label[home_business]), True),
    )
