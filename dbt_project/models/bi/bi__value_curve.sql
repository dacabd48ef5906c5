{{ published_rows(source('segments', 'value_curve')) }}
