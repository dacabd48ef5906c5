{{ published_rows(source('segments', 'cluster_events')) }}
