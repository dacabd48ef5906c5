"""Which relation fills which table of the contract, and which of its columns which column."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
from scipy.optimize import linear_sum_assignment

from orchestration.lake.contract import Column, Table
from orchestration.onboarding.init.discovery import Relation
from orchestration.onboarding.init.expressions import fit
from orchestration.onboarding.init.profiling import NEARLY_ALL, Profile, quoted
from orchestration.onboarding.init.vocabulary import name_score, table_score

# Below these a name, the values, or a whole table say too little to be written down.
_LEAST_NAME, _LEAST_FIT, _LEAST_TABLE = 0.6, 0.5, 0.42
_NAMED, _OF_ANOTHER_NAME = 0.95, 0.6
_MOST_KEYS = 5_000_000
_FEWEST_KEYS = 5


@dataclass
class Candidate:
    """A relation with its profiles; ``number`` names the sample of its values."""

    relation: Relation
    number: int
    profiles: Mapping[str, Profile]


@dataclass(frozen=True)
class Pair:
    """A source column for a contract column, and what speaks for it; ``overlap`` is the share of values found in the
    column it refers to.
    """

    source: str
    name: float
    fit: float
    is_rivalled: bool = False
    overlap: float | None = None
    by_values: bool = False


@dataclass
class TableMatch:
    """The relation that fills a table; ``others`` look like the same table."""

    table: Table
    candidate: Candidate
    score: float
    pairs: dict[str, Pair]
    is_shared: bool = False
    others: list[Candidate] = field(default_factory=list)


def match_tables(
    connection: duckdb.DuckDBPyConnection, contract: Mapping[str, Table], candidates: Sequence[Candidate]
) -> tuple[dict[str, TableMatch], list[Candidate]]:
    """Return the best relation of each table, and the relations that fill none.

    A table that nothing works without gets the best relation there is, even one that fills another table: exports of
    one flat file are common.
    """
    tables = list(contract.values())
    pairs = {(table.name, each.number): _pairs(table, each) for table in tables for each in candidates}
    scores = np.array(
        [[_score(table, each, pairs[table.name, each.number], contract) for each in candidates] for table in tables]
    )
    matches: dict[str, TableMatch] = {}
    used: set[int] = set()

    def take(row: int, position: int) -> None:
        table, chosen = tables[row], candidates[position]
        found = pairs[table.name, chosen.number]
        matches[table.name] = TableMatch(table, chosen, float(scores[row, position]), found, position in used)
        used.add(position)

    for row, position in _assigned(np.where(scores >= _LEAST_TABLE, scores, 0)):
        take(row, position)
    for row, table in enumerate(tables):
        position = int(np.argmax(scores[row]))
        found = pairs[table.name, candidates[position].number]
        if table.is_required and table.name not in matches and any(table.column(name).is_required for name in found):
            take(row, position)
    left = [candidate for position, candidate in enumerate(candidates) if position not in used]
    for candidate in left:
        position = candidates.index(candidate)
        row = int(np.argmax(scores[:, position]))
        if scores[row, position] >= _LEAST_TABLE and tables[row].name in matches:
            matches[tables[row].name].others.append(candidate)
    for table in tables:
        if table.name in matches:
            _look_up_references(connection, matches, table)
            _take_only_date(matches[table.name])
    return {table.name: matches[table.name] for table in tables if table.name in matches}, left


def _pairs(table: Table, candidate: Candidate) -> dict[str, Pair]:
    """Pair source columns with contract columns so that the sum of what speaks for the pairs is greatest."""
    profiles, columns = list(candidate.profiles.values()), table.columns
    if not profiles:
        return {}
    names = np.array([[name_score(each.name, table.name, column.name) for each in profiles] for column in columns])
    fits = np.array([[fit(table, column, each) for each in profiles] for column in columns])
    scores = np.where((names >= _LEAST_NAME) & (fits >= _LEAST_FIT), names * (0.4 + 0.6 * fits), 0)
    weights = np.array([[1.25 if column.is_required else 1.0] for column in columns])
    chosen = dict(_assigned(scores * weights))
    for row, column in enumerate(columns):
        # A plan's name is its code too, where there is no other.
        if column.is_required and column.default is None and row not in chosen and scores[row].any():
            chosen[row] = int(np.argmax(scores[row]))
    found = {}
    for row, column in enumerate(columns):
        if row in chosen:
            position = chosen[row]
            # Another column that says as much makes the choice a matter of chance.
            is_rivalled = bool((np.delete(scores[row], position) >= scores[row, position] - 0.02).any())
            found[column.name] = Pair(
                profiles[position].name, float(names[row, position]), float(fits[row, position]), is_rivalled
            )
    return found


def _assigned(scores: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of row and column of the greatest sum, without those that score nothing."""
    rows, positions = linear_sum_assignment(scores, maximize=True)
    return [(int(row), int(at)) for row, at in zip(rows, positions, strict=True) if scores[row, at] > 0]


