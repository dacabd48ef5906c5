{{ published_rows(ref('organization_needs')) }}
