"""Classes that nobody recorded are found with the rates of the marks they were drawn with, and with honest errors."""

import numpy as np
import pytest

from models.homes.hidden_class import HiddenClasses, Mark

RATES = np.array([[0.01, 0.45, 0.01], [0.05, 0.30, 0.12], [0.004, 0.004, 0.25]])
MARKS = (Mark("number", of=1), Mark("address"), Mark("provided", of=2))


def _draw(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, marks and the class of each row."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, 2))
    utility = np.column_stack([np.zeros(rows), features @ [2.5, 0.0] - 4.0, features @ [1.0, 2.5] - 4.0])
    chance = np.exp(utility) / np.exp(utility).sum(axis=1, keepdims=True)
    classes = (draw.random((rows, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    return features, (draw.random((rows, 3)) < RATES[:, classes].T).astype(float), classes


def _fit(features: np.ndarray, marks: np.ndarray) -> HiddenClasses:
    return HiddenClasses(MARKS, classes=3).fit(features, marks, marks[:, [0, 2]] == 1)


def test_the_rates_and_numbers_of_three_classes_are_found():
    features, marks, classes = _draw(0, 30_000)
    marks[np.random.default_rng(1).random(marks.shape) < 0.1] = np.nan
    fitted = _fit(features, marks)
    assert fitted.rates_ == pytest.approx(RATES, abs=0.05)
    assert fitted.counts_ == pytest.approx(np.bincount(classes), rel=0.1)
    said = fitted.predict_proba(features, marks)
    assert said.sum(axis=0) == pytest.approx(fitted.counts_)
    assert said.sum(axis=1) == pytest.approx(np.ones(len(said)))


def test_the_number_is_off_by_what_its_error_says():
    off = []
    for seed in range(12):
        features, marks, classes = _draw(seed, 4_000)
        fitted = _fit(features, marks)
        off.append((fitted.counts_[1] / (classes == 1).sum() - 1) / fitted.relative_errors_[1])
    print(f"errors in units of the standard error: {np.round(off, 1)}")
    assert 0.5 <= np.sqrt(np.mean(np.square(off))) <= 1.6


def test_few_marks_make_a_large_error():
    features, marks, _ = _draw(2, 4_000)
    rare = marks * (np.random.default_rng(3).random(marks.shape) < 0.1)
    assert _fit(features, rare).relative_errors_[1] > 1.5 * _fit(features, marks).relative_errors_[1]


def test_the_order_of_rows_does_not_matter():
    features, marks, _ = _draw(4, 3_000)
    order = np.random.default_rng(5).permutation(len(features))
    assert _fit(features[order], marks[order]).counts_ == pytest.approx(_fit(features, marks).counts_, rel=0.01)
