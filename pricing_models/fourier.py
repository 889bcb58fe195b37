"""Sums of independent losses on a grid, by the fast Fourier transform.

A transform of finite size wraps the far end of a long sum around onto its beginning. Tilting by exp(-t i) before and
back after damps what wraps around (Grübel and Hermesmeier, ASTIN Bulletin 29, 1999).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from pricing_models import kernels

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]

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
        return cls(_forward(severities, size, tilt), size, kept, tilt)

    def of_others(self, severities: FloatArray) -> ComplexArray:
        """The transforms of other severities on the same points, which can be multiplied with these."""
        return _forward(severities, self.size, self.tilt)

    def back(self, transformed: ComplexArray, ends: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Probabilities of the first `kept` points of sums with these transforms, but nothing from each row's end on;
        what they add up to, and their means in steps."""
        found: tuple[FloatArray, FloatArray, FloatArray] = kernels.straightened(
            np.fft.irfft(transformed, self.size, axis=1), ends, self.kept, self.tilt
        )
        return found


def _forward(severities: FloatArray, size: int, tilt: float) -> ComplexArray:
    return np.fft.rfft(kernels.tilted(severities, min(severities.shape[1], size), tilt), size, axis=1)


def mixed(transforms: ComplexArray, counts: FloatArray) -> ComplexArray:
    """Transforms of the sums of N losses, N with the probabilities `counts` (a row each): Horner's rule."""
    result: ComplexArray = kernels.horner(transforms, counts)
    return result
