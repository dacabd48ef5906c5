"""The code location: everything under ``defs/``, and nothing else."""

from pathlib import Path

from dagster import Definitions, definitions, load_from_defs_folder


@definitions
def defs() -> Definitions:
    """Load the assets, checks, jobs, schedules and resources of all stages."""
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
