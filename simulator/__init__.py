"""A synthetic ISP with planted truth, written as source files."""
