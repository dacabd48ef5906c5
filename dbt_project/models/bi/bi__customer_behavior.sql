{{ published_rows(source('segments', 'customer_behavior')) }}
