"""What `pricing_models.marginal` promises: a candidate's capital is that of the larger book, to the unit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_models import capital
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.marginal import store_tail
from pricing_models.portfolio import Book
from tests.pool_worlds import DAY, cover, small_pool, some_terms, terms

BLOCKS = 40
SEED = 6


@pytest.fixture(scope="module")
def book():
    return small_pool()


@pytest.fixture(scope="module")
def totals(book):
    return book.simulate(SEED, 0, BLOCKS)


@given(some_terms(), st.sampled_from(["l1-a", "r-2", "r-3"]), st.integers(-50, 300), st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_a_candidate_s_capital_is_that_of_the_larger_book(promise, subject, start, days):
    book = small_pool()
    totals = book.simulate(SEED, 0, BLOCKS)
    stored = store_tail(book, SEED, totals, 0.99, 0.05)
    candidate = cover("new", subject, promise, start * DAY, (start + days) * DAY)
    after = Book((*book.covers, candidate), book.world).simulate(SEED, 0, BLOCKS)
    found = stored.marginal(candidate)
    assert found.tvar == capital.tail_value_at_risk(totals, 0.99)
    assert found.tvar_with == capital.tail_value_at_risk(after, 0.99)
    assert found.var_with == capital.value_at_risk(after, 0.99)


def test_a_small_candidate_needs_the_stored_years_only_and_a_large_one_all(book, totals):
    stored = store_tail(book, SEED, totals, 0.99, 0.1)
    assert stored.room >= 5_000
    assert not stored.marginal(cover("s", "l1-a", terms(limit=2_000, aggregate=5_000))).replayed
    seldom = terms(waiting=60 * DAY, rate=10**6, limit=10**9, aggregate=10**9)
    assert stored.marginal(cover("l", "l1-a", seldom)).replayed


def test_a_candidate_where_nobody_is_covered_yet_is_priced_all_the_same():
    base = small_pool()
    book = Book(tuple(each for each in base.covers if each.subject != "r-3"), base.world)
    totals = book.simulate(SEED, 0, BLOCKS)
    candidate = cover("new", "r-3")
    found = store_tail(book, SEED, totals, 0.99, 0.05).marginal(candidate)
    after = Book((*book.covers, candidate), book.world).simulate(SEED, 0, BLOCKS)
    assert found.tvar_with == capital.tail_value_at_risk(after, 0.99)


def test_a_candidate_that_cannot_join_the_book_is_refused(book, totals):
    stored = store_tail(book, SEED, totals, 0.99, 0.05)
    with pytest.raises(InvalidData, match="already in the book"):
        stored.marginal(book.covers[0])
    with pytest.raises(InvalidData, match=r"2\^63"):
        stored.marginal(cover("x", "l1-a", terms(limit=2**63 - 1, aggregate=2**63 - 1)))
    with pytest.raises(UnknownSubject):
        stored.marginal(cover("x", "nowhere"))


def test_totals_of_another_run_are_refused(book, totals):
    with pytest.raises(InvalidData, match="not the run of this book with seed 8"):
        store_tail(book, 8, totals, 0.99)


def test_the_stored_share_must_hold_the_tail(book, totals):
    with pytest.raises(InvalidData, match="share"):
        store_tail(book, SEED, totals, 0.99, 0.005)


def test_a_version_names_book_world_and_run(book, totals):
    def version(of=book, seed=SEED, share=0.05):
        return store_tail(of, seed, of.simulate(seed, 0, BLOCKS), 0.99, share).version

    others = {
        version(small_pool(0.5)),
        version(Book(book.covers[:-1], book.world)),
        version(seed=SEED + 1),
        version(share=0.06),
    }
    assert len(others | {version()}) == 5
    assert version(small_pool()) == version()


def test_a_candidate_whose_sums_over_the_stored_years_would_overflow_is_priced_all_the_same(book, totals):
    vast = terms(rate=10**12, limit=2**58, aggregate=2**58)
    candidate = cover("vast", "l1-a", vast)
    found = store_tail(book, SEED, totals, 0.99, 0.05).marginal(candidate)
    after = Book((*book.covers, candidate), book.world).simulate(SEED, 0, BLOCKS)
    assert found.tvar_with == capital.tail_value_at_risk(after, 0.99)


@given(some_terms(), st.sampled_from(["l1-a", "r-2", "r-3"]), st.integers(1, 400))
@settings(max_examples=20, deadline=None)
def test_no_policy_adds_more_to_the_tail_than_it_can_pay(promise, subject, days):
    book = small_pool()
    totals = book.simulate(SEED, 0, BLOCKS)
    found = store_tail(book, SEED, totals, 0.99, 0.05).marginal(cover("new", subject, promise, 0, days * DAY))
    assert 0 <= found.capital <= promise.aggregate_limit
