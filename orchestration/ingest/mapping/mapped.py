"""What mapping passes to loading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.ingest.mapping.completeness import SourceText
from orchestration.ingest.mapping.conventions import AS_USUAL, Conventions


@dataclass(frozen=True)
class Mapped:
    """The rows of a source under the contract's names: a query, the type of each column, and the unused columns.

    ``source_columns`` are those of the source itself, before any expression, with their types. ``is_repeatable`` means
    that running the query again is cheap and returns the same rows. With a cursor the query also returns ``_cursor``.
    ``conventions`` say how values are written as text. If identifiers are pseudonymized, lines that could not be parsed
    may contain the originals, so their text is withheld. ``texts`` are the text files read.
    """

    sql: str
    types: Mapping[str, str]
    ignored: tuple[str, ...]
    is_repeatable: bool
    source_columns: Mapping[str, str] = field(default_factory=dict)
    has_cursor: bool = False
    conventions: Conventions = AS_USUAL
    is_pseudonymous: bool = False
    texts: Sequence[SourceText] = ()
