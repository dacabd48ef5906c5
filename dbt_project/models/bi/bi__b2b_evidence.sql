{{ published_rows(source('segments', 'mid_band_evidence')) }}
