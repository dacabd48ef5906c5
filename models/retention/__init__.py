"""Customer survival by cohort of similar customers."""
