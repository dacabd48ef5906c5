"""Churn of each customer in each month, from its covariates."""
