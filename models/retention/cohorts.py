"""The hierarchy of retention cohorts, and the exposures observed in each of them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.retention.shifted_beta_geometric import Floats

# One value for each of COHORT_COLUMNS, None where the group is pooled over it.
Cohort = tuple[Hashable, ...]

# Columns of a customer, plus whether it is committed. Markets are separated first, their segments below that level.
CUSTOMER_COLUMNS = ("retention_market", "market_segment", "retention_product", "retention_term")
COHORT_COLUMNS = (*CUSTOMER_COLUMNS, "is_committed")
MARKET_LEVEL = ("retention_market", "is_committed")
# The least important column is dropped first; commitment is dropped last, since it changes the hazard most.
POOLING_LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("is_committed",),
    MARKET_LEVEL,
    ("retention_market", "market_segment", "is_committed"),
    ("retention_market", "market_segment", "retention_product", "is_committed"),
    COHORT_COLUMNS,
)
EXPOSURE_COLUMNS = (*COHORT_COLUMNS, "spell_months", "customers_at_risk", "customers_churned")
ALL: Cohort = (None,) * len(COHORT_COLUMNS)
UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Exposures:
    """Customer-months at risk and churn events of one cohort, one entry per tenure (1 is the first month)."""

    tenure: Floats
    at_risk: Floats
    churned: Floats

    def equals(self, other: "Exposures") -> bool:
        """Whether both hold the same counts."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("tenure", "at_risk", "churned")
        )


def typed_exposures(exposures: pd.DataFrame, first_spell_months: int) -> pd.DataFrame:
    """Return exposures from the feature table with clean names and summable numbers.

    Raises:
        ValueError: a column is missing, or a ``spell_months`` is below the first.
    """
    missing = [column for column in EXPOSURE_COLUMNS if column not in exposures]
    if missing:
        raise ValueError(f"retention exposures lack the columns {missing}; found {list(exposures.columns)}")
    frame = cohort_names(exposures)
    frame["is_committed"] = exposures["is_committed"].fillna(False).astype(bool)
    frame["tenure"] = exposures["spell_months"].astype(np.float64) - first_spell_months + 1.0
    frame["at_risk"] = exposures["customers_at_risk"].astype(np.float64)
    frame["churned"] = exposures["customers_churned"].astype(np.float64)
    if (frame["tenure"] < 1).any():
        raise ValueError(f"spell_months below first_spell_months = {first_spell_months}")
    return frame


def cohorts_at(frame: pd.DataFrame, level: tuple[str, ...]) -> list[tuple[Cohort, Exposures]]:
    """Every cohort observed at one of ``POOLING_LEVELS``, with its exposures summed."""
    counts = frame.groupby([*level, "tenure"], as_index=False)[["at_risk", "churned"]].sum()
    groups = counts.groupby(list(level)) if level else [((), counts)]
    cohorts = []
    for values, rows in groups:
        named = dict(zip(level, values, strict=True))
        cohort = tuple(named.get(column) for column in COHORT_COLUMNS)
        cohorts.append((cohort, Exposures(*(rows[c].to_numpy() for c in ("tenure", "at_risk", "churned")))))
    return cohorts


def parent_of(cohort: Cohort) -> Cohort:
    """The same cohort one level up."""
    named = tuple(column for column, value in zip(COHORT_COLUMNS, cohort, strict=True) if value is not None)
    kept = POOLING_LEVELS[POOLING_LEVELS.index(named) - 1]
    return tuple(value if column in kept else None for column, value in zip(COHORT_COLUMNS, cohort, strict=True))


def label_of(cohort: Cohort) -> str:
    """Name of a cohort, such as ``business/education/internet/24/committed``; ``*`` where pooled over."""
    if cohort == ALL:
        return "all"
    state = {True: "committed", False: "free", None: "*"}[cohort[-1]]  # type: ignore[index]
    return "/".join([*("*" if name is None else str(name) for name in cohort[:-1]), state])


def cohort_names(frame: pd.DataFrame, columns: Sequence[str] = CUSTOMER_COLUMNS) -> pd.DataFrame:
    """Market, segment, product and term of each row, or some of them; null becomes a cohort of its own, ``unknown``."""
    names = frame.loc[:, list(columns)]
    return names.astype("str").where(names.notna(), UNKNOWN)


def committed_month_ends(customers: pd.DataFrame) -> Floats:
    """Month ends, the current one included, that the commitment still covers; null (free) becomes 0."""
    return customers["committed_month_ends"].to_numpy(dtype=np.float64, na_value=0.0)
