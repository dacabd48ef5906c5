{{ settlement_entries_of(ref('bills'), ref('stg_payments'), ref('credit_notes')) }}
