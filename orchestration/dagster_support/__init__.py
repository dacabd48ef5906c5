"""What Dagster's assets and jobs are built on: the deployment, runs and their processes, dbt, progress and plots."""
