"""Prices of one policy or of ten thousand: what they share is worked out once.

Policies on one law of lengths, with or without a failover, are taken in blocks: their loss distributions are rows of
the same arrays (`compound`), and the posterior of each subject's rate is collapsed once for all of its policies
(`collapse`).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pricing_models import observation
from pricing_models.capacity import Utilisation
from pricing_models.collapse import KnownRates, counts
from pricing_models.compound import LossDistribution, loss_distributions, mean_payouts
from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.observation import STANDARD_TRIGGER, BasisRisk, Trigger
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Terms, TermsTable, most_owed, owed
from pricing_models.premium import Circumstances, Judgement, Loadings, Means, Premium, Scenario, require_term

FloatArray = NDArray[np.float64]

_BLOCK = 768
"""Policies at a time, times the incidents that the largest of their grids reaches: what memory and cache allow."""


@dataclass(frozen=True)
class Enquiry:
    """Cover that is to be priced, from the fit's day on.

    `kind` prices a subject that is not in the fit by its group. `trigger` makes the basis-risk loading: what it would
    pay beside the outages; without one it is that of the loadings. `utilisation` is where the pool stands, for the
    capacity charge, `marginal_capital` (asset units) what its tail needs for the policy. Raises `InvalidTerms`, too for
    a waiting period that no incident outlasts: such cover would cost and never pay.
    """

    subject_id: str
    terms: Terms
    term_seconds: int
    kind: str | None = None
    trigger: Trigger | None = STANDARD_TRIGGER
    utilisation: Utilisation | None = None
    marginal_capital: float = 0.0

    def __post_init__(self) -> None:
        require_term(self.term_seconds)
        if self.terms.waiting_seconds >= LONGEST_INCIDENT_SECONDS:
            raise InvalidTerms(
                f"waiting_seconds is {self.terms.waiting_seconds}: must be below {LONGEST_INCIDENT_SECONDS}, "
                "the longest that one incident lasts"
            )

    @property
    def years(self) -> float:
        """The term in years."""
        return self.term_seconds / YEAR_SECONDS


@dataclass(frozen=True)
class SubjectFacts:
    """Kind, age in years at the fit (nan unknown), for how many seconds after it its last halt counts as recent, and
    whether one operator can stop it."""

    kind: str
    age: float = float("nan")
    recent_seconds: float = 0.0
    operated: bool = False


class Fitted(Protocol):
    """What prices are made from: a fit."""

    def known_rates(self, subject_id: str, years: float, kind: str | None = None) -> KnownRates:
        """The subject's rate at the reference age, for terms of up to `years`."""

    def age_factor(self, subject_id: str, ahead_seconds: float = 0.0) -> float:
        """The subject's mean rate over the coming seconds as a multiple of that at the reference age."""

    def length(self, subject_id: str, kind: str | None = None) -> DurationPosterior:
        """The law of the length of its next halt."""

    def facts(self, subject_id: str, kind: str | None = None) -> SubjectFacts:
        """What else a price takes from the subject."""


def price_many(model: Fitted, enquiries: Sequence[Enquiry], loadings: Loadings | None = None) -> list[Premium]:
    """The premiums, in the order of the enquiries.

    Raises `UnknownSubject` when a subject is not in the fit and its kind is not given, `InvalidTerms` when a term or a
    loading can't be priced.
    """
    loadings = loadings or Loadings()
    asked = [_Asked.of(model, place, enquiry) for place, enquiry in enumerate(enquiries)]
    found: list[tuple[int, Premium]] = []
    for block in _blocks(asked):
        premiums = _price_block(model, block, loadings)
        found += zip((each.place for each in block), premiums, strict=True)
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


@dataclass(frozen=True)
class _Asked:
    """An enquiry with what is known of its subject; `factor` is its age's, over the term."""

    place: int
    enquiry: Enquiry
    law: DurationPosterior
    known: KnownRates
    factor: float

    @classmethod
    def of(cls, model: Fitted, place: int, enquiry: Enquiry) -> "_Asked":
        known = model.known_rates(enquiry.subject_id, enquiry.years, enquiry.kind)
        factor = model.age_factor(enquiry.subject_id, enquiry.term_seconds)
        return cls(place, enquiry, model.length(enquiry.subject_id, enquiry.kind), known, factor)

    @property
    def group(self) -> Hashable:
        """Policies of one block are alike in these."""
        enquiry = self.enquiry
        return id(self.law), enquiry.terms.failover_benefit > 0, self.known.rates.size, enquiry.trigger

    @property
    def halts(self) -> float:
        """The halts that its term can hold, roughly, on a scale on which policies of one block are alike."""
        return float(2.0 ** round(np.log2(1.0 + self.known.high * self.factor * self.enquiry.years)))

    @cached_property
    def incidents(self) -> float:
        """How many paid in whole its grid reaches: its arrays grow with them."""
        terms = self.enquiry.terms
        first = max(1, owed(terms, LONGEST_INCIDENT_SECONDS, True, 0))
        return float(min(terms.aggregate_limit, 10.0 * self.halts * most_owed(terms)) / first)


def _blocks(asked: Iterable[_Asked]) -> Iterable[list[_Asked]]:
    groups: dict[Hashable, list[_Asked]] = {}
    for each in asked:
        groups.setdefault(each.group, []).append(each)
    for group in groups.values():
        # policies of one block are padded to the largest of them
        group.sort(key=lambda each: (each.halts, each.incidents))
        block: list[_Asked] = []
        for each in group:
            if block and (len(block) + 1) * max(each.incidents, block[-1].incidents) > _BLOCK:
                yield block
                block = []
            block.append(each)
        yield block


