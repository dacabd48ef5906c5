"""The deployment that is measured: a folder with sources, settings, lake and Dagster's records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.process import ROOT

EXAMPLE = ROOT / "examples" / "simulated_isp" / "segmentation.yaml"
EXAMPLE_DATA = "../../data/simulated_isp/"
END_MONTH = "2025-12"


@dataclass(frozen=True)
class BenchmarkFolder:
    """Where everything of a benchmark lies."""

    path: Path

    @property
    def simulated(self) -> Path:
        """All that the simulator writes."""
        return self.path / "simulated"

    @property
    def delivered(self) -> Path:
        """The source files that the settings name: what has been delivered so far."""
        return self.path / "source"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.path / "segmentation.yaml"

    @property
    def lakes(self) -> Path:
        """Lakes beside the deployment's own."""
        return self.path / "lakes"

    def log(self, number: int) -> Path:
        """The output of a step."""
        return self.path / f"step_{number:02d}.log"

    def make(self, first_month: str) -> None:
        """Make the folder with the settings of the simulated ISP.

        Raises:
            FileExistsError: the folder is there already; it might hold what nobody wants to lose.
        """
        self.path.mkdir(parents=True)
        self.delivered.mkdir()
        settings: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8").replace(EXAMPLE_DATA, ""))
        settings |= {"name": "benchmark", "first_month": first_month}
        # The example is small and settles for one thread.
        del settings["warehouse"]["threads"]
        self.settings.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What a step finds in its environment: this deployment, whatever the caller's was."""
        return {
            "SEGMENTATION_CONFIG": str(self.settings),
            "DAGSTER_HOME": str(self.path / "dagster"),
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "COLUMNS": "200",
            # pip leaves compiled modules; a caller that forbids them would add seconds of compiling to every process.
            "PYTHONDONTWRITEBYTECODE": "",
        }


def first_month_of(months: int) -> str:
    """Return the first of ``months`` months that end with END_MONTH."""
    year, number = (int(part) for part in END_MONTH.split("-"))
    index = year * 12 + number - months
    return f"{index // 12:04d}-{index % 12 + 1:02d}"
