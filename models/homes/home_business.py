"""Businesses and workers at home among consumers, learned from marks in the records and the shape of traffic.

Consumers are unlabeled: nobody says which of them run a business. Three models, each for one question:

1. *Likeness.* A logistic regression tells small-business contracts from consumers by the shape of their traffic alone
   (upload share, weekend against weekday, business hours), never its volume or devices: a business at home is small.
   As every non-traditional classifier it ranks by likeness to the positives (Elkan & Noto 2008); that is not a
   probability, for a business at home need not use its line as a shop does. It gives reasons, and a starting point.
2. *Business at home* (nanobusiness): a probability from marks and traffic, where one can be given.
3. *Work at home without a business* (home_worker): a probability from lines that employers provide. It supposes that
   businesses are known, so where they are not there is none.

Labels. `nanobusiness` and `home_worker`: the probability of it reaches the threshold of one half, so that most who
carry the label are so. `unknown`: whoever works at home or seems to, with neither probability that high: it is divided
between the two, or there is none and weekdays are clearly fuller than weekends (with much of the traffic in business
hours where those are known), or a tax number is on record. `none`: nothing speaks for work at home. A student's weekday
is hardly fuller than the weekend, a hobbyist uploads on weekends and has no marks, gamers and streamers have evenings.
"""

