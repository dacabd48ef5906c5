{{ published_rows(source('segments', 'endings_by_month')) }}
