"""What `pricing_models.observation` promises: covered seconds of k of n paths, and what is paid beside outages."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.errors import InvalidTerms
from pricing_models.experience import YEAR_SECONDS
from pricing_models.observation import (
    HEARTBEAT,
    MOST_PATHS,
    STANDARD_TRIGGER,
    WATCHERS,
    BasisRisk,
    CoveredLaw,
    Path,
    PathKind,
    Trigger,
    basis_risk,
    covered_law,
    false_incidents,
    false_lengths,
    left_unpaid,
    shift_of,
)
from pricing_models.payoff import Semantics, Terms, expected_payout
from pricing_models.premium import Judgement, Scenario

HOUR = 3600
LENGTH = DurationPosterior(BODIES["lognormal"], np.array([np.log(4.0 * HOUR)]), np.array([1.4]), np.ones(1), "")
TERMS = Terms(HOUR, Semantics.RETENTION, 100, 0, 100 * 12 * HOUR, 100 * 24 * HOUR)


def sure(start, end, miss=0.0, alarms=0.0, seconds=600.0):
    values = (Judgement(value, value, value) for value in (start, end, miss, alarms, seconds))
    return PathKind("sure", *values)


def measured(paths, quorum, length):
    """Seconds that at least `quorum` of the paths claim, counted one by one."""
    clock = np.arange(-10, length + 2000)
    claims = sum(((clock >= p.start_seconds) & (clock < length + p.end_seconds)).astype(int) for p in paths)
    return int((claims >= quorum).sum())


some_paths = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 900)), min_size=1, max_size=5)


@given(some_paths, st.data(), st.integers(1, 3000))
@settings(max_examples=80, deadline=None)
def test_the_shift_is_what_counting_seconds_gives_and_never_too_little_covered(pairs, data, length):
    paths = [Path(float(start), float(end), 0.0, 0.0, 1.0) for start, end in pairs]
    quorum = data.draw(st.integers(1, len(paths)))
    covered = max(0.0, length - shift_of(paths, quorum))
    counted = measured(paths, quorum, length)
    assert covered >= counted
    if length >= 300:  # all who see it overlap
        assert covered == counted


def test_exact_paths_cover_the_outage_itself():
    law = covered_law(Trigger((sure(0, 0),) * 3, 2), Scenario.BASE, LENGTH.sf, LENGTH.limited_expectation)
    x = np.array([1.0, 600.0, 1e5])
    assert law.seen == 1.0
    assert law.sf(x) == pytest.approx(LENGTH.sf(x))
    assert law.limited_expectation(x) == pytest.approx(LENGTH.limited_expectation(x))


@pytest.mark.parametrize(("start", "end"), [(900, 60), (60, 900), (0, 0)])
def test_the_limited_expectation_is_the_integral_of_the_survival(start, end):
    law = covered_law(Trigger((sure(start, end, 0.1),) * 2, 1), Scenario.BASE, LENGTH.sf, LENGTH.limited_expectation)
    for x in (300.0, 2000.0, 50_000.0):
        kinks = [abs(start - end)] if 0 < abs(start - end) < x else None
        area, _ = integrate.quad(lambda t: float(law.sf(np.array([t]))[0]), 0.0, x, points=kinks, limit=200)
        assert law.limited_expectation(np.array([x]))[0] == pytest.approx(area, rel=1e-7)


def test_simulated_outages_have_the_law_of_covered_seconds():
    rng = np.random.default_rng(6)
    kinds = (sure(120, 30, 0.2), sure(600, 900, 0.1), sure(0, 60, 0.3))
    law = covered_law(Trigger(kinds, 2), Scenario.BASE, LENGTH.sf, LENGTH.limited_expectation)
    lengths = LENGTH.sample(rng, 40_000)
    seen = rng.uniform(size=(lengths.size, 3)) >= [0.2, 0.1, 0.3]
    paths = [kind.at(Scenario.BASE) for kind in kinds]
    covered = np.zeros(lengths.size)
    for row in np.unique(seen, axis=0):
        if row.sum() >= 2:
            shift = shift_of([path for path, flag in zip(paths, row, strict=True) if flag], 2)
            which = (seen == row).all(axis=1)
            covered[which] = np.maximum(0.0, lengths[which] - shift)
    for x in (0.0, 3600.0, 40_000.0):
        share = (covered > x).mean()
        assert law.sf(np.array([x]))[0] == pytest.approx(share, abs=4 * np.sqrt(share / lengths.size))


def test_simulated_false_alarms_coincide_as_often_and_as_long():
    kinds = (sure(0, 0, 0, 300.0, 7200.0), sure(0, 0, 0, 200.0, 3600.0))
    _, (rate, mean) = false_incidents(Trigger(kinds, 2), Scenario.BASE)
    rng, years = np.random.default_rng(2), 8
    spells = []
    for alarms, seconds in ((300.0, 7200.0), (200.0, 3600.0)):
        starts = rng.uniform(0, years * YEAR_SECONDS, rng.poisson(alarms * years))
        spells.append((starts, starts + rng.exponential(seconds, starts.size)))
    (a, a_end), (b, b_end) = spells
    overlap = np.minimum(a_end[:, None], b_end) - np.maximum(a[:, None], b)
    hits = overlap[overlap > 0]
    assert hits.size / years == pytest.approx(rate, abs=4 * np.sqrt(hits.size) / years)
    assert hits.mean() == pytest.approx(mean, abs=4 * mean / np.sqrt(hits.size))


def risk(trigger, scenario=Scenario.BASE, terms=TERMS, rate=0.3):
    return basis_risk(trigger, scenario, terms, LENGTH.sf, LENGTH.limited_expectation, rate)


def test_exact_paths_without_alarms_carry_no_basis_risk():
    found = risk(Trigger((sure(0, 0),) * 2, 2))
    assert (found.overpaid, found.false_paid, found.unpaid) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_what_is_missed_is_unpaid_in_proportion_and_late_ends_are_overpaid():
    assert risk(Trigger((sure(0, 0, 0.1),), 1)).unpaid == pytest.approx(0.1)
    assert risk(Trigger((sure(0, 600),), 1)).overpaid > 0.0
    assert risk(Trigger((sure(600, 0),), 1)).unpaid > 0.0


def test_the_parts_are_the_difference_to_honest_payment():
    found = risk(STANDARD_TRIGGER)
    law = covered_law(STANDARD_TRIGGER, Scenario.BASE, LENGTH.sf, LENGTH.limited_expectation)
    honest = expected_payout(TERMS, LENGTH.sf, LENGTH.limited_expectation)
    paid = expected_payout(TERMS, law.sf, law.limited_expectation)
    assert found.overpaid - found.unpaid == pytest.approx(paid / honest - 1.0, abs=1e-12)


def test_a_larger_quorum_misses_more_and_errs_less():
    paths = (WATCHERS, WATCHERS, WATCHERS, HEARTBEAT)
    found = [risk(Trigger(paths, quorum)) for quorum in (1, 2, 3, 4)]
    assert all(a.false_paid > b.false_paid for a, b in pairwise(found))
    assert all(a.unpaid < b.unpaid for a, b in pairwise(found))


def test_a_quiet_subject_bears_more_false_payouts_per_honest_one():
    assert risk(STANDARD_TRIGGER, rate=0.05).false_paid == pytest.approx(
        4 * risk(STANDARD_TRIGGER, rate=0.2).false_paid
    )


def test_common_errors_are_false_incidents_whatever_the_quorum():
    clean = Trigger((sure(0, 0),) * 3, 3)
    erring = Trigger((sure(0, 0),) * 3, 3, common_alarms=Judgement(0.0, 0.01, 0.05))
    assert risk(clean).false_paid == 0.0 == risk(erring, Scenario.LOW).false_paid
    assert 0.0 < risk(erring).false_paid < risk(erring, Scenario.HIGH).false_paid


def test_a_trigger_pays_least_at_the_low_and_most_at_the_high_and_may_pay_less_than_outages_deserve():
    found = {scenario: risk(STANDARD_TRIGGER, scenario) for scenario in Scenario}
    low, base, high = (found[scenario].net for scenario in Scenario)
    assert low < 0.0 < base < high
    assert left_unpaid(found).base == found[Scenario.BASE].unpaid


def test_false_incidents_of_all_sorts_are_one_sort_of_mixed_length():
    rate, sf, lev = false_lengths([(0.3, 600.0), (0.0, 50.0), (0.1, 7200.0)])
    assert rate == pytest.approx(0.4)
    x = np.array([0.0, 900.0, 86_400.0])
    assert sf(x) == pytest.approx(0.75 * np.exp(-x / 600) + 0.25 * np.exp(-x / 7200))
    assert lev(x)[-1] == pytest.approx(0.75 * 600 + 0.25 * 7200, rel=1e-4)
    for limit, area in zip(x, lev(x), strict=True):
        assert area == pytest.approx(integrate.quad(lambda t: float(sf(np.array([t]))[0]), 0.0, limit)[0])
    assert false_lengths([(0.0, 50.0)])[0] == 0.0


def test_where_nothing_is_paid_there_is_no_basis_risk():
    assert risk(STANDARD_TRIGGER, rate=0.0) == BasisRisk(0.0, 0.0, 0.0)


def test_impossible_triggers_are_refused_by_field():
    with pytest.raises(InvalidTerms, match=f"paths are 0: must be 1 to {MOST_PATHS}"):
        Trigger((), 1)
    with pytest.raises(InvalidTerms, match="quorum is 3: must be from 1 to the number of paths, 2"):
        Trigger((WATCHERS, HEARTBEAT), 3)
    with pytest.raises(InvalidTerms, match="miss of sure is"):
        sure(0, 0, 1.5)
    with pytest.raises(InvalidTerms, match="false_seconds of sure is"):
        sure(0, 0, 0.0, 1.0, 0.0)


def test_the_law_of_one_shift_has_all_its_weight():
    law = CoveredLaw(np.array([-60.0]), np.ones(1), LENGTH.sf, LENGTH.limited_expectation)
    assert law.sf(np.array([30.0]))[0] == 1.0
    assert law.limited_expectation(np.array([30.0]))[0] == 30.0
