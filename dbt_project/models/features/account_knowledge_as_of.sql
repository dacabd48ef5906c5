{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- The latest value of each tag.
{{ latest_known(ref('stg_account_knowledge'), 'tag', 'tag_value', 'valid_from_date', ['recorded_by']) }}
