"""The probability that a consumer runs a business at home, and when there is none.

Nobody says which consumers run a business. A tax number on record says it of some; of the others nothing is known. The
assumption is that it is missing at random *among nanobusinesses*: whether theirs is on record has nothing to do with
how they use the line. Consumers without a business have one by error, at a rate of its own. Both rates are learned, and
so is what traffic says, in one likelihood (hidden_class), from consumers alone: a nanobusiness need not use its line as
a shop or an office does. A static address and a second line are marks too, but home workers have them as well. Lines
that employers provide tell the home workers, a third class with rates of its own. Three ways follow, and the first that
is sure enough is taken:

1. by tax numbers and static addresses, with second lines where there are enough employers' lines: without these, second
   lines of home workers would pass for those of businesses;
2. without tax numbers, by static addresses, second lines and employers' lines, provided that those whom the marks
   single out use the line somewhat as small businesses do;
3. by small-business contracts as positives and consumers as unlabeled, supposing that a nanobusiness uses its line as
   they do. Where consumers like them blend into all others no plateau is found, the error is large, and it is refused.

Sure enough is a matter of the standard error of the number of nanobusinesses, found with the likelihood: too few marks,
or classes that traffic does not tell apart, make it large. Then there is no probability, rather than a wrong one.
"""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, RobustScaler, StandardScaler

from models.homes.hidden_class import HiddenClasses, Mark
from models.homes.parameters import HomeBusinessParameters

TAX, STATIC, SECOND = "has_tax_number", "has_static_ip", "has_second_line"
MARKS = (TAX, STATIC, SECOND)
PROVIDED, CONTRACT = "is_provided_by_employer", "is_business"
_NANOBUSINESS, _HOME_WORKER = 1, 2
_OF = {TAX: _NANOBUSINESS, CONTRACT: _NANOBUSINESS, PROVIDED: _HOME_WORKER}
UNSURE = (
    "Nobody can tell businesses at home from others here: {} consumers have a tax number on record, {} lines are"
    " provided by employers, and small-business contracts do not tell how many there are."
)


