"""Needs and potential of companies in the mid band."""
