"""Shared by all assets of one deployment: the Dagster resource, the month partitions and the pool of writers."""

import dagster as dg

from orchestration.errors import SettingsError
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings, find_settings_file, load_settings

# Runs that write to the lake take turns: a SQLite catalog has one writer.
WRITER_POOL = "warehouse"


class Deployment(dg.ConfigurableResource[Settings]):
    """Reads the settings file when a run starts and builds plain objects from it."""

    @property
    def settings(self) -> Settings:
        """The settings of this deployment."""
        return load_settings()

    @property
    def warehouse(self) -> Warehouse:
        """The lake of this deployment."""
        return Warehouse(self.settings.warehouse)


def settings_for_definitions() -> Settings:
    """Return the settings that shape the definitions (owner, first month, crons).

    Without a settings file the definitions still load, so that the graph can be viewed; a run then reports what is
    missing.
    """
    try:
        find_settings_file()
    except SettingsError:
        return Settings()
    return load_settings()


SETTINGS = settings_for_definitions()
OWNERS = [SETTINGS.owner]
MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=SETTINGS.first_month, fmt="%Y-%m", timezone=SETTINGS.schedule.timezone
)
# One run covers any range of months, oldest first: clusters and stages refer to the month before.
ALL_MONTHS_IN_ONE_RUN = dg.BackfillPolicy.single_run()
