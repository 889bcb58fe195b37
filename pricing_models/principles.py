"""Premium principles: what a loss is worth to who bears it, beyond its mean.

All four keep the mean as the least premium, grow with risk and scale with the unit. The first two are distortions: the
mean under survival probabilities g(S), the same for every layer, so that layers add up (Wang, ASTIN Bulletin 26, 1996;
Journal of Risk and Insurance 67, 2000; Loss Models 3.5).
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pricing_models.compound import LossDistribution
from pricing_models.errors import InvalidTerms

FloatArray = NDArray[np.float64]


def distorted_mean(loss: LossDistribution, distortion: Callable[[FloatArray], FloatArray]) -> float:
    """Integral of g(S(x)) dx over the loss; exact for the discretised law."""
    survival = np.clip(1.0 - np.cumsum(loss.pmf)[:-1], 0.0, 1.0)
    return float(np.diff(loss.amounts) @ distortion(survival))


def wang(loss: LossDistribution, shift: float) -> float:
    """Wang transform: S*(x) = Phi(Phi^-1(S(x)) + shift), shift >= 0 the market price of risk."""
    _require("shift", shift, shift >= 0.0, "at least 0")
    return distorted_mean(loss, lambda s: special.ndtr(special.ndtri(s) + shift))


def proportional_hazard(loss: LossDistribution, exponent: float) -> float:
    """S*(x) = S(x)^exponent, exponent from 0 (the worst case, excluded) to 1 (the mean)."""
    _require("exponent", exponent, 0.0 < exponent <= 1.0, "above 0 and at most 1")
    return distorted_mean(loss, lambda s: s**exponent)


def standard_deviation(loss: LossDistribution, multiple: float) -> float:
    """Mean and a multiple of the standard deviation; does not add up over layers."""
    _require("multiple", multiple, multiple >= 0.0, "at least 0")
    return loss.mean + multiple * loss.sd


def cost_of_capital(loss: LossDistribution, rate: float, level: float = 0.995) -> float:
    """Mean and the yearly rate on the capital TVaR(level) - mean of the policy alone."""
    _require("rate", rate, rate >= 0.0, "at least 0")
    return loss.mean + rate * max(0.0, loss.tvar(level) - loss.mean)


WANG_SHIFT = 0.45
"""What Wang found in the prices of catastrophe bonds (Geneva Papers, 2004): judgement here."""
HAZARD_EXPONENT = 0.75
SD_MULTIPLE = 0.2
"""Judgement, both."""


def alternatives(
    loss: LossDistribution,
    rate: float,
    shift: float = WANG_SHIFT,
    exponent: float = HAZARD_EXPONENT,
    multiple: float = SD_MULTIPLE,
) -> Mapping[str, float]:
    """The risk-loaded expected payout under each principle by name, in asset units; `rate` is a year's cost of capital
    times the years of the term."""
    return {
        "wang": wang(loss, shift),
        "proportional_hazard": proportional_hazard(loss, exponent),
        "standard_deviation": standard_deviation(loss, multiple),
        "cost_of_capital": cost_of_capital(loss, rate),
    }


def _require(name: str, value: float, right: bool, words: str) -> None:
    if not (np.isfinite(value) and right):
        raise InvalidTerms(f"{name} is {value}: must be {words}")
