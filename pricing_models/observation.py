"""From the length of an outage to the covered seconds that k families attest: the basis risk of a trigger.

Path j sees an outage with probability 1 - miss_j and then claims from start_j after its beginning to end_j after its
end. Seconds claimed by k paths are covered: given who saw it, D = (L - shift)+ with shift = (k-th smallest start) -
(k-th largest end), which is exact while all who saw it overlap and never too little. So D is a mixture of shifted
lengths, and its survival function and limited expectation follow from those of L. Besides, paths raise false alarms; k
at once are an incident that was none.

A policy is paid by what the trigger says, so the price's expected payout and its distribution are those of D and of the
false incidents, at the base. What the outages themselves would be paid is fitted to data and shown apart from it; the
difference is the basis risk. It is a loading where the trigger pays more than the outages deserve, and a rebate where
it misses more: the pool won't pay that, and a buyer who is charged for it would pay for cover that is not sold.

None of this is in any data yet: every figure is judgement. Under `high` paths begin early, end late, miss little and
err often, so that the trigger pays most; under `low` the reverse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Curve, Terms, TermsTable, expected_payouts
from pricing_models.premium import Judgement, Scenario

FloatArray = NDArray[np.float64]

MOST_PATHS = 10
MOST_ALARMS = 1_000
"""False alarms a year: a path that errs more often is none."""
_NO_ALARMS = Judgement(0.0, 0.0, 0.0)
_COMMON_SECONDS = Judgement(1800.0, 3600.0, 14_400.0)
_OPPOSITE = {Scenario.LOW: Scenario.HIGH, Scenario.BASE: Scenario.BASE, Scenario.HIGH: Scenario.LOW}


def _require_seconds(name: str, value: Judgement) -> None:
    if value.high > LONGEST_INCIDENT_SECONDS:
        raise InvalidTerms(f"{name} is {value}: must be at most {LONGEST_INCIDENT_SECONDS}, the longest incident")


def _require_alarms(name: str, value: Judgement) -> None:
    if value.high > MOST_ALARMS:
        raise InvalidTerms(f"{name} is {value}: must be at most {MOST_ALARMS} a year")


@dataclass(frozen=True)
class PathKind:
    """How one kind of path sees outages, all of it judgement.

    Seconds by which it begins and ends late (a beat's period, a grace, a node's latency), the probability of missing an
    outage, false alarms a year and their mean seconds. Raises `InvalidTerms`, too where a path would be wrong all the
    time.
    """

    name: str
    start_seconds: Judgement
    end_seconds: Judgement
    miss: Judgement
    false_alarms: Judgement
    false_seconds: Judgement

    def __post_init__(self) -> None:
        for name in ("start_seconds", "end_seconds", "false_seconds"):
            _require_seconds(f"{name} of {self.name}", getattr(self, name))
        _require_alarms(f"false_alarms of {self.name}", self.false_alarms)
        if self.false_alarms.high * self.false_seconds.high >= YEAR_SECONDS:
            said = f"false_alarms of {self.name} are {self.false_alarms} of {self.false_seconds} seconds"
            raise InvalidTerms(f"{said}: must be less than all the time")
        if self.miss.high > 1.0:
            raise InvalidTerms(f"miss of {self.name} is {self.miss}: must be at most 1")
        if self.false_alarms.high > 0.0 and self.false_seconds.low <= 0.0:
            raise InvalidTerms(f"false_seconds of {self.name} is {self.false_seconds}: must be positive")

    def at(self, scenario: Scenario) -> "Path":
        """The path under a scenario: start and miss, which lower what is paid, are taken from the opposite end."""
        opposite = _OPPOSITE[scenario]
        return Path(
            self.start_seconds.at(opposite),
            self.end_seconds.at(scenario),
            self.miss.at(opposite),
            self.false_alarms.at(scenario),
            self.false_seconds.at(scenario),
        )


@dataclass(frozen=True)
class Path:
    """A path under one scenario."""

    start_seconds: float
    end_seconds: float
    miss: float
    false_alarms: float
    false_seconds: float


@dataclass(frozen=True)
class Trigger:
    """Paths of independent families, of which `quorum` must agree; `common_alarms` a year with a mean of
    `common_seconds` are those in which enough families err together (a shared cloud, client or clock). Raises
    `InvalidTerms`."""

    paths: tuple[PathKind, ...]
    quorum: int
    common_alarms: Judgement = _NO_ALARMS
    common_seconds: Judgement = _COMMON_SECONDS

    def __post_init__(self) -> None:
        if not 1 <= len(self.paths) <= MOST_PATHS:
            raise InvalidTerms(f"paths are {len(self.paths)}: must be 1 to {MOST_PATHS}")
        if not 1 <= self.quorum <= len(self.paths):
            raise InvalidTerms(f"quorum is {self.quorum}: must be from 1 to the number of paths, {len(self.paths)}")
        _require_alarms("common_alarms", self.common_alarms)
        _require_seconds("common_seconds", self.common_seconds)
        if self.common_seconds.low <= 0.0:
            raise InvalidTerms(f"common_seconds is {self.common_seconds}: must be positive")


WATCHERS = PathKind(
    "watchers",
    start_seconds=Judgement(0.0, 15.0, 120.0),
    end_seconds=Judgement(0.0, 30.0, 300.0),
    miss=Judgement(0.005, 0.02, 0.1),
    false_alarms=Judgement(0.2, 1.0, 4.0),
    false_seconds=Judgement(300.0, 900.0, 3600.0),
)
"""A team of observers with nodes of their own."""
HEARTBEAT = PathKind(
    "heartbeat",
    start_seconds=Judgement(0.0, 150.0, 300.0),
    end_seconds=Judgement(0.0, 150.0, 1200.0),
    miss=Judgement(0.001, 0.01, 0.05),
    false_alarms=Judgement(1.0, 6.0, 24.0),
    false_seconds=Judgement(300.0, 1200.0, 3600.0),
)
"""Silence of beats every 300 s; a relayer that sleeps looks like an outage, and its first beat may be late."""
STANDARD_TRIGGER = Trigger((WATCHERS, WATCHERS, HEARTBEAT), 2, common_alarms=Judgement(0.0, 0.005, 0.03))
"""What an installation deploys by default: two teams and a heartbeat, two of which must agree."""


@dataclass(frozen=True)
class CoveredLaw:
    """D as a mixture: with probability `weights[i]` the length shifted by `shifts[i]` seconds, else nothing."""

    shifts: FloatArray
    weights: FloatArray
    sf_of_length: Curve
    lev_of_length: Curve

    @property
    def seen(self) -> float:
        """Probability that enough paths see an outage."""
        return float(self.weights.sum())

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        points = np.maximum(x + self.shifts[:, None], 0.0)
        # the shift is at most the length that would do: below it every outage exceeds x
        values: FloatArray = self.sf_of_length(points.ravel()).reshape(points.shape)
        result: FloatArray = self.weights @ np.where(x + self.shifts[:, None] < 0.0, 1.0, values)
        return result

    def limited_expectation(self, seconds: FloatArray) -> FloatArray:
        """E[min(D, seconds)]: per shift s, LEV(x + s) - LEV(s) if s >= 0, else min(x, -s) + LEV(x + s)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        total = np.zeros_like(x)
        for shift, weight in zip(self.shifts, self.weights, strict=True):
            start = self.lev_of_length(np.array([max(shift, 0.0)]))[0]
            early = np.minimum(x, max(-shift, 0.0))
            total += weight * (early + self.lev_of_length(np.maximum(x + shift, 0.0)) - start)
        return total


