"""The settings file: typed, with errors that name the key, what was found and what is allowed."""

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.settings import find_settings_file, load_settings


def _file(folder: Path, text: str) -> Path:
    file = folder / "segmentation.yaml"
    file.write_text(text)
    return file


def test_an_empty_file_gives_the_defaults(tmp_path):
    assert load_settings(_file(tmp_path, "")).currency == "EUR"


def test_relative_paths_are_read_from_the_folder_of_the_file(tmp_path):
    settings = load_settings(_file(tmp_path, "warehouse: {path: lake}\nlocations: {c: {files: in/*.csv}}"))
    assert settings.warehouse.path == tmp_path / "lake"
    assert settings.locations["c"].files == [f"{tmp_path}/in/*.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("currenci: EUR", ["currenci", "not known", "currency"]),
        ("currency: euro", ["currency", "'euro'"]),
        ("costs: {per_gigabyte: 1}", ["costs.per_gigabyte", "per_gb"]),
        ("value: {horizon: 1}", ["value.horizon", "horizon_months"]),
        ("sources: {usage: {growth: append}}", ["sources.usage", "location", "query"]),
        ("locations: {c: {file: x}}", ["locations.c.file", "files"]),
        ("mid_band: {routes: {desk: {monthly_cost: 1, cost: 2}}}", ["mid_band.routes.desk.cost", "headroom_share"]),
        ("mid_band: {clusters: {basis: usage}}", ["mid_band.clusters.basis", "'needs'", "'usage'"]),
        ("warehouse: {catalog: mysql}", ["warehouse.catalog", "sqlite", "not shown"]),
        ("- a\n- b", ["mapping"]),
        ("a: [", ["YAML"]),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed(tmp_path, text, words):
    with pytest.raises(SettingsError) as error:
        load_settings(_file(tmp_path, text))
    for word in words:
        assert word in str(error.value)


def test_secrets_come_from_the_environment_and_a_missing_one_is_an_error(tmp_path, monkeypatch):
    file = _file(tmp_path, "# ${NOT_READ_IN_A_COMMENT}\nwarehouse: {catalog: 'postgres:password=${LAKE_PASSWORD}'}")
    monkeypatch.delenv("LAKE_PASSWORD", raising=False)
    with pytest.raises(SettingsError, match="LAKE_PASSWORD"):
        load_settings(file)
    monkeypatch.setenv("LAKE_PASSWORD", "secret")
    assert load_settings(file).warehouse.catalog.get_secret_value() == "postgres:password=secret"


@pytest.mark.parametrize("place", ["postgres:${SECRET}", "'postgres:${SECRET}'", '"postgres:${SECRET}"'])
def test_no_character_of_a_secret_means_anything_to_yaml(tmp_path, monkeypatch, place):
    secret = "it's: a \\ \"{secret}\" # 'of' all, [characters]"
    monkeypatch.setenv("SECRET", secret)
    file = _file(tmp_path, f"warehouse: {{catalog: {place}}}  # not read: ${{NOT_SET}}")
    assert load_settings(file).warehouse.catalog.get_secret_value() == f"postgres:{secret}"
    broken = _file(tmp_path, f"warehouse: {{catalog: {place}\nname: [")
    with pytest.raises(SettingsError, match="not valid YAML") as refused:
        load_settings(broken)
    assert "[characters]" not in str(refused.value)


def test_the_file_is_looked_for_here_and_then_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGMENTATION_CONFIG", raising=False)
    monkeypatch.setattr("orchestration.settings.loading._chosen", None)
    with pytest.raises(SettingsError, match="--config"):
        find_settings_file()
    elsewhere = tmp_path / "other.yaml"
    elsewhere.write_text("")
    monkeypatch.setenv("SEGMENTATION_CONFIG", str(elsewhere))
    assert find_settings_file() == elsewhere
    assert find_settings_file(_file(tmp_path, "")) == tmp_path / "segmentation.yaml"
    assert find_settings_file() == tmp_path / "segmentation.yaml", "the current folder comes first"


def test_where_things_lie_does_not_change_the_meaning_but_a_threshold_does(tmp_path):
    def meaning(text: str) -> str:
        return load_settings(_file(tmp_path, text)).semantic_hash()

    assert meaning("") != meaning("mid_band: {routes: {desk: {monthly_cost: 1}}}")
    assert meaning("") == meaning("warehouse: {path: elsewhere}\nschedule: {timezone: Europe/Berlin}")
    assert meaning("") != meaning("lifecycle: {thresholds: {onboarding_days: 60}}")
    assert meaning("") != meaning("value: {annual_discount_rate: 0.08}")


def test_a_file_names_only_the_thresholds_it_changes(tmp_path):
    thresholds = load_settings(_file(tmp_path, "lifecycle: {thresholds: {onboarding_days: 60}}")).lifecycle.thresholds
    assert thresholds["onboarding_days"] == 60
    assert thresholds["dormant_days"] == 45


def test_a_rule_with_an_unknown_threshold_is_refused_when_the_file_is_read(tmp_path):
    text = "market: {rules: [{id: big, segment: big, when: 'staff > {many}', because: Big.}]}"
    with pytest.raises(SettingsError, match="market"):
        load_settings(_file(tmp_path, text))
