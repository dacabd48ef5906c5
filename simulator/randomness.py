"""Counter-based random draws: a draw is a hash of seed, stream, entity and step.

There is no generator state, so a customer's draws do not depend on which customers share its chunk: the output is the
same for every chunk size, and a single customer can be replayed alone. The mixing function is SplitMix64's finalizer
(Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_ENTITY = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xD1B54A32D192ED03)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class Draws:
    """Reproducible draws for arrays of entity numbers."""

    def __init__(self, seed: int) -> None:
        """Keep the seed; there is nothing else to keep."""
        self.seed = seed

    def key(self, stream: str) -> int:
        """Return the 64-bit key of a named stream under this seed."""
        digest = hashlib.blake2b(f"{self.seed}/{stream}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def uniform(self, stream: str, entity: ArrayLike, step: ArrayLike = 0) -> Floats:
        """Return uniforms in the open interval (0, 1), one for each entity and step."""
        entity = np.asarray(entity).astype(np.uint64)
        steps = np.asarray(step).astype(np.int64).astype(np.uint64)
        with np.errstate(over="ignore"):
            bits = _mix(_mix(entity * _ENTITY + np.uint64(self.key(stream))) + steps * _STEP)
        return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, stream: str, entity: ArrayLike, step: ArrayLike = 0) -> Floats:
        """Return standard normals."""
        return np.asarray(ndtri(self.uniform(stream, entity, step)), dtype=np.float64)

    def flag(self, stream: str, entity: ArrayLike, chance: ArrayLike, step: ArrayLike = 0) -> Flags:
        """Return true with the given chance."""
        return self.uniform(stream, entity, step) < np.asarray(chance, dtype=np.float64)

    def integer(self, stream: str, entity: ArrayLike, low: ArrayLike, high: ArrayLike, step: ArrayLike = 0) -> Integers:
        """Return integers uniform on low..high, both included."""
        low, high = np.asarray(low), np.asarray(high)
        return (low + np.floor(self.uniform(stream, entity, step) * (high - low + 1))).astype(np.int64)

    def pick(self, stream: str, entity: ArrayLike, weights: ArrayLike, step: ArrayLike = 0) -> Integers:
        """Return positions drawn by weight."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        drawn = np.searchsorted(edges / edges[-1], self.uniform(stream, entity, step), side="right")
        return np.minimum(drawn, len(edges) - 1).astype(np.int64)

    def poisson(self, stream: str, entity: ArrayLike, mean: Floats, step: ArrayLike = 0, most: int = 4) -> Integers:
        """Return Poisson counts, cut off at `most`."""
        uniform = self.uniform(stream, entity, step)
        count = np.zeros(uniform.shape, dtype=np.int64)
        term = np.exp(-mean)
        cumulative = term.copy()
        for k in range(1, most + 1):
            count += uniform > cumulative
            term = term * mean / k
            cumulative = cumulative + term
        return count
