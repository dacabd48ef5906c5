{{ published_rows(source('segments', 'retention_curves')) }}
