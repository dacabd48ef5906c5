"""Published months held against the published months before them.

What a month opens with is what the month before closes with: customers by lifecycle stage, and the total value. Both
are stored with the version that the month was made on, so they part where that version was replaced by one of other
numbers and the month has not been made again.
"""

from dataclasses import dataclass
from datetime import date

import duckdb


@dataclass(frozen=True)
class Contradiction:
    """A published version that opens with something else than the published version before it closes with.

    Attributes:
        version_id: the version that opens.
        before_id: the published version of the month before.
        as_of_date: of the version that opens.
        what: a lifecycle stage, or ``total value``.
        opened: customers, or the sum of value, that the version opens with.
        closed: what the version before closes with.
    """

    version_id: str
    before_id: str
    as_of_date: date
    what: str
    opened: float
    closed: float

    def __str__(self) -> str:
        """Say it in a sentence."""
        opened, closed = (f"{amount:,.2f}".removesuffix(".00") for amount in (self.opened, self.closed))
        return f"{self.version_id} opens with {self.what} {opened}, {self.before_id} closes with {closed}"


def contradictions(connection: duckdb.DuckDBPyConnection) -> list[Contradiction]:
    """Return where published neighbours contradict each other, oldest month first; none where every month agrees.

    A version without one of the month before when it was made opens with nothing and is held against nothing.
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
