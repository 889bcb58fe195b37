"""What it costs to use up a pool: a charge that rises with utilisation, summed along the way.

At utilisation u (limits in force over the pool's capacity) the next unit of limit costs rate(u) a year. A policy that
moves u from a to b pays capacity x the integral of rate from a to b: cut into slices it pays the same,
whatever the order, and nobody gains by splitting an order.
"""

import math
from dataclasses import dataclass

from pricing_models.errors import InvalidTerms


@dataclass(frozen=True)
class CapacityCurve:
    """rate(u) = base + (full - base) u^power a year, a fraction of the limit: a price that the pool states.

    Raises `InvalidTerms`.
    """

    base: float = 0.0
    full: float = 0.2
    power: float = 4.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.base) and self.base >= 0.0):
            raise InvalidTerms(f"base is {self.base}: must be finite and at least 0")
        if not (math.isfinite(self.full) and self.full >= self.base):
            raise InvalidTerms(f"full is {self.full}: must be finite and at least base, which is {self.base}")
        if not (math.isfinite(self.power) and self.power > 0.0):
            raise InvalidTerms(f"power is {self.power}: must be finite and positive")

    def rate(self, utilisation: float) -> float:
        """The yearly charge on the next unit of limit."""
        return float(self.base + (self.full - self.base) * utilisation**self.power)

    def integral(self, low: float, high: float) -> float:
        """Integral of `rate` from `low` to `high`, in closed form."""
        n = self.power + 1.0
        return float(self.base * (high - low) + (self.full - self.base) * (high**n - low**n) / n)


@dataclass(frozen=True)
class Utilisation:
    """Where a pool stands: the limits in force and what it can carry, in asset units. Raises `InvalidTerms`."""

    in_force: float
    capacity: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.capacity) and self.capacity > 0.0):  # numpy's refuses an int beyond 64 bits
            raise InvalidTerms(f"capacity is {self.capacity}: must be finite and positive")
        if not 0.0 <= self.in_force <= self.capacity:
            raise InvalidTerms(f"in_force is {self.in_force}: must be from 0 to capacity, which is {self.capacity}")

    def after(self, limit: float) -> "Utilisation":
        """Where it stands once `limit` more is in force; raises `InvalidTerms` when that does not fit."""
        return Utilisation(self.in_force + limit, self.capacity)


def charge(curve: CapacityCurve, where: Utilisation, limit: float, years: float) -> float:
    """What `limit` for `years` costs from where the pool stands, in asset units; raises `InvalidTerms` if it can't be
    carried."""
    then = where.after(limit)
    low, high = where.in_force / where.capacity, then.in_force / where.capacity
    return years * where.capacity * curve.integral(low, high)
