"""Addresses as texts: every home has one, and each who writes it down writes it in his own way.

A postal code has a few streets whose names lie close together, houses told apart by a letter, and flats told apart by
their number alone, so that whoever takes the alike for the same is found out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.parameters import SimulationParameters
from simulator.population import Customers
from simulator.randomness import Draws, Flags, Integers
from simulator.write import texts

_HOMES_OF_A_CODE, _STREETS, _HOMES_OF_A_HOUSE = 100, 5, 4
_CODES = 20_000  # of a region; homes beyond them stand further down the same streets
_TYPO_KINDS = 3


@dataclass(frozen=True)
class _Style:
    """How addresses of a country are written; the first spelling of each list is the plain one."""

    names: tuple[str, ...]
    types: tuple[tuple[str, ...], ...]
    units: tuple[str, ...]
    number_first: bool
    glued: bool


_STYLES = {
    "DE": _Style(
        names=(
            "Haupt", "Bahnhof", "Garten", "Gärtner", "Schul", "Schüler", "Berg", "Burg", "Linden", "Lindner", "Müller",
            "Mühl", "Rosen", "Rösner", "Wald", "Wall", "Goethe", "Schiller", "Kirch", "Kirsch", "Wiesen", "Weiden",
            "Tannen", "Tauben", "Bach", "Buch", "Schloss", "Nord", "Süd", "Jäger", "Höhen", "Hafen",
        ),
        types=(("straße", "strasse", "str.", "str"), ("weg",), ("straße", "strasse", "str."), ("gasse",), ("allee",)),
        units=(", Whg. ", ", Wohnung ", " Whg ", ", Wohnung Nr. ", " WHG. ", ", App. "),
        number_first=False,
        glued=True,
    ),
    "US": _Style(
        names=(
            "Main", "Oak", "Oaks", "Maple", "Pine", "Vine", "Elm", "Elms", "Hill", "Mill", "Washington", "N Lake",
            "S Lake", "Park", "Clark", "Cedar", "2nd", "3rd", "22nd", "Martin Luther King Jr", "Lincoln", "Franklin",
            "River", "Rivers", "W Church", "E Church", "Sunset", "Spring", "Springer", "Walnut",
        ),
        types=(
            ("Street", "St", "St.", "ST"), ("Avenue", "Ave", "Ave.", "Av"), ("Road", "Rd", "Rd."), ("Drive", "Dr"),
            ("Boulevard", "Blvd", "Blvd."), ("Lane", "Ln"), ("Court", "Ct"),
        ),
        units=(" Apt ", ", Apt. ", " Apartment ", " #", ", Unit ", " APT "),
        number_first=True,
        glued=False,
    ),
}  # fmt: skip


def has_text(parameters: SimulationParameters, draws: Draws, customers: Customers) -> Flags:
    """Return whose address the provider keeps as a text instead of an identifier: some homes of persons."""
    share = parameters.addresses.text_share
    return customers.is_person & draws.flag("address is a text", customers.address_leader, share)


def postal_code_numbers(customers: Customers) -> Integers:
    """Return the postal code of each customer's home, by region."""
    return 10_000 + customers.region * _CODES + customers.address_leader // _HOMES_OF_A_CODE % _CODES


def address_texts(
    parameters: SimulationParameters, draws: Draws, customers: Customers, rows: Integers, writer: Integers, source: str
) -> pa.Array:
    """Return the address of the customers at ``rows``, each as its ``writer`` in that ``source`` wrote it."""
    settings = parameters.addresses
    style = _STYLES[settings.country]
    home = customers.address_leader[rows]
    house = home % _HOMES_OF_A_CODE // _HOMES_OF_A_HOUSE
    place = home % _HOMES_OF_A_HOUSE
    further = home // (_HOMES_OF_A_CODE * _CODES)
    code = postal_code_numbers(customers)[rows]
    number = 1 + house // _STREETS + code % 40 + 100 * further
    street = house % _STREETS
    # Large buildings have no units here: either nobody wrote them down, or each has an address of its own.
    is_flat = draws.flag("house of flats", code * _HOMES_OF_A_CODE + house, settings.flat_share)

    def written(stream: str, most: int) -> Integers:
        """Return the spelling that each writer uses, 0 for the plain one."""
        messy = draws.flag(f"{source} {stream} messy", writer, settings.mess)
        return np.where(messy, draws.integer(f"{source} {stream}", writer, 0, most - 1), 0)

    name = _names(style, draws, settings.typo_share, code + street, writer, source)
    kind = (code // 3 + street // 3) % len(style.types)  # neighbours in name are alike in type too
    spelling = written("type", 12)
    types = pa.array(
        [style.types[k][s % len(style.types[k])] for k, s in zip(kind.tolist(), spelling.tolist(), strict=True)],
        pa.string(),
    )
    road = pc.binary_join_element_wise(name, types, "" if style.glued else " ")
    letter = texts(np.where(is_flat, 4, place), ("a", "b", "c", "d", ""))
    gap = texts(np.where(is_flat, 0, written("gap", 2)), ("", " "))
    door = pc.binary_join_element_wise(pc.cast(pa.array(number), pa.string()), gap, letter, "")
    unit_word = texts(np.where(is_flat, written("unit", len(style.units)), len(style.units)), (*style.units, ""))
    unit = texts(np.where(is_flat, place, 4), ("1", "2", "3", "4", ""))
    first, second = (door, road) if style.number_first else (road, door)
    plain = pc.binary_join_element_wise(first, texts(written("space", 2), (" ", "  ")), second, unit_word, unit, "")
    case = written("case", 3)
    cased = pc.if_else(pa.array(case == 1), pc.utf8_upper(plain), plain)
    cased = pc.if_else(pa.array(case == 2), pc.utf8_lower(plain), cased)
    spelt_out = pc.replace_substring(pc.replace_substring(pc.replace_substring(cased, "ü", "ue"), "ä", "ae"), "ö", "oe")
    return pc.if_else(pa.array(written("umlaut", 2) == 1), spelt_out, cased)


def _names(
    style: _Style, draws: Draws, typo_share: float, position: Integers, writer: Integers, source: str
) -> pa.Array:
    names = texts(position % len(style.names), style.names)
    wrong = np.flatnonzero(draws.flag(f"{source} typo", writer, typo_share))
    if not len(wrong):
        return names
    kind = draws.integer(f"{source} typo kind", writer[wrong], 0, _TYPO_KINDS - 1)
    place = draws.uniform(f"{source} typo place", writer[wrong])
    values = np.array(names.to_pylist(), dtype=object)
    values[wrong] = [_mistyped(*each) for each in zip(values[wrong], kind.tolist(), place.tolist(), strict=True)]
    return pa.array(values, pa.string())


def _mistyped(name: str, kind: int, place: float) -> str:
    """Return the name with two letters swapped, one left out or one doubled, never the first; figures stay."""
    spots = [i for i in range(1, len(name) - 1) if name[i - 1 : i + 2].isalpha()]
    if not spots:
        return name
    at = spots[int(place * len(spots))]
    if kind == 0 and name[at] != name[at + 1]:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + name[at + 1 :] if kind == 1 else name[:at] + name[at] + name[at:]
