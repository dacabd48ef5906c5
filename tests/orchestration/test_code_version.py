"""The code version: another way to compute is a revision, other words for it are none."""

import copy
import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.segments import code_version as subject
from orchestration.segments import hazard_rows
from orchestration.segments.code_version import code_version, modules_imported, python_code, sql_code, steps
from orchestration.settings import Settings

Manifest = dict[str, Any]
SAMPLING = "orchestration.segments.hazard_rows"


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return json.loads(ensure_manifest(Settings()).read_text(encoding="utf-8"))


def changed(manifest: Manifest, kind: str, name: str, **fields: str) -> Mapping[str, Any]:
    """Return the manifest with fields of one node or macro replaced, old text in ``{}``."""
    other = copy.deepcopy(manifest)
    part = other[kind][name]
    for field, text in fields.items():
        assert part[field] or field == "description"
        part[field] = text.replace("{}", part[field])
    return other


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        ("nodes", "model.segmentation.customer_features", {"description": "Other words."}),
        ("nodes", "model.segmentation.customer_features", {"raw_code": "-- it's reworded\n{}\n\n"}),
        ("macros", "macro.segmentation.money", {"macro_sql": "{#- it's reworded -#}\n{}"}),
        ("nodes", "model.segmentation.bi__market_segments", {"raw_code": "{} where 1 = 1"}),
    ],
)
def test_words_and_published_views_are_no_revision(
    manifest: Manifest, kind: str, name: str, fields: dict[str, str]
) -> None:
    assert code_version(changed(manifest, kind, name, **fields)) == code_version(manifest)


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        ("nodes", "model.segmentation.customer_lifecycle", {"raw_code": "{} and true"}),
        ("nodes", "model.segmentation.stg_usage", {"raw_code": "{} where 1 = 1"}),
        ("macros", "macro.segmentation.money", {"macro_sql": "{} + 0"}),
    ],
)
def test_other_sql_that_segments_are_made_from_is_a_revision(
    manifest: Manifest, kind: str, name: str, fields: dict[str, str]
) -> None:
    assert code_version(changed(manifest, kind, name, **fields)) != code_version(manifest)


def test_another_seed_is_a_revision(manifest: Manifest) -> None:
    other = copy.deepcopy(manifest)
    other["nodes"]["seed.segmentation.churn_kinds"]["checksum"]["checksum"] = "other"
    assert code_version(other) != code_version(manifest)


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch, manifest: Manifest):
    """Return the code version as it is after one module's source has been edited."""

    def version_after(module: str, old: str, new: str) -> str:
        path = modules_imported(steps())[module]
        source = path.read_text(encoding="utf-8")
        assert source.count(old) == 1
        real = subject._code
        with monkeypatch.context() as patched:
            patched.setattr(
                subject, "_code", lambda file: python_code(source.replace(old, new)) if file == path else real(file)
            )
            subject.python_version.cache_clear()
            found = code_version(manifest)
        subject.python_version.cache_clear()
        return found

    return version_after


def test_a_new_sampling_rule_is_a_revision(edited, manifest: Manifest) -> None:
    assert edited(SAMPLING, "rows // 4", "rows // 5") != code_version(manifest)


def test_a_reworded_docstring_or_comment_is_none(edited, manifest: Manifest) -> None:
    assert edited(SAMPLING, "Count commitments that ended", "# it's\n    Tell how many ended") == code_version(manifest)
    (comment,) = re.findall("(?m)^# Who leaves next month.*$", inspect.getsource(hazard_rows))
    assert edited(SAMPLING, comment, "") == code_version(manifest)


def test_another_release_of_a_library_that_fits_is_a_revision(
    monkeypatch: pytest.MonkeyPatch, manifest: Manifest
) -> None:
    before = code_version(manifest)
    monkeypatch.setattr(subject, "version", lambda library: "99.0" if library == "scikit-learn" else "1.0")
    subject.python_version.cache_clear()
    other = code_version(manifest)
    monkeypatch.undo()
    subject.python_version.cache_clear()
    assert other != before == code_version(manifest)


def test_modules_are_followed_to_the_models_and_no_further() -> None:
    followed = modules_imported(steps())
    assert {"models.hazard.churn_hazard", "models.clusters.mixture", "orchestration.lake.frames"} <= followed.keys()
    assert not [name for name in followed if name.startswith(("orchestration.dagster", "orchestration.lake.warehouse"))]
    assert "orchestration.segments.versions" not in followed


def test_what_looks_like_a_comment_inside_of_a_string_stays() -> None:
    assert sql_code("select '--x', 'it''s' /* gone */ -- gone\n, \"#\" {# gone #}") == "select '--x', 'it''s' , \"#\""
