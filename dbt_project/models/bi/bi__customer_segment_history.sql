{{ published_rows(ref('customer_segments')) }}
