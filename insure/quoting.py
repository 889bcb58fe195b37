"""Where a model's floats become a quote's integers: every amount a buyer pays is rounded up, once, here."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from insure.errors import InvalidInput
from insure.records.onchain import Address, Bytes32, Listing, Quote, Semantics, Terms
from insure.records.views import (
    CapitalView,
    JudgedPart,
    LossView,
    PriceComponent,
    PriceView,
    QuoteRequest,
    RateView,
    TreatedPrice,
)
from pricing_models.compound import LossDistribution
from pricing_models.model import Model
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS
from pricing_models.premium import Basis, Component, Premium, Scenario
from pricing_models.treatments import Ends, Exposure, Treated

BPS = 10_000
HOUR_SECONDS = 3_600
CONTRACT_YEAR_SECONDS = 365 * 86_400
"""The year of the contracts' floor rate, 365 days (`QuoteRules.sol`), and so of every rate on line that is held against
it. Halts and capital are counted by the astronomical year, `experience.YEAR_SECONDS`: 365.25 days."""

LABELS = {
    "point_estimate": "Payout for outages, point estimate",
    "parameter_uncertainty": "Parameter uncertainty",
    "failover": "Failover benefit",
    "capital": "Cost of locked capital",
    "capacity": "Use of the pool's room",
    "expenses": "Expenses",
    "basis_risk": "Basis risk",
    "basis_risk_loading": "Basis risk, no trigger named",
    "recent_halt": "Recent halt",
    "operator_control": "Operator control",
    "minimum_rate": "Up to the minimum rate",
}
_CLIPPED = "Payout for outages, mean (the point estimate is higher)"
REBATE = "basis_risk"
"""The one component that may be negative: where the trigger pays less than the outages would be paid."""
_OF_PAYOUT = ("point_estimate", "parameter_uncertainty", "failover", REBATE)
_POINTS = 240


def round_up(amount: float) -> int:
    """The least whole number of smallest units not below `amount`; raises `InvalidInput` unless finite and >= 0."""
    if not math.isfinite(amount) or amount < 0:
        raise InvalidInput(f"amount is {amount}: must be finite and at least 0")
    return math.ceil(amount)


def rate_per_second_down(per_hour: int) -> int:
    """Smallest units per second that never pay more than `per_hour` in an hour."""
    return per_hour // HOUR_SECONDS


def rate_per_hour(rate_per_second: int) -> int:
    """What a rate pays for an hour of downtime, exactly."""
    return rate_per_second * HOUR_SECONDS


def floor_premium(floor_rate_bps: int, terms: Terms, term_seconds: int) -> int:
    """The least premium that the contract takes: ceil(floor rate x aggregate limit x term / year)."""
    return -(-floor_rate_bps * terms.aggregate_limit * term_seconds // (BPS * CONTRACT_YEAR_SECONDS))


def yearly_bps_up(amount: int, base: int, seconds: int) -> int:
    """`amount` paid for `seconds` as basis points of `base` per year, rounded up."""
    return -(-amount * BPS * CONTRACT_YEAR_SECONDS // (base * seconds))


def price_view(
    subject_id: str, terms: Terms, term_seconds: int, premium: Premium, model: Model, floor_rate_bps: int = 0
) -> PriceView:
    """The premium with each component rounded up, and topped up to what the contract takes at least; `model` is the fit
    that it was priced by."""
    floor = floor_premium(floor_rate_bps, terms, term_seconds)
    clipped = premium.means.plug_in > premium.means.predictive
    parts = {
        scenario: _topped_up((_component(part, clipped) for part in each), floor)
        for scenario, each in premium.parts.items()
    }
    totals = {scenario: sum(part.amount for part in each) for scenario, each in parts.items()}
    low, high = premium.expected_interval or (None, None)
    unpaid, rate = premium.unpaid, premium.rate
    return PriceView(
        subject_id=subject_id,
        terms=terms,
        term_seconds=term_seconds,
        premium=totals[Scenario.BASE],
        components=parts[Scenario.BASE],
        rate_bps=yearly_bps_up(totals[Scenario.BASE], terms.aggregate_limit, term_seconds),
        premium_low=totals[Scenario.LOW],
        premium_high=totals[Scenario.HIGH],
        expected_low=None if low is None else round_up(low),
        expected_high=None if high is None else round_up(high),
        model_version=model.version,
        loss=loss_view(premium.loss),
        capital=capital_view(premium),
        judged=_judged(parts),
        judgement_share=premium.judgement_share,
        rests_on=premium.rests_on,
        principles=tuple((name, max(floor, round_up(amount))) for name, amount in premium.alternatives.items()),
        unpaid=None if unpaid is None else (unpaid.low, unpaid.base, unpaid.high),
        rate=None if rate is None else RateView(rate.mean, rate.low, rate.high, rate.credibility),
        override=model.overrides.get(subject_id),
    )


def capital_view(premium: Premium) -> CapitalView:
    """What the cost of capital is charged on, rounded up."""
    need = premium.circumstances.marginal_capital
    return CapitalView(premium.terms.aggregate_limit, None if need is None else round_up(need))


def _judged(parts: Mapping[Scenario, tuple[PriceComponent, ...]]) -> tuple[JudgedPart, ...]:
    """The components that rest on judgement, those that are nothing in any case left out."""
    rows = zip(*(parts[scenario] for scenario in (Scenario.LOW, Scenario.BASE, Scenario.HIGH)), strict=True)
    return tuple(
        JudgedPart(base.name, low.amount, base.amount, high.amount)
        for low, base, high in rows
        if base.judgement and (low.amount, base.amount, high.amount) != (0, 0, 0)
    )


def treated_price(treated: Treated, merge_gap_seconds: float) -> TreatedPrice:
    """One reading's premium, each component rounded up as in `price_view`; the base has reports merged at this gap."""
    base = treated.exposure, treated.ends, treated.merge_gap_seconds
    return TreatedPrice(
        exposure=treated.exposure.value,
        ends=treated.ends.value,
        premium=sum(_component(part).amount for part in treated.premium.components),
        expected_payout=round_up(treated.premium.loss.mean),
        base=base == (Exposure.SEARCHED, Ends.LIKE_KNOWN, merge_gap_seconds),
        merge_gap_seconds=round(treated.merge_gap_seconds),
    )


