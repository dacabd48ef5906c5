"""The effect of an offer: treated customers compared with those held out, never the treated alone."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from models.actions.design_effect import design_effect
from models.actions.parameters import ResultParameters

COUNT_COLUMNS = ("treated", "accepted", "control", "control_accepted")
EFFECTIVE, HARMFUL, NOT_SHOWN = "effective", "harmful", "not_shown"
NO_CONTROL, NO_RESPONSES = "no_control", "no_responses"


def read_uplift(counts: pd.DataFrame, parameters: ResultParameters) -> pd.DataFrame:
    """Return uptake, uplift with two intervals, the sample size still needed and a verdict.

    - ``uplift_low`` and ``uplift_high``: Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method
      10), for one reading.
    - ``uplift_always_low`` and ``uplift_always_high``: an asymptotic confidence sequence (Waudby-Smith et al., "Time-
      uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52, 2024), which covers
      the uplift at all readings at once: results may be read every day, and the verdict is based on it.

    Both, and the sample still needed, are of independent answers: the counts are divided by their ``design_effect``.

    Args:
        counts: ``COUNT_COLUMNS``, and the columns of ``design_effect`` if units have several actions; accepted is null
            where no responses are delivered.
        parameters: probabilities and the target.

    Returns:
        A frame with the index of ``counts``. Uplift is null without a control group or without responses.
    """
    treated, accepted, control, control_accepted = (counts[name].to_numpy(dtype=float) for name in COUNT_COLUMNS)
    known = ~np.isnan(accepted)
    with np.errstate(divide="ignore", invalid="ignore"):
        uptake, base = accepted / treated, control_accepted / control
    uplift = uptake - base
    # From here on, in independent answers.
    effect = design_effect(counts, "treated", "accepted", "treated")
    control_effect = design_effect(counts, "control", "control_accepted", "control")
    treated, accepted = treated / effect, accepted / effect
    control, control_accepted = control / control_effect, control_accepted / control_effect
    low, high = _newcombe(uptake, treated, base, control, parameters.interval)
    needed = _sample_size(treated, control, control_accepted, parameters)
    half = _always_valid(treated, accepted, control, control_accepted, needed, parameters.error)
    always_low, always_high = np.clip(uplift - half, -1, 1), np.clip(uplift + half, -1, 1)
    has_both = known & (control > 0) & (treated > 0)
    verdict = np.select(
        [~known, ~has_both, always_low > 0, always_high < 0],
        [NO_RESPONSES, NO_CONTROL, EFFECTIVE, HARMFUL],
        NOT_SHOWN,
    )
    found = pd.DataFrame(
        {
            "uptake": uptake, "control_uptake": base, "uplift": uplift, "uplift_low": low, "uplift_high": high,
            "uplift_always_low": always_low, "uplift_always_high": always_high,
        },
        index=counts.index,
    )  # fmt: skip
    found.loc[~has_both, ["uplift", "uplift_low", "uplift_high", "uplift_always_low", "uplift_always_high"]] = np.nan
    still = pd.Series(np.maximum(np.ceil((needed - treated - control).round(6)), 0), index=counts.index).where(known)
    return found.assign(sample_needed=still.astype("Int64"), verdict=verdict)


def _wilson(share: np.ndarray, size: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + z**2 / (2 * size)) / (1 + z**2 / size)
        half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return centre - half, centre + half


def _newcombe(
    share: np.ndarray, size: np.ndarray, base: np.ndarray, base_size: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    z = float(ndtri((1 + level) / 2))
    low, high = _wilson(share, size, z)
    base_low, base_high = _wilson(base, base_size, z)
    difference = share - base
    return (
        difference - np.sqrt((share - low) ** 2 + (base_high - base) ** 2),
        difference + np.sqrt((high - share) ** 2 + (base - base_low) ** 2),
    )


def _sample_size(
    treated: np.ndarray, control: np.ndarray, control_accepted: np.ndarray, parameters: ResultParameters
) -> np.ndarray:
    """Return the customers needed in both arms together to detect the target, split as observed so far.

    Standard formula for two proportions (Fleiss, "Statistical Methods for Rates and Proportions", chapter 4).
    """
    total = treated + control
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(np.where(control > 0, control / total, 0.1), 0.01, 0.99)
    base = (control_accepted + 1) / (control + 2)
    with_offer = np.minimum(base + parameters.target_uplift, 1)
    z = ndtri(1 - parameters.error / 2) + ndtri(parameters.power)
    variance = with_offer * (1 - with_offer) / (1 - share) + base * (1 - base) / share
    return np.asarray(z**2 * variance / parameters.target_uplift**2)


def _always_valid(
    treated: np.ndarray,
    accepted: np.ndarray,
    control: np.ndarray,
    control_accepted: np.ndarray,
    planned: np.ndarray,
    error: float,
) -> np.ndarray:
    """Return half the width of the confidence sequence, narrowest at the planned number of customers."""
    total = treated + control
    # A share of 0 observed so far still has a variance (Agresti and Caffo, 2000).
    share, base = (accepted + 1) / (treated + 2), (control_accepted + 1) / (control + 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = total * (share * (1 - share) / treated + base * (1 - base) / control)
        log = -2 * np.log(error)
        rho = (log + np.log(log + 1)) / np.maximum(planned, 1)
        scaled = total * rho + 1
        return np.asarray(np.sqrt(variance * 2 * scaled / (total**2 * rho) * np.log(np.sqrt(scaled) / error)))
