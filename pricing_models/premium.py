"""Loss distribution and loadings -> premium with its breakdown.

Every component is a float in asset units and the total is their sum, so the parts always add up. What no data
can identify is *judgement*: it carries a low, a base and a high, and the premium is shown under each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property

from pricing_models.capacity import CapacityCurve, Utilisation, charge
from pricing_models.compound import LossDistribution
from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.payoff import Terms
from pricing_models.principles import alternatives

BPS = 10_000
DAY = 86400


class Scenario(StrEnum):
    """Which end of each judgement is taken."""

    LOW = "low"
    BASE = "base"
    HIGH = "high"


class Basis(StrEnum):
    """What a component rests on."""

    DATA = "data"  # fitted
    TERMS = "terms"  # follows from the terms and the pool's stated costs
    JUDGEMENT = "judgement"


@dataclass(frozen=True)
class Judgement:
    """A number nobody can estimate yet: low <= base <= high, all at least 0."""

    low: float
    base: float
    high: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.low <= self.base <= self.high < math.inf):
            raise InvalidTerms(f"judgement is {self}: must be 0 <= low <= base <= high, finite")

    def at(self, scenario: Scenario) -> float:
        """The number under a scenario."""
        return {Scenario.LOW: self.low, Scenario.BASE: self.base, Scenario.HIGH: self.high}[scenario]


@dataclass(frozen=True)
class Loadings:
    """What is added to the expected payout; fractions are of the posterior-predictive expected payout.

    `expense_fixed` and `expense_per_day` (gas, beats, attestation) are in asset units. `tail_seconds` is how
    long the limit stays locked after the term. `minimum_rate_bps` is a floor in basis points of the aggregate
    limit a year. Judgement:
    * `cost_of_capital_bps`: what those who lend the limit want for it, a year. No market tells: low is the rate of
    Solvency II's risk margin (Delegated Regulation (EU) 2015/35, article 39), high half as much again as the base.
    * `failover_probability`: that a failover is proven, given a qualifying incident; priced as certain by
    default.
    * `basis_risk`: payouts that the trigger makes and the outage did not deserve, where no trigger is named; of one
    that is, the paths tell (`Means.basis`).
    * `recent_halt`: for the part of the term within 90 days of the last halt. A first count of the history showed 0.58
      halts a year then, against 0.20: high is that ratio less one, the base about a quarter of it. As a covariate it
      does not earn its place out of sample (`backtest`): busy chains explain it. What is left is against who buys late.
    * `operator_control`: for a subject that one operator can stop.
    """

    cost_of_capital_bps: Judgement = Judgement(600.0, 1000.0, 1500.0)
    tail_seconds: int = 7 * DAY
    expense_fixed: float = 0.0
    expense_per_day: float = 0.0
    minimum_rate_bps: int = 0
    capacity: CapacityCurve = field(default_factory=CapacityCurve)
    failover_probability: Judgement = Judgement(0.5, 1.0, 1.0)
    basis_risk: Judgement = Judgement(0.0, 0.05, 0.15)
    recent_halt: Judgement = Judgement(0.0, 0.5, 1.9)
    operator_control: Judgement = Judgement(0.0, 0.1, 0.3)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Judgement | CapacityCurve):
                continue
            if isinstance(value, bool) or not (math.isfinite(value) and value >= 0):
                raise InvalidTerms(f"{each.name} is {value!r}: must be a finite number of at least 0")
        if self.failover_probability.high > 1.0:
            raise InvalidTerms(f"failover_probability is {self.failover_probability}: must be at most 1")


@dataclass(frozen=True)
class Circumstances:
    """What is special about this sale.

    `utilisation` is where the pool stands before the sale; without it no capacity is charged. `recent_payout` is the
    expected payout (asset units) in the part of the term within 90 days of the last halt, `marginal_capital` the
    capital (asset units) that the pool's tail needs for this policy (`marginal`), None if nobody worked it out. TVaR
    never rises by more than what a policy can pay at most, so that of a simulated book does not exceed the lock.
    """

    recent_payout: float = 0.0
    operator_controlled: bool = False
    marginal_capital: float | None = None
    utilisation: Utilisation | None = None

    def __post_init__(self) -> None:
        for name in ("recent_payout", "marginal_capital"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0.0):
                raise InvalidTerms(f"{name} is {value}: must be finite and at least 0")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a premium, in asset units."""

    name: str
    amount: float
    basis: Basis


