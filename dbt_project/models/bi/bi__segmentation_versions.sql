-- Late data affect the month in which they are dated and, through trailing windows and past value, later months.
with reached as (
    select distinct versions.version_id
    from {{ source('segments', 'versions') }} as versions
    inner join {{ source('ops', 'load_months') }} as months
        on
            months.load_id > versions.last_load_id
            and months.month_end_date <= versions.as_of_date
    where versions.status = 'published'
)

select
    versions.version_id,
    versions.as_of_date,
    versions.revision,
    versions.status,
    versions.created_at,
    versions.published_at,
    versions.run_id,
    versions.code_version,
    versions.settings_hash,
    versions.input_hash,
    versions.previous_version_id,
    versions.changes,
    versions.row_counts,
    versions.checks,
    versions.last_load_id,
    versions.confirmed_at,
    reached.version_id is not null as is_due_for_revision,
    evidence.value_basis,
    evidence.observation_decision,
    evidence.backtest_status,
    evidence.backtest_findings
from {{ source('segments', 'versions') }} as versions
left join reached
    on versions.version_id = reached.version_id
left join {{ source('segments', 'value_evidence') }} as evidence
    on versions.version_id = evidence.version_id