def covered_law(trigger: Trigger, scenario: Scenario, sf: Curve, lev: Curve) -> CoveredLaw:
    """The law of the covered seconds of an outage whose length has `sf` and `lev`."""
    paths = [kind.at(scenario) for kind in trigger.paths]
    mixture: dict[float, float] = {}
    for size in range(trigger.quorum, len(paths) + 1):
        for chosen in combinations(range(len(paths)), size):
            chance = float(np.prod([1.0 - p.miss if j in chosen else p.miss for j, p in enumerate(paths)]))
            shift = shift_of([paths[j] for j in chosen], trigger.quorum)
            mixture[shift] = mixture.get(shift, 0.0) + chance
    return CoveredLaw(np.array(list(mixture)), np.array(list(mixture.values())), sf, lev)


def shift_of(paths: Sequence[Path], quorum: int) -> float:
    """Seconds by which what `quorum` of these paths claim is shorter than the outage (negative: longer)."""
    starts = sorted(path.start_seconds for path in paths)
    ends = sorted((path.end_seconds for path in paths), reverse=True)
    return starts[quorum - 1] - ends[quorum - 1]


def false_incidents(trigger: Trigger, scenario: Scenario) -> list[tuple[float, float]]:
    """(incidents a year, mean seconds) of common errors, and of each set of `quorum` paths alarmed at once by chance.

    Alarms of path j: Poisson, f_j a year, exponential of mean g_j. All of a set are alarmed for the share prod(f_j g_j)
    of the time, in spells of mean 1 / sum(1 / g_j).
    """
    paths = [kind.at(scenario) for kind in trigger.paths]
    found = [(trigger.common_alarms.at(scenario), trigger.common_seconds.at(scenario))]
    for chosen in combinations(paths, trigger.quorum):
        if any(path.false_alarms == 0.0 for path in chosen):
            continue
        mean = 1.0 / sum(1.0 / path.false_seconds for path in chosen)
        share = float(np.prod([path.false_alarms * path.false_seconds / YEAR_SECONDS for path in chosen]))
        found.append((share * YEAR_SECONDS / mean, mean))
    return found


