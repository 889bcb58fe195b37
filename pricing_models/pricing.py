"""Prices of one policy or of ten thousand: what they share is worked out once.

Policies on one law of lengths, with or without a failover, are taken in blocks: their loss distributions are rows of
the same arrays (`compound`), and the posterior of each subject's rate is collapsed once for all of its policies
(`collapse`).
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pricing_models import uncertainty
from pricing_models.capacity import Utilisation
from pricing_models.collapse import KnownRates, counts, poisson
from pricing_models.compound import LossDistribution, loss_distributions, mean_payouts
from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.observation import STANDARD_TRIGGER, Trigger
from pricing_models.paid import Paid
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Terms, TermsTable
from pricing_models.premium import (
    Circumstances,
    Judgement,
    Loadings,
    Means,
    Premium,
    RateReading,
    require_term,
)

FloatArray = NDArray[np.float64]

_BLOCK = 768
"""Policies at a time, times the incidents that the largest of their grids reaches: what memory and cache allow."""


@dataclass(frozen=True)
class Enquiry:
    """Cover that is to be priced, from the fit's day on.

    `kind` prices a subject that is not in the fit by its group. `trigger` decides what is paid: the expected payout is
    that of the seconds it covers and of its false incidents; without one it is that of the outages' own lengths, and
    the loadings' basis risk is added. `utilisation` is where the pool stands, for the
    capacity charge, `marginal_capital` (asset units) what its tail needs for the policy, if that is known. Raises
    `InvalidTerms`, too for a waiting period that no incident outlasts: such cover would cost and never pay.
    """

    subject_id: str
    terms: Terms
    term_seconds: int
    kind: str | None = None
    trigger: Trigger | None = STANDARD_TRIGGER
    utilisation: Utilisation | None = None
    marginal_capital: float | None = None

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
    """Kind, age in years at the fit (nan unknown), for how many seconds after it its last halt counts as recent,
    whether one operator can stop it, and whether it is a member of the universe, or priced as one."""

    kind: str
    age: float = float("nan")
    recent_seconds: float = 0.0
    operated: bool = False
    member: bool = True


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
    table = TermsTable.of([enquiry.terms for enquiry in enquiries])
    asked = [_Asked.of(model, place, enquiry) for place, enquiry in enumerate(enquiries)]
    found: list[tuple[int, Premium]] = []
    for block in _blocks(asked, table):
        own = table.take(np.array([each.place for each in block]))
        premiums = _price_block(model, block, own, loadings)
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
    def rate(self) -> RateReading:
        """Halts a year over the term."""
        mean, low, high = (each * self.factor for each in (self.known.mean, self.known.low, self.known.high))
        return RateReading(mean, low, high, self.known.credibility, self.known.judged)

    @property
    def halts(self) -> float:
        """The halts that its term can hold, roughly, on a scale on which policies of one block are alike."""
        return float(2.0 ** round(math.log2(1.0 + self.known.high * self.factor * self.enquiry.years)))


def _blocks(asked: Sequence[_Asked], table: TermsTable) -> Iterable[list[_Asked]]:
    halts = np.array([each.halts for each in asked])
    # how many incidents paid in whole a policy's grid reaches: its arrays grow with them
    incidents = np.minimum(table.aggregate, 10.0 * halts * table.most) / np.maximum(1.0, table.first)
    groups: dict[Hashable, list[_Asked]] = {}
    for each in asked:
        groups.setdefault(each.group, []).append(each)
    for group in groups.values():
        # policies of one block are padded to the largest of them
        group.sort(key=lambda each: (halts[each.place], incidents[each.place]))
        block: list[_Asked] = []
        for each in group:
            most = max(incidents[each.place], incidents[block[-1].place]) if block else 0.0
            if (len(block) + 1) * most > _BLOCK:
                yield block
                block = []
            block.append(each)
        yield block


def _price_block(model: Fitted, block: list[_Asked], table: TermsTable, loadings: Loadings) -> list[Premium]:
    """The premiums of a block, in its order, with the table of its terms."""
    losses = _Losses.of(model, block, table, loadings)
    result = []
    for row, each in enumerate(block):
        enquiry = each.enquiry
        facts = model.facts(enquiry.subject_id, enquiry.kind)
        where = Circumstances(losses.recent[row], facts.operated, enquiry.marginal_capital, enquiry.utilisation)
        interval = (float(losses.interval[row, 0]), float(losses.interval[row, 1]))
        own = f"own history weighs {each.known.credibility:.0%}"
        words = (f"rate: {each.known.source}; {own}", f"lengths: {each.law.source}")
        result.append(
            Premium(
                losses.laws[row],
                losses.means[row],
                enquiry.terms,
                enquiry.term_seconds,
                loadings,
                where,
                interval,
                words,
                losses.unpaid[row],
                each.rate,
            )
        )
    return result


@dataclass(frozen=True)
class _Losses:
    """Of a block: the terms, predictive distributions at the base, means, the expected payout near the last halt, the
    central interval of the expected payout, and what the trigger leaves unpaid."""

    table: TermsTable
    laws: list[LossDistribution]
    means: list[Means]
    recent: list[float]
    interval: FloatArray
    unpaid: Sequence[Judgement | None]

    @classmethod
    def of(cls, model: Fitted, block: list[_Asked], table: TermsTable, loadings: Loadings) -> "_Losses":
        law, trigger = block[0].law, block[0].enquiry.trigger
        years = np.array([each.factor * each.enquiry.years for each in block])
        # near the last halt: as many halts as the rate gives that part of the term
        near = np.array([_recent_seconds(model, each.enquiry) / each.enquiry.term_seconds for each in block])
        mixed = _counts(block, years)
        recent = [_counts(block, years * near)] if near.any() else []
        rates = [np.array([getattr(each.known, name) for each in block]) for name in ("low", "high", "typical")]
        low, high, typical = (poisson(each * years) for each in rates)
        base = np.full(len(block), loadings.failover_probability.base)
        halts = np.array([each.known.mean * each.factor for each in block])
        asked = Paid(table, law, trigger, loadings, np.array([each.enquiry.years for each in block]), halts)
        sf, lev = asked.curves
        laws, means = loss_distributions(
            mixed, table, sf, lev, base, others=[low, high, *recent], false=asked.false_incidents
        )
        point = law.plug_in_curves
        plug_in = mean_payouts(typical, table, point.sf, point.lev, np.zeros(len(block)))
        parts = asked.means(mixed, plug_in, np.array([each.mean for each in laws]))
        # where no part of the term is near there is rounding only
        lately = np.where(near > 0.0, means[:, 2], 0.0) if recent else near
        spread = np.stack([each.known.spread for each in block])
        lengths = uncertainty.of_lengths(law, table, base)
        interval = uncertainty.interval(spread, rates[0], rates[1], means[:, :2], *lengths) + asked.of_alarms[:, None]
        # of the alarms the aggregate limit takes a part too
        interval = uncertainty.within(interval, np.array([each.mean for each in laws]), table.aggregate)
        return cls(table, laws, parts, [float(each) for each in lately], interval, asked.unpaid)


def _recent_seconds(model: Fitted, enquiry: Enquiry) -> float:
    """Seconds of the term within which the last halt is recent."""
    return min(model.facts(enquiry.subject_id).recent_seconds, float(enquiry.term_seconds))


def _counts(block: list[_Asked], years: FloatArray) -> FloatArray:
    """Predictive probabilities of the halts in so many years at the reference age."""
    rates = np.stack([each.known.rates for each in block])
    return counts(rates * years[:, None], np.stack([each.known.weights for each in block]))
