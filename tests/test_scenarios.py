"""What `pricing_models.scenarios` promises: what a stated course of events costs, by hand."""

import pytest

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book, Link, Process, World
from pricing_models.scenarios import if_halted, if_stopped
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


def test_scenarios_out_of_this_world_are_refused():
    book = small_pool()
    with pytest.raises(UnknownSubject, match="'moon'"):
        if_stopped(book, "moon", HOUR, 0)
    for halt in (("l1-a", -1, HOUR), ("l1-a", YEAR, HOUR), ("l1-a", 0, 0), ("l1-a", 0, 2**32)):
        with pytest.raises(InvalidData, match="halt 0 of l1-a"):
            if_halted(book, [halt])
