"""What `pricing_models.compound` promises: the distribution of one policy's payout, with a checked mean."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pricing_models.collapse import poisson
from pricing_models.compound import LossDistribution, add_up, loss_distribution
from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.errors import InvalidTerms
from pricing_models.fourier import Transform
from pricing_models.frequency import RatePosterior, poisson_counts
from pricing_models.payoff import (
    LONGEST_INCIDENT_SECONDS,
    MOST_INCIDENTS,
    Semantics,
    Terms,
    expected_payout,
    limit_seconds,
    owed,
)
from pricing_models.payout_grid import PayoutGrid, discretise

HOUR = 3600
LENGTH = DurationPosterior(BODIES["lognormal"], np.array([np.log(4.0 * HOUR)]), np.array([1.4]), np.ones(1), "")
TERMS = Terms(
    waiting_seconds=HOUR,
    semantics=Semantics.RETENTION,
    rate_per_second=100,
    failover_benefit=0,
    incident_limit=100 * 24 * HOUR,
    aggregate_limit=100 * 60 * HOUR,
)


def loss(counts, terms=TERMS, chance=1.0, length=LENGTH):
    return loss_distribution(counts, terms, length.sf, length.limited_expectation, chance)


def settled(terms, seconds, failover, elsewhere):
    """What is owed for incidents, as `owed` has it for one."""
    retained = terms.waiting_seconds if terms.semantics is Semantics.RETENTION else 0
    gross = terms.rate_per_second * (seconds - retained) + terms.failover_benefit * failover
    gross = np.where(seconds > terms.waiting_seconds, gross, 0)
    return np.maximum(0, np.minimum(np.minimum(gross, terms.incident_limit), terms.aggregate_limit - elsewhere))


def test_the_simulation_settles_as_the_contract_does():
    rng, terms = np.random.default_rng(8), replace(TERMS, failover_benefit=3_000_000, semantics=Semantics.QUALIFYING)
    seconds, failover = rng.integers(0, 40 * HOUR, 200), rng.uniform(size=200) < 0.5
    elsewhere = rng.integers(0, terms.aggregate_limit, 200)
    for each in (TERMS, terms):
        cases = zip(seconds.tolist(), failover.tolist(), elsewhere.tolist(), strict=True)
        assert settled(each, seconds, failover, elsewhere).tolist() == [owed(each, *case) for case in cases]


def simulate(rng, rate, terms, chance, years, length=LENGTH):
    """Total paid per year of Poisson(rate) halts, incident by incident.

    A halt is an incident a week; only the first can have a failover."""
    counts = rng.poisson(rate, years)
    paid = np.zeros(years, dtype=np.int64)
    for turn in range(counts.max()):
        hit = np.flatnonzero(counts > turn)
        seconds = np.minimum(length.sample(rng, hit.size), 1e8).astype(np.int64)
        failover = rng.uniform(size=hit.size) < chance
        while hit.size:
            incident = np.minimum(seconds, LONGEST_INCIDENT_SECONDS)
            paid[hit] += settled(terms, incident, failover, paid[hit])
            more = seconds > LONGEST_INCIDENT_SECONDS
            hit, seconds = hit[more], seconds[more] - LONGEST_INCIDENT_SECONDS
            failover = np.zeros(hit.size, dtype=bool)
    return paid


def test_sums_are_those_of_enumeration():
    counts, severity = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.6, 0.0, 0.1, 0.3])
    expected = np.zeros(3 * 3 + 1)
    expected[0] += counts[0]
    for n in (1, 2, 3):
        for path in itertools.product(range(4), repeat=n):
            expected[sum(path)] += counts[n] * np.prod(severity[list(path)])
    assert add_up(counts, severity) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("cells", [1, 700, 4000, 9500])
def test_the_first_points_of_a_long_sum_are_those_of_the_whole(cells):
    counts = RatePosterior(np.array([0.7]), np.array([0.4]), np.ones(1), 0.0, "").predictive(3.0)
    severity = np.append(np.full(999, 0.0004), 0.6004)
    whole = add_up(counts, severity)
    assert whole.size * counts.size > 2**20  # long enough to be tilted
    assert add_up(counts, severity, cells) == pytest.approx(whole[:cells], abs=1e-10)


def test_panjers_example_has_its_published_quantiles():
    """Poisson(10) x Gamma(2, 1), step 0.5, unbiased: VaR 30.5 / 34 / 41, mean beyond it 35.4187 / 38.5492 / 45.0107
    (R actuar's aggregateDist by Panjer's recursion, which stops short of the last millionth of probability:
    its figures lack up to 0.003)."""
    grid = np.arange(0.0, 60.5, 0.5)
    limited = 2 * stats.gamma.cdf(grid, 3) + grid * stats.gamma.sf(grid, 2)
    total = add_up(poisson_counts(10.0), discretise(limited[None, :], np.array([0.5]))[0][0])
    law = LossDistribution(0.5 * np.arange(total.size), total / total.sum(), 1.0, 0.0)
    assert [law.quantile(p) for p in (0.9, 0.95, 0.99)] == [30.5, 34.0, 41.0]
    beyond = [law.amounts > value for value in (30.5, 34.0, 41.0)]
    means = [law.pmf[above] @ law.amounts[above] / law.pmf[above].sum() for above in beyond]
    assert means == pytest.approx([35.4187, 38.5492, 45.0107], abs=3e-3)
    assert [law.quantile(p) <= law.tvar(p) for p in (0.9, 0.95, 0.99)] == [True] * 3
    assert law.mean == pytest.approx(20.0, rel=1e-9)


def test_two_policies_of_the_book_pay_two_together_with_the_published_probability():
    """Klugman, Panjer and Willmot, Loss Models, example 9.9: P(S = 2) = e^-3 2.605 = 0.12969531. Policy A is compound
    Poisson of mean 2 and pays 1 or 2 with probabilities 0.6 and 0.4; B of mean 1, and pays 1 or 3 with 0.7 and 0.3.

    Both ways of the book, one compound Poisson law of the mixed severity and the sum of two; by the second false
    incidents are added to halts."""
    a, b = np.array([0.0, 0.6, 0.4, 0.0]), np.array([0.0, 0.7, 0.0, 0.3])
    together = add_up(poisson_counts(3.0), (2.0 * a + b) / 3.0)
    assert together[2] == pytest.approx(0.12969531, abs=5e-9)
    counts = poisson_counts(2.0)
    reach = (counts.size + 20) * 3 + 1
    transform = Transform.of(a[None, :], reach, reach)
    false = transform.of_others(b[None, :])
    ones = np.ones(1)
    grid = PayoutGrid(ones, np.array([reach]), ones * reach, transform, 0.0 * ones, false)
    (apart,), _ = grid.summed(counts[None, :], poisson(ones))
    assert apart[2] == pytest.approx(0.12969531, abs=5e-9)
    assert apart[: together.size] == pytest.approx(together[:reach], abs=1e-12)


@pytest.mark.parametrize("semantics", Semantics)
@pytest.mark.parametrize(("benefit", "chance"), [(0, 1.0), (1_000_000, 1.0), (1_000_000, 0.4)])
def test_without_a_binding_aggregate_limit_the_mean_is_the_closed_form(semantics, benefit, chance):
    counts = poisson_counts(0.7)
    terms = replace(
        TERMS,
        semantics=semantics,
        failover_benefit=benefit,
        aggregate_limit=counts.size * MOST_INCIDENTS * TERMS.incident_limit,
    )
    law = loss(counts, terms, chance)
    one = expected_payout(terms, LENGTH.sf, LENGTH.limited_expectation, chance)
    assert law.mean == pytest.approx(0.7 * one, rel=1e-9)  # the sum's grid is long enough to be tilted
    assert law.mean_error < 1e-10


LONG = replace(LENGTH, mu=np.array([np.log(60.0 * HOUR)]))  # one halt in four outlasts a week


@pytest.mark.parametrize("length", [LENGTH, LONG], ids=["hours", "weeks"])
@pytest.mark.parametrize("semantics", Semantics)
@pytest.mark.parametrize(("benefit", "chance"), [(0, 1.0), (700_000, 0.6)])
def test_settling_simulated_halts_one_by_one_gives_the_same_distribution(length, semantics, benefit, chance):
    terms = replace(TERMS, semantics=semantics, failover_benefit=benefit)
    law = loss(poisson_counts(2.5), terms, chance, length)
    years = 200_000
    paid = simulate(np.random.default_rng(5), 2.5, terms, chance, years, length)

    def agrees(value, sample):
        return abs(value - sample.mean()) < 4 * sample.std() / np.sqrt(years) + 1e-4 * abs(value)

    assert agrees(law.mean, paid)
    assert agrees(law.sd**2, (paid - law.mean) ** 2)
    assert agrees(law.probability_of_any, paid > 0)
    assert agrees(law.probability_of_exhaustion, paid == terms.aggregate_limit)
    step = terms.incident_limit / 512
    for p in (0.5, 0.9):
        value = law.quantile(p)
        assert np.quantile(paid, p - 0.005) - step <= value <= np.quantile(paid, p + 0.005) + step
    worst = np.sort(paid)[int(0.9 * years) :]
    assert law.tvar(0.9) == pytest.approx(worst.mean(), rel=0.01)


def test_the_predictive_count_of_an_uncertain_rate_spreads_the_loss():
    rate = RatePosterior(np.array([0.8]), np.array([2.0]), np.ones(1), 0.0, "")
    free = replace(TERMS, aggregate_limit=TERMS.incident_limit * 60)
    uncertain, known = loss(rate.predictive(1.0), free), loss(poisson_counts(rate.mean), free)
    assert uncertain.mean == pytest.approx(known.mean, rel=1e-8)
    assert uncertain.sd > 1.05 * known.sd


def test_the_probability_of_any_payout_is_that_of_one_halt_beyond_the_waiting_period():
    exceeds = LENGTH.sf(np.array([float(HOUR)]))[0]
    assert loss(poisson_counts(0.3)).probability_of_any == pytest.approx(-np.expm1(-0.3 * exceeds), rel=1e-12)


@pytest.mark.parametrize(("days", "limits"), [(5, 1.0), (10, 2.0), (40, 2.5)])
def test_one_halt_pays_an_incident_limit_a_week_until_the_aggregate_limit(days, limits):
    always = replace(LENGTH, mu=np.array([np.log(days * 24.0 * HOUR)]), sigma=np.array([1e-4]))
    law = loss(np.array([0.25, 0.75]), length=always)
    assert law.mean == pytest.approx(0.75 * limits * TERMS.incident_limit, rel=1e-9)
    assert law.quantile(0.24) == 0.0
    assert law.quantile(0.26) == pytest.approx(limits * TERMS.incident_limit)


def test_a_wait_that_outlasts_every_incident_is_never_paid():
    law = loss(poisson_counts(2.0), replace(TERMS, waiting_seconds=LONGEST_INCIDENT_SECONDS))
    assert (law.mean, law.probability_of_any, law.quantile(0.99)) == (0.0, 0.0, 0.0)


def test_a_rate_near_nothing_has_its_small_mean():
    for limit in (TERMS.incident_limit, TERMS.aggregate_limit):
        terms = replace(TERMS, aggregate_limit=limit)
        one = expected_payout(terms, LENGTH.sf, LENGTH.limited_expectation)
        assert loss(poisson_counts(1e-7), terms).mean == pytest.approx(1e-7 * one, rel=1e-4)


def test_no_halts_pay_nothing():
    law = loss(np.array([1.0]))
    assert (law.mean, law.sd, law.probability_of_any, law.quantile(0.99)) == (0.0, 0.0, 0.0, 0.0)


def test_the_error_of_the_mean_under_a_binding_limit_is_within_its_bound():
    coarse = loss(poisson_counts(4.0), replace(TERMS, aggregate_limit=int(1.37 * TERMS.incident_limit)))
    fine = loss_distribution(
        poisson_counts(4.0),
        replace(TERMS, aggregate_limit=int(1.37 * TERMS.incident_limit)),
        LENGTH.sf,
        LENGTH.limited_expectation,
        tolerance=3e-8,
    )
    assert 0 < coarse.mean_error <= 1e-5
    assert abs(coarse.mean / fine.mean - 1) <= coarse.mean_error


@st.composite
def some_terms(draw):
    rate = draw(st.integers(1, 10**6))
    incident = rate * draw(st.integers(600, 10**6))
    return Terms(
        waiting_seconds=draw(st.integers(0, 10**5)),
        semantics=draw(st.sampled_from(Semantics)),
        rate_per_second=rate,
        failover_benefit=draw(st.sampled_from([0, incident // 7, 2 * incident])),
        incident_limit=incident,
        aggregate_limit=int(incident * draw(st.floats(1.0, 6.0))),
    )


@given(some_terms(), st.floats(0.01, 6.0), st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=40, deadline=None)
def test_whatever_the_terms_the_figures_are_in_order(terms, rate, chance):
    law = loss(poisson_counts(rate), terms, chance)
    uncapped = rate * expected_payout(terms, LENGTH.sf, LENGTH.limited_expectation, chance)
    assert law.pmf.sum() == pytest.approx(1.0, abs=1e-12)
    assert law.amounts[-1] == terms.aggregate_limit
    assert 0 < law.mean <= min(uncapped * (1 + 1e-9), terms.aggregate_limit)
    assert law.quantile(0.5) <= law.quantile(0.99) <= law.tvar(0.99) * (1 + 1e-12)
    assert law.tvar(0.99) <= terms.aggregate_limit * (1 + 1e-9)
    assert law.probability_of_exhaustion <= law.probability_of_any + 1e-9


@given(some_terms(), st.floats(0.05, 3.0))
@settings(max_examples=20, deadline=None)
def test_a_longer_wait_never_pays_more_and_a_higher_limit_never_less(terms, rate):
    counts = poisson_counts(rate)
    mean = loss(counts, terms).mean * (1 + 2e-5)
    assert loss(counts, replace(terms, waiting_seconds=terms.waiting_seconds + 3600)).mean <= mean
    assert loss(counts, replace(terms, aggregate_limit=terms.aggregate_limit * 2)).mean * (1 + 2e-5) >= mean / (
        1 + 2e-5
    )
    assert limit_seconds(terms) > terms.waiting_seconds


def test_many_halts_under_an_aggregate_limit_of_many_incidents_are_priced():
    counts = poisson_counts(150.0)
    terms = replace(TERMS, incident_limit=TERMS.incident_limit // 100, aggregate_limit=10**6 * TERMS.incident_limit)
    one = expected_payout(terms, LENGTH.sf, LENGTH.limited_expectation)
    assert loss(counts, terms).mean == pytest.approx(150.0 * one, rel=1e-6)


def test_scaling_the_units_scales_the_loss():
    thousand = Terms(
        waiting_seconds=TERMS.waiting_seconds,
        semantics=TERMS.semantics,
        rate_per_second=TERMS.rate_per_second * 1000,
        failover_benefit=0,
        incident_limit=TERMS.incident_limit * 1000,
        aggregate_limit=TERMS.aggregate_limit * 1000,
    )
    counts = poisson_counts(2.0)
    assert loss(counts, thousand).mean == pytest.approx(1000 * loss(counts).mean, rel=1e-12)


def test_tail_figures_of_a_law_known_by_hand():
    law = LossDistribution(np.array([0.0, 10.0, 20.0]), np.array([0.9, 0.06, 0.04]), 0.1, 0.0)
    assert (law.mean, law.quantile(0.9), law.quantile(0.95)) == (pytest.approx(1.4), 0.0, 10.0)
    assert law.tvar(0.9) == pytest.approx((0.06 * 10 + 0.04 * 20) / 0.1)
    assert law.tvar(0.95) == pytest.approx((0.01 * 10 + 0.04 * 20) / 0.05)
    assert law.probability_of_exhaustion == 0.04


def test_what_can_not_be_computed_is_refused():
    with pytest.raises(ValueError, match="p is 0"):
        loss(poisson_counts(1.0)).quantile(0)
    with pytest.raises(InvalidTerms, match="shorten the term or lower the limits"):
        add_up(np.full(100_000, 1e-5), np.full(1000, 1e-3))
