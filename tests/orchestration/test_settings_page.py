"""The settings page says what every setting means, and the error for an unknown key says the same."""

from pathlib import Path

import pytest

from orchestration.cli.settings_page import PAGE, described, page
from orchestration.errors import SettingsError
from orchestration.settings import load_settings


def test_the_page_is_the_one_written_from_the_declarations():
    assert PAGE.read_text(encoding="utf-8") == page(), "'make docs' writes it anew"


def test_every_setting_has_a_meaning():
    assert [each.key for each in described() if not each.meaning] == []


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("costs.per_gb", "number", "0.004"),
        ("locations.<name>.date_format", "text", "not set"),
        ("sources.<name>.growth", "`snapshot` or `append`", "snapshot"),
        ("market.rules[].when", "text", None),
        ("value.annual_discount_rate", "number", "0.1"),
        ("mid_band.routes.<name>.monthly_cost", "number", None),
        ("checks.upload_share", "limits", "warn above 0.5"),
    ],
)
def test_a_setting_is_told_with_its_type_and_default(key: str, kind: str, default: str | None):
    (found,) = [each for each in described() if each.key == key]
    assert (found.type, found.default) == (kind, default)


def test_an_unknown_key_is_told_what_may_be_meant(tmp_path: Path):
    file = tmp_path / "segmentation.yaml"
    file.write_text("costs: {per_gigabyte: 1}\nbilling: {recogniton: period}\n")
    with pytest.raises(SettingsError) as told:
        load_settings(file)
    assert "costs.per_gigabyte: this key is not known. Known here: product_cost_share, per_gb," in str(told.value)
    assert "Perhaps recognition is meant: period: a bill in advance is revenue of the months" in str(told.value)
