"""Monthly churn probabilities of each customer, from covariates."""
