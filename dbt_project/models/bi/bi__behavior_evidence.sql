{{ published_rows(source('segments', 'behavior_evidence')) }}