@dataclass(frozen=True)
class Means:
    """Expected payouts of one policy in asset units: for the outages themselves `predictive` over the posterior and
    without any failover, `plug_in` the same at the point estimate (the median rate, the mean parameters of the
    lengths), `failover` what proven failovers add, under each scenario; `basis` what a trigger pays besides, or less
    (negative), under each; None without a trigger."""

    predictive: float
    plug_in: float
    failover: Mapping[Scenario, float] = field(default_factory=lambda: dict.fromkeys(Scenario, 0.0))
    basis: Mapping[Scenario, float] | None = None

    def of_outages(self, scenario: Scenario) -> float:
        """The posterior-predictive expected payout for the outages themselves under a scenario."""
        return self.predictive + self.failover[scenario]

    def at(self, scenario: Scenario) -> float:
        """The same as the trigger has it paid."""
        return self.of_outages(scenario) + (0.0 if self.basis is None else self.basis[scenario])


@dataclass(frozen=True)
class RateReading:
    """Halts a year over the term: posterior mean, the ends of the central 90%, and the weight (credibility) of the
    subject's own history in it against its group's; `judged` whether somebody put it there."""

    mean: float
    low: float
    high: float
    credibility: float
    judged: bool = False


@dataclass(frozen=True)
class Premium:
    """A price in parts; `total` is their sum, and so is what the buyer pays before rounding up.

    `loss` is the posterior-predictive distribution of the payout (of what the trigger has paid, if one is named),
    `expected_interval` the central 90% of its mean over the posterior of rate and lengths, `rests_on` says in words
    what rate and lengths rest on, `rate` is the halts a year and what they rest on; the rest is what `components`
    takes. `unpaid` is the part of the outages' expected payout that the trigger leaves unpaid.
    """

    loss: LossDistribution
    means: Means
    terms: Terms
    term_seconds: int
    loadings: Loadings
    circumstances: Circumstances = field(default_factory=Circumstances)
    expected_interval: tuple[float, float] | None = None
    rests_on: tuple[str, ...] = ()
    unpaid: Judgement | None = None
    rate: RateReading | None = None

    def under(self, scenario: Scenario) -> tuple[Component, ...]:
        """The components with every judgement at its low, its base or its high."""
        of_rate = Basis.JUDGEMENT if self.rate is not None and self.rate.judged else Basis.DATA
        given = (self.means, self.terms, self.term_seconds, self.loadings, self.circumstances)
        return components(*given, scenario, of_rate)

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """The components of the price."""
        return self.under(Scenario.BASE)

    @property
    def parts(self) -> Mapping[Scenario, tuple[Component, ...]]:
        """The components under all three scenarios."""
        return {scenario: self.under(scenario) for scenario in Scenario}

    @property
    def total(self) -> float:
        """The premium in asset units."""
        return sum(part.amount for part in self.components)

    @property
    def totals(self) -> Mapping[Scenario, float]:
        """The premiums with every judgement at its low, base and high."""
        return {scenario: sum(part.amount for part in each) for scenario, each in self.parts.items()}

    @property
    def breakdown(self) -> dict[str, float]:
        """Amount by name of component."""
        return {part.name: part.amount for part in self.components}

    @property
    def judgement_share(self) -> float:
        """The part of all that is added and taken off that rests on judgement alone."""
        judged = sum(abs(part.amount) for part in self.components if part.basis is Basis.JUDGEMENT)
        moved = sum(abs(part.amount) for part in self.components)
        return judged / moved if moved > 0.0 else 0.0

    @property
    def alternatives(self) -> Mapping[str, float]:
        """What the premium would be if another principle (`principles`) stood in the place of the cost of the lock; the
        minimum rate is left as it is."""
        rest = sum(part.amount for part in self.components if part.name != "capital") - self.loss.mean
        years = (self.term_seconds + self.loadings.tail_seconds) / YEAR_SECONDS
        found = alternatives(self.loss, self.loadings.cost_of_capital_bps.base / BPS * years)
        return {name: rest + amount for name, amount in found.items()}


