"""Businesses and workers at home among consumers, learned from small-business contracts and unlabeled consumers.

Positive-unlabeled learning in two steps. Consumers are unlabeled: nobody says which of them run a business.

1. *Likeness.* A logistic regression tells small-business contracts from consumers by the shape of their traffic
   alone (upload share, weekend against weekday, business hours), never its volume or devices: a business at home is
   small. As every non-traditional classifier it ranks by likeness to the positives (Elkan & Noto 2008). It is
   cross-fitted: no consumer is ranked by a model that has seen it.
2. *Probability.* The step from likeness to probability that Elkan & Noto propose rests on positives that are drawn at
   random from all businesses. That is false here: contracts for small businesses go to shops and offices. Instead the
   consumers themselves say it. Likeness, in bins, and the marks of a business (tax number, static address, second
   line) are independent views of one hidden class, given the class; three such views identify its share and all
   rates (Dawid & Skene 1979; Allman, Matias & Rhodes 2009). Expectation-maximization finds them. What is assumed is
   that within a class a mark does not depend on likeness, and that a mark is wrong at least at the error rate set.
   With one mark the share is less certain; without any, Elkan & Noto's step is all there is and is used.

The three labels are not the same. `nanobusiness`: the probability of the hidden class, which has the marks, reaches
the threshold. `home_worker`: it does not, and the probability of work at home without a business does (home_worker).
Where there is none, for want of dayparts or of lines that an employer provides, a rule stands in: weekdays are clearly
fuller than weekends, with much of the traffic in business hours where those are known. `none`: neither. A student's
weekday is hardly fuller than the weekend, a hobbyist uploads on weekends and has no marks, gamers and streamers have
evenings.
"""

import json
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.hidden_class import HiddenClass
from models.home_business_parameters import HomeBusinessParameters
from models.home_worker import HomeWorkerModel

MARKS = ("has_tax_number", "has_static_ip", "has_second_line")
TRAFFIC = ("upload_share_3m", "weekend_day_ratio_3m", "business_hours_share_3m")
SCORED, OPTED_OUT, INSUFFICIENT, REFUSED = "scored", "opted_out", "insufficient_usage", "not_learned"
_CODES = {
    "upload_share_3m": "upload_like_a_business",
    "weekend_day_ratio_3m": "quiet_weekends",
    "business_hours_share_3m": "busy_business_hours",
    "has_tax_number": "tax_number",
    "has_static_ip": "static_ip",
    "has_second_line": "second_line",
    "is_provided_by_employer": "line_from_employer",
}


