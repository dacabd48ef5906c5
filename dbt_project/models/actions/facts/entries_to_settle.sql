{{ config(materialized='table') }}

{{ settlement_entries_of(ref('bills_to_settle'), ref('payments_to_settle'), ref('credit_notes')) }}
