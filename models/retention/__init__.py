"""Survival by cohort of customers alike."""