class HomeBusinessModel(BaseEstimator):
    """Tells nanobusinesses and home workers among consumers.

    After ``fit``: ``refusal_`` (why nothing was learned, or None), ``uses_dayparts_``, ``prevalence_`` (share of
    nanobusinesses among the consumers fitted on), ``mark_rates_`` (a row a mark: its rate with and without a business),
    ``workers_`` (the HomeWorkerModel).
    """

    def __init__(self, parameters: HomeBusinessParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn from one row a customer: ``is_business``, ``is_opted_out``, ``is_provided_by_employer``,
        ``usage_days_3m``, TRAFFIC and MARKS.

        Opted-out customers and those with too little usage are not learned from. Too few customers, or small
        businesses that send a smaller share than consumers, is a refusal: then nobody is scored. The latter is what
        a source with upload and download swapped looks like.
        """
        chosen = self.parameters or HomeBusinessParameters()
        self.parameters_ = chosen
        used = customers[self._is_usable(customers)].reset_index(drop=True)
        business = used["is_business"].to_numpy(dtype=bool)
        self.prevalence_, self.mark_rates_ = float("nan"), pd.DataFrame(columns=["mark", "with", "without"])
        self.refusal_ = self._too_few(business) or _wrong_way(used["upload_share_3m"], business)
        if self.refusal_:
            return self
        known = used["business_hours_share_3m"].notna()
        self.uses_dayparts_ = bool(min(known[business].mean(), known[~business].mean()) >= chosen.daypart_coverage)
        self.traffic_ = TRAFFIC if self.uses_dayparts_ else TRAFFIC[:2]
        self.medians_ = used.loc[~business, list(self.traffic_)].median()
        features = self._features(used)
        folds = StratifiedKFold(chosen.folds, shuffle=True, random_state=chosen.random_state)
        crossed = cross_val_predict(_classifier(), features, business, cv=folds, method="decision_function")
        self.classifier_ = _classifier().fit(features, business)
        consumers = used[~business]
        self.consumer_means_ = features[~business].mean(axis=0)
        self._fit_probability(consumers, crossed[~business], crossed[business])
        self.workers_ = HomeWorkerModel(chosen).fit(
            self._traffic_of_a_day(consumers),
            _is_provided(consumers),
            1 - self._probability(consumers, crossed[~business]),
        )
        return self

    def _fit_probability(self, consumers: pd.DataFrame, likeness: np.ndarray, of_businesses: np.ndarray) -> None:
        chosen = self.parameters_
        self.edges_ = np.unique(np.quantile(likeness, np.linspace(0, 1, chosen.likeness_bins + 1)[1:-1]))
        self.marks_ = [
            mark for mark in MARKS if consumers[mark].notna().any() and consumers[mark].astype(float).max() > 0
        ]
        if not self.marks_:
            self.hidden_ = None
            # Elkan & Noto: c is the mean score of held-out positives, p(y | x) = (1 - c) / c * g / (1 - g).
            constant = float(np.mean(_sigmoid(of_businesses)))
            self.offset_ = float(np.log((1 - constant) / constant))
            self.prevalence_ = float(np.minimum(np.exp(likeness + self.offset_), 1).mean())
            return
        bins = np.searchsorted(self.edges_, likeness)
        marks = consumers[self.marks_].astype(float).to_numpy()
        self.hidden_ = HiddenClass(len(self.edges_) + 1, chosen.mark_error_rate).fit(bins, marks)
        # More likeness never makes a business less probable.
        order = np.arange(len(self.edges_) + 1)
        weights = np.bincount(bins, minlength=len(order)) + 1e-9
        self.bin_evidence_ = IsotonicRegression().fit(order, self.hidden_.bin_evidence_, weights).predict(order)
        self.prevalence_ = self.hidden_.share_
        self.mark_rates_ = pd.DataFrame(
            {"mark": self.marks_, "with": self.hidden_.rates_with_, "without": self.hidden_.rates_without_}
        )

    def predict_proba(self, customers: pd.DataFrame) -> np.ndarray:
        """Return the probability of a nanobusiness, shape (customers,); NaN where a customer cannot be scored."""
        probability = np.full(len(customers), np.nan)
        usable = self._is_usable(customers)
        if self.refusal_ or not usable.any():
            return probability
        rows = customers[usable]
        probability[usable] = self._probability(rows, self.classifier_.decision_function(self._features(rows)))
        return probability

    def _probability(self, rows: pd.DataFrame, likeness: np.ndarray) -> np.ndarray:
        if self.hidden_ is None:
            return np.asarray(np.minimum(np.exp(likeness + self.offset_), 1))
        evidence = self.bin_evidence_[np.searchsorted(self.edges_, likeness)]
        evidence = evidence + self._mark_evidence(rows).sum(axis=1)
        return _sigmoid(np.log(self.prevalence_ / (1 - self.prevalence_)) + evidence)

    def _worker_probability(self, consumers: pd.DataFrame, nano: np.ndarray) -> np.ndarray:
        """Return the probability of work at home without a business, shape (consumers,); NaN where there is none."""
        if self.refusal_:
            return np.full(len(consumers), np.nan)
        without = self.workers_.predict_proba(self._traffic_of_a_day(consumers), _is_provided(consumers))
        return np.asarray((1 - nano) * without)

    def classify(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return a row a consumer: customer_id, home_business_status, home_business, probabilities and reason codes.

        Label, probabilities and reasons are null unless the status is `scored`; that of a home worker also where nobody
        has one, or the customer's business hours are not known. Reason codes are a JSON list, the strongest first; that
        of a home worker or nobody holds what speaks for work at home.
        """
        chosen = self.parameters_
        consumers = customers[~customers["is_business"].to_numpy(dtype=bool)]
        probability = self.predict_proba(consumers)
        usable = self._is_usable(consumers)
        status = np.where(usable, SCORED if not self.refusal_ else REFUSED, INSUFFICIENT)
        status = np.where(consumers["is_opted_out"].to_numpy(dtype=bool), OPTED_OUT, status)
        scored = status == SCORED
        hours = consumers["business_hours_share_3m"]
        worker = self._worker_probability(consumers, probability)
        by_rule = (consumers["weekend_day_ratio_3m"] <= chosen.home_worker_weekend_ratio) & (
            hours.isna() | (hours >= chosen.home_worker_business_hours_share)
        )
        nano = probability >= chosen.nanobusiness_threshold
        likely = worker >= chosen.home_worker_threshold * (1 - probability)
        at_work = np.where(np.isnan(worker), by_rule.to_numpy(), likely)
        label = np.select([nano, at_work], ["nanobusiness", "home_worker"], "none").astype(object)
        label[~scored] = None
        reasons = np.full(len(consumers), None, dtype=object)
        if scored.any():
            reasons[scored] = self._reasons(consumers[scored])
        return pd.DataFrame(
            {
                "customer_id": consumers["customer_id"].to_numpy(),
                "home_business_status": status,
                "home_business": label,
                "nanobusiness_probability": probability,
                "home_worker_probability": worker,
                "reason_codes": reasons,
            }
        )

    def _reasons(self, rows: pd.DataFrame) -> list[str]:
        scaler, regression = self.classifier_[0], self.classifier_[1]
        moved = (self._features(rows) - self.consumer_means_) / scaler.scale_ * regression.coef_[0]
        evidence, names = moved, list(self.traffic_)
        if self.hidden_ is not None:
            evidence, names = np.hstack([moved, self._mark_evidence(rows)]), [*names, *self.marks_]
        evidence, names = np.hstack([evidence, self._provided_evidence(rows)]), [*names, "is_provided_by_employer"]
        codes = np.array([_CODES[name] for name in names])
        order = np.argsort(-evidence, axis=1, kind="stable")
        ranked = np.take_along_axis(evidence, order, axis=1)
        counts = (ranked >= self.parameters_.reason_strength).sum(axis=1)
        return [json.dumps(list(codes[chosen[:count]])) for chosen, count in zip(order, counts, strict=True)]

    def _mark_evidence(self, rows: pd.DataFrame) -> np.ndarray:
        assert self.hidden_ is not None
        return self.hidden_.mark_evidence(rows[self.marks_].astype(float).to_numpy())

    def _provided_evidence(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the log likelihood ratio of a line that an employer provides, 0 where it says nothing; one column."""
        if self.workers_.refusal_:
            return np.zeros((len(rows), 1))
        ratio = np.log(self.workers_.rate_with_ / max(self.workers_.rate_without_, 1e-3))
        return np.where(_is_provided(rows), ratio, 0.0)[:, None]

    def _traffic_of_a_day(self, rows: pd.DataFrame) -> np.ndarray:
        """Return TRAFFIC with business hours, NaN where they are not known: nothing is filled in."""
        shares = rows[["upload_share_3m", "business_hours_share_3m"]].astype(float).apply(_logit)
        ratio = np.log(rows["weekend_day_ratio_3m"].astype(float).clip(lower=1e-3))
        return np.column_stack([shares.to_numpy(), ratio])

    def _features(self, rows: pd.DataFrame) -> np.ndarray:
        filled = rows[list(self.traffic_)].astype(float).fillna(self.medians_)
        columns = [
            np.log(filled[name].clip(lower=1e-3)) if name == "weekend_day_ratio_3m" else _logit(filled[name])
            for name in self.traffic_
        ]
        return np.column_stack(columns)

    def _is_usable(self, customers: pd.DataFrame) -> np.ndarray:
        chosen = self.parameters_
        enough = customers["usage_days_3m"].fillna(0).to_numpy() >= chosen.minimum_usage_days
        known = customers[list(TRAFFIC[:2])].notna().all(axis=1).to_numpy()
        return np.asarray(enough & known & ~customers["is_opted_out"].to_numpy(dtype=bool))

    def _too_few(self, business: np.ndarray) -> str | None:
        chosen = self.parameters_
        for found, least, who in (
            (int(business.sum()), chosen.minimum_businesses, "small businesses"),
            (int((~business).sum()), chosen.minimum_consumers, "consumers"),
        ):
            if found < least:
                return f"{found} {who} with enough usage, {least} are needed."
        return None


def _wrong_way(upload_share: pd.Series, business: np.ndarray) -> str | None:
    ours, theirs = float(upload_share[business].median()), float(upload_share[~business].median())
    if theirs > 0.5 or ours < theirs:
        return (
            f"Small businesses send {ours:.1%} of their traffic, consumers {theirs:.1%}: upload and download look "
            "swapped in the usage source."
        )
    return None


def _is_provided(customers: pd.DataFrame) -> np.ndarray:
    return customers["is_provided_by_employer"].astype("boolean").fillna(False).to_numpy(dtype=bool)


def _classifier() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


def _logit(share: pd.Series) -> np.ndarray:
    bounded = share.clip(1e-3, 1 - 1e-3).to_numpy()
    return np.asarray(np.log(bounded / (1 - bounded)))


def _sigmoid(value: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-value)))