def _component(part: Component, clipped: bool = False) -> PriceComponent:
    """A component rounded up; `clipped` says that the point estimate lies above the mean, which stands in its place."""
    label = LABELS.get(part.name, part.name.replace("_", " ").capitalize())
    if clipped and part.name == "point_estimate":
        label = _CLIPPED
    # differences of near-equal means can be a hair below zero; what a trigger leaves unpaid is no hair
    rebate = part.name == REBATE and part.amount < 0.0
    amount = math.ceil(part.amount) if rebate else round_up(max(0.0, part.amount))
    return PriceComponent(part.name, label, amount, part.basis is Basis.JUDGEMENT)


def _topped_up(parts: Iterable[PriceComponent], floor: int) -> tuple[PriceComponent, ...]:
    """The parts with what is missing up to `floor` in `minimum_rate`."""
    rest = []
    already = 0
    for part in parts:
        if part.name == "minimum_rate":
            already = part.amount
        else:
            rest.append(part)
    missing = max(already, floor - sum(part.amount for part in rest))
    return (*rest, PriceComponent("minimum_rate", LABELS["minimum_rate"], missing))


def loss_view(loss: LossDistribution) -> LossView:
    """The distribution as a curve of exceedance probabilities, thinned to some hundreds of points."""
    beyond = np.clip(1.0 - np.cumsum(loss.pmf), 0.0, 1.0)
    count = loss.amounts.size
    chosen = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).round().astype(int))
    return LossView(
        amounts=tuple(round_up(float(amount)) for amount in loss.amounts[chosen]),
        exceedance=tuple(float(p) for p in beyond[chosen]),
        mean=round_up(loss.mean),
        sd=round_up(loss.sd),
        quantile_95=round_up(loss.quantile(0.95)),
        quantile_99=round_up(loss.quantile(0.99)),
        probability_of_any=loss.probability_of_any,
        probability_of_exhaustion=loss.probability_of_exhaustion,
    )


