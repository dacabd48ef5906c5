"""An interval for the future margin of one customer: a prediction interval, not one for the mean.

A customer's contribution is random because the month of leaving is. With K whole months still to come, a margin path
m_t and a ratio R of actual to expected margin,

    Y = R * G(K),    G(k) = sum over t = 1 .. k of m_t * (1 + d)^(-t / 12),
    P(K >= k) = E[S(k)^c] = (1 - v ln S(k))^(-1 / v).

S is the retention model's future survival; c is the level of the hazard, which is uncertain: gamma distributed with
mean 1 and variance v (a shared frailty, Vaupel, Manton & Stallard 1979; the closed form is the gamma's Laplace
transform), with v = 1 / churn events from which the level was learned, the delta method's variance of the logarithm of
a Poisson rate. R comes from ``margin_spread`` and is independent of K. Quantiles of Y are found by bisection of its
distribution, a mean over the nodes of R of distributions in closed form, without any random draw. They lie beyond the
exact ones by at most 1 / 65,536 of the most that a customer can contribute.

The bounds are quantiles: with 80%, one customer in ten contributes less than the low bound and one in ten more than
the high one. The mean of so skewed a distribution can lie outside: for a customer with a 5% chance to leave within the
months that count, the mean is below the tenth percentile, and a small chance to stay for decades puts the mean above
the ninetieth. ``contain`` then moves the bound to the mean, so that low <= value <= high holds in every row, and the
interval can only cover more.
"""

import numpy as np
from numpy.typing import NDArray

from models.retention.residual_life import discounted_months
from models.retention.shifted_beta_geometric import Floats

_BISECTIONS = 16
_CELLS = 65_536
_ROWS = 4_096  # at once, so that the arrays of one step fit in the processor's cache


def uncertain_survival(survival: Floats, level_variance: Floats) -> Floats:
    """Survival if the level of the hazard is known only up to a relative variance.

    Args:
        survival: array (rows, months + 1), as returned by ``survival_ahead``.
        level_variance: one entry per row; 0 leaves the row unchanged.
    """
    variance = np.maximum(level_variance, 1e-9)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # survival may be 0, or NaN, which stays NaN
        return np.asarray((1.0 - variance * np.log(survival)) ** (-1.0 / variance))


