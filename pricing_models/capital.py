"""What the pool's years say of capital: tail measures with their errors, return periods, ruin.

Years of one block share their parameters, so they are not independent: every error is estimated over blocks. Money is
whole units; averages of it are exact fractions, so that shares add up to what they are shares of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pricing_models.errors import InvalidData
from pricing_models.simulate.outages import BLOCK_YEARS

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

LEVEL = 0.995
"""Of VaR and TVaR over one year."""
PERIODS = (2, 5, 10, 25, 50, 100, 200, 250, 500, 1_000, 10_000)
STORED_SHARE = 0.02
"""Of the years, the worst, whose outages are looked at one by one and kept to price candidates."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error over blocks."""

    value: float
    error: float


@dataclass(frozen=True)
class Tail:
    """The worst years at a level: `years` in whole, and `part` of the year `last` that the level cuts through.

    Of equal years the earlier comes first. `last` is -1 when the level cuts between two years.
    """

    level: float
    years: I64
    last: int
    part: Fraction

    @property
    def size(self) -> Fraction:
        """How many years the tail is, (1 - level) x all of them."""
        return len(self.years) + self.part


@dataclass(frozen=True)
class Risk:
    """The pool's loss over one year: mean, standard deviation, VaR and TVaR, in asset units."""

    years: int
    mean: Estimate
    sd: float
    var: Estimate
    tvar: Estimate


@dataclass(frozen=True)
class Ruin:
    """Probability that a year's payouts exceed what the pool holds, and by how much then (0 if they never do)."""

    probability: Estimate
    shortfall: float


def _require_years(totals: I64) -> int:
    if totals.size < 2 * BLOCK_YEARS or totals.size % BLOCK_YEARS:
        raise InvalidData(f"totals hold {totals.size} years: must be whole blocks of {BLOCK_YEARS}, at least two")
    return int(totals.size)


def tail_size(years: int, level: float = LEVEL) -> Fraction:
    """How many of so many years are the tail, (1 - `level`) of them: exact, with `level` as it is written."""
    return (1 - Fraction(repr(level))) * years


def tail(totals: I64, level: float = LEVEL) -> Tail:
    """The worst 1 - `level` of the years; raises `InvalidData` unless that is at least one year."""
    if not 0.0 < level < 1.0:
        raise InvalidData(f"level is {level}: must be between 0 and 1")
    size = tail_size(int(totals.size), level)
    if size < 1:
        raise InvalidData(f"level {level} leaves less than one of {totals.size} years: simulate more years")
    whole = int(size)
    part = size - whole
    worst = _worst(totals, whole + (1 if part else 0))
    return Tail(level, worst[:whole], int(worst[whole]) if part else -1, part)


def _worst(totals: I64, count: int) -> I64:
    """The years with the largest totals, from the largest down; of equal years the earlier comes first."""
    least = np.partition(totals, totals.size - count)[totals.size - count]
    above = np.flatnonzero(totals > least)
    chosen = np.append(above, np.flatnonzero(totals == least)[: count - above.size])
    return chosen[np.lexsort((chosen, -totals[chosen]))].astype(np.int64)


def total_of(totals: I64, years: I64) -> int:
    """Exact, whatever the size."""
    return sum(totals[years].tolist())


def value_at_risk(totals: I64, level: float = LEVEL) -> int:
    """The least amount that at least `level` of the years don't exceed."""
    if not 0.0 < level < 1.0:
        raise InvalidData(f"level is {level}: must be between 0 and 1")
    place = -int(-(Fraction(repr(level)) * int(totals.size)) // 1) - 1
    return int(np.partition(totals, place)[place])


def tail_value_at_risk(totals: I64, level: float = LEVEL) -> Fraction:
    """Mean of the worst 1 - `level` of the years, a year that the level cuts through in part."""
    worst = tail(totals, level)
    rest = worst.part * int(totals[worst.last]) if worst.part else 0
    return (total_of(totals, worst.years) + rest) / worst.size


def _over_blocks(values: F64) -> Estimate:
    """Mean of per-year figures and its standard error, blocks being the independent ones."""
    means = values.reshape(-1, BLOCK_YEARS).mean(axis=1)
    return Estimate(float(means.mean()), float(means.std(ddof=1) / np.sqrt(means.size)))


def risk(totals: I64, level: float = LEVEL) -> Risk:
    """Mean, VaR and TVaR with standard errors over blocks.

    VaR's is half the distance between the quantiles one standard error (of the share of years above it) to either
    side; TVaR's is that of its influence function VaR + (X - VaR)+ / (1 - level).
    """
    years = _require_years(totals)
    var, tvar = value_at_risk(totals, level), tail_value_at_risk(totals, level)
    share = _over_blocks((totals > var).astype(float)).error
    reach = round(share * years)
    place = -int(-(Fraction(repr(level)) * years) // 1) - 1
    low, high = max(0, place - reach), min(years - 1, place + reach)
    around = np.partition(totals, (low, high))
    influence = _over_blocks(np.maximum(totals - var, 0) / (1.0 - level))
    return Risk(
        years,
        _over_blocks(totals.astype(float)),
        float(totals.std()),
        Estimate(float(var), (float(around[high]) - float(around[low])) / 2.0),
        Estimate(float(tvar), influence.error),
    )


def ruin(totals: I64, pool: int) -> Ruin:
    """Whether the pool of this size can pay a year's claims, and what is missing when it can't."""
    _require_years(totals)
    if pool < 0:
        raise InvalidData(f"pool is {pool}: must be at least 0")
    short = totals[totals > pool]
    shortfall = float(Fraction(sum(short.tolist()), short.size) - pool) if short.size else 0.0
    return Ruin(_over_blocks((totals > pool).astype(float)), shortfall)


def return_periods(losses: I64, periods: Sequence[int] = PERIODS) -> dict[int, int]:
    """The amount reached or passed once in so many years on average; periods longer than the run are left out."""
    return {each: value_at_risk(losses, 1.0 - 1.0 / each) for each in periods if each <= losses.size}
