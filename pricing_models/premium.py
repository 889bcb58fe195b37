"""Loss distribution and loadings -> premium with its breakdown.

Every component is a float in asset units and the total is their sum, so the parts always add up. What no data
can identify is *judgement*: it carries a low, a base and a high, and the premium is shown under each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType

import numpy as np

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
        if not (0.0 <= self.low <= self.base <= self.high < np.inf):
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
    * `failover_probability`: that a failover is proven, given a qualifying incident; priced as certain by
    default.
    * `basis_risk`: payouts that the trigger makes and the outage did not deserve; `Model.price` puts what its
      trigger's paths imply (`observation`) in the place of this fraction.
    * `recent_halt`: for the part of the term within 90 days of the last halt. A first count of the history showed 0.58
      halts a year then, against 0.20: high is that ratio less one, the base about a quarter of it. As a covariate it
      does not earn its place out of sample (`backtest`): busy chains explain it. What is left is against who buys late.
    * `operator_control`: for a subject that one operator can stop.
    """

    cost_of_capital_bps: int = 1000
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
            if isinstance(value, bool) or not (np.isfinite(value) and value >= 0):
                raise InvalidTerms(f"{each.name} is {value!r}: must be a finite number of at least 0")
        if self.failover_probability.high > 1.0:
            raise InvalidTerms(f"failover_probability is {self.failover_probability}: must be at most 1")


@dataclass(frozen=True)
class Circumstances:
    """What is special about this sale.

    `utilisation` is where the pool stands before the sale; without it no capacity is charged. `recent_share` is the
    part of the term within 90 days of the last halt, `marginal_capital` the capital (asset units) that the pool's tail
    needs for this policy, if that is more than its lock.
    """

    recent_share: float = 0.0
    operator_controlled: bool = False
    marginal_capital: float = 0.0
    utilisation: Utilisation | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.recent_share <= 1.0:
            raise InvalidTerms(f"recent_share is {self.recent_share}: must be from 0 to 1")
        if not (np.isfinite(self.marginal_capital) and self.marginal_capital >= 0.0):
            raise InvalidTerms(f"marginal_capital is {self.marginal_capital}: must be finite and at least 0")


@dataclass(frozen=True)
class Component:
    """One part of a premium, in asset units."""

    name: str
    amount: float
    basis: Basis


@dataclass(frozen=True)
class Premium:
    """A price in parts; `total` is their sum, and so is what the buyer pays before rounding up.

    `loss` is the posterior-predictive distribution of the payout. `totals` are the premiums with every
    judgement at its low, base and high. `expected_interval` is the expected payout at the 5% and the 95%
    point of the rate. `alternatives` are what the premium would be if another principle (`principles`) stood in the
    place of the cost of locked capital.
    """

    components: tuple[Component, ...]
    loss: LossDistribution
    totals: Mapping[Scenario, float]
    expected_interval: tuple[float, float] | None = None
    alternatives: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The premium in asset units."""
        return sum(part.amount for part in self.components)

    @property
    def breakdown(self) -> dict[str, float]:
        """Amount by name of component."""
        return {part.name: part.amount for part in self.components}

    @property
    def judgement_share(self) -> float:
        """The part of the premium that rests on judgement alone."""
        judged = sum(part.amount for part in self.components if part.basis is Basis.JUDGEMENT)
        return judged / self.total if self.total > 0 else 0.0


def components(
    loss: LossDistribution,
    plug_in_mean: float,
    terms: Terms,
    term_seconds: int,
    loadings: Loadings,
    circumstances: Circumstances,
    scenario: Scenario = Scenario.BASE,
) -> tuple[Component, ...]:
    """The parts of a premium under one scenario.

    `plug_in_mean` is the expected payout at the point estimate: the median rate, the mean duration
    parameters. Parameter uncertainty is what the posterior-predictive mean adds to it: the rate's posterior
    is skewed, so what is hardly known costs more. Where the predictive mean is the lower one it is the
    expected payout, and this is 0.
    """
    years = require_term(term_seconds) / YEAR_SECONDS
    locked_years = (term_seconds + loadings.tail_seconds) / YEAR_SECONDS
    lock = max(float(terms.aggregate_limit), circumstances.marginal_capital)
    mean = loss.mean
    expected = min(plug_in_mean, mean)
    operator = loadings.operator_control.at(scenario) if circumstances.operator_controlled else 0.0
    parts = (
        Component("expected_payout", expected, Basis.DATA),
        Component("parameter_uncertainty", mean - expected, Basis.DATA),
        Component("capital", loadings.cost_of_capital_bps / BPS * lock * locked_years, Basis.TERMS),
        Component("capacity", _capacity(loadings, circumstances, terms, locked_years), Basis.TERMS),
        Component("expenses", loadings.expense_fixed + loadings.expense_per_day * term_seconds / DAY, Basis.TERMS),
        Component("basis_risk", loadings.basis_risk.at(scenario) * mean, Basis.JUDGEMENT),
        Component(
            "recent_halt",
            loadings.recent_halt.at(scenario) * circumstances.recent_share * mean,
            Basis.JUDGEMENT,
        ),
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


def price(
    losses: Mapping[Scenario, tuple[LossDistribution, float]],
    terms: Terms,
    term_seconds: int,
    loadings: Loadings,
    circumstances: Circumstances | None = None,
    expected_interval: tuple[float, float] | None = None,
) -> Premium:
    """The premium at the base scenario, with the totals at all three.

    `losses` gives, per scenario of the failover probability, the predictive distribution and the mean at the
    point estimate of the parameters.
    """
    where = circumstances or Circumstances()
    parts = {
        scenario: components(loss, plug_in, terms, term_seconds, loadings, where, scenario)
        for scenario, (loss, plug_in) in losses.items()
    }
    totals = {scenario: sum(part.amount for part in each) for scenario, each in parts.items()}
    base = losses[Scenario.BASE][0]
    others = _alternatives(parts[Scenario.BASE], base, loadings, term_seconds)
    return Premium(parts[Scenario.BASE], base, MappingProxyType(totals), expected_interval, others)


def _alternatives(
    parts: tuple[Component, ...], loss: LossDistribution, loadings: Loadings, term_seconds: int
) -> Mapping[str, float]:
    """Totals with each principle's load instead of the cost of the lock; the minimum rate is left as it is."""
    years = (term_seconds + loadings.tail_seconds) / YEAR_SECONDS
    rest = sum(part.amount for part in parts if part.name != "capital") - loss.mean
    found = alternatives(loss, loadings.cost_of_capital_bps / BPS * years)
    return MappingProxyType({name: rest + amount for name, amount in found.items()})