def _score(table: Table, candidate: Candidate, pairs: Mapping[str, Pair], others: Collection[str]) -> float:
    required = [column for column in table.columns if column.is_required and column.default is None]
    covered = sum(pairs[column.name].name * pairs[column.name].fit for column in required if column.name in pairs)
    optional = sum(not table.column(name).is_required for name in pairs)
    names = candidate.relation.names
    called = max(table_score(names[:1], table.name), 0.8 * table_score(names[1:], table.name))
    # Contract and day are in every log: they are a table only with what it measures, or its name.
    if called < _LEAST_NAME and set(pairs) <= {*table.key, "customer_id", "contract_id"}:
        return 0.0
    score = 0.6 * covered / len(required) + 0.3 * called + 0.1 * min(1.0, optional / 5)
    # What is called invoices holds no balances, even where it has all that a balance needs.
    is_another = called < _LEAST_NAME and any(table_score(names[:1], other) >= _NAMED for other in others)
    return score * _OF_ANOTHER_NAME if is_another else score


def _look_up_references(connection: duckdb.DuckDBPyConnection, matches: Mapping[str, TableMatch], table: Table) -> None:
    """Confirm references by their values, or find the column whose values are the keys of the table referred to."""
    match = matches[table.name]
    for column in table.columns:
        parent = matches.get(column.references.table) if column.references else None
        key = parent.pairs.get(column.references.column) if parent and column.references else None
        if parent is None or key is None or parent.candidate is match.candidate:
            continue
        overlaps = _overlaps(connection, match.candidate, parent.candidate, key.source)
        chosen = match.pairs.get(column.name)
        if chosen and overlaps.get(chosen.source, 0.0) >= 0.5:
            match.pairs[column.name] = Pair(
                chosen.source, chosen.name, chosen.fit, chosen.is_rivalled, overlaps[chosen.source]
            )
        elif found := _by_values(match, column, overlaps):
            match.pairs[column.name] = Pair(found, 0.0, 1.0, overlap=overlaps[found], by_values=True)
        elif chosen:
            match.pairs[column.name] = Pair(
                chosen.source, chosen.name, chosen.fit, chosen.is_rivalled, overlaps.get(chosen.source, 0.0)
            )
    match.pairs = {name: match.pairs[name] for name in table.column_names if name in match.pairs}


def _take_only_date(match: TableMatch) -> None:
    """Pair the one required date that no name gives with the one column of dates that nothing else uses."""
    table, profiles = match.table, match.candidate.profiles
    missing = [
        column.name
        for column in table.columns
        if column.is_required and column.default is None and column.name not in match.pairs
        if column.data_type in {"date", "timestamp"}
    ]
    used = {pair.source for pair in match.pairs.values()}
    # Digits alone can be anything.
    dates = [
        name
        for name, profile in profiles.items()
        if name not in used and (profile.date_format or profile.time_format) and profile.integers < NEARLY_ALL
    ]
    if len(missing) == len(dates) == 1:
        (column,), (date,) = missing, dates
        pairs = match.pairs | {column: Pair(date, 0.0, 1.0, by_values=True)}
        match.pairs = {name: pairs[name] for name in table.column_names if name in pairs}


def _by_values(match: TableMatch, column: Column, overlaps: Mapping[str, float]) -> str | None:
    taken = {pair.source for name, pair in match.pairs.items() if name != column.name}
    found = sorted(
        (-overlap, name)
        for name, overlap in overlaps.items()
        if overlap >= 0.9 and name not in taken and match.candidate.profiles[name].distinct >= _FEWEST_KEYS
    )
    return found[0][1] if found else None


def _overlaps(connection: duckdb.DuckDBPyConnection, child: Candidate, parent: Candidate, key: str) -> dict[str, float]:
    """Return the share of the values of each column that are keys of the parent, all of it."""
    expression = parent.profiles[key].expression
    keys = f"_keys_{parent.number}_{list(parent.profiles).index(key)}"
    connection.execute(f"""
        create temp table if not exists {keys} as
        select distinct trim(cast({expression} as varchar)) as value from ({parent.relation.whole()}) limit {_MOST_KEYS}
    """)
    found = connection.execute(f"""
        select name, avg(cast(value in (from {keys}) as integer))
        from (select distinct name, value from _values_{child.number}) group by name
    """)
    return {name: float(share) for name, share in found.fetchall()}


def unused_columns(candidate: Candidate, matches: Sequence[TableMatch]) -> list[str]:
    """Return the columns of a relation that fill nothing."""
    used = {pair.source for match in matches if match.candidate is candidate for pair in match.pairs.values()}
    return [quoted(name)[1:-1] for name in candidate.profiles if name not in used]