import json
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.homes.home_worker import HomeWorkerModel
from models.homes.nanobusiness import MARKS, Nanobusinesses
from models.homes.parameters import HomeBusinessParameters
from models.homes.traffic import DAILY, TRAFFIC, traffic_shape

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

    After ``fit``: ``refusal_`` (why nothing was learned, or None), ``uses_dayparts_``, ``nano_`` (the Nanobusinesses:
    its own refusal, share of consumers and rates of marks), ``workers_`` (the HomeWorkerModel).
    """

    def __init__(self, parameters: HomeBusinessParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn from one row per customer: ``is_business``, ``is_opted_out``, ``is_provided_by_employer``,
        ``usage_days_3m``, TRAFFIC and MARKS.

        Opted-out customers and those with too little usage are not learned from. Too few customers, or small
        businesses that send a smaller share than consumers, is a refusal: then nobody is scored. The latter is what
        a source with upload and download swapped looks like.
        """
        chosen = self.parameters or HomeBusinessParameters()
        self.parameters_ = chosen
        used = customers[self._is_usable(customers)].reset_index(drop=True)
        business = used["is_business"].to_numpy(dtype=bool)
        self.refusal_ = self._too_few(business) or _wrong_way(used["upload_share_3m"], business)
        if self.refusal_:
            return self
        known = used["business_hours_share_3m"].notna().to_numpy()
        self.uses_dayparts_ = bool(min(known[business].mean(), known[~business].mean()) >= chosen.daypart_coverage)
        self.traffic_ = TRAFFIC if self.uses_dayparts_ else DAILY
        self.medians_ = used.loc[~business, list(self.traffic_)].median()
        features = self._features(used)
        self.classifier_ = _classifier().fit(features, business)
        self.consumer_means_ = features[~business].mean(axis=0)
        self._fit_nanobusinesses(used, known)
        consumers = used[~business]
        self.workers_ = HomeWorkerModel(chosen).fit(
            traffic_shape(consumers), _is_provided(consumers), 1 - self._nano_probability(consumers)
        )
        return self

    def _fit_nanobusinesses(self, used: pd.DataFrame, known: np.ndarray) -> None:
        """Fit by all that is known of most, and by daily totals for those whose business hours are not known."""
        rows = used[known] if self.uses_dayparts_ else used
        self.nano_ = self._nanobusinesses(rows, self.traffic_)
        self.daily_ = self._nanobusinesses(used, DAILY) if self.uses_dayparts_ and not known.all() else self.nano_

    def _nanobusinesses(self, rows: pd.DataFrame, columns: tuple[str, ...]) -> Nanobusinesses:
        likeness = self.classifier_.decision_function(self._features(rows))
        return Nanobusinesses(self.parameters_).fit(traffic_shape(rows, columns), rows, likeness)

    def predict_proba(self, customers: pd.DataFrame) -> np.ndarray:
        """Return the probability of a nanobusiness, shape (customers,); NaN where there is none."""
        probability = np.full(len(customers), np.nan)
        usable = self._is_usable(customers)
        if not self.refusal_:
            probability[usable] = self._nano_probability(customers[usable])
        return probability

    def _nano_probability(self, rows: pd.DataFrame) -> np.ndarray:
        if not self.uses_dayparts_:
            return self.nano_.predict_proba(traffic_shape(rows, DAILY), rows)
        probability = np.empty(len(rows))
        known = rows["business_hours_share_3m"].notna().to_numpy()
        probability[known] = self.nano_.predict_proba(traffic_shape(rows[known]), rows[known])
        if not known.all():
            by_day = np.full((~known).sum(), np.nan)
            if self.daily_ is not self.nano_:
                by_day = self.daily_.predict_proba(traffic_shape(rows[~known], DAILY), rows[~known])
            probability[~known] = by_day
        return probability

    def _worker_probability(self, consumers: pd.DataFrame, nano: np.ndarray) -> np.ndarray:
        """Return the probability of work at home without a business, shape (consumers,); NaN where there is none."""
        if self.refusal_:
            return np.full(len(consumers), np.nan)
        without = self.workers_.predict_proba(traffic_shape(consumers), _is_provided(consumers))
        return np.asarray((1 - nano) * without)

    def classify(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return one row per consumer: customer_id, home_business_status, home_business, probabilities, reason codes.

        Label, probabilities and reasons are null unless the status is `scored`; a probability also where there is none.
        Reason codes are a JSON list, the strongest first, of what speaks for work at home.
        """
        consumers = customers[~customers["is_business"].to_numpy(dtype=bool)]
        probability = self.predict_proba(consumers)
        status = np.where(self._is_usable(consumers), SCORED if not self.refusal_ else REFUSED, INSUFFICIENT)
        status = np.where(consumers["is_opted_out"].to_numpy(dtype=bool), OPTED_OUT, status)
        scored = status == SCORED
        worker = self._worker_probability(consumers, probability)
        label = self._labels(consumers, probability, worker)
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

    def _labels(self, consumers: pd.DataFrame, nano: np.ndarray, worker: np.ndarray) -> np.ndarray:
        chosen = self.parameters_
        hours = consumers["business_hours_share_3m"]
        at_work = (consumers["weekend_day_ratio_3m"] <= chosen.home_worker_weekend_ratio) & (
            hours.isna() | (hours >= chosen.home_worker_business_hours_share)
        )
        has_number = consumers["has_tax_number"].astype("boolean").fillna(False).to_numpy(dtype=bool)
        # Comparisons with NaN are false: without a probability nobody has the label.
        is_nano = nano >= chosen.nanobusiness_threshold
        is_worker = worker >= chosen.home_worker_threshold
        is_either = np.nan_to_num(nano) + np.nan_to_num(worker) >= chosen.home_worker_threshold
        is_open = (np.isnan(nano) & has_number) | ((np.isnan(nano) | np.isnan(worker)) & at_work.to_numpy())
        named = np.select([is_nano, is_worker, is_either | is_open], ["nanobusiness", "home_worker", "unknown"], "none")
        return named.astype(object)

    def _reasons(self, rows: pd.DataFrame) -> list[str]:
        scaler, regression = self.classifier_[0], self.classifier_[1]
        moved = (self._features(rows) - self.consumer_means_) / scaler.scale_ * regression.coef_[0]
        evidence = np.hstack([moved, self.nano_.mark_evidence(rows), self._provided_evidence(rows)])
        codes = np.array([_CODES[name] for name in (*self.traffic_, *MARKS, "is_provided_by_employer")])
        order = np.argsort(-evidence, axis=1, kind="stable")
        ranked = np.take_along_axis(evidence, order, axis=1)
        counts = (ranked >= self.parameters_.reason_strength).sum(axis=1)
        return [json.dumps(list(codes[chosen[:count]])) for chosen, count in zip(order, counts, strict=True)]

    def _provided_evidence(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the log likelihood ratio of a line that an employer provides, 0 where it says nothing; one column."""
        if self.workers_.refusal_:
            return np.zeros((len(rows), 1))
        ratio = np.log(self.workers_.rate_with_ / max(self.workers_.rate_without_, 1e-3))
        return np.where(_is_provided(rows), ratio, 0.0)[:, None]

    def _features(self, rows: pd.DataFrame) -> np.ndarray:
        return traffic_shape(rows[list(self.traffic_)].astype(float).fillna(self.medians_), self.traffic_)

    def _is_usable(self, customers: pd.DataFrame) -> np.ndarray:
        chosen = self.parameters_
        enough = customers["usage_days_3m"].fillna(0).to_numpy() >= chosen.minimum_usage_days
        known = customers[list(DAILY)].notna().all(axis=1).to_numpy()
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
