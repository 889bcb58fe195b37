"""How sure an expected payout is: its distribution over the posterior of the rate and that of the lengths' parameters.

Rate and lengths are independent given the data. Of each, a few readings are taken: quantiles of the rate, the closer
the nearer to where the interval ends (`collapse.READINGS`), and strata of about equal weight of the nodes of the
lengths' posterior (`DurationPosterior.strata`), every one a law of its own.
A stratum changes what one halt is paid under the incident limits, in closed form, of its covered seconds in the same
proportion as of its length; in total that comes to the same as so many times more halts. With the rate the mean payout
rises as rate / (a + b rate), since the aggregate limit binds the more the more halts there are: exact at both ends of
the rate's central interval. Against the compound law of the covered seconds worked out at each rate and stratum, which
takes a hundred times as long as a price, the ends are good to 1.5%.
"""

import numpy as np
from numpy.typing import NDArray

from pricing_models.collapse import READINGS
from pricing_models.lengths import DurationPosterior
from pricing_models.payoff import TermsTable, expected_payouts

FloatArray = NDArray[np.float64]

LEVEL = 0.9


def at_rates(rates: FloatArray, low: FloatArray, high: FloatArray, means: FloatArray) -> FloatArray:
    """Expected payout at each of `rates` (a row per policy), given its `means` at the rates `low` and `high`
    (columns)."""
    inverse = [each / np.maximum(means[:, place], 1e-300) for place, each in ((0, low), (1, high))]
    slope = np.maximum(0.0, inverse[1] - inverse[0]) / np.maximum(high - low, 1e-300)
    found: FloatArray = rates / (inverse[0][:, None] + slope[:, None] * (rates - low[:, None]))
    return np.where(means[:, :1] > 0.0, found, 0.0)


def of_lengths(law: DurationPosterior, table: TermsTable, chances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What one halt is paid under each stratum of the lengths' posterior as a multiple of what it is under all (a row
    per policy), and the strata's weights."""
    weights, laws = law.strata
    paid = np.stack([expected_payouts(table, each.curves.sf, each.curves.lev, chances) for each in laws], axis=1)
    mean = paid @ weights
    return np.where(mean[:, None] > 0.0, paid, 1.0) / np.where(mean > 0.0, mean, 1.0)[:, None], weights


def within(interval: FloatArray, means: FloatArray, limits: FloatArray) -> FloatArray:
    """The interval cut off at what a policy can be paid at most, and never without the expected payout itself."""
    low, high = (np.clip(interval[:, place], 0.0, limits) for place in (0, 1))
    return np.column_stack([np.minimum(low, means), np.maximum(high, means)])


def interval(
    rates: FloatArray,
    low: FloatArray,
    high: FloatArray,
    means: FloatArray,
    multiples: FloatArray,
    weights: FloatArray,
) -> FloatArray:
    """Ends (columns) of the central `LEVEL` of each policy's expected payout, over `rates` with the probabilities
    `READINGS` and the `multiples` of the lengths with their `weights`; its `means` are those at the rates `low` and
    `high`."""
    effective = (rates[:, :, None] * multiples[:, None, :]).reshape(len(rates), -1)
    values = at_rates(effective, low, high, means)
    masses = np.outer(READINGS, weights).ravel()
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(masses[order], axis=1) - masses[order] / 2.0
    tails = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0
    ordered = np.take_along_axis(values, order, axis=1)
    return np.array([np.interp(tails, *row) for row in zip(reached, ordered, strict=True)])
