{{ published_rows(ref('wholesale_customers')) }}
