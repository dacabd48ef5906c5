"""What a preset does to the settings, on a small one of the tests' own."""

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.settings import Settings, load_settings, presets
from orchestration.settings.presets import load_presets

SHOP = """
description: The exports of Shop.
parameters:
  family: {default: "'internet'", description: SQL of the product family.}
  tax_rate: {default: 0.2, description: Share of tax.}
  method: {default: card, description: Payment method.}
locations:
  shop_people: {description: "the export People, one row per person.", columns: {id: varchar, kind: varchar}}
  shop_kinds: {description: the export Kinds., required: false, columns: {id: varchar, name: varchar}}
  shop_payments: {description: the export Payments., required: false}
macros: |
  {% macro person(kind) %}if({{ kind }} = 'p', 'person', 'organization'){% endmacro %}
sources:
  customers:
    query: |
      select p.id as customer_id, {{ person('p.kind') }} as customer_type, k.name as gender
      from shop_people as p left join {{ optional('shop_kinds') }} as k on k.id = p.kind
  contracts:
    location: shop_people
    columns: {product_family: "{{ family }}", monthly_fee: "fee / (1 + {{ tax_rate }})"}
  payments:
    location: shop_payments
    columns: {method: "{{ method | text }}", currency: "'{{ reporting_currency }}'"}
"""


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "till.yaml").write_text(SHOP.replace("shop_", "till_"))
    monkeypatch.setattr(presets, "FOLDER", folder)
    load_presets.cache_clear()
    yield
    load_presets.cache_clear()


@pytest.fixture
def settings_of(tmp_path):
    def load(text: str) -> Settings:
        file = Path(tmp_path / "segmentation.yaml")
        file.write_text(text)
        return load_settings(file)

    return load


PEOPLE = "locations: {shop_people: {files: people.csv}"


def test_a_preset_fills_the_tables_its_locations_are_there_for(settings_of):
    settings = settings_of(f"presets: {{shop: {{}}}}\n{PEOPLE}}}")
    assert list(settings.sources) == ["customers", "contracts"]
    assert settings.sources["contracts"].columns == {"product_family": "'internet'", "monthly_fee": "fee / (1 + 0.2)"}
    query = settings.sources["customers"].query or ""
    assert "if(p.kind = 'p', 'person', 'organization')" in query
    assert 'left join (select cast(null as varchar) as "id", cast(null as varchar) as "name" where false)' in query
    assert settings.locations["shop_people"].columns == {"id": "varchar", "kind": "varchar"}


def test_an_optional_location_brings_its_table_and_parameters_go_over_their_defaults(settings_of):
    settings = settings_of(
        'currency: USD\npresets: {shop: {tax_rate: 0, method: "don\'t know"}}\n'
        f"{PEOPLE}, shop_payments: {{files: p.csv}}, shop_kinds: {{files: k.csv}}}}"
    )
    assert settings.sources["payments"].columns == {"method": "'don''t know'", "currency": "'USD'"}
    assert settings.sources["contracts"].columns["monthly_fee"] == "fee / (1 + 0)"
    assert "left join shop_kinds as k" in (settings.sources["customers"].query or "")


def test_a_table_the_user_maps_is_wholly_the_users_and_needs_none_of_the_presets_locations(settings_of):
    settings = settings_of(
        "presets: {shop: {}}\n"
        "locations: {mine: {files: a.csv}, shop_payments: {files: p.csv, columns: {tip: double}}}\n"
        "sources: {customers: {location: mine}, contracts: {location: mine, columns: {monthly_fee: fee}}}"
    )
    assert settings.sources["contracts"].columns == {"monthly_fee": "fee"}
    assert settings.sources["customers"].query is None
    assert settings.sources["payments"].location == "shop_payments"
    assert settings.locations["shop_payments"].columns == {"tip": "double"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("presets: {shap: {}}", ["presets.shap", "no such preset", "shop, till"]),
        ("presets: {shop: [a]}", ["presets.shop", "family, tax_rate, method"]),
        ("presets: {shop: {rate: 1}}", ["presets.shop.rate", "family, tax_rate, method"]),
        ("presets: {shop: {tax_rate: much}}", ["presets.shop.tax_rate", "'much'", "0.2", "Share of tax"]),
        ("presets: {shop: {tax_rate: true}}", ["presets.shop.tax_rate", "True"]),
        ("presets: {shop: {}}", ["locations.shop_people is missing", "preset shop", "the export People"]),
        (
            f"presets: {{shop: {{}}}}\n{PEOPLE}, shop_payment: {{files: p.csv}}}}",
            ["locations.shop_payment", "preset shop reads no such location", "shop_payments"],
        ),
        (
            f"presets: {{shop: {{}}, till: {{}}}}\n{PEOPLE}, till_people: {{files: p.csv}}}}",
            ["shop and till both fill", "Write sources.", "till_people"],
        ),
        ("presets: [shop]", ["presets"]),
        (
            "presets: {shop: {tables: {shop_people: people}}}",
            ["presets.shop.tables.shop_people", "'people'", "crm.customers"],
        ),
        ("presets: {shop: {tables: {shop_peopel: crm.p}}}", ["presets.shop.tables.shop_peopel", "shop_people"]),
    ],
)
def test_what_is_unknown_missing_or_filled_twice_is_named_with_what_to_do(settings_of, text, words):
    with pytest.raises(SettingsError) as error:
        settings_of(text)
    for word in words:
        assert word in str(error.value)


def test_two_presets_go_together_where_the_user_says_who_fills_a_table(settings_of):
    settings = settings_of(
        "presets: {shop: {}, till: {}}\nlocations: {shop_people: {files: a.csv}, till_payments: {files: b.csv}}\n"
        "sources: {customers: {location: shop_people}, contracts: {location: shop_people}}"
    )
    assert settings.sources["payments"].location == "till_payments"


def test_a_name_that_calls_python_from_a_parameter_stays_text(settings_of):
    settings = settings_of(f"presets: {{shop: {{family: \"{{{{ ''.__class__ }}}}\"}}}}\n{PEOPLE}}}")
    assert settings.sources["contracts"].columns["product_family"] == "{{ ''.__class__ }}"


def test_a_table_of_a_database_stands_for_a_location(settings_of):
    settings = settings_of(
        "presets: {shop: {tables: {shop_people: crm.main.people}}}\n"
        "locations: {crm: {database: sqlite, connection: crm.db}}"
    )
    assert list(settings.sources) == ["customers", "contracts"]
    rows = 'select * from crm.main.people union all by name select cast(null as varchar) as "id"'
    for source in settings.sources.values():
        assert source.location is None
        assert rows in (source.query or "")
