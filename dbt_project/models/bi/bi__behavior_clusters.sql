{{ published_rows(source('segments', 'behavior_clusters')) }}
