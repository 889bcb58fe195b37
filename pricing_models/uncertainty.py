"""How sure an expected payout is: its distribution over the posterior of the rate and that of the lengths' parameters.

Rate and lengths are independent given the data. Of each, a few about equally likely readings are taken: quantiles of
the rate, and strata of the nodes of the lengths' posterior (`DurationPosterior.strata`), every one a law of its own.
The expected payout at a rate and a stratum is taken to be that at the rate times what the stratum pays for one halt
over what all do: exact but for the aggregate limit, which binds a little more where halts are long.
"""

import numpy as np
from numpy.typing import NDArray

from pricing_models.lengths import DurationPosterior
from pricing_models.payoff import TermsTable, expected_payouts

FloatArray = NDArray[np.float64]

LEVEL = 0.9


def at_rates(rates: FloatArray, low: FloatArray, high: FloatArray, means: FloatArray) -> FloatArray:
    """Expected payout at each of `rates` (a row per policy), a power law through `means` at the rates `low` and `high`
    (columns): the payout is nearly proportional to the rate, less where the aggregate limit binds."""
    first, last = (np.log(np.maximum(means[:, place], 1e-300)) for place in (0, 1))
    power = (last - first) / np.maximum(np.log(high / low), 1e-12)
    found: FloatArray = np.exp(first[:, None] + power[:, None] * np.log(rates / low[:, None]))
    return np.where(means[:, :1] > 0.0, found, 0.0)


def of_lengths(law: DurationPosterior, table: TermsTable, chances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What one halt pays under each stratum of the lengths' posterior as a multiple of what it pays under all (a row
    per policy), and the strata's weights."""
    weights, laws = law.strata
    paid = np.stack([expected_payouts(table, each.curves.sf, each.curves.lev, chances) for each in laws], axis=1)
    mean = paid @ weights
    return np.where(mean[:, None] > 0.0, paid, 1.0) / np.where(mean > 0.0, mean, 1.0)[:, None], weights


def within(interval: FloatArray, means: FloatArray, limits: FloatArray) -> FloatArray:
    """The interval cut off at what a policy can be paid at most, and never without the expected payout itself."""
    low, high = (np.clip(interval[:, place], 0.0, limits) for place in (0, 1))
    return np.column_stack([np.minimum(low, means), np.maximum(high, means)])


def interval(at: FloatArray, multiples: FloatArray, weights: FloatArray) -> FloatArray:
    """Ends (columns) of the central `LEVEL` of each policy's expected payout: `at` equally likely rates, times the
    `multiples` of the lengths with their `weights`."""
    products = (at[:, :, None] * multiples[:, None, :]).reshape(len(at), -1)
    masses = np.tile(weights, at.shape[1]) / at.shape[1]
    order = np.argsort(products, axis=1, kind="stable")
    reached = np.cumsum(masses[order], axis=1) - masses[order] / 2.0
    tails = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0
    ordered = np.take_along_axis(products, order, axis=1)
    return np.array([np.interp(tails, *row) for row in zip(reached, ordered, strict=True)])