class Nanobusinesses(BaseEstimator):
    """Probabilities of a business at home from the shape of traffic and marks in the records.

    After ``fit``: ``refusal_`` (why there are no probabilities, or None), ``basis_`` (the marks they rest on),
    ``share_`` of consumers, ``relative_error_`` (standard error of their number, in units of itself), ``mark_rates_``
    (one row per mark: its rate with and without a business).
    """

    def __init__(self, parameters: HomeBusinessParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, traffic: np.ndarray, marks: pd.DataFrame, likeness: np.ndarray) -> Self:
        """Learn from consumers and small businesses.

        ``traffic`` of shape (rows, features) holds shares and ratios on an unbounded scale; ``marks`` has MARKS,
        PROVIDED and CONTRACT, and what is null is not on record; ``likeness`` of shape (rows,) ranks by likeness to
        small businesses.
        """
        chosen = self.parameters or HomeBusinessParameters()
        self.parameters_ = chosen
        on_record = _on_record(marks)
        consumers = ~on_record[CONTRACT].to_numpy()
        self.refusal_: str | None = None
        self.basis_: tuple[str, ...] = ()
        for basis, largest_error in self._ways(on_record[consumers], chosen):
            self._fit_basis(basis, traffic, on_record, likeness)
            if self._is_sure(traffic, on_record, likeness, largest_error):
                return self
        found = on_record.loc[consumers, [TAX, PROVIDED]].sum()
        self.refusal_ = UNSURE.format(found[TAX], found[PROVIDED])
        self.basis_, self.share_, self.relative_error_ = (), float("nan"), float("nan")
        self.mark_rates_ = pd.DataFrame(columns=["mark", "with", "without"])
        return self

    def _ways(self, consumers: pd.DataFrame, chosen: HomeBusinessParameters) -> list[tuple[tuple[str, ...], float]]:
        """Return the marks of each way that is open, with the largest error allowed."""
        present = {name for name in MARKS if consumers[name].any()}
        workers = (PROVIDED,) if consumers[PROVIDED].sum() >= chosen.minimum_provided_lines else ()
        shared = tuple(name for name in (STATIC, SECOND) if name in present and (workers or name == STATIC))
        ways = [((TAX, *shared, *workers), chosen.largest_error)] if TAX in present else []
        if shared and workers:
            ways.append(((*shared, *workers), chosen.largest_error))
        return [*ways, ((*workers, CONTRACT), chosen.largest_error_by_contracts)]

    def _fit_basis(
        self, basis: tuple[str, ...], traffic: np.ndarray, on_record: pd.DataFrame, likeness: np.ndarray
    ) -> None:
        consumers = ~on_record[CONTRACT].to_numpy()
        used = np.ones(len(on_record), dtype=bool) if CONTRACT in basis else consumers
        positives = [name for name in (TAX, CONTRACT) if name in basis]
        likest = likeness >= np.quantile(likeness[consumers], 0.95)
        examples = [on_record[positives[0]].to_numpy() if positives else likest]
        if PROVIDED in basis:
            examples.append(on_record[PROVIDED].to_numpy())
        self.basis_ = basis
        self.shapes_ = _shapes().fit(traffic[used])
        marks = tuple(Mark(name, _OF.get(name)) for name in basis)
        self.hidden_ = HiddenClasses(marks, len(examples) + 1).fit(
            self.shapes_.transform(traffic[used]),
            self._values(on_record[used]),
            np.column_stack(examples)[used],
            consumers[used],
        )
        self.share_ = float(self.hidden_.counts_[_NANOBUSINESS] / consumers.sum())
        self.relative_error_ = float(self.hidden_.relative_errors_[_NANOBUSINESS])
        rates = self.hidden_.rates_
        self.mark_rates_ = pd.DataFrame({"mark": basis, "with": rates[:, _NANOBUSINESS], "without": rates[:, 0]})

    def _is_sure(
        self, traffic: np.ndarray, on_record: pd.DataFrame, likeness: np.ndarray, largest_error: float
    ) -> bool:
        # A class of most consumers is the rest under another name.
        if not (self.relative_error_ <= largest_error and self.share_ < 0.5):
            return False
        if TAX in self.basis_ or CONTRACT in self.basis_:
            return True
        consumers = ~on_record[CONTRACT].to_numpy()
        probability = self.predict_proba(traffic[consumers], on_record[consumers])
        members = np.concatenate([np.ones(len(probability)), np.zeros(len(probability))])
        weights = np.concatenate([probability, 1 - probability])
        alike = roc_auc_score(members, np.tile(likeness[consumers], 2), sample_weight=weights)
        return bool(alike >= self.parameters_.least_likeness)

    def predict_proba(self, traffic: np.ndarray, marks: pd.DataFrame) -> np.ndarray:
        """Return the probability of a business at home; shape (rows,), NaN after a refusal."""
        if self.refusal_ or not len(traffic):
            return np.full(len(traffic), np.nan)
        values = self._values(_on_record(marks))
        return self.hidden_.predict_proba(self.shapes_.transform(traffic), values)[:, _NANOBUSINESS]

    def mark_evidence(self, marks: pd.DataFrame) -> np.ndarray:
        """Return the log likelihood ratio of each of MARKS for a business, 0 where unused; shape (rows, marks).

        After a refusal it is not known; a mark on record is then given the least that counts as a reason.
        """
        on_record = _on_record(marks)
        if self.refusal_:
            return on_record[list(MARKS)].to_numpy() * self.parameters_.reason_strength
        evidence = np.zeros((len(marks), len(MARKS)))
        found = self.hidden_.mark_evidence(self._values(on_record), _NANOBUSINESS)
        for place, name in enumerate(self.basis_):
            if name in MARKS:
                evidence[:, MARKS.index(name)] = found[:, place]
        return evidence

    def _values(self, on_record: pd.DataFrame) -> np.ndarray:
        """Return the marks of the basis; of a small business the contract alone counts."""
        values = on_record[list(self.basis_)].to_numpy(dtype=float, copy=True)
        others = np.array([name != CONTRACT for name in self.basis_])
        values[on_record[CONTRACT].to_numpy()[:, None] & others] = np.nan
        return values


def _on_record(marks: pd.DataFrame) -> pd.DataFrame:
    return marks[[*MARKS, PROVIDED, CONTRACT]].astype("boolean").fillna(False).astype(bool)


def _shapes() -> Pipeline:
    """Return squares and products of features in units of their spread, with far values drawn in."""
    return make_pipeline(
        RobustScaler(quantile_range=(16, 84)),
        FunctionTransformer(_drawn_in),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
    )


def _drawn_in(values: np.ndarray) -> np.ndarray:
    return np.asarray(4 * np.tanh(values / 4))
