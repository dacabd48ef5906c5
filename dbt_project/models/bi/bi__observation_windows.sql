{{ published_rows(source('segments', 'observation_windows')) }}