def _price_block(model: Fitted, block: list[_Asked], loadings: Loadings) -> list[Premium]:
    """The premiums of a block, in its order."""
    losses = _Losses.of(model, block, loadings)
    basis = _basis_risks(block, losses.table, loadings)
    result = []
    for row, each in enumerate(block):
        enquiry = each.enquiry
        facts = model.facts(enquiry.subject_id, enquiry.kind)
        own = loadings if basis is None else replace(loadings, basis_risk=basis[row][0])
        unpaid = None if basis is None else basis[row][1]
        where = Circumstances(losses.recent[row], facts.operated, enquiry.marginal_capital, enquiry.utilisation)
        interval = (losses.interval[row, 0], losses.interval[row, 1])
        words = (f"rate: {each.known.source}", f"lengths: {each.law.source}")
        result.append(
            Premium(
                losses.laws[row],
                losses.means[row],
                enquiry.terms,
                enquiry.term_seconds,
                own,
                where,
                interval,
                words,
                unpaid,
            )
        )
    return result


@dataclass(frozen=True)
class _Losses:
    """Of a block: the terms, predictive distributions at the base, means, the expected payout near the last halt, and
    the expected payout at both ends of the rate's interval."""

    table: TermsTable
    laws: list[LossDistribution]
    means: list[Means]
    recent: list[float]
    interval: FloatArray

    @classmethod
    def of(cls, model: Fitted, block: list[_Asked], loadings: Loadings) -> "_Losses":
        table = TermsTable.of([each.enquiry.terms for each in block])
        curves, point = block[0].law.curves, block[0].law.plug_in_curves
        years = np.array([each.factor * each.enquiry.years for each in block])
        # near the last halt: as many halts as the rate gives that part of the term
        near = np.array([_recent_seconds(model, each.enquiry) / each.enquiry.term_seconds for each in block])
        mixed = [_counts(block, years), _counts(block, years * near)]
        known = [_poisson(np.array([getattr(each.known, name) for each in block]) * years) for name in ("low", "high")]
        base = np.full(len(block), loadings.failover_probability.base)
        laws, means = loss_distributions(mixed[0], table, curves.sf, curves.lev, base, others=[mixed[1], *known])
        typical = _poisson(np.array([each.known.typical for each in block]) * years)
        nobody = np.zeros(len(block))
        plug_in = mean_payouts(typical, table, point.sf, point.lev, nobody)
        failover = _failovers(mixed[0], table, block[0].law, loadings, [law.mean for law in laws])
        parts = [
            Means(law.mean - added[Scenario.BASE], float(at), added)
            for law, at, added in zip(laws, plug_in, failover, strict=True)
        ]
        recent = np.where(near > 0.0, means[:, 0], 0.0)  # where no part of the term is near there is rounding only
        return cls(table, laws, parts, [float(each) for each in recent], means[:, 1:])


def _recent_seconds(model: Fitted, enquiry: Enquiry) -> float:
    """Seconds of the term within which the last halt is recent."""
    return min(model.facts(enquiry.subject_id).recent_seconds, float(enquiry.term_seconds))


def _counts(block: list[_Asked], years: FloatArray) -> FloatArray:
    """Predictive probabilities of the halts in so many years at the reference age."""
    rates = np.stack([each.known.rates for each in block])
    return counts(rates * years[:, None], np.stack([each.known.weights for each in block]))


def _poisson(means: FloatArray) -> FloatArray:
    """The probabilities of counts at known rates."""
    return counts(means[:, None], np.ones((means.size, 1)))


def _failovers(
    mixed: FloatArray, table: TermsTable, law: DurationPosterior, loadings: Loadings, base: Sequence[float]
) -> list[dict[Scenario, float]]:
    """What failovers add to the expected payout, per policy and scenario."""
    if not table.benefit.any():
        return [dict.fromkeys(Scenario, 0.0) for _ in base]
    judged, size = loadings.failover_probability, len(base)
    means = {judged.base: np.asarray(base)}
    for chance in {0.0, judged.low, judged.high} - {judged.base}:
        means[chance] = mean_payouts(mixed, table, law.curves.sf, law.curves.lev, np.full(size, chance))
    return [
        {scenario: max(0.0, float(means[judged.at(scenario)][row] - means[0.0][row])) for scenario in Scenario}
        for row in range(size)
    ]


def _basis_risks(
    block: list[_Asked], table: TermsTable, loadings: Loadings
) -> list[tuple[Judgement, Judgement]] | None:
    """The basis-risk loading of each policy by its trigger, and what that leaves unpaid; None without one."""
    trigger, curves = block[0].enquiry.trigger, block[0].law.curves
    if trigger is None:
        return None
    rates = np.array([each.known.mean * each.factor for each in block])
    found = {}
    for scenario in Scenario:
        chances = np.full(len(block), loadings.failover_probability.at(scenario))
        found[scenario] = observation.basis_risks(trigger, scenario, table, curves.sf, curves.lev, rates, chances)
    risks = [
        {scenario: BasisRisk(*map(float, each[:, row])) for scenario, each in found.items()}
        for row in range(len(block))
    ]
    return [(observation.loading(each), observation.left_unpaid(each)) for each in risks]
