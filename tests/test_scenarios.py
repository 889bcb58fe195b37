"""What `pricing_models.scenarios` promises: what a stated course of events costs, by hand."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book, Link, Process, World
from pricing_models.scenarios import (
    expected_if_halted,
    expected_if_stopped,
    if_halted,
    if_stopped,
    stopping_chances,
)
from pricing_models.simulate.outages import YEAR
from tests.pool_worlds import DAY, HOUR, cover, law, small_pool, terms


def test_a_stopped_cause_stops_all_that_depends_on_it():
    world = World(
        tuple(Process(name, 1.0, law()) for name in ("l1", "r", "deep", "apart")),
        (),
        (Link("r", "l1", 0.5), Link("deep", "r", 0.1)),
    )
    book = Book(
        tuple(cover(name, name, terms(rate=k)) for k, name in enumerate(("l1", "r", "deep", "apart"), 1)), world
    )
    found = if_stopped(book, "l1", 12 * HOUR, 5 * DAY)
    assert found.policies == {"l1": 11 * HOUR, "r": 22 * HOUR, "deep": 33 * HOUR}
    assert found.total == 66 * HOUR
    assert if_stopped(book, "r", 12 * HOUR, 5 * DAY).total == 55 * HOUR


def test_halts_of_a_real_day_are_united_before_they_pay():
    book = Book((cover("p", "a"),), World((Process("a", 1.0, law()), Process("b", 1.0, law()))))
    two = [("a", 0, 2 * HOUR), ("a", HOUR, 3 * HOUR), ("b", 0, DAY)]
    assert if_halted(book, two).total == 10 * 3 * HOUR
    assert if_halted(book, [("a", 0, 2 * HOUR), ("a", 9 * HOUR, 2 * HOUR)]).total == 10 * 2 * HOUR
    assert if_halted(book, []).total == 0


def test_a_failover_is_taken_as_proven_unless_told_otherwise():
    book = Book((cover("p", "a", terms(benefit=777)),), World((Process("a", 1.0, law()),)))
    assert if_stopped(book, "a", 2 * HOUR, 0).total - if_stopped(book, "a", 2 * HOUR, 0, False).total == 777


def test_a_stop_of_weeks_pays_its_incidents_in_turn():
    book = Book((cover("p", "a", terms(limit=300_000, aggregate=10**9)),), World((Process("a", 1.0, law()),)))
    assert if_stopped(book, "a", 20 * DAY, 0).total == 3 * 300_000


def test_what_is_expected_weighs_each_subject_by_how_surely_it_stops():
    """deep stops with l1 itself in 0.2 of the cases, and where r has stopped (0.5) with it in 0.1 more."""
    world = World(
        tuple(Process(name, 1.0, law()) for name in ("l1", "r", "deep")),
        (),
        (Link("r", "l1", 0.5), Link("deep", "r", 0.1), Link("deep", "l1", 0.2)),
        0.25,
    )
    promises = {"l1": terms(rate=1), "r": terms(rate=2), "deep": terms(rate=4, benefit=1_000)}
    book = Book(tuple(cover(name, name, promise) for name, promise in promises.items()), world)
    chances = stopping_chances(world, "l1")
    assert {name: float(chance) for name, chance in chances.items()} == pytest.approx(
        {"l1": 1.0, "r": 0.5, "deep": 0.5 * 0.2 + 0.5 * (1 - 0.9 * 0.8)}
    )
    expected = HOUR * (1 + 0.5 * 2) + 0.24 * (4 * HOUR + 250)
    assert float(expected_if_stopped(book, "l1", 2 * HOUR, 0)) == pytest.approx(expected)
    assert expected_if_stopped(book, "deep", 2 * HOUR, 0) == 4 * HOUR + 250


def test_a_link_that_passes_nothing_on_stops_nobody():
    world = World(tuple(Process(name, 1.0, law()) for name in ("l1", "r")), (), (Link("r", "l1", 0.0),))
    book = Book((cover("q", "r"),), world)
    assert if_stopped(book, "l1", 2 * HOUR, 0).total == expected_if_stopped(book, "l1", 2 * HOUR, 0) == 0


def test_expectations_through_too_many_causes_are_refused():
    names = [f"n{i:02d}" for i in range(16)]
    links = tuple(Link(low, high, 0.5) for i, high in enumerate(names) for low in names[i + 1 :])
    world = World(tuple(Process(name, 1.0, law()) for name in names), (), links)
    with pytest.raises(InvalidData, match="n00 stops more than 12 causes of others"):
        stopping_chances(world, "n00")


def test_what_is_certain_is_expected_in_full():
    world = World(tuple(Process(name, 1.0, law()) for name in ("l1", "r")), (), (Link("r", "l1", 1.0),), 1.0)
    book = Book((cover("p", "l1"), cover("q", "r", terms(benefit=5))), world)
    assert expected_if_stopped(book, "l1", 2 * HOUR, 0) == if_stopped(book, "l1", 2 * HOUR, 0).total


def test_failovers_of_two_halts_are_proven_each_by_itself_up_to_the_aggregate_limit():
    """Each pays 36,000 and, once in two, 10,000 more, of which the limit of 80,000 leaves: 72, 80, 80, 80 thousand."""
    promise = terms(benefit=10_000, limit=80_000, aggregate=80_000)
    world = World((Process("a", 1.0, law()),), failover_probability=0.5)
    book = Book((cover("p", "a", promise),), world)
    halts = [("a", 0, 2 * HOUR), ("a", 9 * HOUR, 2 * HOUR)]
    assert expected_if_halted(book, halts) == Fraction(72_000 + 3 * 80_000, 4)
    assert expected_if_halted(book, []) == 0
    with pytest.raises(InvalidData, match="13 halts apart"):
        expected_if_halted(book, [("a", k * DAY, HOUR) for k in range(13)])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_chances_of_stopping_are_those_of_all_ways_in_which_links_may_pass_a_halt_on(data):
    names = "abcde"
    pairs = [(low, high) for k, low in enumerate(names) for high in names[k + 1 :]]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=7))
    links = tuple(Link(low, high, data.draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))) for high, low in chosen)
    world = World(tuple(Process(name, 1.0, law()) for name in names), (), links)
    expected = dict.fromkeys(names, 0.0)
    for open_ in product((False, True), repeat=len(links)):
        weight, stopped = 1.0, {"a"}
        for link, passes in zip(links, open_, strict=True):
            weight *= link.pass_through if passes else 1.0 - link.pass_through
        passed = [link for link, passes in zip(links, open_, strict=True) if passes]
        for each in world.order:
            if any(link.subject == each and link.cause in stopped for link in passed):
                stopped.add(each)
        for each in stopped:
            expected[each] += weight
    found = stopping_chances(world, "a")
    assert {name: float(found.get(name, 0)) for name in names} == pytest.approx(expected)
    assert all(0 < chance <= 1 for chance in found.values())


def test_scenarios_out_of_this_world_are_refused():
    book = small_pool()
    with pytest.raises(UnknownSubject, match="'moon'"):
        if_stopped(book, "moon", HOUR, 0)
    for halt in (("l1-a", -1, HOUR), ("l1-a", YEAR, HOUR), ("l1-a", 0, 0), ("l1-a", 0, 2**32)):
        with pytest.raises(InvalidData, match="halt 0 of l1-a"):
            if_halted(book, [halt])
