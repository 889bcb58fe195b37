"""Sums of independent losses on a grid, by the fast Fourier transform.

A transform of finite size wraps the far end of a long sum around onto its beginning. Tilting by exp(-t i) before and
back after damps what wraps around (Grübel and Hermesmeier, ASTIN Bulletin 29, 1999).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_TILT = 23.0  # -log(1e-10)


@dataclass(frozen=True)
class Transform:
    """Transforms of several severities (rows), tilted by exp(-tilt i); `kept` points of the sums are wanted."""

    values: ComplexArray
    size: int
    kept: int
    tilt: float

    @classmethod
    def of(cls, severities: FloatArray, kept: int, reach: int) -> "Transform":
        """Transforms that serve sums of which at most the first `kept` of `reach` points are wanted."""
        kept = min(kept, reach)
        size = fft.next_fast_len(min(reach, 2 * kept), real=True)
        tilt = 0.0 if size >= reach else _TILT / size
        width = min(severities.shape[1], size)
        damped = severities[:, :width] * np.exp(-tilt * np.arange(width)) if tilt else severities[:, :width]
        return cls(fft.rfft(damped, size, axis=1), size, kept, tilt)

    def of_others(self, severities: FloatArray) -> ComplexArray:
        """The transforms of other severities on the same points, which can be multiplied with these."""
        width = min(severities.shape[1], self.size)
        damped = severities[:, :width] * np.exp(-self.tilt * np.arange(width))
        return np.asarray(fft.rfft(damped, self.size, axis=1))

    def back(self, transformed: ComplexArray) -> FloatArray:
        """Probabilities of the first `kept` points of sums with these transforms."""
        found: FloatArray = fft.irfft(transformed, self.size, axis=1)[:, : self.kept]
        if self.tilt:
            found *= np.exp(self.tilt * np.arange(self.kept))
        return np.maximum(found, 0.0, out=found)


def mixed(transforms: ComplexArray, counts: FloatArray) -> ComplexArray:
    """Transforms of the sums of N losses, N with the probabilities `counts` (a row each): Horner's rule."""
    total = np.repeat(counts[:, -1:].astype(np.complex128), transforms.shape[1], axis=1)
    real = total.real  # a view: adding to it spares turning the counts into complex numbers
    for n in range(counts.shape[1] - 2, -1, -1):
        total *= transforms
        real += counts[:, n : n + 1]
    return total
