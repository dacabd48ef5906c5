"""Published months compared with the published months before them.

A month opens with what the month before closes with: customers by lifecycle stage, and the total value. The opening
is stored with the version from which the month was made, so the two differ if that version was replaced by one with
other numbers and the month has not been remade.
"""

from dataclasses import dataclass
from datetime import date

import duckdb


@dataclass(frozen=True)
class Contradiction:
    """A published version whose opening differs from the closing of the published version before it.

    Attributes:
        version_id: the version that opens.
        before_id: the published version of the month before.
        as_of_date: of the version that opens.
        what: a lifecycle stage, or ``total value``.
        opened: customers, or the sum of value, in the version's opening.
        closed: the same in the closing of the version before.
    """

    version_id: str
    before_id: str
    as_of_date: date
    what: str
    opened: float
    closed: float

    def __str__(self) -> str:
        """Return the contradiction as a sentence."""
        opened, closed = (f"{amount:,.2f}".removesuffix(".00") for amount in (self.opened, self.closed))
        return f"{self.version_id} opens with {self.what} {opened}, {self.before_id} closes with {closed}"


def contradictions(connection: duckdb.DuckDBPyConnection) -> list[Contradiction]:
    """Return where published neighbors contradict each other, oldest month first; empty if all months agree.

    A version made when there was none of the month before has no opening and is not compared.
    """
    rows = connection.execute("""
        with neighbours as (
            select now.version_id, now.as_of_date, now.previous_version_id, before.version_id as before_id
            from segments.versions as now
            inner join segments.versions as before
                on before.as_of_date = last_day(now.as_of_date - interval 1 month) and before.status = 'published'
            where now.status = 'published' and now.previous_version_id is not null
        ),
        amounts as (
            select version_id, before_id, as_of_date, lifecycle_stage as what, opened, 0 as closed
            from neighbours inner join bi.lifecycle_stages using (version_id, as_of_date)
            union all
            select neighbours.version_id, before_id, neighbours.as_of_date, lifecycle_stage, 0, customers
            from neighbours inner join bi.lifecycle_stages as stages on neighbours.before_id = stages.version_id
            union all
            select version_id, before_id, as_of_date, 'total value', amount, 0
            from neighbours inner join bi.value_bridge using (version_id, as_of_date)
            where component = 'opening'
            union all
            select neighbours.version_id, before_id, neighbours.as_of_date, 'total value', 0, sum(total_value)
            from neighbours inner join bi.lifecycle_stages as stages on neighbours.before_id = stages.version_id
            group by all
        )
        select version_id, before_id, as_of_date, what, sum(opened), sum(closed)
        from amounts
        group by all having coalesce(sum(opened), 0) <> coalesce(sum(closed), 0)
        order by as_of_date, what
    """).fetchall()
    return [Contradiction(*row) for row in rows]
