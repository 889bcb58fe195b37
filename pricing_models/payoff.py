"""What a halt of this length pays: the single definition, for the price, the contract and the claim alike.

With X the covered seconds of one incident:

    qualifies = X > waiting
    S         = qualifies ? (retention ? X - waiting : X) : 0
    gross     = rate * S + (failover proven and qualifies ? failover benefit : 0)
    owed      = max(0, min(gross, incident limit, aggregate limit - owed for other incidents))

A halt of more than 168 h is several incidents of at most that length, one from the end of the other, each with its own
waiting period and incident limit; a failover is proven in the first of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricing_models import kernels
from pricing_models.errors import InvalidTerms

FloatArray = NDArray[np.float64]
Curve = Callable[[FloatArray], FloatArray]

MONEY_BOUND = 2**96
RATE_BOUND = 2**64
SECONDS_BOUND = 2**32
LONGEST_INCIDENT_SECONDS = 168 * 3600
"""Where a halt is cut into the next incident."""
MOST_INCIDENTS = 53
"""Of one halt that are priced: they cover a year. One that begins after the policy's end isn't covered, so in a term of
up to a year there are no more."""
INT64_BOUND = 2**63


class Semantics(StrEnum):
    """Which seconds are paid once the waiting period is exceeded."""

    RETENTION = "retention"  # only those beyond it
    QUALIFYING = "qualifying"  # all, from the first


@dataclass(frozen=True, slots=True)
class Terms:
    """What one policy promises; money in the asset's smallest unit, time in seconds.

    Raises `InvalidTerms` naming the field, its value and what would be right.
    """

    waiting_seconds: int
    semantics: Semantics
    rate_per_second: int
    failover_benefit: int
    incident_limit: int
    aggregate_limit: int

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "semantics", Semantics(self.semantics))
        except ValueError:
            right = " or ".join(Semantics)
            raise InvalidTerms(f"semantics is {self.semantics!r}: must be {right}") from None
        bounds = {
            "waiting_seconds": (0, SECONDS_BOUND),
            "rate_per_second": (1, RATE_BOUND),
            "failover_benefit": (0, MONEY_BOUND),
            "incident_limit": (1, MONEY_BOUND),
            "aggregate_limit": (1, MONEY_BOUND),
        }
        for field in fields(self):
            if field.name in bounds:
                _require_int(field.name, getattr(self, field.name), *bounds[field.name])
        if self.incident_limit > self.aggregate_limit:
            raise InvalidTerms(
                f"incident_limit is {self.incident_limit}: must be at most aggregate_limit, "
                f"which is {self.aggregate_limit}"
            )


def _require_int(name: str, value: object, least: int, bound: int) -> int:
    """`value` as an int of [least, bound), else `InvalidTerms`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTerms(f"{name} is {value!r}: must be an int, not {type(value).__name__}")
    if not least <= value < bound:
        raise InvalidTerms(f"{name} is {value}: must be at least {least} and below {bound}")
    return value


def gross(terms: Terms, covered_seconds: int, failover: bool) -> int:
    """Payout before any limit; `failover` says whether a failover was proven within the incident."""
    _require_int("covered_seconds", covered_seconds, 0, SECONDS_BOUND)
    if covered_seconds <= terms.waiting_seconds:
        return 0
    retained = terms.waiting_seconds if terms.semantics is Semantics.RETENTION else 0
    benefit = terms.failover_benefit if failover else 0
    return terms.rate_per_second * (covered_seconds - retained) + benefit


def owed(terms: Terms, covered_seconds: int, failover: bool, owed_elsewhere: int) -> int:
    """What the policy is owed for one incident, given what it is owed for its other incidents."""
    _require_int("owed_elsewhere", owed_elsewhere, 0, MONEY_BOUND)
    left = terms.aggregate_limit - owed_elsewhere
    return max(0, min(gross(terms, covered_seconds, failover), terms.incident_limit, left))


