"""ISPs whose true hazards are known, and their histories as real systems keep them: no files, no database.

    history = plant_history("gompertz", seed=3, recording=Recording(purged_months=24))
    history.months_by_segment()                       # the whole recorded history, survivors' years included
    history.exposures(history.first_complete_month)   # as RetentionCurves.fit takes them, from that month on
    history.customers                                 # open at the end, with what is true of their futures

Months are numbered as the pipeline numbers them, year * 12 + month, and a row of month m is about what happened in m:
at risk are those open at the end of m - 1, churned those of them who were gone at the end of m.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from models.retention.cohorts import CUSTOMER_COLUMNS
from simulator import SimulationParameters
from simulator.contracts import PriceList, sign
from simulator.hazards import hazard
from simulator.lifetimes import Lifetimes, Spell, live
from simulator.margin_ahead import margin_ahead
from simulator.months import NEVER, Window
from simulator.population import MAIN_FAMILIES, MARKET_OF_SEGMENT, SEGMENTS, Customers, archetype_names, populate
from simulator.randomness import Draws
from simulator.usage import profile

POPULATIONS = np.array(["consumer", "business", "business", "wholesale"])
COHORT = list(CUSTOMER_COLUMNS)
ANNUAL_DISCOUNT_RATE = 0.10
TENURE_BANDS = (0, 3, 6, 12, 24, 48)
_YEAR_0 = 1970 * 12 + 1  # the simulator counts months from 1970 on

# Hazards as ``simulator.parameters.Hazards`` takes them. Only the first shares what the retention models assume.
TRUTHS: dict[str, dict[str, object]] = {
    "beta": {"family": "beta"},
    "gamma_frailty": {"family": "weibull", "duration_shape": 1.0, "frailty_variance": 0.8},
    "falling_weibull": {"family": "weibull", "duration_shape": 0.75, "frailty_variance": 0.4},
    "rising_weibull": {"family": "weibull", "duration_shape": 1.25, "frailty_variance": 1.2},
    "gompertz": {"family": "gompertz", "annual_decline": 0.25, "frailty_variance": 0.25},
    "term_bump": {
        "family": "weibull",
        "duration_shape": 1.0,
        "frailty_variance": 0.6,
        "expiry_multiplier": 4.0,
        "expiry_months": 2,
    },
    "seasons": {"family": "weibull", "duration_shape": 0.9, "frailty_variance": 0.6, "seasonality": 0.4},
}


@dataclass(frozen=True)
class Recording:
    """What a system kept of what happened; months count back from the end of the history, None where all was kept.

    Attributes:
        purged_months: whoever left before the last so many months is in no table.
        unrecorded_months: endings are recorded in the last so many months alone; who left before has no end.
        migrated_months: relationships older than the last so many months begin in a heap in the month of the
            migration, and whoever left before it was not taken along.
        migrated_tenure_months: how many months of tenure such a relationship is taken to have had at the migration.
        booking_delay_days: mean of the exponential delay with which an ending is booked; one not yet booked at the
            end of the history is not known.
        terms_known_months: the term of whoever left before the last so many months is not known.
    """

    purged_months: int | None = None
    unrecorded_months: int | None = None
    migrated_months: int | None = None
    migrated_tenure_months: int = 0
    booking_delay_days: float = 0.0
    terms_known_months: int | None = None


COMPLETE = Recording()


def isp_parameters(truth: str, seed: int, customers: int, months: int) -> SimulationParameters:
    """One of several ISPs with hazards of the same kind: levels, commitments, renewals and growth differ by seed."""
    random = np.random.default_rng(seed)
    plain = SimulationParameters()
    level, held = np.exp(random.uniform(-0.5, 0.4)), np.exp(random.uniform(-0.6, 0.6))
    shares = {
        name: tuple(np.array(of_terms) * random.uniform(0.5, 1.5, 3))
        for name, of_terms in plain.plans.term_shares.items()
    }
    return SimulationParameters.model_validate(
        {
            "customers": customers,
            "months": months,
            "seed": seed,
            "plans": {"renewal_share": random.uniform(0.05, 0.5), "term_shares": shares},
            "hazards": {
                # A beta twice as large is a hazard half as high at the same alpha.
                "beta": {name: (alpha, beta / level) for name, (alpha, beta) in plain.hazards.beta.items()},
                "committed_multiplier": plain.hazards.committed_multiplier * held,
                "monthly_arrivals": random.uniform(0.008, 0.03),
                **TRUTHS[truth],
            },
        }
    )


def plant_history(
    truth: str, seed: int, *, customers: int = 5_000, months: int = 36, recording: Recording = COMPLETE
) -> "PlantedHistory":
    """An ISP of so many customers ever seen in its last ``months``, with older ones among them, as it was recorded."""
    parameters = isp_parameters(truth, seed, customers, months)
    window, draws = Window.of(parameters), Draws(seed)
    people = populate(parameters, draws, 0, customers)
    return PlantedHistory(parameters, window, recording, people, live(parameters, draws, people, window))


@dataclass(frozen=True)
class PlantedHistory:
    """What happened, and what is on record of it."""

    parameters: SimulationParameters
    window: Window
    recording: Recording
    people: Customers
    lives: Lifetimes

    @property
    def first_month(self) -> int:
        """The month in which the books open."""
        return self.window.first + _YEAR_0

    @property
    def last_month(self) -> int:
        """The last month of the history."""
        return self.window.last + _YEAR_0

    @property
    def first_complete_month(self) -> int:
        """The first month at risk of which every ending is on record: what a window finder should find."""
        kept = (self.recording.purged_months, self.recording.unrecorded_months)
        known = [self.last_month - months + 1 for months in kept if months]
        migrated = self.recording.migrated_months
        # Who was taken along was open at the end of the month of the migration, and is at risk from the next one on.
        after = [self.last_month - migrated + 2] if migrated else []
        return max([self.first_month, *known, *after])

    def months_by_segment(self) -> pd.DataFrame:
        """One row per market segment and month of the whole recorded history, from the first start that is known on.

        Columns ``market_segment``, ``month_number``, ``customers_at_risk``, ``customers_churned``,
        ``customers_started``. Before ``first_month`` there are survivors of older cohorts alone, as in any history.
        """
        segment = np.concatenate([self.people.segment] * 2)
        start = np.concatenate([each.start_month for each in self._recorded])
        end = np.concatenate([each.end_month for each in self._recorded])
        seen = start <= self.window.last
        segment, start, end = segment[seen], start[seen], np.minimum(end[seen], self.window.last + 1)
        first = int(start.min())
        shape = (len(SEGMENTS), self.window.last - first + 2)
        started, ended = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        np.add.at(started, (segment, start - first), 1)
        np.add.at(ended, (segment, end - first), 1)
        open_at_end = np.cumsum(started - ended, axis=1)
        rows, months = np.indices((shape[0], shape[1] - 1))
        at_risk = np.concatenate([np.zeros((shape[0], 1), dtype=np.int64), open_at_end[:, :-2]], axis=1)
        return pd.DataFrame(
            {
                "market_segment": np.array(SEGMENTS)[rows.ravel()],
                "month_number": months.ravel() + first + _YEAR_0,
                "customers_at_risk": at_risk.ravel(),
                "customers_churned": ended[:, :-1].ravel(),
                "customers_started": started[:, :-1].ravel(),
            }
        )

    def months_at_risk(self) -> pd.DataFrame:
        """The whole recorded history as ``models.observation.window.EndingsWindow`` takes it, of one source system.

        ``month_number`` is the month end at which customers are at risk; they are gone by the end of the next.
        """
        last = self.window.last
        first = min(int(each.start_month[each.start_month <= last].min()) for each in self._recorded)
        shape = (len(SEGMENTS), 2, len(TENURE_BANDS), last - first + 2)
        change, churned = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for spell in self._recorded:
            rows = np.flatnonzero(spell.start_month <= last)
            segment, start = self.people.segment[rows], spell.start_month[rows]
            end = np.minimum(spell.end_month[rows], last + 1)
            forever = spell.renews[rows] & (spell.term[rows] > 0)
            free_from = np.where(forever, NEVER, start + spell.term[rows])
            for band, (low, high) in enumerate(zip(TENURE_BANDS, (*TENURE_BANDS[1:], NEVER), strict=True)):
                for is_committed, since, until in ((1, start, free_from), (0, free_from, np.full(len(rows), NEVER))):
                    begins = np.maximum(since, start + low)
                    ends = np.minimum(np.minimum(until, start + high), end)
                    here = begins < ends
                    of_band = change[:, is_committed, band]
                    np.add.at(of_band, (segment[here], begins[here] - first), 1)
                    np.add.at(of_band, (segment[here], ends[here] - first), -1)
                    left = here & (ends == end) & (end <= last)
                    np.add.at(churned[:, is_committed, band], (segment[left], end[left] - 1 - first), 1)
        at_risk = np.cumsum(change, axis=-1)[..., :-2]
        index = np.indices(at_risk.shape).reshape(len(shape), -1)
        frame = pd.DataFrame(
            {
                "source_system": "all",
                "retention_market": POPULATIONS[MARKET_OF_SEGMENT[index[0]]],
                "market_segment": np.array(SEGMENTS)[index[0]],
                "is_committed": index[1] == 1,
                "tenure_band": index[2],
                "month_number": index[3] + first + _YEAR_0,
                "customers_at_risk": at_risk.ravel(),
                "customers_churned": churned[..., :-2].ravel(),
            }
        )
        return frame[frame["customers_at_risk"] > 0]

    def exposures(self, first_month: int | None = None, last_month: int | None = None) -> pd.DataFrame:
        """As ``RetentionCurves.fit`` takes them, of the months at risk ``first_month`` to ``last_month``."""
        counts = self._at_risk(first_month, last_month).groupby([*COHORT, "is_committed", "spell_months"])["churned"]
        sums = counts.agg(["size", "sum"]).reset_index()
        return sums.rename(columns={"size": "customers_at_risk", "sum": "customers_churned"})

    def commitment_ends(self, first_month: int | None = None, last_month: int | None = None) -> pd.DataFrame:
        """As ``RetentionCurves.fit`` takes them, of commitments that ended or were renewed in the same months."""
        seen = self._at_risk(first_month, last_month)
        passed = seen["true_spell_months"]
        is_first_end, is_later_end = passed == seen["term"], passed > seen["term"]
        is_end = is_first_end | (is_later_end & (seen["committed_month_ends"] == seen["term"]))
        ended = seen[(seen["term"] > 0) & is_end].assign(is_later=is_later_end)
        return ended.groupby([*COHORT, "is_later"], as_index=False).agg(
            commitments_ended=("renews", "size"), commitments_renewed=("renews", "sum"), term_months=("term", "mean")
        )

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Who is open at the end as far as is on record.

        Cohort columns, ``spell_months``, ``committed_month_ends``, ``monthly_margin``, and of the truth
        ``true_churn_12`` and ``true_months_36`` and ``_240``: discounted months to come at ANNUAL_DISCOUNT_RATE. Of a
        customer whose ending is not booked yet (``is_gone``) nothing more comes.
        """
        everybody = pd.concat(
            [self._open_at_end_of(self.window.last, *spells) for spells in self._spells], ignore_index=True
        )
        names = ("theta", "behavior", "true_spell_months", "term", "renews")
        theta, behavior, spell, term, renews = (everybody[name].to_numpy() for name in names)
        alive, total, found = np.where(everybody["is_gone"], 0.0, 1.0), np.zeros(len(everybody)), {}
        for month in range(1, 241):
            rate = hazard(self.parameters, theta, behavior, spell + month, term, renews, self.window.last + month)
            alive = alive * (1.0 - rate)
            total = total + alive * (1.0 + ANNUAL_DISCOUNT_RATE) ** (-month / 12)
            if month == 12:
                found["true_churn_12"] = 1.0 - alive
            if month in (36, 240):
                found[f"true_months_{month}"] = total
        margin = self._margins[everybody["row"]]
        return everybody.drop(columns=["churned", "row"]).assign(monthly_margin=margin, **found)

    @cached_property
    def _margins(self) -> np.ndarray:
        """What the last month itself brought, of every customer."""
        parameters, draws, prices = self.parameters, Draws(self.parameters.seed), PriceList.of(self.parameters)
        light = archetype_names(parameters).index("light")
        contracts = sign(parameters, draws, self.people, self.lives, self.window, prices, light)
        used = profile(parameters, draws, self.people, self.lives, contracts, prices)
        last = self.window.last
        now = margin_ahead(parameters, draws, self.people, contracts, used, prices, self.window, last).now
        gone = now == 0.0  # of who is open on record alone: what such a customer would bring
        return np.where(gone, np.median(now[~gone]), now)

    @property
    def _spells(self) -> list[tuple[Spell, Spell]]:
        """What happened, and what is on record of it."""
        return list(zip(self.lives.spells, self._recorded, strict=True))

    @cached_property
    def _recorded(self) -> list[Spell]:
        kept, last = self.recording, self.window.last
        spells = list(self.lives.spells)
        # A customer is purged whole, and only if it was gone by then.
        gone_from = np.maximum(*(np.where(each.exists, each.end_month, 0) for each in spells))
        dropped = np.zeros(len(self.people), dtype=bool)
        for months in (kept.purged_months, kept.migrated_months):
            if months:
                dropped |= gone_from <= last - months
        recorded = []
        for number, spell in enumerate(spells):
            start, end = spell.start_month, spell.end_month
            if kept.booking_delay_days:
                chance = Draws(self.parameters.seed).uniform("booking delay", self.people.number, number)
                booked = spell.end_date - kept.booking_delay_days * np.log(chance)
                end = np.where(booked > self.window.last_day, NEVER, end)
            if kept.unrecorded_months:
                end = np.where(end <= last - kept.unrecorded_months, NEVER, end)
            if kept.migrated_months:
                migration = last - kept.migrated_months + 1
                start = np.where(start < migration, migration, start)
                dropped_here = dropped | (end <= migration)
            else:
                dropped_here = dropped
            start = np.where(dropped_here | ~spell.exists, NEVER, start)
            recorded.append(replace(spell, start_month=start, end_month=end))
        # Who came back has left before, recorded or not.
        first, second = recorded
        ended = np.where(second.exists & (first.end_month >= NEVER), self.lives.first.end_month, first.end_month)
        return [replace(first, end_month=ended), second]

    def _at_risk(self, first_month: int | None, last_month: int | None) -> pd.DataFrame:
        first = (first_month or self.first_month) - _YEAR_0
        last = (last_month or self.last_month) - _YEAR_0
        return pd.concat(
            [self._open_at_end_of(month, *spells) for spells in self._spells for month in range(first - 1, last)],
            ignore_index=True,
        )

    def _open_at_end_of(self, month: int, true: Spell, recorded: Spell) -> pd.DataFrame:
        rows = np.flatnonzero(recorded.open_at_end_of(month))
        people, lives = self.people, self.lives
        term, renews = true.term[rows], true.renews[rows] & (true.term[rows] > 0)
        passed = month - true.start_month[rows]
        left = np.where(renews, term - passed % np.maximum(term, 1), term - passed)
        is_migrated = recorded.start_month[rows] > true.start_month[rows]
        unseen = np.where(is_migrated, self.recording.migrated_tenure_months, 0)
        product = np.array(MAIN_FAMILIES)[people.main_family[rows]]
        label = np.where(term > 0, term.astype(str), "none")
        if self.recording.terms_known_months:
            is_known = recorded.end_month[rows] > self.window.last - self.recording.terms_known_months
            label = np.where(is_known, label, "unknown")
        return pd.DataFrame(
            {
                "row": rows,
                "retention_market": POPULATIONS[people.market[rows]],
                "market_segment": np.array(SEGMENTS)[people.segment[rows]],
                "retention_product": np.where(product == "wholesale", "other", product),
                "retention_term": label,
                "spell_months": month - recorded.start_month[rows] + unseen,
                "true_spell_months": passed,
                "is_migrated": is_migrated,
                "committed_month_ends": np.maximum(left, 0),
                "is_committed": left > 0,
                "term": term,
                "renews": renews,
                "theta": lives.theta[rows],
                "behavior": lives.behavior[rows],
                "churned": recorded.end_month[rows] == month + 1,
                "is_gone": true.end_month[rows] <= month,
            }
        )
