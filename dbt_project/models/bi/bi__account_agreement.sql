{{ published_rows(source('segments', 'account_agreement')) }}
