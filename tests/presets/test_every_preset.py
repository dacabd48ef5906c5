"""What holds for every preset that is delivered."""

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.lake.contract import load_contract
from orchestration.settings import Settings
from orchestration.settings.presets import apply_presets, load_presets

PRESETS = sorted(load_presets())


def _sources(name: str, **chosen: object) -> Settings:
    locations = {location: {"files": "x.json"} for location in load_presets()[name].locations}
    document = {"presets": {name: chosen}, "locations": locations}
    return Settings.model_validate(apply_presets(document, reporting_currency="EUR"))


@pytest.mark.parametrize("name", PRESETS)
def test_its_locations_bear_its_name_and_its_sources_are_tables_of_the_contract(name):
    assert all(location.startswith(f"{name}_") for location in load_presets()[name].locations)
    contract = load_contract()
    for table, source in _sources(name).sources.items():
        assert set(source.columns) <= set(contract[table].column_names)
        assert source.preset == name


@pytest.mark.parametrize("name", PRESETS)
def test_every_location_is_read_and_every_parameter_changes_a_source(name):
    plain = _sources(name)
    sql = " ".join(str(source) for source in plain.sources.values())
    assert [location for location in load_presets()[name].locations if location not in sql] == []
    for parameter, declared in load_presets()[name].parameters.items():
        other = f"{declared.default}x" if isinstance(declared.default, str) else declared.default + 7
        assert _sources(name, **{parameter: other}).sources != plain.sources, parameter


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_describes_it(name):
    shown = CliRunner().invoke(app, ["presets", name], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for named in (*load_presets()[name].locations, *load_presets()[name].parameters):
        assert named in shown.stdout


def test_the_command_lists_all_and_refuses_what_is_none():
    shown = CliRunner().invoke(app, ["presets"], env={"COLUMNS": "200"})
    assert all(f"{name}: " in shown.stdout for name in PRESETS)
    refused = CliRunner().invoke(app, ["presets", "sap"])
    assert refused.exit_code == 1
    assert ", ".join(PRESETS) in refused.stderr