def components(
    means: Means,
    terms: Terms,
    term_seconds: int,
    loadings: Loadings,
    circumstances: Circumstances,
    scenario: Scenario = Scenario.BASE,
    of_rate: Basis = Basis.DATA,
) -> tuple[Component, ...]:
    """The parts of a premium under one scenario; `of_rate` is what the rate rests on.

    Parameter uncertainty is what the posterior-predictive mean adds to that at the point estimate: the rate's posterior
    is skewed, so what is hardly known costs more. Where the predictive mean is the lower one it is the point estimate,
    and this is 0. These two and the failover are what the outages would be paid; with the basis risk of a trigger they
    add up to the expected payout, whether that is positive or negative. Without a trigger nobody knows what is paid
    beside the outages, and `basis_risk_loading` is on top of the expected payout.
    """
    years = require_term(term_seconds) / YEAR_SECONDS
    locked_years = (term_seconds + loadings.tail_seconds) / YEAR_SECONDS
    carried = max(float(terms.aggregate_limit), circumstances.marginal_capital or 0.0)
    estimate, mean = min(means.plug_in, means.predictive), means.at(scenario)
    operator = loadings.operator_control.at(scenario) if circumstances.operator_controlled else 0.0
    charge_of_capital = loadings.cost_of_capital_bps.at(scenario) / BPS * carried * locked_years
    if means.basis is None:
        basis = Component("basis_risk_loading", loadings.basis_risk.at(scenario) * mean, Basis.JUDGEMENT)
    else:
        basis = Component("basis_risk", means.basis[scenario], Basis.JUDGEMENT)
    parts = (
        Component("point_estimate", estimate, of_rate),
        Component("parameter_uncertainty", means.predictive - estimate, of_rate),
        Component("failover", means.failover[scenario], Basis.JUDGEMENT),
        Component("capital", charge_of_capital, Basis.JUDGEMENT),
        Component("capacity", _capacity(loadings, circumstances, terms, locked_years), Basis.TERMS),
        Component("expenses", loadings.expense_fixed + loadings.expense_per_day * term_seconds / DAY, Basis.TERMS),
        basis,
        Component("recent_halt", loadings.recent_halt.at(scenario) * circumstances.recent_payout, Basis.JUDGEMENT),
        Component("operator_control", operator * mean, Basis.JUDGEMENT),
    )
    floor = loadings.minimum_rate_bps / BPS * terms.aggregate_limit * years
    missing = max(0.0, floor - sum(part.amount for part in parts))
    return (*parts, Component("minimum_rate", missing, Basis.TERMS))


def _capacity(loadings: Loadings, circumstances: Circumstances, terms: Terms, years: float) -> float:
    """The charge for the pool's room while the limit is locked: path-independent, before any fixed expense."""
    if circumstances.utilisation is None:
        return 0.0
    return charge(loadings.capacity, circumstances.utilisation, float(terms.aggregate_limit), years)


def require_term(term_seconds: int) -> int:
    """`term_seconds` if it is a positive int of at most ten years, else `InvalidTerms`."""
    most = int(10 * YEAR_SECONDS)
    if isinstance(term_seconds, bool) or not isinstance(term_seconds, int) or not 0 < term_seconds <= most:
        raise InvalidTerms(f"term_seconds is {term_seconds!r}: must be an int from 1 to {most}")
    return term_seconds
