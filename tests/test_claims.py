"""What policies are owed: whom an incident counts for, the payoff, and several incidents against one limit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure import claims
from insure.records.onchain import ZERO_ADDRESS, Claim, Incident, Policy, Semantics, Span, Terms

TRIGGER = "0x" + "11" * 32
TERMS = Terms(600, Semantics.RETENTION, 10, 5_000, 20_000, 30_000)
POLICY = Policy(1, "0xHolder", TRIGGER, TERMS, start=10_000, end=20_000, standby=ZERO_ADDRESS, premium=1)


def incident(sequence: int = 0, start: int = 12_000, covered: int = 1_600, trigger: str = TRIGGER) -> Incident:
    return Incident(trigger, sequence, start, start + covered + 100, covered, start + 700, 0, 0, 1)


def test_an_incident_pays_the_seconds_beyond_the_waiting_period() -> None:
    assert claims.owed(POLICY, incident(covered=1_600), None, 0) == 10 * 1_000


@pytest.mark.parametrize(
    ("start", "counted"),
    [(9_999, False), (10_000, True), (19_999, True), (20_000, False), (0, False)],
)
def test_an_incident_counts_by_when_it_began_and_then_in_whole(start: int, counted: bool) -> None:
    assert claims.counts(POLICY, incident(start=start, covered=50_000)) is counted
    assert (claims.owed(POLICY, incident(start=start, covered=50_000), None, 0) > 0) is counted


def test_seconds_within_excluded_windows_are_not_covered() -> None:
    policy = replace(POLICY, exclusions=(Span(12_000, 12_500), Span(13_000, 14_000)))
    hit = replace(incident(covered=1_600), spans=(Span(12_000, 12_800), Span(12_900, 13_700)))
    assert claims.covered_seconds(policy, hit) == 1_600 - 500 - 700
    assert claims.owed(policy, hit, None, 0) == 0
    assert claims.owed(replace(policy, exclusions=(Span(12_000, 12_500),)), hit, None, 0) == 10 * 500
    assert claims.owed(POLICY, hit, None, 0) == 10 * 1_000


def test_nothing_is_owed_before_the_first_confirmation_nor_for_another_trigger() -> None:
    assert claims.owed(POLICY, incident(covered=0), None, 0) == 0
    assert claims.owed(POLICY, incident(trigger="0x" + "99" * 32), None, 0) == 0


@pytest.mark.parametrize(
    ("activated_at", "proven"),
    [(None, False), (11_999, False), (12_000, True), (13_699, True), (13_700, False)],
)
def test_a_failover_pays_if_it_was_proven_within_the_incident(activated_at: int | None, proven: bool) -> None:
    expected = 10_000 + (5_000 if proven else 0)
    assert claims.owed(POLICY, incident(covered=1_600), activated_at, 0) == expected


def test_an_outage_older_than_the_policy_is_not_covered_by_being_cut_in_two() -> None:
    first = Incident(TRIGGER, 0, 9_999, 12_000, 2_001, 10_500, 0, 0, 1)
    traceless = Incident(TRIGGER, 1, 0, 0, 0, 12_000, 12_500, 0, 1)
    second = Incident(TRIGGER, 2, 12_000, 14_000, 2_000, 12_600, 0, 0, 1)
    third = Incident(TRIGGER, 3, 14_000, 16_000, 2_000, 14_600, 0, 0, 1)
    chain = [third, first, second, traceless]
    assert [claims.began(each, chain) for each in (first, second, third)] == [9_999] * 3
    assert claims.due(POLICY, chain, {}, []) == []
    assert claims.due_all([POLICY], chain, {}, []) == []

    later = [replace(first, until=11_999), traceless, second, third]
    assert [claim.sequence for claim in claims.due(POLICY, later, {}, [])] == [2, 3]
    in_force = [replace(first, start=10_000), traceless, second, third]
    assert [claim.sequence for claim in claims.due(POLICY, in_force, {}, [])] == [0, 2, 3]


def test_an_outage_that_goes_on_beyond_the_policys_end_is_covered_up_to_the_cut() -> None:
    first = Incident(TRIGGER, 0, 19_000, 20_000, 1_000, 19_500, 0, 0, 1)
    second = Incident(TRIGGER, 1, 20_000, 22_000, 2_000, 20_600, 0, 0, 1)
    assert [claim.sequence for claim in claims.due(POLICY, [first, second], {}, [])] == [0]


def test_what_other_incidents_took_of_the_aggregate_limit_is_not_owed_again() -> None:
    assert claims.owed(POLICY, incident(covered=9_000), None, owed_elsewhere=25_000) == 5_000
    assert claims.owed(POLICY, incident(covered=9_000), None, owed_elsewhere=30_000) == 0


def test_several_unclaimed_incidents_share_the_aggregate_limit_oldest_first() -> None:
    many = [incident(1, 14_000, 9_000), incident(0, 12_000, 9_000), incident(2, 16_000, 9_000)]
    due = claims.due(POLICY, many, {}, [])
    assert [(claim.sequence, claim.owed) for claim in due] == [(0, 20_000), (1, 10_000)]


def test_a_growing_incident_is_due_again_by_its_difference_only() -> None:
    claimed = Claim(1, 0, owed=10_000, paid=8_000, debt=2_000)
    assert claims.due(POLICY, [incident(covered=1_600)], {}, [claimed]) == []
    (claim,) = claims.due(POLICY, [incident(covered=1_700)], {}, [claimed])
    assert (claim.owed, claim.owed - claim.paid - claim.debt) == (11_000, 1_000)


def test_a_released_policy_is_owed_nothing_more() -> None:
    assert claims.due(replace(POLICY, released=True), [incident()], {}, []) == []


def test_a_proven_failover_belongs_to_its_own_policy_and_incident() -> None:
    other = replace(POLICY, policy_id=2)
    due = claims.due_all([POLICY, other], [incident()], {(2, 0): 12_500, (1, 1): 12_500}, [])
    assert [(claim.policy_id, claim.owed) for claim in due] == [(1, 10_000), (2, 15_000)]


def test_claims_of_one_policy_are_not_counted_for_another() -> None:
    other = replace(POLICY, policy_id=2)
    due = claims.due_all([POLICY, other], [incident()], {}, [Claim(2, 0, 10_000, 10_000, 0)])
    assert [claim.policy_id for claim in due] == [1]


@given(st.lists(st.integers(1, 40_000), max_size=6), st.lists(st.integers(0, 5), max_size=12))
def test_however_claims_and_growth_alternate_nobody_is_owed_beyond_the_limits_and_nothing_shrinks(
    lengths: list[int], growing: list[int]
) -> None:
    covered = dict(enumerate(lengths))
    claimed: dict[int, Claim] = {}
    for step in [None, *growing]:
        if step in covered and step is not None:
            covered[step] += 500
        incidents = [incident(sequence, 12_000 + sequence, seconds) for sequence, seconds in covered.items()]
        for claim in claims.due(POLICY, incidents, {}, claimed.values()):
            before = claimed.get(claim.sequence)
            assert claim.owed > (before.owed if before else 0)
            claimed[claim.sequence] = replace(claim, paid=claim.owed)
    assert all(claim.owed <= TERMS.incident_limit for claim in claimed.values())
    assert sum(claim.owed for claim in claimed.values()) <= TERMS.aggregate_limit