def margin_interval(
    survival: Floats,
    row_of: NDArray[np.int64],
    margin: Floats,
    price_step: Floats,
    step_after: NDArray[np.int64],
    ratios: Floats,
    weights: Floats,
    annual_discount_rate: float,
    coverage: float,
) -> Floats:
    """Quantiles (1 - coverage) / 2 and (1 + coverage) / 2 of each customer's discounted margin.

    Args:
        survival: array (keys, months + 1), from ``uncertain_survival``.
        row_of: the row of ``survival`` for each customer.
        margin: of the first month; price_step: its increase after ``step_after`` months.
        ratios: array (customers, nodes) of actual over expected margin, none negative.
        weights: probability of each node; they add up to 1.
        annual_discount_rate: compounded monthly.
        coverage: such as 0.8.

    Returns:
        Array (customers, 2), low and high; NaN if margin or survival is.
    """
    worth = discounted_months(np.ones((1, survival.shape[1])), annual_discount_rate)[0]
    tails = ((1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0)
    bounds = np.full((len(margin), 2), np.nan)
    is_known = ~np.isnan(margin + price_step + survival[row_of, -1])
    # If the margin never changes its sign, the sum rises (or falls) with every month that the customer stays.
    later = margin + price_step
    is_gain = is_known & (margin >= 0) & (later >= 0)
    is_loss = is_known & (margin <= 0) & (later <= 0) & ~is_gain
    for rows in _blocks(is_gain, row_of):
        path = (margin[rows], price_step[rows], step_after[rows])
        bounds[rows] = _rising_quantiles(survival, row_of[rows], path, ratios[rows], weights, worth, tails)
    upside_down = (1.0 - tails[1], 1.0 - tails[0])
    for rows in _blocks(is_loss, row_of):
        path = (-margin[rows], -price_step[rows], step_after[rows])
        mirrored = _rising_quantiles(survival, row_of[rows], path, ratios[rows], weights, worth, upside_down)
        bounds[rows] = -mirrored[:, ::-1]
    for rows in _blocks(is_known & ~is_gain & ~is_loss, row_of, size=256):
        path = (margin[rows], price_step[rows], step_after[rows])
        bounds[rows] = _any_quantiles(survival[row_of[rows]], path, ratios[rows], weights, worth, tails)
    return bounds


def contain(bounds: Floats, value: Floats) -> Floats:
    """Move the bounds, array (rows, 2), as far as needed for the value to lie between them; NaN stays."""
    return np.stack([np.minimum(bounds[:, 0], value), np.maximum(bounds[:, 1], value)], axis=1)


def _blocks(mask: NDArray[np.bool_], row_of: NDArray[np.int64], size: int = _ROWS) -> list[NDArray[np.int64]]:
    """Blocks of rows in the order of their keys, so that a block needs few keys."""
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(row_of[rows], kind="stable")]
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _rising_quantiles(
    survival: Floats,
    row_of: NDArray[np.int64],
    path: tuple[Floats, Floats, NDArray[np.int64]],
    ratios: Floats,
    weights: Floats,
    worth: Floats,
    tails: tuple[float, float],
) -> Floats:
    """Quantiles of R * G(K) for paths without a negative month."""
    margin, step, after = (each[:, None] for each in path)
    first_key, months = int(row_of[0]), len(worth) - 1
    # P(K <= k) for k = 0 .. months, contiguous per row; nothing counts after the last month.
    gone = np.ones((int(row_of.max()) + 1 - first_key, months + 1))
    gone[:, :-1] = 1.0 - survival[first_key : first_key + len(gone), 1:]
    flat, offset = gone.ravel(), ((row_of - first_key) * (months + 1))[:, None]
    # The most months whose worth is at most 0, 1, 2 .. cells: a tabulated inverse of `worth`.
    cell = worth[-1] / _CELLS
    months_at = np.searchsorted(worth, np.arange(_CELLS + 1) * cell * (1 + 1e-12), side="right") - 1
    turning = margin * worth[after]  # accumulated when the price changes
    most = ratios.max(axis=1) * (turning + (margin + step) * (worth[-1] - worth[after]))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        # Discounted months needed for an amount at either price; a month without margin adds nothing to it.
        per_amount = [np.nan_to_num(1.0 / (ratios * each * cell), posinf=1e300) for each in (margin, margin + step)]
        shift = np.nan_to_num((worth[after] - turning / (margin + step)) / cell, posinf=0.0, neginf=0.0)
    has_step, is_rise = bool(step.any()), step >= 0

    def is_at_most(amount: Floats, tail: float) -> NDArray[np.bool_]:
        """Whether P(R * G(K) <= amount) reaches the tail."""
        cells = amount[:, None] * per_amount[0]
        if has_step:  # G has one kink, so its inverse is the minimum of two lines, the maximum if the price falls
            later = amount[:, None] * per_amount[1] + shift
            cells = np.where(is_rise, np.minimum(cells, later), np.maximum(cells, later))
        # Bisection lands on the edges of cells, where rounding of a margin would decide.
        passed = months_at[np.minimum(cells + 1e-6, _CELLS).astype(np.int64)]
        return np.asarray(flat[offset + passed] @ weights >= tail - 1e-12)

    bounds = np.empty((len(ratios), 2))
    for column, tail in enumerate(tails):
        low, high = np.zeros(len(most)), most
        is_nothing = is_at_most(low, tail)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2.0
            below = is_at_most(middle, tail)
            low, high = np.where(below, low, middle), np.where(below, middle, high)
        bounds[:, column] = np.where(is_nothing, 0.0, high)
    return bounds


def _any_quantiles(
    survival: Floats,
    path: tuple[Floats, Floats, NDArray[np.int64]],
    ratios: Floats,
    weights: Floats,
    worth: Floats,
    tails: tuple[float, float],
) -> Floats:
    """The same for a path that first loses and then earns: all months and ratios are enumerated."""
    margin, step, after = (each[:, None] for each in path)
    month = np.arange(len(worth))
    brought = margin * worth + step * np.maximum(worth - worth[np.minimum(after, month)], 0.0)
    chance = survival - np.concatenate([survival[:, 1:], np.zeros((len(survival), 1))], axis=1)
    amounts = (brought[:, :, None] * ratios[:, None, :]).reshape(len(brought), -1)
    order = np.argsort(amounts, axis=1, kind="stable")
    weight = (chance[:, :, None] * weights).reshape(len(brought), -1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    sorted_amounts = np.take_along_axis(amounts, order, axis=1)
    last = amounts.shape[1] - 1
    return np.stack(
        [
            sorted_amounts[np.arange(len(amounts)), np.minimum((total < tail - 1e-12).sum(axis=1), last)]
            for tail in tails
        ],
        axis=1,
    )