def limit_seconds(terms: Terms) -> int:
    """Fewest covered seconds that pay the whole incident limit without a failover."""
    paid = -(-terms.incident_limit // terms.rate_per_second)
    if terms.semantics is Semantics.RETENTION:
        return terms.waiting_seconds + paid
    return max(terms.waiting_seconds + 1, paid)


def most_owed(terms: Terms) -> int:
    """The most that one halt is owed, all its incidents together."""
    first = owed(terms, LONGEST_INCIDENT_SECONDS, True, 0)
    later = owed(terms, LONGEST_INCIDENT_SECONDS, False, 0)
    return min(terms.aggregate_limit, first + (MOST_INCIDENTS - 1) * later)


def most_payable(terms: Terms, term_seconds: int) -> int:
    """The most that a policy is owed over its term: an incident that pays lasts beyond the waiting period and the next
    begins after it, so that only so many can begin in the term, each in force whatever it lasts."""
    incidents = 1 + (term_seconds - 1) // (terms.waiting_seconds + 1)
    return min(terms.aggregate_limit, incidents * owed(terms, LONGEST_INCIDENT_SECONDS, True, 0))


@dataclass(frozen=True)
class TermsTable:
    """The terms of several policies as columns of floats, a row each: what the closed forms take.

    `first` is the most that the first incident of a halt is owed (with a failover if there is a benefit), `later` any
    other one, `most` a whole halt.
    """

    waiting: FloatArray
    rate: FloatArray
    retention: NDArray[np.bool_]
    benefit: FloatArray
    first: FloatArray
    later: FloatArray
    most: FloatArray
    aggregate: FloatArray

    @classmethod
    def of(cls, many: Sequence[Terms]) -> "TermsTable":
        """The table of these terms."""
        rows = []
        for terms in many:
            # the functions that settle, on the longest incident
            later = owed(terms, LONGEST_INCIDENT_SECONDS, False, 0)
            first = owed(terms, LONGEST_INCIDENT_SECONDS, True, 0) if terms.failover_benefit else later
            most = min(terms.aggregate_limit, first + (MOST_INCIDENTS - 1) * later)
            retention = terms.semantics is Semantics.RETENTION
            benefit, limit = terms.failover_benefit, terms.aggregate_limit
            rows.append((terms.waiting_seconds, terms.rate_per_second, retention, benefit, first, later, most, limit))
        columns = np.array(rows, dtype=float).reshape(-1, 8).T
        return cls(columns[0], columns[1], columns[2] > 0.0, *columns[3:])

    @cached_property
    def of_incidents(self) -> FloatArray:
        """What any incident but the first is owed, rate, waiting period and whether it is a retention: a row each."""
        return np.column_stack([self.later, self.rate, self.waiting, self.retention])

    def take(self, rows: NDArray[np.intp]) -> "TermsTable":
        """Some of the rows."""
        return TermsTable(*(getattr(self, each.name)[rows] for each in fields(self)))


def limited_payout(terms: Terms, cap: FloatArray, sf: Curve, lev: Curve, failover_probability: float) -> FloatArray:
    """E[min(paid for one halt, cap)] under the incident limit, in closed form, for each `cap` (asset units)."""
    if not 0.0 <= failover_probability <= 1.0:
        raise InvalidTerms(f"failover_probability is {failover_probability}: must be from 0 to 1")
    caps = np.asarray(cap, dtype=float)[None, :]
    found = limited_payouts(TermsTable.of([terms]), caps, sf, lev, np.array([failover_probability]))
    return np.asarray(found[0])


def limited_payouts(table: TermsTable, caps: FloatArray, sf: Curve, lev: Curve, chances: FloatArray) -> FloatArray:
    """E[min(paid for one halt, cap)] of each policy (row) at each of its `caps` (columns), given its chance of a
    failover.

    `sf(x)` is P(D > x) and `lev(x)` is E[min(D, x)] of the halt's covered seconds D. A later incident pays only when
    the one before it was of full length, hence paid the most it can. So the incidents share the cap out in their order,
    and the parts add up: exact, but for a policy that ends within the halt, which is owed less. A proven failover
    shifts the first incident's payout by its benefit: min(benefit, cap) S(w) plus the same with what is left.
    """
    chance = np.where(table.benefit > 0.0, chances, 0.0)[:, None]
    if not chance.any():
        return _incidents_payouts(table, caps, sf, lev, 0)
    total = np.zeros_like(caps)
    if (chance < 1.0).any():
        total = (1.0 - chance) * _incidents_payouts(table, caps, sf, lev, 0)
    first = np.minimum(caps, table.first[:, None])
    lump = np.minimum(table.benefit[:, None], first)
    # what is left lies within one incident's limit; the least bit beyond it would be paid twice
    left = np.minimum(first - lump, table.later[:, None])
    shifted = lump * sf(table.waiting)[:, None] + _incidents_payouts(table, left, sf, lev, 0)
    result: FloatArray = total + chance * (shifted + _incidents_payouts(table, caps - first, sf, lev, 1))
    return result


def _incidents_payouts(table: TermsTable, caps: FloatArray, sf: Curve, lev: Curve, skipped: int) -> FloatArray:
    """E[min(paid for the halt's incidents after the first `skipped`, cap)], without failover.

    E[min(paid, cap)] of an incident that begins a seconds after its halt, with c = cap / rate: retention
    rate (LEV(a + w + c) - LEV(a + w)); qualifying rate (LEV(a + c) - LEV(a + w) + w S(a + w)) when c > w, else
    rate c S(a + w).
    """
    bound = MOST_INCIDENTS - 1 - skipped
    caps, policies = np.ascontiguousarray(caps), table.of_incidents
    incidents = kernels.incidents_reached(caps, table.later, bound) + 1
    starts = np.float64(LONGEST_INCIDENT_SECONDS) * np.arange(skipped, skipped + incidents)
    lengths = kernels.lengths_of(caps, policies, starts, bound)
    means = lev(lengths.ravel()).reshape(lengths.shape)  # one question: each costs more than its points
    paid_from = lengths[:, : 0 if table.retention.all() else incidents]
    exceeds = sf(paid_from.ravel()).reshape(paid_from.shape)
    result: FloatArray = kernels.limited_by(caps, policies, means, exceeds, bound)
    return result


def expected_payout(terms: Terms, sf: Curve, lev: Curve, failover_probability: float = 1.0) -> float:
    """Expected payout (asset units, float) of one halt under both limits."""
    cap = np.array([float(most_owed(terms))])
    return float(limited_payout(terms, cap, sf, lev, failover_probability)[0])


def expected_payouts(table: TermsTable, sf: Curve, lev: Curve, chances: FloatArray) -> FloatArray:
    """`expected_payout` of each policy of a table, given its chance of a failover."""
    return limited_payouts(table, table.most[:, None], sf, lev, chances)[:, 0]
