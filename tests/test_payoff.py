"""What `pricing_models.payoff` promises: one definition, exact, and its expectation in closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_models.errors import InvalidTerms
from pricing_models.payoff import (
    LONGEST_INCIDENT_SECONDS,
    MONEY_BOUND,
    MOST_INCIDENTS,
    RATE_BOUND,
    SECONDS_BOUND,
    Semantics,
    Terms,
    expected_payout,
    gross,
    limit_seconds,
    limited_payout,
    most_owed,
    most_payable,
    owed,
)

TERMS = Terms(
    waiting_seconds=3600,
    semantics=Semantics.RETENTION,
    rate_per_second=10,
    failover_benefit=5_000,
    incident_limit=100_000,
    aggregate_limit=250_000,
)
QUALIFYING = replace(TERMS, semantics=Semantics.QUALIFYING)


@st.composite
def some_terms(draw, money=10**9, rate=10**6, seconds=10**6):
    incident = draw(st.integers(1, money))
    return Terms(
        waiting_seconds=draw(st.integers(0, seconds)),
        semantics=draw(st.sampled_from(Semantics)),
        rate_per_second=draw(st.integers(1, rate)),
        failover_benefit=draw(st.integers(0, money)),
        incident_limit=incident,
        aggregate_limit=draw(st.integers(incident, money)),
    )


def test_retention_pays_only_the_seconds_beyond_the_waiting_period():
    assert owed(TERMS, 3600 + 60, False, 0) == 600


def test_qualifying_pays_from_the_first_second():
    assert owed(QUALIFYING, 3600 + 60, False, 0) == 36_600


@pytest.mark.parametrize("terms", [TERMS, QUALIFYING])
def test_exactly_the_waiting_period_pays_nothing_not_even_a_failover(terms):
    assert owed(terms, 3600, True, 0) == 0
    assert owed(terms, 3601, True, 0) > terms.failover_benefit


def test_a_proven_failover_adds_its_benefit_within_the_incident_limit():
    assert owed(TERMS, 3700, True, 0) - owed(TERMS, 3700, False, 0) == 5_000
    assert owed(TERMS, 3600 + 9_999, True, 0) == 100_000


def test_the_aggregate_limit_takes_what_other_incidents_left_and_never_less_than_nothing():
    assert owed(TERMS, 100_000, False, 200_000) == 50_000
    assert owed(TERMS, 100_000, False, 250_000) == 0
    assert owed(TERMS, 100_000, False, 250_001) == 0


@given(some_terms(), st.integers(0, 10**7), st.booleans(), st.integers(0, 10**9))
def test_what_is_owed_is_the_least_of_gross_and_both_limits(terms, seconds, failover, elsewhere):
    raw = gross(terms, seconds, failover)
    left = max(0, terms.aggregate_limit - elsewhere)
    assert owed(terms, seconds, failover, elsewhere) == min(raw, terms.incident_limit, left)


@given(some_terms())
def test_limit_seconds_is_the_first_second_that_pays_the_whole_limit(terms):
    full = limit_seconds(terms)
    assert owed(terms, full, False, 0) == terms.incident_limit
    assert owed(terms, full - 1, False, 0) < terms.incident_limit


def owed_for_halt(terms, seconds, failover):
    """What the contract owes for a halt: an incident a week, one after the other, the failover in the first."""
    total = 0
    while seconds > 0:
        total += owed(terms, min(seconds, LONGEST_INCIDENT_SECONDS), failover, total)
        seconds, failover = seconds - LONGEST_INCIDENT_SECONDS, False
    return total


def empirical(durations):
    """S and LEV of the empirical law, exact."""
    d = np.array(durations, dtype=float)

    def sf(x):
        return np.array([(d > v).mean() for v in x])

    def lev(x):
        return np.array([np.minimum(d, v).mean() for v in x])

    return sf, lev


@given(some_terms(), st.lists(st.integers(0, 3 * 10**6), min_size=1, max_size=30), st.floats(0, 1))
def test_the_closed_form_is_the_mean_of_what_the_contract_pays(terms, durations, chance):
    sf, lev = empirical(durations)
    paid = [(1 - chance) * owed_for_halt(terms, n, False) + chance * owed_for_halt(terms, n, True) for n in durations]
    expected = math.fsum(paid) / len(durations)
    scale = terms.rate_per_second * (max(durations) + 1) + terms.incident_limit
    assert expected_payout(terms, sf, lev, chance) == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


@given(some_terms(), st.integers(1, 3 * 10**6), st.integers(0, 10**9), st.sampled_from([0.0, 1.0]))
def test_a_cap_is_filled_incident_by_incident(terms, seconds, cap, chance):
    whole = owed_for_halt(replace(terms, aggregate_limit=MONEY_BOUND - 1), seconds, chance == 1.0)
    limited = limited_payout(terms, np.array([float(cap)]), *empirical([seconds]), chance)
    assert limited[0] == pytest.approx(min(whole, cap), rel=1e-9, abs=1e-9 * terms.rate_per_second * seconds)


@pytest.mark.parametrize(("days", "limits"), [(7, 1.0), (14, 2.0), (30, 2.5)])
def test_a_halt_of_weeks_is_owed_an_incident_limit_a_week_within_the_aggregate_limit(days, limits):
    for terms in (TERMS, QUALIFYING):
        mean = expected_payout(terms, *empirical([days * 86_400]), 0.0)
        assert mean == pytest.approx(limits * terms.incident_limit, rel=1e-9)


def test_each_incident_of_a_halt_has_a_waiting_period_of_its_own():
    sf, lev = empirical([LONGEST_INCIDENT_SECONDS + 3600])
    assert expected_payout(TERMS, sf, lev, 0.0) == pytest.approx(TERMS.incident_limit)
    sf, lev = empirical([LONGEST_INCIDENT_SECONDS + 3600 + 60])
    assert expected_payout(TERMS, sf, lev, 0.0) == pytest.approx(TERMS.incident_limit + 600)


def test_a_failover_is_paid_for_the_first_incident_of_a_halt_only():
    terms = replace(TERMS, rate_per_second=1, incident_limit=10**6, aggregate_limit=10**7)
    sf, lev = empirical([2 * LONGEST_INCIDENT_SECONDS])
    gained = expected_payout(terms, sf, lev, 1.0) - expected_payout(terms, sf, lev, 0.0)
    assert gained == pytest.approx(terms.failover_benefit)


def test_the_most_one_halt_is_owed_is_bounded_by_its_incidents_and_the_aggregate_limit():
    assert most_owed(TERMS) == TERMS.aggregate_limit
    free = replace(TERMS, aggregate_limit=10**12)
    assert most_owed(free) == MOST_INCIDENTS * TERMS.incident_limit
    slow = replace(free, rate_per_second=1, waiting_seconds=LONGEST_INCIDENT_SECONDS - 10)
    assert most_owed(slow) == MOST_INCIDENTS * 10 + TERMS.failover_benefit
    never = replace(free, waiting_seconds=LONGEST_INCIDENT_SECONDS)
    assert most_owed(never) == expected_payout(never, *empirical([10**7])) == 0


def test_the_most_a_policy_pays_is_its_limit_if_enough_incidents_can_begin_in_its_term():
    plain = replace(TERMS, failover_benefit=0, aggregate_limit=10**9)
    assert most_payable(TERMS, 90 * 86_400) == TERMS.aggregate_limit
    assert most_payable(plain, 1) == most_payable(plain, 3_601) == TERMS.incident_limit
    assert most_payable(plain, 3_602) == 2 * TERMS.incident_limit
    slow = replace(plain, rate_per_second=1, waiting_seconds=LONGEST_INCIDENT_SECONDS - 10, incident_limit=10**6)
    assert most_payable(slow, 86_400) == 10
    assert most_payable(replace(slow, waiting_seconds=LONGEST_INCIDENT_SECONDS), 86_400) == 0


@given(
    some_terms(),
    st.lists(st.tuples(st.integers(1, LONGEST_INCIDENT_SECONDS), st.integers(0, 10**6)), max_size=6),
    st.integers(1, 10**6),
)
def test_incidents_that_begin_in_a_term_are_owed_no_more_than_the_most_payable(terms, incidents, term):
    paid, at = 0, 0
    for seconds, apart in incidents:
        if at < term:
            paid += owed(terms, seconds, True, paid)
        at += seconds + apart
    assert paid <= most_payable(terms, term)


@pytest.mark.parametrize("semantics", Semantics)
def test_no_length_beyond_the_bound_of_seconds_is_asked_for_however_far_the_limit(semantics):
    asked = []

    def lev(x):
        asked.extend(x)
        return x

    terms = replace(TERMS, semantics=semantics, rate_per_second=1, incident_limit=10**15, aggregate_limit=10**15)
    limited_payout(terms, np.linspace(0.0, 1e15, 9), np.ones_like, lev, 0.5)
    assert max(asked) < SECONDS_BOUND


def test_a_benefit_beside_which_all_incidents_are_nothing_is_paid_by_its_chance():
    terms = replace(TERMS, rate_per_second=1, failover_benefit=10**28, incident_limit=10**28, aggregate_limit=10**28)
    mean = 7200.0
    law = lambda x: np.exp(-x / mean), lambda x: -mean * np.expm1(-x / mean)
    qualifies = math.exp(-terms.waiting_seconds / mean)
    assert expected_payout(terms, *law, 0.0) == pytest.approx(mean * qualifies)
    assert expected_payout(terms, *law, 0.25) == pytest.approx(0.25 * 1e28 * qualifies)


def test_a_limit_that_is_reached_at_once_is_paid_by_each_incident_that_qualifies():
    terms = Terms(3600, Semantics.QUALIFYING, 2**64 - 1, 0, 1, MONEY_BOUND - 1)
    mean = 1e6
    law = lambda x: np.exp(-x / mean), lambda x: -mean * np.expm1(-x / mean)
    starts = LONGEST_INCIDENT_SECONDS * np.arange(MOST_INCIDENTS) + 3600.0
    caps = np.arange(1.0, MOST_INCIDENTS + 1)
    assert limited_payout(terms, caps, *law, 0.0) == pytest.approx(np.cumsum(np.exp(-starts / mean)), rel=1e-12)


def test_the_limited_payout_grows_with_its_cap_and_ends_at_the_expected_payout():
    mean = 7200.0

    def sf(x):
        return np.exp(-x / mean)

    def lev(x):
        return mean * -np.expm1(-x / mean)

    caps = np.linspace(0.0, TERMS.incident_limit, 50)
    for terms in (TERMS, QUALIFYING):
        limited = limited_payout(terms, caps, sf, lev, 0.5)
        assert limited[0] == 0.0
        assert (np.diff(limited) > 0).all()
        assert limited[-1] == pytest.approx(expected_payout(terms, sf, lev, 0.5))


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("waiting_seconds", -1, "at least 0"),
        ("waiting_seconds", SECONDS_BOUND, "below 4294967296"),
        ("rate_per_second", 0, "at least 1"),
        ("rate_per_second", RATE_BOUND, "below"),
        ("failover_benefit", -1, "at least 0"),
        ("incident_limit", 0, "at least 1"),
        ("incident_limit", 250_001, "at most aggregate_limit"),
        ("aggregate_limit", MONEY_BOUND, "below"),
        ("incident_limit", 1.5, "an int, not float"),
        ("rate_per_second", True, "an int, not bool"),
        ("semantics", "excess", "retention or qualifying"),
    ],
)
def test_bad_terms_are_refused_by_field_value_and_what_would_be_right(field, value, right):
    with pytest.raises(InvalidTerms) as caught:
        replace(TERMS, **{field: value})
    message = str(caught.value)
    assert message.startswith(f"{field} is {value!r}")
    assert right in message


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidTerms, match="covered_seconds is -1"):
        owed(TERMS, -1, False, 0)
    with pytest.raises(InvalidTerms, match="owed_elsewhere is -5"):
        owed(TERMS, 10, False, -5)
    with pytest.raises(InvalidTerms, match=r"failover_probability is 1\.5"):
        expected_payout(TERMS, np.ones_like, np.zeros_like, 1.5)
