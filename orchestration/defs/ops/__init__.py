"""Resources and maintenance."""
