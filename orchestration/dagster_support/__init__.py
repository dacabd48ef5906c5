"""What Dagster's assets and jobs stand on: the deployment, runs and their processes, dbt, progress and plots."""
