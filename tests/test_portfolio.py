"""What `pricing_models.portfolio` promises: the pool's payout of each year, exact, from (seed, block) alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

from pricing_models.compound import loss_distribution
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.frequency import RatePosterior
from pricing_models.payoff import Semantics, Terms, expected_payout, owed
from pricing_models.portfolio import Book, Link, Process, World
from pricing_models.simulate import draws, reference
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR, merge, unite
from pricing_models.simulate.payouts import gross_limited
from tests.pool_worlds import DAY, HOUR, cover, law, small_pool, some_books, some_terms, terms, uncertain_rate

WORD = np.uint64
ONES = 0xFFFFFFFF


# Random numbers


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    assert draws.philox(*(WORD(x) for x in (*counter, *key))) == expected


def test_the_variates_agree_with_scipy():
    p = (np.random.default_rng(3).integers(0, 2**32, 2_000) + 0.5) / 2**32
    p = np.append(p, [2.0**-33, 1.0 - 2.0**-33, 0.075, 0.925, 0.5])
    ours = np.array([[draws.log_of(x), draws.exp_of(50.0 * x), draws.normal_of(x)] for x in p])
    assert np.allclose(ours[:, 0], np.log(p), rtol=1e-14, atol=0)
    assert np.allclose(ours[:, 1], np.exp(50.0 * p), rtol=1e-14, atol=0)
    assert np.allclose(ours[:, 2], special.ndtri(p), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [0.3, 1.0, 7.5])
def test_gamma_variates_have_the_mean_and_variance_of_their_law(shape):
    x = np.array([draws.gamma_of(shape, WORD(i), WORD(0), WORD(5), WORD(6)) for i in range(40_000)])
    assert abs(x.mean() - shape) < 4 * np.sqrt(shape / x.size)
    assert abs(x.var() / shape - 1) < 0.1


# Equality with the naive way


@given(some_books(), st.integers(0, 2**64 - 1), st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_pool_pays_what_every_policy_is_owed_for_every_outage(book, seed, block):
    assert book.simulate(seed, block, 1).tolist() == reference.totals(book, seed, block)


def test_the_random_books_include_years_in_which_aggregate_limits_bind():
    book = small_pool()
    paid = {}
    for row in reference.payouts(book, 3, 2):
        paid[row["year"], row["policy"]] = paid.get((row["year"], row["policy"]), 0) + row["amount"]
    limits = {each.id: each.terms.aggregate_limit for each in book.covers}
    assert sum(amount == limits[policy] for (_, policy), amount in paid.items()) > 20
    assert book.simulate(3, 2, 1).tolist() == reference.totals(book, 3, 2)


@given(some_terms(), st.integers(1, 2**32 - 1), st.booleans())
@settings(max_examples=300, deadline=None)
def test_one_policy_alone_pays_what_the_contract_would(promise, length, proven):
    book = Book((cover("p", "a", promise),), World((Process("a", 1.0, law()),)))
    pays = gross_limited(book.policies, 0, 5, length, proven)
    assert pays == owed(replace(promise, aggregate_limit=promise.incident_limit), length, proven, 0)


def test_terms_near_the_bounds_of_int64_are_exact():
    huge = Terms(0, Semantics.RETENTION, 2**63, 0, 2**61, 2**62)
    slow = Terms(10, Semantics.QUALIFYING, 2**40, 2**60, 2**61, 2**61)
    book = Book((cover("a", "s", huge), cover("b", "s", slow)), World((Process("s", 3.0, law()),), (), (), 0.5))
    assert book.simulate(1, 0, 1).tolist() == reference.totals(book, 1, 0)


def test_the_trace_of_a_year_adds_up_to_its_payout_row_by_row_and_policy_by_policy():
    book = small_pool()
    totals = book.simulate(11, 0, 3)
    rows = book.trace(11, np.arange(3 * BLOCK_YEARS))
    by_row, by_policy = book.settle(rows)
    assert np.bincount(rows[:, 0], by_row, totals.size).astype(int).tolist() == totals.tolist()
    naive = {}
    for block in range(3):
        for row in reference.payouts(book, 11, block):
            naive[row["policy"]] = naive.get(row["policy"], 0) + row["amount"]
    assert by_policy.tolist() == [naive.get(each.id, 0) for each in book.covers]


def test_the_trace_names_what_began_each_outage():
    book = small_pool()
    rows = book.trace(11, np.arange(BLOCK_YEARS))
    names = book.world.order
    traced = {(names[r[1]], r[0] * YEAR + r[2], r[3], (names[r[5]], r[6])) for r in rows.tolist()}
    covered = {each.subject for each in book.covers}
    plain = {(s, *o) for s, found in reference.outages(book.world, 11, 0).items() if s in covered for o in found}
    assert traced == plain
    assert any(root[0] == "stack" for *_, root in traced)


# Independence


def test_neither_batches_nor_threads_change_a_byte():
    book = small_pool()
    whole = book.simulate(5, 0, 24)
    for size in (1, 5, 24):
        parts = [book.simulate(5, first, min(size, 24 - first)) for first in range(0, 24, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda block: book.simulate(5, block, 1), range(24)))
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_subject_s_outages_do_not_depend_on_who_is_insured():
    book = small_pool()
    alone = Book(tuple(each for each in book.covers if each.subject == "r-3"), book.world)
    every = {tuple(row[1:4]) for row in book.trace(2, np.arange(50)).tolist()}
    assert {tuple(row[1:4]) for row in alone.trace(2, np.arange(50)).tolist()} <= every


def test_the_order_of_policies_and_links_changes_nothing():
    book = small_pool()
    world = replace(book.world, links=book.world.links[::-1])
    assert (Book(book.covers[::-1], world).simulate(1, 0, 4) == book.simulate(1, 0, 4)).all()


def test_other_seeds_and_blocks_give_other_years():
    book = small_pool()
    first = book.simulate(1, 0, 1)
    assert (book.simulate(1, 1, 1) != first).any()
    assert (book.simulate(2, 0, 1) != first).any()
    assert (book.simulate(1 + 2**32, 0, 1) != first).any()


# The model


def test_the_mean_without_limits_and_overlaps_is_the_analytic_one():
    """Subjects a and b halt 0.05 times a year, b also with 0.6 of a's halts; each pays rate x E[(D - w)+ ...]."""
    promise = terms(limit=10**7, aggregate=10**12)
    lasting = law(sigma=0.6)
    world = World(
        (Process("a", 0.05, lasting), Process("b", uncertain_rate(0.05), lasting)), (), (Link("b", "a", 0.6),)
    )
    book = Book((cover("a", "a", promise), cover("b", "b", promise, 0, YEAR // 2)), world)
    means = book.simulate(4, 0, 20_000).reshape(-1, BLOCK_YEARS).mean(axis=1)
    each = expected_payout(promise, lasting.sf, lasting.limited_expectation)
    expected = each * (0.05 + (0.05 + 0.05 * 0.6) / 2)
    assert abs(means.mean() - expected) < 3 * means.std(ddof=1) / np.sqrt(means.size)


def test_a_book_of_one_policy_is_the_compound_model():
    rate, lasting = uncertain_rate(1.5), law()
    # one limit for both, for here a halt of weeks is one incident and in the compound model several
    promise = terms(HOUR, Semantics.RETENTION, 10, 0, 400_000, 400_000)
    book = Book((cover("p", "a", promise),), World((Process("a", rate, lasting),)))
    years = book.simulate(9, 0, 10_000)
    exact = loss_distribution(rate.predictive(1.0), promise, lasting.sf, lasting.limited_expectation)
    means = years.reshape(-1, BLOCK_YEARS).mean(axis=1)
    assert abs(means.mean() - exact.mean) < 4 * means.std(ddof=1) / np.sqrt(means.size)
    for p in (0.6, 0.8, 0.9):
        step = float(exact.amounts[1])
        below = (years <= exact.quantile(p) + step).mean()
        assert below > p - 0.003
        assert (years < exact.quantile(p) - step).mean() < p + 0.003


def test_two_subjects_by_hand():
    """What the kernels take from one outage at a time, worked out by hand: 10 a second beyond the first hour.

    A halt of 3 h pays 72,000 on a. On b the halt passed on (from 1 h to 4 h) and its own (from 3 h to 5 h) are one of
    4 h: 108,000, of which the aggregate limit leaves 100,000.
    """
    own = np.array([(3 * HOUR << 32) | 2 * HOUR, 2**64 - 1], np.uint64)
    passed = np.array([(1 * HOUR << 32) | 3 * HOUR, 2**64 - 1], np.uint64)
    count, both = merge(own, 1, passed, 1, np.empty(8, np.uint64))
    assert unite(both, count) == 1
    start, length = divmod(int(both[0]), 2**32)
    assert (start, length) == (1 * HOUR, 4 * HOUR)
    world = World((Process("a", 1.0, law()), Process("b", 1.0, law())), (), (Link("b", "a", 1.0),))
    book = Book((cover("a", "a"), cover("b", "b", terms(limit=100_000, aggregate=100_000))), world)
    a, b = world.place["a"], world.place["b"]
    rows = np.array([[0, a, HOUR, 3 * HOUR, 0, a, 0], [0, b, start, length, 0, a, 0]], np.int64)
    by_row, by_policy = book.settle(rows)
    assert by_row.tolist() == by_policy.tolist() == [72_000, 100_000]


def test_a_certain_link_stops_the_subject_for_as_long_and_an_impossible_one_never():
    lasting = law()
    quiet = Process("b", 0.0, lasting)
    for chance in (1.0, 0.0):
        found = reference.outages(World((Process("a", 2.0, lasting), quiet), (), (Link("b", "a", chance),)), 1, 0)
        assert found["b"] == (found["a"] if chance else [])


def test_an_outage_counts_in_whole_if_it_begins_while_the_policy_is_in_force():
    world = World((Process("a", 4.0, law(median=3 * DAY)),))
    begin, end = 100 * DAY, 160 * DAY
    book = Book((cover("p", "a", terms(limit=10**8, aggregate=10**10), begin, end),), world)
    rows = book.trace(1, np.arange(BLOCK_YEARS))
    expected = [min(10**8, 10 * max(0, d - HOUR)) if begin <= t < end else 0 for _, _, t, d, *_ in rows.tolist()]
    assert any(t + d > end > t for _, _, t, d, *_ in rows.tolist())
    assert book.settle(rows)[0].tolist() == expected
    assert book.simulate(1, 0, 1).sum() == sum(expected)


def test_rates_of_a_group_rise_and_fall_together():
    """Ten times as many halts in one half of the worlds than in the other: shared by the group, or each its own."""
    lasting = law()
    either = RatePosterior(np.full(2, 50.0), np.array([125.0, 12.5]), np.full(2, 0.5), 0.5, "few or many")
    group = [Process(f"s{i}", either, lasting, "g") for i in range(20)]
    spread = []
    for processes in (group, [replace(process, group=process.id) for process in group]):
        book = Book(tuple(cover(p.id, p.id) for p in processes), World(tuple(processes)))
        spread.append(book.simulate(1, 0, 300).reshape(-1, BLOCK_YEARS).sum(axis=1).std())
    assert spread[0] > 3 * spread[1]


def test_a_book_without_policies_pays_nothing():
    book = Book((), small_pool().world)
    assert book.simulate(1, 0, 2).tolist() == [0] * 200
    assert book.trace(1, np.arange(5)).shape == (0, 7)


# Refusals


SUBJECTS = tuple(Process(name, 1.0, law()) for name in "abc")


def test_a_circle_of_dependencies_is_refused_by_its_members():
    links = (Link("a", "b", 0.5), Link("b", "c", 0.5), Link("c", "a", 0.5))
    with pytest.raises(InvalidData, match="circle"):
        World(SUBJECTS, (), links)


def test_a_cause_without_members_is_refused():
    with pytest.raises(InvalidData, match="'stack' has no members"):
        World(SUBJECTS, (Process("stack", 1.0, law()),))


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan")])
def test_probabilities_outside_their_range_are_refused_with_the_row(chance):
    with pytest.raises(InvalidData, match=r"link 1 from 'b' to 'c': pass_through"):
        World(SUBJECTS, (), (Link("b", "a", 0.5), Link("c", "b", chance)))
    with pytest.raises(InvalidData, match="failover_probability"):
        World(SUBJECTS, failover_probability=chance)


@pytest.mark.parametrize("rate", [-1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidData, match="process 'a': rate"):
        World((Process("a", rate, law()),))


def test_unknown_subjects_are_refused_with_the_row():
    with pytest.raises(UnknownSubject, match="link 0: cause 'x'"):
        World(SUBJECTS, (), (Link("a", "x", 0.5),))
    with pytest.raises(UnknownSubject, match=r"policy 1 \(q\): subject 'x'"):
        Book((cover("p", "a"), cover("q", "x")), World(SUBJECTS))


def test_what_occurs_twice_is_refused():
    with pytest.raises(InvalidData, match="process 'a' occurs twice"):
        World((*SUBJECTS, SUBJECTS[0]))
    with pytest.raises(InvalidData, match=r"link 1 .* occurs twice"):
        World(SUBJECTS, (), (Link("a", "b", 0.5), Link("a", "b", 0.4)))
    with pytest.raises(InvalidData, match="id 'p' occurs twice"):
        Book((cover("p", "a"), cover("p", "b")), World(SUBJECTS))


def test_a_policy_that_ends_before_it_starts_is_refused():
    with pytest.raises(InvalidData, match=r"policy 0 \(p\): end 5 must be after start 5"):
        Book((cover("p", "a", None, 5, 5),), World(SUBJECTS))


def test_aggregate_limits_that_could_exceed_int64_are_refused():
    promise = terms(limit=2**62, aggregate=2**62)
    with pytest.raises(InvalidData, match=r"policy 1 \(q\): the aggregate limits together"):
        Book((cover("p", "a", promise), cover("q", "b", promise)), World(SUBJECTS))


@pytest.mark.parametrize(("seed", "block", "count"), [(-1, 0, 1), (2**64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 2**31, 1)])
def test_a_seed_or_block_that_the_key_cannot_hold_is_refused(seed, block, count):
    with pytest.raises(InvalidData):
        small_pool().simulate(seed, block, count)
