"""Spellings of one address become one key, and neighbours stay apart."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.homes.addresses import INPUT, PARTS, address_parts
from tests.models.planted_addresses import pair_quality, planted_addresses

SAME = {
    "German": (
        ("Hauptstr. 5", "10115", "DE"),
        ("HAUPT-STRASSE  5", "D-10115", "DE"),
        ("Hauptstraße 5, 10115 Berlin", None, "DE"),
        ("10115 Berlin, Hauptstraße 5", None, "de"),
        ("Hauptstraße Nr. 05", " 10115 ", "DE"),
    ),
    "German with unit and umlaut": (
        ("Müllerstr. 5a Whg. 3", "10115", "DE"),
        ("Muellerstraße 5 A, Wohnung Nr. 3", "10115", "DE"),
        ("MULLERSTRASSE 5A // APP. 3", "10115", "DE"),
    ),
    "American": (
        ("12 Main St., Apt 4", "62701", "US"),
        ("12 MAIN STREET APT 4", "62701-1234", "US"),
        ("12 Main St #4, Springfield, IL 62701", None, "US"),
        ("12 Main St., Apt 4, 62701, Springfield", "62701", "US"),
        ("Apt4, 12 Main Street", "62701", "US"),
        ("12 main st unit 4", "62701", "USA"),
    ),
    "American, unit about the postal code": (
        ("12 Main St Apt 4", "62701", "US"),
        ("12 Main St, Apt 4 62701", "62701", "US"),
        ("12 Main St, 62701 Springfield, Apt 4", "62701", "US"),
        ("12 Main St, Apt 4, Springfield 62701-1234", "62701", "US"),
        ("12 Main St 62701 Apt 4", "62701", "US"),
    ),
    "American, named like parts of a house": (("12 Tower Road", "62701", "US"), ("12 TOWER RD", "62701", "US")),
    "American, mountain": (("12 Mt Vernon Ave", "62701", "US"), ("12 Mount Vernon Avenue", "62701", "US")),
    "a code as short as a house number": (("101 Main St", "101", None), ("101 MAIN STREET", "101", None)),
    "floors": (("Hauptstr. 5, 2. OG", "10115", "DE"), ("Hauptstraße 5 2. Stock", "10115", "DE")),
    "American, floor": (("12 Oak Ave Fl 2", "62701", "US"), ("12 Oak Avenue, 2nd Floor", "62701", "US")),
    "American, numbered street": (("12 Fifth Ave", "10001", "US"), ("12 5th Avenue", "10001", "US")),
    "American, direction": (("12 N. Main St", "10001", "US"), ("12 North Main Street", "10001", "US")),
    "American, two units": (
        ("12 Oak Avenue Ste 200 Rm 3", "10001", "US"),
        ("12 OAK AVE, SUITE 200, ROOM 3", "10001", "US"),
    ),
    "British": (
        ("Flat 4, 12 High Street", "SW1A 1AA", "GB"),
        ("12 High St, Flat 4, London SW1A1AA", None, "UK"),
    ),
    "British, flat with a letter before the number of the house": (
        ("FLAT A 23 ACORN ROAD", "LS1 1FJ", "GB"),
        ("23 Acorn Rd, Flat A", "LS11FJ", "GB"),
        ("Flat no. A, 23 Acorn Road", "LS1 1FJ", "GB"),
    ),
    "British, flat that is a floor": (
        ("FIRST FLOOR FLAT 70 ACORN ROAD", "LS2 1AB", "GB"),
        ("1st Floor Flat, 70 Acorn Rd", "LS2 1AB", "GB"),
        ("70 Acorn Road, First Floor", "LS2 1AB", "GB"),
        ("FLAT FIRST FLOOR FLAT 70 ACORN ROAD", "LS2 1AB", "GB"),
    ),
    "British, ground floor": (
        ("GROUND FLOOR FLAT 70 ACORN ROAD", "LS2 1AB", "GB"),
        ("70 Acorn Rd, ground floor flat", "LS2 1AB", "GB"),
    ),
    "British, named house": (("Ivy Cottage, Moor Road", "LS3 1DD", "GB"), ("IVY COTTAGE MOOR RD.", "LS31DD", "GB")),
    "Spanish with floor": (("Calle Mayor 5, piso 3", "28013", "ES"), ("C/ Mayor 5, 3º piso", "28013", "ES")),
    "Australian": (("4/12 Smith St", "2000", "AU"), ("Unit 4, 12 Smith Street", "2000", "AU")),
    "Austrian": (("Mariahilferstr. 12/3", "1060", "AT"), ("Mariahilfer Straße 12 Top 3", "A-1060", "AT")),
    "Austrian with staircase": (
        ("Mariahilferstr. 12/2/7", "1060", "AT"),
        ("Mariahilfer Strasse 12, Stiege 2, Tür 7", "1060", "AT"),
    ),
    "French": (("12 bis, r. de la Paix", "75002", "FR"), ("12bis rue de la Paix", "75002", "FR")),
    "Polish": (("ul. Długa 5/3", "00-238", "PL"), ("ulica Dluga 5 m. 3", "00238", "PL")),
    "Dutch": (("Kerkstraat 12", "1012 NX", "NL"), ("KERKSTR. 12", "1012nx", "NL")),
    "Russian": (("ул. Ленина 5, кв. 3", "101000", "RU"), ("UL. LENINA 5 KV 3", "101000", "RU")),
    "without postal codes": (("Sheikh Zayed Road 5, Dubai", None, "AE"), ("SHEIKH ZAYED RD. 5 DUBAI", "0", "AE")),
    "of an unknown country": (("Hauptstr. 5", "10115", None), ("Hauptstraße 5", "10115", "")),
}
APART = {
    "houses": (("Hauptstr. 5", "10115", "DE"), ("Hauptstr. 15", "10115", "DE"), ("Hauptstr. 5a", "10115", "DE")),
    "streets": (("Hauptstr. 5", "10115", "DE"), ("Hauptweg 5", "10115", "DE"), ("Hauptplatz 5", "10115", "DE")),
    "towns": (("Hauptstr. 5", "10115", "DE"), ("Hauptstr. 5", "10117", "DE"), ("Hauptstr. 5", "10115", "FR")),
    "units": (
        ("12 Main St", "62701", "US"),
        ("12 Main St Apt 1", "62701", "US"),
        ("12 Main St Apt 11", "62701", "US"),
        ("12 Main St Fl 1", "62701", "US"),
        ("12 Main St Apt 1b", "62701", "US"),
    ),
    "units after the place": (
        ("12 Main St, 62701 Springfield, Apt B", "62701", "US"),
        ("12 Main St, 62701 Springfield, Apt C", "62701", "US"),
        ("12 Main St, 62701 Springfield", "62701", "US"),
    ),
    "units and codes": (("Hauptstr. 5, Whg. 3 10115", "10115", "DE"), ("Hauptstr. 5, Whg. 4 10115", "10115", "DE")),
    "house and unit changed about": (("Kalverstraat 12-3", "1012 NX", "NL"), ("Kalverstraat 3-12", "1012 NX", "NL")),
    "directions": (("12 N Main St", "62701", "US"), ("12 S Main St", "62701", "US"), ("12 Main St", "62701", "US")),
    "floors": (
        ("First Floor Flat, 70 Acorn Road", "LS2 1AB", "GB"),
        ("Second Floor Flat, 70 Acorn Road", "LS2 1AB", "GB"),
        ("Ground Floor Flat, 70 Acorn Road", "LS2 1AB", "GB"),
        ("70 Acorn Road", "LS2 1AB", "GB"),
    ),
    "staircases": (("Gasse 12/1/7", "1060", "AT"), ("Gasse 12/2/7", "1060", "AT"), ("Gasse 12/7", "1060", "AT")),
}
UNKEYED = (
    ("P.O. Box 12, Springfield", "62701", "US", "post_box"),
    ("Postfach 1234", "10115", "DE", "post_box"),
    ("BP 12", "75002", "FR", "post_box"),
    ("Hauptstr. 5", None, "DE", "no_postal_code"),
    ("Hauptstr. 5", "00000", "DE", "no_postal_code"),
    ("Hauptstr. 5", "n/a", None, "no_postal_code"),
    ("12 Main St", "627", "US", "no_postal_code"),
    ("a1" * 16, None, "DE", "no_postal_code"),
    ("unknown", "10115", "DE", "unreadable"),
    ("10115 Berlin", "10115", "DE", "unreadable"),
    ("Ivy Cottage, Moor Road", "10115", "DE", "unreadable"),
    ("Moor Road", "LS3 1DD", "GB", "unreadable"),
    ("12", "10115", "DE", "unreadable"),
    ("Hauptstr. 0", "10115", "DE", "unreadable"),
    ("   ", "10115", "DE", "unreadable"),
    (None, None, None, "unreadable"),
)


def _keys(rows) -> pd.Series:
    parts = address_parts(pd.DataFrame(rows, columns=list(INPUT)))
    assert (parts["address_status"] == "normal").all(), parts
    return parts["area"] + "|" + parts["street"] + "|" + parts["house_number"] + "|" + parts["unit"]


@pytest.mark.parametrize("rows", SAME.values(), ids=SAME)
def test_spellings_of_one_address_are_one(rows):
    assert len(set(_keys(rows))) == 1


@pytest.mark.parametrize("rows", APART.values(), ids=APART)
def test_neighbours_are_told_apart(rows):
    assert _keys(rows).is_unique, _keys(rows).tolist()


@pytest.mark.parametrize(("text", "code", "country", "status"), UNKEYED)
def test_what_is_no_dwelling_has_a_status_and_nothing_else(text, code, country, status):
    (row,) = address_parts(pd.DataFrame([(text, code, country)], columns=list(INPUT))).to_dict("records")
    assert row == {name: status if name == "address_status" else None for name in PARTS}


def test_a_pseudonym_is_compared_as_it_is_within_its_postal_code():
    rows = [("a1" * 16, "10115", "DE"), ("a1" * 16, "10117", "DE"), ("b2" * 16, "10115", "DE")]
    parts = address_parts(pd.DataFrame(rows, columns=list(INPUT)))
    assert (parts["address_status"] == "pseudonym").all()
    assert list(parts["street"]) == [row[0] for row in rows]
    assert list(parts["area"]) == ["DE 10115", "DE 10117", "DE 10115"]
    assert (parts["unit"] == "").all()


def test_no_addresses_give_no_parts_and_the_index_is_kept():
    empty = address_parts(pd.DataFrame(columns=list(INPUT)))
    assert list(empty.columns) == list(PARTS)
    assert empty.empty
    assert list(address_parts(pd.DataFrame([SAME["Dutch"][0]], columns=list(INPUT), index=[7])).index) == [7]


@pytest.mark.parametrize("country", ["DE", "US"])
def test_messy_spellings_of_planted_homes_are_found_together(country):
    addresses = planted_addresses(country, 2_000, typo_share=0.0)
    parts = address_parts(addresses)
    key = parts["area"] + "|" + parts["street"] + "|" + parts["house_number"] + "|" + parts["unit"]
    precision, recall = pair_quality(key, addresses["home"])
    _, recall_of_texts = pair_quality(addresses["postal_code"] + addresses["service_address"], addresses["home"])
    print(f"{country}: precision {precision:.4f}, recall {recall:.4f}; of the texts as they are {recall_of_texts:.3f}")
    assert precision >= 0.98
    assert recall >= 0.95
    assert recall_of_texts < 0.2


@given(
    st.lists(
        st.tuples(
            st.text(max_size=40) | st.none(),
            st.text(max_size=10) | st.none(),
            st.sampled_from(["DE", "US", "AT", "XX", "", None]),
        ),
        max_size=5,
    )
)
def test_any_text_gives_a_status_and_is_read_alone_as_among_others(rows):
    frame = pd.DataFrame(rows, columns=list(INPUT), dtype=object)
    parts = address_parts(frame)
    assert parts["address_status"].notna().all()
    for number in range(len(rows)):
        alone = address_parts(frame.iloc[[number]])
        pd.testing.assert_frame_equal(alone, parts.iloc[[number]])


@given(st.sampled_from([row for rows in (*SAME.values(), *APART.values()) for row in rows]), st.booleans())
def test_case_and_spaces_mean_nothing(row, upper):
    text, code, country = row
    other = (f"  {text.upper() if upper else text.lower()}  ".replace(" ", "  "), code, country)
    assert len(set(_keys([row, other]))) == 1