def version_word(model_version: str) -> Bytes32:
    """A model's version (hex digits) as the quote's word: its digits first, then zeros."""
    if not model_version or len(model_version) > 64 or set(model_version) - set("0123456789abcdef"):
        raise InvalidInput(f"model_version is {model_version!r}: must be 1 to 64 lower-case hex digits")
    return "0x" + model_version.ljust(64, "0")


def check_listing(request: QuoteRequest, listing: Listing, challenge_period: int, tail: int, in_force: int) -> None:
    """Raises `InvalidInput` naming the first field that the contract would refuse for this listing.

    `in_force` is what the policies on the trigger's subject can still be owed.
    """
    terms = request.terms
    to_limit_least = listing.minimum_seconds_to_limit
    if terms.semantics is Semantics.QUALIFYING:
        to_limit_least += terms.waiting_seconds
    _at_least("term_seconds", request.term_seconds, listing.minimum_term)
    _at_most("term_seconds", request.term_seconds, listing.maximum_term)
    _at_least("terms.waiting_seconds", terms.waiting_seconds, listing.minimum_waiting)
    _at_least(
        "terms.incident_limit",
        terms.incident_limit,
        terms.rate_per_second * to_limit_least + terms.failover_benefit,
        f" ({to_limit_least} s of downtime at the rate, and the failover benefit)",
    )
    _at_most("terms.aggregate_limit", terms.aggregate_limit, max(0, listing.cap - in_force), " (left of the cap)")
    to_limit = terms.waiting_seconds - (-terms.incident_limit // terms.rate_per_second)
    if min(to_limit, LONGEST_INCIDENT_SECONDS) + challenge_period > tail:
        raise InvalidInput(
            f"terms.incident_limit is {terms.incident_limit}: it takes {to_limit} s of downtime to be paid in whole, "
            f"must be at most {tail - challenge_period} s"
        )


def _at_least(field: str, value: int, least: int, why: str = "") -> None:
    if value < least:
        raise InvalidInput(f"{field} is {value}: must be at least {least}{why}")


def _at_most(field: str, value: int, most: int, why: str = "") -> None:
    if value > most:
        raise InvalidInput(f"{field} is {value}: must be at most {most}{why}")


def make_quote(
    request: QuoteRequest,
    price: PriceView,
    *,
    pool: Address,
    asset: Address,
    trigger_id: Bytes32,
    start: int,
    nonce: int,
    deadline: int,
) -> Quote:
    """The offer for `request` at `price`, cover from `start` for the term asked."""
    if (price.terms, price.term_seconds) != (request.terms, request.term_seconds):
        raise InvalidInput("terms: the price is for other terms than the request")
    return Quote(
        pool=pool,
        asset=asset,
        buyer=request.buyer,
        trigger_id=trigger_id,
        terms=request.terms,
        start=start,
        end=start + request.term_seconds,
        standby=request.standby,
        premium=price.premium,
        model_version=version_word(price.model_version),
        nonce=nonce,
        deadline=deadline,
    )


def expected_payouts(breakdowns: Sequence[tuple[int, Mapping[str, object]]]) -> dict[int, int]:
    """Per policy id what its quote's breakdown expects to be paid: the parts that add up to the expected payout.

    Quotes of before the point estimate had this name called it the expected payout, and charged basis risk on top of
    it: theirs is left out. Raises `InvalidInput` when a breakdown holds anything but whole smallest units there.
    """
    found = {}
    for policy_id, parted in breakdowns:
        older = "point_estimate" not in parted
        parts = ("expected_payout", *_OF_PAYOUT[1:3]) if older else _OF_PAYOUT
        found[policy_id] = sum(_units(parted, part) for part in parts)
    return found


def _units(breakdown: Mapping[str, object], part: str) -> int:
    amount = breakdown.get(part, 0)
    if not isinstance(amount, int):
        raise InvalidInput(f"{part} of a quote's breakdown is {amount!r}: must be whole smallest units")
    return amount
