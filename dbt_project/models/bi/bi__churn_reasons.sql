{{ published_rows(source('segments', 'churn_reasons')) }}
