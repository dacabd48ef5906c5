{{ published_rows(source('segments', 'value_drift')) }}
