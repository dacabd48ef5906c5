"""Candidates to published versions and reports."""
