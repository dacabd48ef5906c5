{{ published_rows(source('segments', 'recorded_attributes')) }}
