"""Every section of the report copes with nothing to show, and one that fails costs itself alone."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from orchestration.report import build, figures
from orchestration.report.data import read_report_data
from tests.report.conftest import VERSION

# Frames of one row, whatever there is.
TOTALS = {"contract_ends", "price_rises", "known", "mid_band_routes"}
# What a young deployment, or one without bills or endings, does not know.
UNKNOWN = {
    "retention": ["pooled_from", "observed_hazard", "fitted_hazard", "first_renewal_share", "later_renewal_share"],
    "retention_curves": ["observed_hazard", "observed_survival", "fitted_hazard", "fitted_survival"],
    "trend": ["past_value", "future_value", "total_value"],
    "deciles": ["past_value", "future_value", "future_value_36m", "total_value"],
    "stages": ["mean_churn_probability_3m", "expected_churned_3m", "median_months_in_stage", "opened", "inflow"],
}


class Frames(dict[str, pd.DataFrame]):
    """Frames that remember which of them were read."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        super().__init__(frames)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        self.read.add(name)
        return super().__getitem__(name)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as texts: what is tried here is what comes before them, many times over."""
    for name, drawn in list(vars(figures).items()):
        if callable(drawn) and getattr(drawn, "__module__", "") == figures.__name__ and not name.startswith("_"):
            monkeypatch.setattr(figures, name, lambda *_args, **_more: "")


@pytest.mark.usefixtures("without_pictures")
def test_no_section_fails_where_a_frame_or_a_column_is_empty(lake, settings):
    data = read_report_data(lake, VERSION)
    faults = []

    def frames_read(make: build.Make) -> set[str]:
        frames = Frames(data.frames)
        make(dataclasses.replace(data, frames=frames), settings)
        return frames.read

    # Nothing changes for a section by a frame that it does not read.
    read = {section: frames_read(make) for section, make in build.SECTIONS.items()}

    def make_all(what: str, name: str, frame: pd.DataFrame) -> None:
        changed = dataclasses.replace(data, frames={**data.frames, name: frame})
        for section in (section for section, names in read.items() if name in names):
            try:
                build.SECTIONS[section](changed, settings)
            except Exception as error:
                faults.append(f"{section}: {name} {what}: {error!r}")

    assert set().union(*read.values()) == data.frames.keys()
    for name in data.frames.keys() - TOTALS:
        make_all("empty", name, data[name].head(0))
    for name, columns in UNKNOWN.items():
        for column in columns:
            make_all(
                f"without {column}", name, data[name].assign(**{column: None if column == "pooled_from" else np.nan})
            )
    cohorts = data["retention"]
    make_all("of all customers alone", "retention", cohorts[cohorts["retention_cohort"] == "all"])
    make_all("without a cohort of its own", "retention", cohorts[cohorts["retention_cohort"].str.contains(r"\*")])
    assert "\n".join(faults) == ""


def test_a_version_of_which_nothing_is_known_has_a_report(empty_lake, settings):
    empty_lake.execute(
        "insert into segments.versions (version_id, as_of_date, revision, status)"
        " values (?, '2026-10-31', 1, 'published')",
        [VERSION],
    )
    document = build.build_report(empty_lake, VERSION, settings)
    assert "could not be made" not in document


@pytest.mark.parametrize("where", ["made", "drawn"])
def test_a_section_that_fails_costs_itself_alone_and_says_so(lake, settings, monkeypatch, where):
    made = build.SECTIONS["concentration"](read_report_data(lake, VERSION), settings)

    def fails(*_given):
        if where == "made":
            raise KeyError(0)
        return dataclasses.replace(made, content={})

    monkeypatch.setattr(build, "SECTIONS", {**build.SECTIONS, "concentration": fails})
    document = build.build_report(lake, VERSION, settings)
    assert document.count("This section could not be made") == 1
    assert "Retention" in document
