"""Classes that nobody recorded, seen through marks in the records and told apart by features.

A latent class regression (Dayton & Macready 1988): class k of a row has the probability softmax(B x)_k given its
features x, and given the class every mark is drawn with a rate of that class, whatever x and the other marks are. For
labels of positives alone this is "selected completely at random" (Elkan & Noto 2008; Bekker & Davis 2020): a mark is
missing at random *within* a class. Its rates, the label frequencies, are learned together with B, by maximum
likelihood: what the marks say of one another identifies them (Dawid & Skene 1979; Raykar and others 2010), and where
there is but one, the plateau that a logistic curve reaches where only one class is left (Ward and others 2009;
Lazecka, Mielniczuk & Teisseyre 2021).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit, logsumexp, softmax
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

_HIGHEST_RATES = (0.5, 0.1)
"""Searches start where no mark is commoner than this: the likelihood has more than one peak."""


@dataclass(frozen=True)
class Mark:
    """A yes or no in the records. ``of`` is the class that has it, all others having it by error, at one common rate;
    without it every class has a rate of its own."""

    name: str
    of: int | None = None


class HiddenClasses(BaseEstimator):
    """Class 0, the rest, and ``classes - 1`` others, in the order of the examples that ``fit`` starts from.

    After ``fit``: ``coefficients_`` of shape (features + 1, classes - 1), the first row the intercepts; ``rates_`` of
    shape (marks, classes); ``counts_`` and ``relative_errors_`` of shape (classes,): how many of the counted rows are
    of each class, and the standard error of that, in units of itself.
    """

    def __init__(self, marks: tuple[Mark, ...], classes: int = 2, ridge: float = 0.5, max_iterations: int = 2_000):
        self.marks = marks
        self.classes = classes
        self.ridge = ridge
        self.max_iterations = max_iterations

    def fit(
        self, features: np.ndarray, marks: np.ndarray, examples: np.ndarray, counted: np.ndarray | None = None
    ) -> Self:
        """Fit by maximum likelihood, with a light normal prior on coefficients and Jeffreys' on rates.

        ``features`` has the shape (rows, features) and is standardized; ``marks`` (rows, marks) holds 1, 0 or NaN where
        a mark says nothing of the row; ``examples`` (rows, classes - 1) says which rows the search takes for members of
        each class to begin with; ``counted`` (rows,) which rows make ``counts_``, all if None.
        """
        design = np.column_stack([np.ones(len(features)), features])
        known = ~np.isnan(marks)
        found = np.where(known, marks, 0.0)
        self._places = self._rate_places()
        slopes = _separate(features, examples)
        searches = [
            minimize(
                self._loss,
                self._start(slopes, found, known, examples, highest),
                args=(design, found, known),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": self.max_iterations, "maxfun": 2 * self.max_iterations},
            )
            for highest in _HIGHEST_RATES
        ]
        solution = min(searches, key=lambda search: float(search.fun))
        self.log_likelihood_ = -float(solution.fun)
        self.coefficients_, self.rates_ = self._unpacked(solution.x, design.shape[1])
        self._count(design, found, known, np.ones(len(design), dtype=bool) if counted is None else counted)
        return self

    def predict_proba(self, features: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Return the probability of each class given features and marks; shape (rows, classes)."""
        known = ~np.isnan(marks)
        design = np.column_stack([np.ones(len(features)), features])
        return np.exp(self._posterior(self.coefficients_, self.rates_, design, np.where(known, marks, 0.0), known)[1])

    def mark_evidence(self, marks: np.ndarray, of: int) -> np.ndarray:
        """Return the log likelihood ratio of every mark for class ``of`` against the rest; shape (rows, marks)."""
        inside, outside = self.rates_[:, of], self.rates_[:, 0]
        present, absent = np.log(inside / outside), np.log((1 - inside) / (1 - outside))
        return np.where(np.isnan(marks), 0.0, np.where(marks > 0.5, present, absent))

    def _rate_places(self) -> np.ndarray:
        """Return which free rate stands for each mark and class; shape (marks, classes)."""
        places, free = np.empty((len(self.marks), self.classes), dtype=int), 0
        for row, mark in enumerate(self.marks):
            own = range(self.classes) if mark.of is None else [int(each == mark.of) for each in range(self.classes)]
            places[row] = np.array(own) + free
            free = places[row].max() + 1
        return places

    def _start(
        self, slopes: np.ndarray, found: np.ndarray, known: np.ndarray, examples: np.ndarray, highest: float
    ) -> np.ndarray:
        rates = np.empty(self._places.max() + 1)
        members = np.column_stack([~examples.any(axis=1), examples])
        for row in range(len(self.marks)):
            for each in reversed(range(self.classes)):
                seen = known[:, row] & members[:, each]
                rates[self._places[row, each]] = (found[seen, row].sum() + 0.5) / (seen.sum() + 1)
        # Examples that come from a mark all have it, and are so many times fewer than their class.
        coefficients = slopes - np.log(highest) * np.eye(len(slopes))[:, :1]
        return np.concatenate([coefficients.ravel(), logit(np.clip(rates, 1e-3, highest))])

    def _unpacked(self, values: np.ndarray, features: int) -> tuple[np.ndarray, np.ndarray]:
        split = features * (self.classes - 1)
        return values[:split].reshape(features, -1), expit(values[split:])[self._places]

    def _posterior(
        self, coefficients: np.ndarray, rates: np.ndarray, design: np.ndarray, found: np.ndarray, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return prior class probabilities, log posterior ones and the log likelihood of each row."""
        utility = np.column_stack([np.zeros(len(design)), design @ coefficients])
        joint = utility - logsumexp(utility, axis=1, keepdims=True)
        rates = np.clip(rates, 1e-12, 1 - 1e-12)
        joint += found @ np.log(rates) + (known - found) @ np.log1p(-rates)
        likelihood = logsumexp(joint, axis=1)
        return softmax(utility, axis=1), joint - likelihood[:, None], likelihood

    def _loss(
        self, values: np.ndarray, design: np.ndarray, found: np.ndarray, known: np.ndarray
    ) -> tuple[float, np.ndarray]:
        coefficients, rates = self._unpacked(values, design.shape[1])
        prior, posterior, likelihood = self._posterior(coefficients, rates, design, found, known)
        inside = np.exp(posterior)
        slopes, free = coefficients[1:], values[coefficients.size :]
        gradient = design.T @ (inside - prior)[:, 1:]
        gradient[1:] -= self.ridge * slopes
        by_mark = found.T @ inside - (known.T @ inside) * rates
        by_rate = np.bincount(self._places.ravel(), by_mark.ravel()) + (0.5 - expit(free))
        penalty = 0.5 * self.ridge * (slopes**2).sum() - 0.5 * (log_expit(free) + log_expit(-free)).sum()
        return float(penalty - likelihood.sum()), -np.concatenate([gradient.ravel(), by_rate])

    def _count(self, design: np.ndarray, found: np.ndarray, known: np.ndarray, counted: np.ndarray) -> None:
        """Count, and find the errors: of the parameters, by the outer product of scores, and of the draw itself."""
        prior, posterior, _ = self._posterior(self.coefficients_, self.rates_, design, found, known)
        inside = np.exp(posterior)
        scores = self._scores((inside - prior)[:, 1:], inside, design, found, known)
        free = np.array([self.rates_[self._places == place][0] for place in range(self._places.max() + 1)])
        of_priors = np.concatenate([np.full(self.coefficients_.size, self.ridge), free * (1 - free)])
        information = scores.T @ scores + np.diag(of_priors)
        self.counts_ = inside[counted].sum(axis=0)
        errors = np.empty(self.classes)
        for each in range(self.classes):
            moves = inside[:, [each]] * (np.eye(self.classes)[each] - inside)
            slope = self._scores(moves[:, 1:], moves, design, found, known)[counted].sum(axis=0)
            variance = slope @ np.linalg.solve(information, slope)
            errors[each] = np.sqrt(variance + (inside[counted, each] * (1 - inside[counted, each])).sum())
        self.relative_errors_ = errors / np.maximum(self.counts_, 1e-9)

    def _scores(
        self, by_utility: np.ndarray, by_class: np.ndarray, design: np.ndarray, found: np.ndarray, known: np.ndarray
    ) -> np.ndarray:
        """Return derivatives of each row by all parameters, from those by utilities and by class log likelihoods."""
        columns = [(design[:, :, None] * by_utility[:, None, :]).reshape(len(design), -1)]
        by_rate = np.zeros((len(design), self._places.max() + 1))
        for row in range(len(self.marks)):
            for each in range(self.classes):
                off = found[:, row] - known[:, row] * self.rates_[row, each]
                by_rate[:, self._places[row, each]] += by_class[:, each] * off
        return np.hstack([*columns, by_rate])


def _separate(features: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Return coefficients that tell the examples of each class from all other rows, zeros where there are no two."""
    found = np.zeros((features.shape[1] + 1, examples.shape[1]))
    for each in range(examples.shape[1]):
        if 0 < examples[:, each].sum() < len(examples):
            one = LogisticRegression(max_iter=500).fit(features, examples[:, each])
            found[:, each] = np.concatenate([one.intercept_, one.coef_[0]])
    return found
