"""What `pricing_models.payoff` promises: one definition, exact, and its expectation in closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_models.errors import InvalidTerms
from pricing_models.payoff import (
    MONEY_BOUND,
    RATE_BOUND,
    SECONDS_BOUND,
    Semantics,
    Terms,
    expected_payout,
    gross,
    limit_seconds,
    limited_payout,
    owed,
    owed_many,
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


@given(some_terms(), st.lists(st.tuples(st.integers(0, 10**7), st.booleans(), st.integers(0, 10**9))))
def test_arrays_pay_what_scalars_pay(terms, cases):
    seconds = np.array([case[0] for case in cases], dtype=np.int64)
    failover = np.array([case[1] for case in cases], dtype=bool)
    elsewhere = np.array([case[2] for case in cases], dtype=np.int64)
    many = owed_many(terms, seconds, failover, elsewhere)
    assert many.dtype == np.int64
    assert many.tolist() == [owed(terms, *case) for case in cases]


@given(
    some_terms(money=MONEY_BOUND - 1, rate=RATE_BOUND - 1, seconds=SECONDS_BOUND - 1),
    st.lists(st.tuples(st.integers(0, SECONDS_BOUND - 1), st.booleans()), min_size=1),
)
def test_arrays_stay_exact_where_64_bits_would_overflow(terms, cases):
    seconds = np.array([case[0] for case in cases], dtype=np.int64)
    failover = np.array([case[1] for case in cases], dtype=bool)
    assert owed_many(terms, seconds, failover).tolist() == [owed(terms, *case, 0) for case in cases]


@given(some_terms(), st.lists(st.integers(0, 3 * 10**6), min_size=1, max_size=30), st.floats(0, 1))
def test_the_closed_form_is_the_mean_of_what_the_contract_pays(terms, durations, chance):
    """LEV and S of the empirical law are exact, so both sides are the same number."""
    d = np.array(durations, dtype=float)

    def sf(x):
        return np.array([(d > v).mean() for v in x])

    def lev(x):
        return np.array([np.minimum(d, v).mean() for v in x])

    paid = [(1 - chance) * owed(terms, n, False, 0) + chance * owed(terms, n, True, 0) for n in durations]
    expected = math.fsum(paid) / len(durations)
    scale = terms.rate_per_second * (max(durations) + 1) + terms.incident_limit
    assert expected_payout(terms, sf, lev, chance) == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


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
    with pytest.raises(InvalidTerms, match="covered_seconds holds -3"):
        owed_many(TERMS, np.array([5, -3]))
    with pytest.raises(InvalidTerms, match="covered_seconds has dtype float64"):
        owed_many(TERMS, np.array([5.0]))
    with pytest.raises(InvalidTerms, match=r"failover_probability is 1\.5"):
        expected_payout(TERMS, np.ones_like, np.zeros_like, 1.5)
