"""The settings of a deployment: ``model`` declares them, ``loading`` reads the file, other modules are its sections."""

from orchestration.settings.loading import DEFAULT_FILE, choose_settings_file, find_settings_file, load_settings
from orchestration.settings.model import Settings
from orchestration.settings.sections import CostSettings, HouseholdSettings, ReportSettings, WarehouseSettings
from orchestration.settings.sources import LocationSettings, SourceSettings

__all__ = [
    "DEFAULT_FILE",
    "CostSettings",
    "HouseholdSettings",
    "LocationSettings",
    "ReportSettings",
    "Settings",
    "SourceSettings",
    "WarehouseSettings",
    "choose_settings_file",
    "find_settings_file",
    "load_settings",
]
