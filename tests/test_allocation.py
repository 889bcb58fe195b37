"""What `pricing_models.allocation` promises: events as they are, and shares of the tail that add up."""

from fractions import Fraction

import numpy as np
import pytest

from pricing_models import allocation, capital
from pricing_models.errors import InvalidData
from pricing_models.simulate import reference
from pricing_models.simulate.outages import BLOCK_YEARS
from tests.pool_worlds import small_pool

BLOCKS = 40
SEED = 6


@pytest.fixture(scope="module")
def book():
    return small_pool()


@pytest.fixture(scope="module")
def totals(book):
    return book.simulate(SEED, 0, BLOCKS)


def test_the_largest_event_of_a_year_counts_all_that_it_was_passed_on_to(book):
    largest = allocation.occurrences(book, SEED, np.arange(2 * BLOCK_YEARS))
    for block in range(2):
        sums = {}
        for row in reference.payouts(book, SEED, block):
            sums[row["year"], row["root"]] = sums.get((row["year"], row["root"]), 0) + row["amount"]
        for year in range(BLOCK_YEARS):
            most = max((amount for (y, _), amount in sums.items() if y == year), default=0)
            assert largest[block * BLOCK_YEARS + year] == most


@pytest.mark.parametrize("level", [0.99, 0.9933])
def test_each_allocation_adds_up_to_tvar_exactly(book, totals, level):
    found = allocation.allocate(book, SEED, totals, level)
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
    found = allocation.allocate(book, SEED, totals, 0.99)
    assert found.policies == {name: Fraction(amount, len(worst.years)) for name, amount in paid.items()}


def test_an_allocation_of_another_run_is_refused(book, totals):
    with pytest.raises(InvalidData, match="not the run of this book"):
        allocation.allocate(book, SEED + 1, totals, 0.99)


def test_the_event_curve_is_that_of_all_years_where_it_says_so(book, totals):
    every = np.sort(allocation.occurrences(book, SEED, np.arange(totals.size)))
    found = allocation.occurrence_curve(book, SEED, totals, (2, 20, 200, 1_000, 4_000), 0.1, 1_000)
    assert {period: each.years for period, each in found.items()}[200] == totals.size
    for period, each in found.items():
        if each.years == totals.size:
            assert each.amount == every[totals.size - totals.size // period - 1]
    first = np.sort(allocation.occurrences(book, SEED, np.arange(1_000)))
    assert found[2] == allocation.Occurrence(int(first[499]), 1_000)


def test_the_event_curve_leaves_out_what_its_years_are_too_few_for(book, totals):
    found = allocation.occurrence_curve(book, SEED, totals, (2, 20, 10_000), 0.0003, 10)
    assert set(found) == {2}
    whole = allocation.occurrence_curve(book, SEED, totals, (2, 20, 10_000), 1.0, 10)
    assert {period: each.years for period, each in whole.items()} == {2: totals.size, 20: totals.size}


def test_years_may_come_in_any_order(book):
    order = np.array([250, 3, 117, 4])
    assert (
        allocation.occurrences(book, SEED, order) == allocation.occurrences(book, SEED, np.arange(300))[order]
    ).all()
