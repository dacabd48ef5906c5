"""The code location: everything under ``defs/``, and nothing else."""

from pathlib import Path

from dagster import Definitions, definitions, load_from_defs_folder


@definitions
def defs() -> Definitions:
    """Load the assets, checks, jobs, schedules and resources of all stages."""
    return load_from_defs_folder(path_within_project=Path(__file__).parent)


def ingest_defs() -> Definitions:
    """Return only what the nightly load needs: importing dbt and the models takes seconds."""
    from orchestration.defs.ingest.assets import raw_tables
    from orchestration.defs.ingest.jobs import daily_ingest
    from orchestration.defs.ops import resources

    return Definitions.merge(resources.defs(), Definitions(assets=[raw_tables], jobs=[daily_ingest]))
