"""What was loaded, what has to be read, and one transaction for each table."""