def false_lengths(found: Sequence[tuple[float, float]]) -> tuple[float, Curve, Curve]:
    """False incidents of all sorts together: how many a year, and `sf` and `lev` of the length of one, a mixture of
    exponentials."""
    some = [(rate, mean) for rate, mean in found if rate > 0.0]
    total = sum(rate for rate, _ in some)
    if not some:
        return 0.0, np.zeros_like, np.zeros_like
    weights, means = (np.array(column) for column in zip(*((rate / total, mean) for rate, mean in some), strict=True))

    def sf(seconds: FloatArray) -> FloatArray:
        result: FloatArray = weights @ np.exp(-np.atleast_1d(seconds) / means[:, None])
        return result

    def lev(seconds: FloatArray) -> FloatArray:
        result: FloatArray = -(weights * means) @ np.expm1(-np.atleast_1d(seconds) / means[:, None])
        return result

    return total, sf, lev


@dataclass(frozen=True)
class BasisRisk:
    """What a trigger pays beside the outages, as parts of the expected payout if covered seconds were the length:
    `overpaid` (late ends), `false_paid` (incidents that were none), `unpaid` (late starts and misses: what the buyer
    bears, and is not charged)."""

    overpaid: float
    false_paid: float
    unpaid: float

    @property
    def net(self) -> float:
        """By how much the trigger pays more than the outages deserve; negative where it pays less."""
        return self.overpaid + self.false_paid - self.unpaid


def basis_risk(
    trigger: Trigger,
    scenario: Scenario,
    terms: Terms,
    sf: Curve,
    lev: Curve,
    halts_a_year: float,
    failover_probability: float = 1.0,
) -> BasisRisk:
    """The basis risk of one policy, before the aggregate limit; all zero where nothing would be paid anyway."""
    table, chances = TermsTable.of([terms]), np.array([failover_probability])
    parts = basis_risks(trigger, scenario, table, sf, lev, np.array([halts_a_year]), chances)
    return BasisRisk(*(float(each) for each in parts[:, 0]))


def basis_risks(
    trigger: Trigger,
    scenario: Scenario,
    table: TermsTable,
    sf: Curve,
    lev: Curve,
    halts_a_year: FloatArray,
    chances: FloatArray,
) -> FloatArray:
    """The same of many policies: rows `overpaid`, `false_paid` and `unpaid`, a column per policy."""
    honest = expected_payouts(table, sf, lev, chances)
    law = covered_law(trigger, scenario, sf, lev)
    over, under = np.zeros_like(honest), (1.0 - law.seen) * honest
    for shift, weight in zip(law.shifts, law.weights, strict=True):
        one = CoveredLaw(np.array([shift]), np.ones(1), sf, lev)
        gap = expected_payouts(table, one.sf, one.limited_expectation, chances) - honest
        over, under = over + weight * np.maximum(gap, 0.0), under + weight * np.maximum(-gap, 0.0)
    rate, false_sf, false_lev = false_lengths(false_incidents(trigger, scenario))
    nobody = np.zeros_like(honest)  # fails over for an incident that is none
    false = rate * expected_payouts(table, false_sf, false_lev, nobody) if rate > 0.0 else nobody
    some = (honest > 0.0) & (halts_a_year > 0.0)
    parts = np.stack([over, false / np.where(some, halts_a_year, 1.0), under])
    result: FloatArray = np.where(some, parts, 0.0) / np.where(some, honest, 1.0)
    return result


def left_unpaid(found: Mapping[Scenario, BasisRisk]) -> Judgement:
    """The part of the expected payout of the outages that the trigger would leave unpaid."""
    values = {scenario: each.unpaid for scenario, each in found.items()}
    return Judgement(min(values.values()), values[Scenario.BASE], max(values.values()))
