"""What `pricing_models.capital` promises: tail measures that add up, and candidates and scenarios to the unit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_models import capital
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book, Link, Process, World
from pricing_models.simulate import reference
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR
from tests.pool_worlds import DAY, HOUR, cover, law, small_pool, some_terms, terms

BLOCKS = 40
SEED = 6


@pytest.fixture(scope="module")
def book():
    return small_pool()


@pytest.fixture(scope="module")
def totals(book):
    return book.simulate(SEED, 0, BLOCKS)


# Tail measures


def test_var_is_the_least_amount_that_enough_years_do_not_exceed():
    years = np.arange(1, 1001)
    assert capital.value_at_risk(years, 0.995) == 995
    assert capital.value_at_risk(years, 0.9951) == 996
    assert capital.value_at_risk(np.zeros(200, np.int64), 0.995) == 0


def test_tvar_is_the_mean_of_the_worst_years_and_takes_a_year_in_part():
    years = np.arange(1, 1001)
    assert capital.tail_value_at_risk(years, 0.995) == Fraction(996 + 997 + 998 + 999 + 1000, 5)
    assert capital.tail_value_at_risk(years, 0.9985) == (1000 + Fraction(1, 2) * 999) / Fraction(3, 2)


@given(st.lists(st.integers(0, 2**62), min_size=200, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 0.995]))
def test_tvar_is_the_mean_of_the_quantiles_above(amounts, level):
    """Acerbi and Tasche: the integral of VaR over the levels above, here a sum over steps of 1 / 200."""
    ordered = sorted(amounts)
    p = Fraction(repr(level))
    steps = [(max(p, Fraction(i, 200)), Fraction(i + 1, 200), x) for i, x in enumerate(ordered)]
    expected = sum((b - a) * x for a, b, x in steps if b > a) / (1 - p)
    assert capital.tail_value_at_risk(np.array(amounts, np.int64), level) == expected


def test_errors_are_estimated_over_blocks():
    """Years of a block are equal here, so there are only as many observations as blocks."""
    rng = np.random.default_rng(1)
    alike = np.repeat(rng.integers(0, 1_000, 400), BLOCK_YEARS)
    found = capital.risk(alike, 0.9)
    assert found.mean.error == pytest.approx(alike[::BLOCK_YEARS].std(ddof=1) / 20)
    assert found.mean.error > 9 * alike.std() / np.sqrt(alike.size)
    assert found.tvar.error > 0 and found.var.error > 0


def test_the_stated_errors_cover_what_other_seeds_give(book):
    runs = [capital.risk(book.simulate(seed, 0, 100), 0.99) for seed in range(24)]
    for figure in ("mean", "var", "tvar"):
        values = np.array([getattr(each, figure).value for each in runs])
        stated = np.mean([getattr(each, figure).error for each in runs])
        assert 0.5 < values.std(ddof=1) / stated < 2.0, figure


def test_ruin_counts_the_years_that_the_pool_cannot_pay(totals):
    pool = capital.value_at_risk(totals, 0.9)
    found = capital.ruin(totals, pool)
    over = [x - pool for x in totals.tolist() if x > pool]
    assert found.probability.value == pytest.approx(len(over) / totals.size)
    assert found.shortfall == pytest.approx(sum(over) / len(over))
    assert capital.ruin(totals, int(totals.max())).shortfall == 0.0


def test_return_periods_stop_where_the_run_does(totals):
    curve = capital.return_periods(totals)
    assert max(curve) == 1_000 and list(curve.values()) == sorted(curve.values())
    assert curve[200] == capital.value_at_risk(totals, 0.995)


# Years outage by outage


def test_the_largest_event_of_a_year_counts_all_that_it_was_passed_on_to(book):
    largest = capital.occurrences(book, SEED, 2 * BLOCK_YEARS)
    for block in range(2):
        sums = {}
        for row in reference.payouts(book, SEED, block):
            sums[row["year"], row["root"]] = sums.get((row["year"], row["root"]), 0) + row["amount"]
        for year in range(BLOCK_YEARS):
            most = max((amount for (y, _), amount in sums.items() if y == year), default=0)
            assert largest[block * BLOCK_YEARS + year] == most


@pytest.mark.parametrize("level", [0.99, 0.9933])
def test_each_allocation_adds_up_to_tvar_exactly(book, totals, level):
    found = capital.allocate(book, SEED, totals, level)
    assert found.tvar == capital.tail_value_at_risk(totals, level)
    for shares in (found.policies, found.subjects, found.causes):
        assert sum(shares.values()) == found.tvar
    assert set(found.policies) == {each.id for each in book.covers}
    assert found.causes["stack"] > 0 and "stack" not in found.subjects


def test_an_allocation_is_what_the_tail_years_paid_to_each_policy(book, totals):
    worst = capital.tail(totals, 0.99)
    paid = dict.fromkeys((each.id for each in book.covers), 0)
    for year in worst.years.tolist():
        for row in reference.payouts(book, SEED, year // BLOCK_YEARS):
            if row["year"] == year % BLOCK_YEARS:
                paid[row["policy"]] += row["amount"]
    found = capital.allocate(book, SEED, totals, 0.99)
    assert found.policies == {name: Fraction(amount, len(worst.years)) for name, amount in paid.items()}


def test_an_allocation_of_another_run_is_refused(book, totals):
    with pytest.raises(InvalidData, match="not the run of this book"):
        capital.allocate(book, SEED + 1, totals, 0.99)


# Candidates


@given(some_terms(), st.sampled_from(["l1-a", "r-2", "r-3"]), st.integers(-50, 300), st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_a_candidate_s_capital_is_that_of_the_larger_book(promise, subject, start, days):
    book = small_pool()
    totals = book.simulate(SEED, 0, BLOCKS)
    stored = capital.store_tail(book, SEED, totals, 0.99, 0.05)
    candidate = cover("new", subject, promise, start * DAY, (start + days) * DAY)
    after = Book((*book.covers, candidate), book.world).simulate(SEED, 0, BLOCKS)
    found = stored.marginal(candidate)
    assert found.tvar == capital.tail_value_at_risk(totals, 0.99)
    assert found.tvar_with == capital.tail_value_at_risk(after, 0.99)
    assert found.var_with == capital.value_at_risk(after, 0.99)


def test_a_small_candidate_needs_the_stored_years_only_and_a_large_one_all(book, totals):
    stored = capital.store_tail(book, SEED, totals, 0.99, 0.1)
    assert not stored.marginal(cover("s", "l1-a", terms(limit=2_000, aggregate=5_000))).replayed
    seldom = terms(waiting=60 * DAY, rate=10**6, limit=10**9, aggregate=10**9)
    assert stored.marginal(cover("l", "l1-a", seldom)).replayed


def test_a_candidate_where_nobody_is_covered_yet_is_priced_all_the_same():
    base = small_pool()
    book = Book(tuple(each for each in base.covers if each.subject != "r-3"), base.world)
    totals = book.simulate(SEED, 0, BLOCKS)
    candidate = cover("new", "r-3")
    found = capital.store_tail(book, SEED, totals, 0.99, 0.05).marginal(candidate)
    after = Book((*book.covers, candidate), book.world).simulate(SEED, 0, BLOCKS)
    assert found.tvar_with == capital.tail_value_at_risk(after, 0.99)


def test_a_candidate_that_cannot_join_the_book_is_refused(book, totals):
    stored = capital.store_tail(book, SEED, totals, 0.99, 0.05)
    with pytest.raises(InvalidData, match="already in the book"):
        stored.marginal(book.covers[0])
    with pytest.raises(InvalidData, match=r"2\^63"):
        stored.marginal(cover("x", "l1-a", terms(limit=2**63 - 1, aggregate=2**63 - 1)))
    with pytest.raises(UnknownSubject):
        stored.marginal(cover("x", "nowhere"))


# Stated courses of events


def test_a_stopped_cause_stops_all_that_depends_on_it():
    world = World(
        tuple(Process(name, 1.0, law()) for name in ("l1", "r", "deep", "apart")),
        (),
        (Link("r", "l1", 0.5), Link("deep", "r", 0.1)),
    )
    book = Book(
        tuple(cover(name, name, terms(rate=k)) for k, name in enumerate(("l1", "r", "deep", "apart"), 1)), world
    )
    found = capital.if_stopped(book, "l1", 12 * HOUR, 5 * DAY)
    assert found.policies == {"l1": 11 * HOUR, "r": 22 * HOUR, "deep": 33 * HOUR}
    assert found.total == 66 * HOUR
    assert capital.if_stopped(book, "r", 12 * HOUR, 5 * DAY).total == 55 * HOUR


def test_halts_of_a_real_day_are_united_before_they_pay():
    book = Book((cover("p", "a"),), World((Process("a", 1.0, law()), Process("b", 1.0, law()))))
    two = [("a", 0, 2 * HOUR), ("a", HOUR, 3 * HOUR), ("b", 0, DAY)]
    assert capital.if_halted(book, two).total == 10 * 3 * HOUR
    assert capital.if_halted(book, [("a", 0, 2 * HOUR), ("a", 9 * HOUR, 2 * HOUR)]).total == 10 * 2 * HOUR
    assert capital.if_halted(book, []).total == 0


def test_a_failover_is_taken_as_proven_unless_told_otherwise():
    book = Book((cover("p", "a", terms(benefit=777)),), World((Process("a", 1.0, law()),)))
    assert (
        capital.if_stopped(book, "a", 2 * HOUR, 0).total - capital.if_stopped(book, "a", 2 * HOUR, 0, False).total
        == 777
    )


# Refusals


def test_too_few_years_for_a_level_are_refused():
    with pytest.raises(InvalidData, match="simulate more years"):
        capital.tail(np.zeros(100, np.int64), 0.995)
    with pytest.raises(InvalidData, match="at least two"):
        capital.risk(np.zeros(100, np.int64), 0.9)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(InvalidData, match="level"):
        capital.tail(np.zeros(1_000, np.int64), level)
    with pytest.raises(InvalidData, match="level"):
        capital.value_at_risk(np.zeros(1_000, np.int64), level)


def test_scenarios_out_of_this_world_are_refused(book):
    with pytest.raises(UnknownSubject, match="'moon'"):
        capital.if_stopped(book, "moon", HOUR, 0)
    for halt in (("l1-a", -1, HOUR), ("l1-a", YEAR, HOUR), ("l1-a", 0, 0), ("l1-a", 0, 2**32)):
        with pytest.raises(InvalidData, match="halt 0 of l1-a"):
            capital.if_halted(book, [halt])
    with pytest.raises(InvalidData, match="pool"):
        capital.ruin(np.zeros(200, np.int64), -1)
    with pytest.raises(InvalidData, match="share"):
        capital.store_tail(book, SEED, book.simulate(SEED, 0, 4), 0.99, 0.005)
