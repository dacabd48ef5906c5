"""``segmentation init``: a settings file for a folder of files or a database, guessed and commented.

The same input gives the same text. Guesses rest on names (``vocabulary.yaml``), on the values of a sample, and on
whether references are found; every line says how sure it is.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import duckdb

from orchestration.errors import SettingsError
from orchestration.lake.contract import load_contract
from orchestration.lake.warehouse import connect
from orchestration.onboarding.init.database import database_target, relations_in_database
from orchestration.onboarding.init.discovery import location_name, relations_in_folder
from orchestration.onboarding.init.drafting import GUESS, LIKELY, MISSING, SURE, Draft, conventions_of, draft
from orchestration.onboarding.init.known_exports import suggestions
from orchestration.onboarding.init.matching import Candidate, TableMatch, match_tables, unused_columns
from orchestration.onboarding.init.profiling import ISO, profile
from orchestration.onboarding.init.rendering import Document, LocationDraft, render

_PLAIN_FOLDERS = {"source", "sources", "data", "export", "exports", "files", "input", "raw", "csv"}


@dataclass(frozen=True)
class Drafted:
    """The text of a settings file, and for each table filled how many columns are sure, likely or guessed."""

    text: str
    certainties: Mapping[str, Mapping[str, int]]
    missing_tables: Sequence[str]
    variable: str | None

    certainties_named: ClassVar = (SURE, LIKELY, GUESS, MISSING)

    def next_steps(self, output: Path) -> list[str]:
        """Return what to do with the file, in order."""
        steps = [f"Wrote {output}."]
        if self.variable and self.variable not in os.environ:
            steps.append(
                f"Set {self.variable} in the environment to the connection string: it is a secret, not in the file."
            )
        if self.missing_tables:
            steps.append(
                f"Nothing looks like {' or '.join(self.missing_tables)}, which must be mapped: see the comments."
            )
        return [*steps, f"Read and fix it, then: segmentation check-sources --config {output}"]


def draft_settings(target: str, output: Path) -> Drafted:
    """Look at a folder or a database and write a settings file for it.

    Args:
        target: a folder, the file of a SQLite or DuckDB database, a connection string of PostgreSQL or MySQL, or
            ``${NAME}`` of an environment variable that holds one.
        output: where the file will be written; paths in it are relative to its folder where they can be.

    Raises:
        SettingsError: the target is neither.
        SourceError: it holds nothing that can be read.
    """
    contract = load_contract()
    base = Path.cwd() / output.parent
    folder = Path(target)
    unread: list[str] = []
    with (
        TemporaryDirectory(prefix="segmentation_") as temporary,
        connect() as connection,
    ):
        connection.execute("set timezone = 'UTC'")
        if folder.is_dir():
            name = _name_of(folder.resolve())
            relations, unread = relations_in_folder(connection, folder.resolve(), base.resolve(), Path(temporary))
            variable: str | None = None
        elif database := database_target(target, base.resolve()):
            name = database.name
            relations = relations_in_database(connection, database)
            variable = database.variable
        else:
            raise SettingsError(
                f"{target} is neither a folder, nor the file of a SQLite or DuckDB database, nor a connection string "
                "('postgres:dbname=… host=…', 'mysql:database=… host=…', or '${NAME}' of a variable that holds one)."
            )
        candidates = [
            Candidate(relation, number, profile(connection, relation, number))
            for number, relation in enumerate(relations)
        ]
        matches, left = match_tables(connection, contract, candidates)
        drafts, locations = _draft(connection, candidates, matches)
    document = Document(
        target=f"the database that {variable} opens" if variable else target,
        output=str(output),
        name=name,
        title=name.replace("_", " ").capitalize(),
        currency=_currency(matches.get("invoices")),
        locations=locations,
        drafts=drafts,
        absent_tables=[table for table_name, table in contract.items() if table_name not in matches],
        left=left,
        unread=unread,
        presets=suggestions(candidates),
        unused={
            name: unused_columns(match.candidate, list(matches.values()))
            for name, match in matches.items()
            if not match.is_shared
        },
    )
    certainties = {
        each.match.table.name: {
            certainty: sum(line.certainty == certainty for line in each.lines)
            for certainty in Drafted.certainties_named
        }
        for each in drafts
    }
    missing = [table.name for table in document.absent_tables if table.is_required]
    return Drafted(render(document), certainties, missing, variable)


def write_settings(drafted: Drafted, output: Path, *, force: bool = False) -> None:
    """Write the file.

    Raises:
        SettingsError: there is one, and ``force`` does not say to write over it; or its folder cannot be written to.
    """
    if output.exists() and not force:
        raise SettingsError(f"{output} exists. Choose another with --output FILE, or write over it with --force.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(drafted.text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}.") from error


def _draft(
    connection: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate], matches: Mapping[str, TableMatch]
) -> tuple[list[Draft], list[LocationDraft]]:
    drafts: list[Draft] = []
    locations: dict[str, LocationDraft] = {}
    by_table: dict[str, Draft] = {}
    for relation in (candidate.relation for candidate in candidates):
        if relation.location in locations:
            continue
        mine = [match for match in matches.values() if match.candidate.relation.location == relation.location]
        columns = [
            profile
            for candidate in candidates
            if candidate.relation.location == relation.location
            for profile in candidate.profiles.values()
        ]
        conventions = conventions_of(mine, columns)
        settings = dict(relation.settings)
        if conventions.decimal_separator != ".":
            settings["decimal_separator"] = conventions.decimal_separator
        if conventions.date_format != ISO:
            settings["date_format"] = conventions.date_format
        if conventions.time_format != ISO:
            settings["timestamp_format"] = conventions.time_format
        locations[relation.location] = LocationDraft(relation.location, settings, relation.notes)
        by_table |= {match.table.name: draft(connection, match, conventions) for match in mine}
    drafts = [by_table[name] for name in matches]
    return drafts, list(locations.values())


def _name_of(folder: Path) -> str:
    """Name a deployment by the folder, or by the one above where its name says nothing."""
    telling = folder.parent if folder.name.lower() in _PLAIN_FOLDERS and folder.parent.name else folder
    return location_name(telling.name, set())


def _currency(invoices: TableMatch | None) -> tuple[str, str]:
    pair = invoices.pairs.get("currency") if invoices else None
    if invoices and pair:
        common = invoices.candidate.profiles[pair.source].values[0]
        if len(common) == 3 and common.isupper() and common.isascii():
            return common, "likely: the commonest of the invoices"
    return "EUR", "guess: the default; write the currency that your amounts are in"
