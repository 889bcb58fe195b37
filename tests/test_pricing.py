"""What `pricing_models.pricing` promises: a book of different policies, each at the price it would have alone."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_models.capacity import Utilisation
from pricing_models.cells import year_start
from pricing_models.collapse import READINGS, counts
from pricing_models.compound import FalseIncidents, loss_distribution, mean_payouts
from pricing_models.errors import InvalidTerms, UnknownSubject
from pricing_models.experience import YEAR_SECONDS
from pricing_models.frequency import poisson_counts
from pricing_models.model import fit
from pricing_models.observation import (
    HEARTBEAT,
    STANDARD_TRIGGER,
    WATCHERS,
    PathKind,
    Trigger,
    covered_law,
    false_incidents,
    false_lengths,
)
from pricing_models.payoff import Semantics, Terms, TermsTable, expected_payout
from pricing_models.premium import Judgement, Loadings, Scenario
from pricing_models.pricing import Enquiry, price_many
from tests.simulated_history import history

HOUR, DAY = 3600, 86400
UNIT = 10**6
TERM = 90 * DAY
AS_OF = year_start(2024)
MODEL = fit(*history(31, 40, age_exponent=-0.6), AS_OF)
BUSY = str(MODEL.experience.subjects["halts"].idxmax())
TERMS = Terms(HOUR, Semantics.RETENTION, 277_777, 0, 24_000 * UNIT, 60_000 * UNIT)


def price(terms=TERMS, term=TERM, subject=BUSY, loadings=None, **options):
    return price_many(MODEL, [Enquiry(subject, terms, term, **options)], loadings)[0]


def different(count):
    """Enquiries no two of which are alike: both semantics, with and without failover, all subjects, days to years."""
    rng = np.random.default_rng(5)
    names = [*MODEL.experience.subjects.index, "newborn"]
    result = []
    for number in range(count):
        rate = int(rng.integers(10**4, 10**7))
        limit = rate * int(rng.integers(1, 48)) * HOUR
        terms = Terms(
            waiting_seconds=int(rng.integers(0, 12 * HOUR)),
            semantics=list(Semantics)[number % 2],
            rate_per_second=rate,
            failover_benefit=[0, 0, limit // 3][number % 3],
            incident_limit=limit,
            aggregate_limit=int(limit * rng.uniform(1, 6)),
        )
        trigger = [STANDARD_TRIGGER, None, Trigger((WATCHERS, HEARTBEAT), 1)][number % 5 % 3]
        subject = names[number % len(names)]
        result.append(Enquiry(subject, terms, int(rng.integers(1, 800)) * DAY, "l1", trigger))
    return result


def test_together_every_policy_has_the_price_it_has_alone():
    book = different(150)
    for enquiry, together in zip(book, price_many(MODEL, book), strict=True):
        alone = price_many(MODEL, [enquiry])[0]
        # a part may be the difference of two means, each of which is good to its tolerance
        assert together.breakdown == pytest.approx(alone.breakdown, rel=1e-5, abs=1e-5 * alone.loss.mean)
        assert together.totals == pytest.approx(alone.totals, rel=1e-6)
        assert together.expected_interval == pytest.approx(alone.expected_interval, rel=1e-5)
        assert together.rests_on == alone.rests_on


def test_a_book_of_limits_that_take_long_grids_needs_no_more_memory_than_a_few_of_them():
    def peak(count):
        many = replace(TERMS, aggregate_limit=200 * TERMS.incident_limit)
        book = [Enquiry(BUSY, replace(many, waiting_seconds=HOUR + i), TERM) for i in range(count)]
        tracemalloc.start()
        price_many(MODEL, book)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(24) < 4 * peak(4)  # what is kept of each is less than what working it out takes


def test_the_parts_are_those_of_the_models_one_by_one():
    terms = replace(TERMS, failover_benefit=3_000 * UNIT)
    loadings = Loadings(failover_probability=Judgement(0.2, 0.7, 1.0))
    premium = price(terms, loadings=loadings)
    years = TERM / YEAR_SECONDS
    rate, law = MODEL.rate(BUSY, ahead_seconds=TERM), MODEL.length(BUSY)

    def mean(counts, chance, of=law):
        return loss_distribution(counts, terms, of.sf, of.limited_expectation, chance).mean

    predictive = {chance: mean(rate.predictive(years), chance) for chance in (0.0, 0.2, 0.7, 1.0)}
    typical = mean(poisson_counts(rate.quantile(0.5) * years), 0.0, law.plug_in())
    parts = premium.breakdown
    assert premium.means.of_outages(Scenario.BASE) == pytest.approx(predictive[0.7], rel=2e-5)
    assert parts["point_estimate"] == pytest.approx(typical, rel=2e-5)
    assert parts["point_estimate"] + parts["parameter_uncertainty"] == pytest.approx(predictive[0.0], rel=2e-5)
    for scenario, chance in zip(Scenario, (0.2, 0.7, 1.0), strict=True):
        added = {part.name: part.amount for part in premium.parts[scenario]}["failover"]
        assert added == pytest.approx(predictive[chance] - predictive[0.0], rel=1e-3)
    payout = ("point_estimate", "parameter_uncertainty", "failover", "basis_risk")
    assert sum(parts[name] for name in payout) == pytest.approx(premium.loss.mean, rel=1e-12)
    assert premium.rate.mean == pytest.approx(rate.mean)
    assert (premium.rate.low, premium.rate.high) == pytest.approx(rate.interval(0.9), rel=1e-6)
    assert premium.rate.credibility == rate.credibility


# ------------------------------------------------------------- what a trigger has paid


def sure(start=0.0, end=0.0, miss=0.0, alarms=0.0):
    return PathKind("sure", *(Judgement(each, each, each) for each in (start, end, miss, alarms, 7200.0)))


def test_a_price_under_a_trigger_is_that_of_the_seconds_it_covers_and_of_its_false_incidents():
    """The expected payout, its spread and its chances are simulated outage by outage and false incident by another."""
    trigger = Trigger((sure(900.0, 60.0, 0.3, alarms=3.0), sure(0.0, 2400.0, 0.1, alarms=2.0)), 1)
    premium = price(trigger=trigger)
    law, years = MODEL.length(BUSY), TERM / YEAR_SECONDS
    rate, false_sf, false_lev = false_lengths(false_incidents(trigger, Scenario.BASE))
    covered = covered_law(trigger, Scenario.BASE, law.sf, law.limited_expectation)
    outages = MODEL.rate(BUSY, ahead_seconds=TERM).predictive(years)
    alone = loss_distribution(outages, TERMS, covered.sf, covered.limited_expectation)
    alarms = loss_distribution(poisson_counts(rate * years), TERMS, false_sf, false_lev)
    # both are independent, and neither comes near the aggregate limit but for the other
    rng = np.random.default_rng(8)
    drawn = [rng.choice(each.amounts, 400_000, p=each.pmf) for each in (alone, alarms)]
    total = np.minimum(drawn[0] + drawn[1], TERMS.aggregate_limit)
    assert premium.loss.mean == pytest.approx(total.mean(), abs=4 * total.std() / np.sqrt(total.size))
    assert premium.loss.sd == pytest.approx(total.std(), rel=0.02)
    nothing = (1.0 - alone.probability_of_any) * (1.0 - alarms.probability_of_any)
    assert premium.loss.probability_of_any == pytest.approx(1.0 - nothing, rel=1e-6)
    assert premium.loss.mean_error <= 2e-5


def test_a_trigger_that_misses_costs_less_and_one_that_errs_more_than_what_the_outages_deserve():
    exact, blind, erring = (price(trigger=Trigger((each,), 1)) for each in (sure(), sure(miss=0.25), sure(alarms=1.0)))
    deserved = exact.means.of_outages(Scenario.BASE)
    assert exact.breakdown["basis_risk"] == pytest.approx(0.0, abs=2e-5 * deserved)
    assert blind.breakdown["basis_risk"] == pytest.approx(-0.25 * deserved, rel=0.02)
    assert erring.breakdown["basis_risk"] > 0.0
    assert blind.total < exact.total < erring.total
    assert blind.loss.probability_of_any < exact.loss.probability_of_any < erring.loss.probability_of_any
    for each in (exact, blind, erring):
        assert each.total >= each.loss.mean
        assert each.means.of_outages(Scenario.BASE) == pytest.approx(deserved)
        assert each.means.at(Scenario.BASE) == pytest.approx(each.loss.mean)


@pytest.mark.parametrize("trigger", [Trigger((WATCHERS, HEARTBEAT), 1), Trigger((HEARTBEAT,) * 5, 2), STANDARD_TRIGGER])
@pytest.mark.parametrize("waiting", [60, 600, 4 * HOUR])
def test_at_each_end_of_judgement_a_trigger_has_paid_between_nothing_and_the_limit(trigger, waiting):
    """Such as errs by the week, under a limit that is soon used up."""
    limit = 5_000 * UNIT
    tight = Terms(waiting, Semantics.RETENTION, 1_388_889, 0, limit, limit)
    premium = price(tight, 365 * DAY, trigger=trigger)
    low, base, high = (premium.means.at(scenario) for scenario in Scenario)
    assert 0.0 <= low <= base <= high <= limit
    for scenario, total in premium.totals.items():
        assert total >= premium.means.at(scenario)
    assert premium.totals[Scenario.LOW] <= premium.total <= premium.totals[Scenario.HIGH]
    start, end = premium.expected_interval
    assert 0.0 <= start <= premium.loss.mean <= end <= limit
    assert 0.0 <= premium.judgement_share <= 1.0


def test_low_and_high_of_a_trigger_are_what_it_would_have_paid_then():
    trigger = Trigger((WATCHERS, HEARTBEAT), 1)
    premium, law, years = price(trigger=trigger), MODEL.length(BUSY), TERM / YEAR_SECONDS
    outages = MODEL.rate(BUSY, ahead_seconds=TERM).predictive(years)
    for scenario in (Scenario.LOW, Scenario.HIGH):
        covered = covered_law(trigger, scenario, law.sf, law.limited_expectation)
        rate, sf, lev = false_lengths(false_incidents(trigger, scenario))
        false = FalseIncidents(np.array([rate * years]), sf, lev)
        table, chances = TermsTable.of([TERMS]), np.ones(1)
        (expected,) = mean_payouts(
            outages[None, :], table, covered.sf, covered.limited_expectation, chances, false=false
        )
        assert premium.means.at(scenario) == pytest.approx(expected, rel=1e-4)


def test_cover_of_hours_that_pays_next_to_nothing_of_a_large_limit_has_a_price_and_tells_its_error():
    """Finer grids bring such a mean no nearer: what moves it is rounding."""
    terms = replace(TERMS, aggregate_limit=60 * TERMS.incident_limit)
    premium = price(terms, 3600)
    assert 0.0 < premium.loss.mean_error <= 1e-3
    law, years = MODEL.length(BUSY), 3600 / YEAR_SECONDS
    assert premium.means.predictive == pytest.approx(
        MODEL.rate(BUSY, ahead_seconds=3600).mean
        * years
        * expected_payout(terms, law.sf, law.limited_expectation, 0.0),
        rel=1e-3,
    )


def test_without_a_trigger_the_lengths_are_what_is_paid_and_basis_risk_is_a_fraction_of_it():
    premium = price(trigger=None)
    law = MODEL.length(BUSY)
    counts = MODEL.rate(BUSY, ahead_seconds=TERM).predictive(TERM / YEAR_SECONDS)
    mean = loss_distribution(counts, TERMS, law.sf, law.limited_expectation).mean
    assert premium.loss.mean == pytest.approx(mean, rel=2e-5)
    assert premium.breakdown["basis_risk_loading"] == pytest.approx(0.05 * premium.loss.mean)
    assert premium.unpaid is None


@pytest.mark.parametrize("incidents", [1, 2, 20])
def test_the_interval_is_that_of_the_compound_law_at_each_rate_and_stratum_under_the_limits(incidents):
    name = str(MODEL.experience.subjects["halts"].idxmax())
    terms = Terms(3600, Semantics.RETENTION, 1_000, 0, 12 * 3_600_000, incidents * 12 * 3_600_000)
    enquiry = Enquiry(name, terms, 364 * 86_400)
    known, law = MODEL.known_rates(name, enquiry.years), MODEL.length(name)
    rates = known.spread * MODEL.age_factor(name, enquiry.term_seconds) * enquiry.years
    alarms, sf, lev = false_lengths(false_incidents(STANDARD_TRIGGER, Scenario.BASE))
    same, one = TermsTable.of([terms] * rates.size), np.ones(rates.size)
    weights, laws = law.strata
    values = []
    for each in laws:
        covered = covered_law(STANDARD_TRIGGER, Scenario.BASE, each.curves.sf, each.curves.lev)
        false = FalseIncidents(one * alarms * enquiry.years, sf, lev)
        halts = counts(rates[:, None], one[:, None])
        values.append(mean_payouts(halts, same, covered.sf, covered.limited_expectation, one, false=false))
    order = np.argsort(np.concatenate(values))
    masses = np.outer(weights, READINGS).ravel()[order]
    ends = np.interp([0.05, 0.95], np.cumsum(masses) - masses / 2.0, np.concatenate(values)[order])
    assert price_many(MODEL, [enquiry])[0].expected_interval == pytest.approx(ends, rel=0.015)


def test_the_interval_of_the_expected_payout_holds_what_is_unknown_of_rate_and_lengths():
    """Against draws of both posteriors, each with the mean of its own compound law."""
    premium = price(trigger=None)
    rate, law, years = MODEL.rate(BUSY, ahead_seconds=TERM), MODEL.length(BUSY), TERM / YEAR_SECONDS
    rng = np.random.default_rng(1)
    means = []
    for _ in range(300):
        node = rng.choice(rate.weights.size, p=rate.weights)
        own = law._of(np.array([rng.choice(law.weights.size, p=law.weights)]), 1.0)
        own = replace(own, weights=np.ones(1))
        halts = poisson_counts(rng.gamma(rate.shapes[node]) / rate.rates[node] * years)
        means.append(loss_distribution(halts, TERMS, own.sf, own.limited_expectation, tolerance=1e-3).mean)
    assert premium.expected_interval == pytest.approx(np.quantile(means, [0.05, 0.95]), rel=0.12)
    of_rate_alone = [premium.loss.mean * end / rate.mean for end in rate.interval(0.9)]
    assert premium.expected_interval[0] < of_rate_alone[0] and premium.expected_interval[1] > of_rate_alone[1]


def test_the_interval_of_a_chain_that_has_hardly_halted_ends_where_one_in_twenty_lies():
    """Its rate may be next to nothing, so that the low end says how finely the posterior is cut."""
    name = str(MODEL.experience.subjects["halts"].idxmin())
    premium = price(subject=name, trigger=None)
    rate, law = MODEL.rate(name, ahead_seconds=TERM), MODEL.length(name)
    one = [
        expected_payout(TERMS, part.sf, part.limited_expectation, 1.0)
        for part in (law._of(np.array([node]), float(law.weights[node])) for node in range(law.weights.size))
    ]
    rng, size = np.random.default_rng(5), 200_000
    node = rng.choice(rate.weights.size, size, p=rate.weights)
    paid = np.array(one)[rng.choice(law.weights.size, size, p=law.weights)]
    paid *= rng.gamma(rate.shapes[node]) / rate.rates[node]
    # so few halts that the aggregate limit takes next to nothing
    means = paid * premium.loss.mean / (rate.mean * float(law.weights @ one))
    assert premium.expected_interval == pytest.approx(np.quantile(means, [0.05, 0.95]), rel=0.03)


# ------------------------------------------------------------- what a price must do


@st.composite
def some_terms(draw):
    rate = draw(st.integers(10**3, 10**6))
    limit = rate * draw(st.integers(HOUR, 200 * HOUR))
    return Terms(
        waiting_seconds=draw(st.integers(0, 24 * HOUR)),
        semantics=draw(st.sampled_from(Semantics)),
        rate_per_second=rate,
        failover_benefit=draw(st.sampled_from([0, limit // 5])),
        incident_limit=limit,
        aggregate_limit=int(limit * draw(st.floats(1.0, 5.0))),
    )


SUBJECTS = st.sampled_from([BUSY, *MODEL.experience.subjects.index[:4]])
NUMERICS = 3e-5
"""Twice the tolerance of a mean, and some: what a comparison of two prices may be off by."""


@given(some_terms(), SUBJECTS, st.integers(7, 365))
@settings(max_examples=25, deadline=None)
def test_the_price_moves_with_the_terms_as_the_promise_does(terms, subject, days):
    term = days * DAY
    usual = price(terms, term, subject).total

    def at_least(other):
        assert price(other, term, subject).total >= usual * (1.0 - NUMERICS)

    at_least(replace(terms, rate_per_second=terms.rate_per_second * 2))
    at_least(replace(terms, incident_limit=min(2 * terms.incident_limit, terms.aggregate_limit)))
    at_least(replace(terms, aggregate_limit=2 * terms.aggregate_limit))
    at_least(replace(terms, failover_benefit=terms.failover_benefit + terms.incident_limit // 10))
    at_least(replace(terms, semantics=Semantics.QUALIFYING))
    assert price(terms, 2 * term, subject).total >= usual * (1.0 - NUMERICS)
    later = replace(terms, waiting_seconds=terms.waiting_seconds + HOUR)
    assert price(later, term, subject).total <= usual * (1.0 + NUMERICS)


@given(some_terms(), SUBJECTS, st.integers(1, 3000))
@settings(max_examples=25, deadline=None)
def test_a_premium_is_never_below_the_expected_payout(terms, subject, days):
    premium = price(terms, days * DAY, subject)
    assert premium.total >= premium.loss.mean > 0.0
    assert premium.loss.mean_error <= 2e-5
    assert premium.expected_interval[0] <= premium.loss.mean * (1.0 + NUMERICS)
    parts = (part for parts in premium.parts.values() for part in parts)
    assert all(part.amount >= 0.0 for part in parts if part.name != "basis_risk")
    assert premium.totals[Scenario.LOW] <= premium.total <= premium.totals[Scenario.HIGH]


@given(some_terms(), SUBJECTS, st.sampled_from([10, 1000, 10**9]))
@settings(max_examples=20, deadline=None)
def test_scaling_the_units_scales_every_part(terms, subject, factor):
    money = ("rate_per_second", "failover_benefit", "incident_limit", "aggregate_limit")
    scaled = replace(terms, **{name: getattr(terms, name) * factor for name in money})
    usual, other = price(terms, subject=subject), price(scaled, subject=subject)
    for name, amount in usual.breakdown.items():
        assert other.breakdown[name] == pytest.approx(factor * amount, rel=1e-5, abs=1e-9 * scaled.aggregate_limit)


def test_a_halt_lately_loads_no_more_than_what_its_weeks_expect():
    lately = replace(MODEL.facts(BUSY), recent_seconds=30.0 * DAY)
    for term in (10 * DAY, TERM):
        model = replace(MODEL)
        model._facts[BUSY] = lately
        premium = price_many(model, [Enquiry(BUSY, TERMS, term)])[0]
        days = min(term, 30 * DAY)
        counts = MODEL.rate(BUSY, ahead_seconds=term).predictive(days / YEAR_SECONDS)
        law = MODEL.length(BUSY)
        paid = covered_law(STANDARD_TRIGGER, Scenario.BASE, law.sf, law.limited_expectation)
        near = loss_distribution(counts, TERMS, paid.sf, paid.limited_expectation).mean
        assert premium.breakdown["recent_halt"] == pytest.approx(0.5 * near, rel=1e-4)


def test_a_fuller_pool_charges_more():
    parts = [price(utilisation=Utilisation(used, 1e12)).breakdown["capacity"] for used in (0.0, 5e11, 9e11)]
    assert parts == sorted(parts)
    assert price().breakdown["capacity"] == 0.0 < parts[0] < parts[1]


def test_whoever_has_no_history_is_told_apart():
    premium = price(subject="newborn", kind="l1")
    assert "no history" in premium.rests_on[0]
    assert "halts of the group" in premium.rests_on[1]
    assert "no history" not in price().rests_on[0]
    with pytest.raises(UnknownSubject, match="'newborn' is not in the fit"):
        price(subject="newborn")


@pytest.mark.parametrize("term", [0, -DAY, 1.5, 11 * 366 * DAY])
def test_a_term_that_cannot_be_sold_is_refused(term):
    with pytest.raises(InvalidTerms, match=f"term_seconds is {term}: must be an int from 1 to"):
        Enquiry(BUSY, TERMS, term)


def test_nothing_asked_is_nothing_priced():
    assert price_many(MODEL, []) == []
