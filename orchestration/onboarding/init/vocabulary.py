"""How alike the name of a source column is to a column of the contract: words, synonyms, spelling."""

import re
import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("vocabulary.yaml")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
# Units say how a value is converted, not what it means.
UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "bytes": 1.0}
RATES = {"bps": 1e-6, "kbps": 1e-3, "kbit": 1e-3, "mbps": 1.0, "mbit": 1.0, "gbps": 1e3, "gbit": 1e3}

SAME, SYNONYM, SAME_WORDS, SPELLING = 1.0, 0.95, 0.93, 0.9
_ALIKE = 0.87


@cache
def vocabulary() -> Mapping[str, Any]:
    """Read the words of ``vocabulary.yaml``."""
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))


@cache
def words(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words: ``kundenNr``, ``KUNDEN_NR`` and ``Kunden-Nr.`` are alike."""
    plain = unicodedata.normalize("NFKD", name.translate(_UMLAUTS)).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(re.findall(r"[a-z]+|\d+", spaced.lower()))


@cache
def synonyms(table: str, column: str) -> tuple[str, ...]:
    """Return the other names of a contract column."""
    known = vocabulary()["columns"]
    return tuple(known.get(table, {}).get(column, ())) + tuple(known["any"].get(column, ()))


@cache
def name_score(source: str, table: str, column: str) -> float:
    """Return from 0 to 1 how much the name of a source column speaks for a contract column."""
    # A nested field is known by its own name, or by that and its parent's.
    whole = (words(source), words(source.rsplit(".", 1)[-1]))
    candidates = set(whole)
    for given in whole:
        own = set(words(table)) | {word for name in vocabulary()["tables"].get(table, ()) for word in words(name)}
        if given and given[0] in own and len(given) > 1:
            candidates.add(given[1:])
        without_unit = tuple(word for word in given if word not in UNITS and word not in RATES)
        if without_unit != given and _has_unit(column):
            candidates.add(without_unit)
        candidates.add(tuple(vocabulary()["short"].get(word, word) for word in given))
    score = 0.0
    for given in filter(None, candidates):
        # What remains when a prefix or a unit is taken off says a little less than the whole name.
        share = 1.0 if given == words(source) else 0.97
        score = max(score, share * _likeness(given, words(column), SAME))
        for synonym in synonyms(table, column):
            score = max(score, share * _likeness(given, words(synonym), SYNONYM))
    return score


def table_score(names: tuple[str, ...], table: str) -> float:
    """Return from 0 to 1 how much the names of a file and its folders, or of a table, speak for a contract table."""
    known = [words(table), *(words(name) for name in vocabulary()["tables"].get(table, ()))]
    return max((_likeness(words(name), other, SAME) for name in names for other in known if words(name)), default=0.0)


def unit_factor(name: str, column: str) -> float | None:
    """Return what a value is multiplied by where the name of its column says another unit than the contract's."""
    factors = RATES if column.endswith("_mbps") else UNITS if column.startswith("bytes_") else {}
    found = [factors[word] for word in words(name) if word in factors]
    return found[0] if len(found) == 1 and found[0] != 1 else None


def _has_unit(column: str) -> bool:
    return column.endswith("_mbps") or column.startswith("bytes_")


def _likeness(given: tuple[str, ...], wanted: tuple[str, ...], full: float) -> float:
    if not given:
        return 0.0
    joined, other = "".join(given), "".join(wanted)
    if joined == other:
        return full
    if sorted(given) == sorted(wanted):
        return SAME_WORDS
    # "billing postal code" holds all of "postal code"; a single word inside a longer name says little.
    common = set(given) & set(wanted)
    overlap = 2 * len(common) / (len(set(given)) + len(set(wanted))) if len(wanted) > 1 or len(given) <= 2 else 0.0
    if common != set(wanted):
        overlap *= 0.8
    # Short words differ by one letter and mean something else.
    return max(0.85 * overlap, SPELLING * _spelling(joined, other) if min(len(joined), len(other)) > 5 else 0.0)


@cache
def _spelling(one: str, other: str) -> float:
    """Return how much of the letters two words share, 0 where it is too little to mean anything."""
    matcher = SequenceMatcher(None, one, other)
    # Upper bounds of the ratio, cheap to compute.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= _ALIKE else 0.0


@cache
def value_words(table: str, column: str) -> Mapping[str, str]:
    """Return which accepted value each known word of a column stands for, words joined by a space."""
    known = vocabulary()["values"].get(f"{table}.{column}", {})
    return {" ".join(words(word)): value for value, spelled in known.items() for word in [value, *spelled]}


@cache
def boolean_words() -> Mapping[str, bool]:
    """Return the words for true and false that DuckDB does not know."""
    return {word: truth for key, truth in (("yes", True), ("no", False)) for word in vocabulary()[key]}


def fill(table: str, column: str) -> tuple[str, str] | None:
    """Return SQL to write for a required column that no source column gives, and when it is right."""
    found = vocabulary()["fill"].get(f"{table}.{column}")
    return (found[0], found[1]) if found else None
