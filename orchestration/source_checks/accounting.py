"""Checks that every row read is accounted for."""

from orchestration.lake.contract import load_contract
from orchestration.lake.quarantine import commonest_reasons
from orchestration.source_checks.check import Check

TABLES = tuple(load_contract())

ACCOUNTING: tuple[Check, ...] = (
    Check(
        name="row_accounting",
        tables=TABLES,
        description="Accepted, quarantined and duplicate rows add up to the rows read, load by load, and the table and"
        " the quarantine hold exactly those.",
        # Rows of new loads are counted load by load; for older loads the sum suffices, as it costs nothing.
        sql="""
            with loads as (
                select * from ops.loads where source_table = '{table}'
            ),
            unbalanced as (
                select coalesce(sum(abs(rows_read - rows_accepted - rows_quarantined - rows_duplicate)), 0) as bad
                from loads
            ),
            stored as (
                select _load_id as load_id, count(*) as rows_stored from raw.{table}
                where _load_id > $last_load group by all
            ),
            misplaced as (
                select coalesce(sum(abs(
                    coalesce(loads.rows_accepted - loads.rows_superseded, 0) - coalesce(stored.rows_stored, 0)
                )), 0) as bad
                from (from loads where load_id > $last_load) as loads full join stored using (load_id)
            ),
            totals as (
                select
                    coalesce(sum(rows_read), 0) as rows_read, coalesce(sum(rows_accepted), 0) as rows_accepted,
                    coalesce(sum(rows_quarantined), 0) as rows_quarantined,
                    coalesce(sum(rows_duplicate), 0) as rows_duplicate,
                    coalesce(sum(rows_superseded), 0) as rows_superseded,
                    (select count(*) from raw.{table}) as rows_stored,
                    (select count(*) from ops.quarantine where source_table = '{table}') as rows_aside
                from loads
            )
            select
                greatest(
                    unbalanced.bad, misplaced.bad, abs(rows_accepted - rows_superseded - rows_stored),
                    abs(rows_quarantined - rows_aside)
                ) as value,
                totals.*
            from totals, unbalanced, misplaced
        """,
        says="{rows_accepted:,} accepted + {rows_quarantined:,} quarantined + {rows_duplicate:,} duplicate"
        " = {rows_read:,} read, {value:,} unaccounted for; {rows_stored:,} stored and {rows_superseded:,} superseded"
        " later, {rows_aside:,} in quarantine.",
        otherwise="No load is recorded.",
        remedy="This is an error of the pipeline: keep the lake as it is and report it.",
    ),
    Check(
        name="quarantine_share",
        tables=TABLES,
        description="Share of the rows read that are in quarantine: of the whole source, or of its worst recent day of"
        " loading, so that a bad night does not drown in years of good ones.",
        sql="""
            with days as (
                select cast(loaded_at as date) as day, sum(rows_read) as rows_read, sum(rows_quarantined) as rows_bad
                from ops.loads where source_table = '{table}' group by all
            ),
            judged as (
                select 'of all loads' as what, sum(rows_read) as rows_read, sum(rows_bad) as rows_bad from days
                union all
                select 'of those loaded on ' || day, rows_read, rows_bad
                from days
                where rows_read >= $day_rows and day > (select max(day) from days) - cast($recent_days as integer)
            )
            select rows_bad / rows_read as value, *
            from judged where rows_read > 0
            order by value desc nulls last, rows_read desc limit 1
        """,
        says="{value:.2%} of the rows read are in quarantine: {rows_bad:,} of {rows_read:,} {what}.",
        otherwise="Nothing was read.",
        remedy="'segmentation quarantine list --table {table}' shows them all. Fix the source or its mapping and load"
        " again, or raise sources.{table}.quarantine.max_share, or set its action to warn.",
        details=commonest_reasons,
    ),
)
