"""What `pricing_models.portfolio` promises: the pool's payout of each year, exact, from (seed, block) alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

from pricing_models.bodies import BODIES
from pricing_models.compound import loss_distribution
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.frequency import RatePosterior
from pricing_models.lengths import SplicedPosterior
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Semantics, Terms, expected_payout, owed
from pricing_models.portfolio import Book, Link, Process, World
from pricing_models.simulate import curves, draws, reference
from pricing_models.simulate.limits import outage_pays, policy_terms
from pricing_models.simulate.outages import BLOCK, BLOCK_YEARS, YEAR, unite
from pricing_models.simulate.payouts import append
from pricing_models.tails import Tail, hazard
from tests.pool_worlds import (
    DAY,
    HOUR,
    bent_law,
    cover,
    law,
    small_pool,
    some_books,
    some_terms,
    tailed,
    terms,
    uncertain_law,
    uncertain_rate,
)

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
    assert np.allclose(ours[:, 0], np.log(p), rtol=2e-12, atol=0)
    assert np.allclose(ours[:, 1], np.exp(50.0 * p), rtol=1e-12, atol=0)
    assert np.allclose(ours[:, 2], special.ndtri(p), rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [0.13, 1.0, 7.4])
def test_the_burr_s_variate_is_its_quantile(shape):
    p = (np.random.default_rng(4).integers(0, 2**32, 2_000) + 0.5) / 2**32
    p = np.append(p, [2.0**-33, 1.0 - 2.0**-33, -np.expm1(-0.25 * shape)])
    ours = np.array([draws.burr_of(x, shape) for x in p])
    assert np.allclose(ours, BODIES["burr"].quantile(p, shape), rtol=0, atol=1e-11)


@pytest.mark.parametrize("xi", [-0.4, -1e-9, 0.0, 1e-4, 0.3, 1.0, 2.0])
def test_the_excess_over_a_threshold_is_survived_as_often_as_the_tail_says(xi):
    survival = np.append((np.random.default_rng(5).integers(0, 2**32, 500) + 0.5) / 2**32, [1e-9, 1 - 2.0**-33])
    ours = np.array([draws.excess_of(s, xi, 3.5 * HOUR) for s in survival])
    assert np.allclose(np.exp(-hazard(np.array(xi), np.array(3.5 * HOUR), ours)), survival, rtol=1e-9, atol=0)


@pytest.mark.parametrize("shape", [0.3, 1.0, 7.5])
def test_gamma_variates_have_the_mean_and_variance_of_their_law(shape):
    x = np.array([draws.gamma_of(shape, WORD(i), WORD(0), WORD(5), WORD(6)) for i in range(40_000)])
    assert abs(x.mean() - shape) < 4 * np.sqrt(shape / x.size)
    assert abs(x.var() / shape - 1) < 0.1


def test_seconds_of_a_block_fall_into_their_years():
    edges = np.array([k * YEAR + d for k in range(BLOCK_YEARS) for d in (0, 1, YEAR - 1)])
    t = np.append(edges, np.random.default_rng(2).integers(0, BLOCK, 5_000))
    times, lengths, years = (np.empty(t.size, kind) for kind in (np.int32, np.uint32, np.int32))
    append(t.astype(np.uint64) << np.uint64(32) | np.uint64(7), 0, t.size, 300, times, lengths, years, 0)
    assert (years == 300 + t // YEAR).all() and (times == t % YEAR).all() and (lengths == 7).all()


# Equality with the naive way


@pytest.mark.parametrize("largest_table", [curves.LARGEST_TABLE, 0], ids=["tables", "sweep"])
@given(some_books(), st.integers(0, 2**64 - 1), st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_pool_pays_what_every_policy_is_owed_for_every_outage(largest_table, book, seed, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "LARGEST_TABLE", largest_table)
        assert book.simulate(seed, block, 1).tolist() == reference.totals(book, seed, block)


def test_the_random_books_include_years_in_which_aggregate_limits_bind():
    book = small_pool()
    paid = {}
    for row in reference.payouts(book, 3, 2):
        paid[row["year"], row["policy"]] = paid.get((row["year"], row["policy"]), 0) + row["amount"]
    limits = {each.id: each.terms.aggregate_limit for each in book.covers}
    assert sum(amount == limits[policy] for (_, policy), amount in paid.items()) > 20
    assert book.simulate(3, 2, 1).tolist() == reference.totals(book, 3, 2)


@given(some_terms(), st.integers(0, YEAR - 1), st.integers(1, 2**32 - 1), st.booleans())
@settings(max_examples=300, deadline=None)
def test_one_policy_alone_pays_what_the_contract_would(promise, time, length, proven):
    held = cover("p", "a", promise, 30 * DAY, 200 * DAY)
    book = Book((held,), World((Process("a", 1.0, law()),)))
    expected = 0
    for number, covered in enumerate(reference.incidents(held, time, length)):
        expected += owed(promise, covered, proven and number == 0, expected)
    terms_of_it = policy_terms(book.policies[13], 0)
    assert outage_pays(terms_of_it, time, length, proven, promise.aggregate_limit) == expected


def test_a_halt_of_weeks_is_several_incidents_by_hand():
    """10 a second beyond the first hour, at most 5,000,000 an incident; a halt of 16 days is 7 + 7 + 2 days."""
    week, full, two_days = 7 * DAY, 10 * (7 * DAY - HOUR), 10 * (2 * DAY - HOUR)
    promise = terms(benefit=500, limit=full + 1_000, aggregate=10**9)
    begins = 100 * DAY
    book = Book(
        (
            cover("whole", "a", promise),
            cover("late", "a", promise, begins + 1),  # in force while the chain is down, not when it stopped
            cover("short", "a", promise, 0, begins + week),  # over before the second incident begins
            cover("two", "a", promise, 0, begins + week + 1),
            cover("limited", "a", replace(promise, aggregate_limit=full + 1_000 + 7)),
        ),
        World((Process("a", 1.0, law()),)),
    )
    paid = []
    for proven in (0, 1):
        row = np.array([[0, 0, begins, 16 * DAY, proven, 0, 0]], np.int64)
        paid.append(dict(zip((each.id for each in book.covers), book.settle(row)[1].tolist(), strict=True)))
    assert paid[0] == {"whole": 2 * full + two_days, "late": 0, "short": full, "two": 2 * full, "limited": full + 1_007}
    assert {name: paid[1][name] - paid[0][name] for name in paid[0]} == {
        "whole": 500, "late": 0, "short": 500, "two": 500, "limited": 0,
    }  # fmt: skip


def test_a_stop_for_good_is_paid_to_the_end_of_the_year_and_no_longer():
    book = Book(
        (cover("p", "a", terms(limit=10**7, aggregate=10**10), 0, 2 * YEAR),), World((Process("a", 1.0, law()),))
    )
    row = np.array([[0, 0, YEAR - 15 * DAY, 2**32 - 1, 0, 0, 0]], np.int64)
    assert book.settle(row)[0].tolist() == [3 * 10 * (7 * DAY - HOUR)]  # those that begin 15, 8 and 1 days before it


def test_policies_that_begin_during_a_long_halt_are_left_out_of_its_later_incidents():
    """The book's functions hold them, and they are taken out again: many begin and end within the halts here."""
    lasting = law(median=30 * DAY, sigma=1.0, permanent=0.2)
    covers = tuple(
        cover(f"p{k}", "a", terms(rate=k + 1), 5 * k * DAY, (5 * k + 3 + 4 * (k % 9)) * DAY) for k in range(60)
    )
    book = Book(covers, World((Process("a", 2.0, lasting),)))
    assert book.simulate(1, 0, 2).tolist() == reference.totals(book, 1, 0) + reference.totals(book, 1, 1)
    assert sum(row[3] > LONGEST_INCIDENT_SECONDS for row in book.trace(1, np.arange(200)).tolist()) > 100


def test_terms_near_the_bounds_of_int64_are_exact():
    huge = Terms(0, Semantics.RETENTION, 2**63, 0, 2**60, 2**61)
    slow = Terms(10, Semantics.QUALIFYING, 2**40, 2**60, 2**61, 2**61)
    lump = Terms(0, Semantics.RETENTION, 1, 2**61, 2**61, 2**61)  # the seconds it is worth overflow when added up
    lasting = law(sigma=2.0, permanent=0.05)
    for chance in (0.5, 1.0):
        world = World((Process("s", 8.0, lasting),), (), (), chance)
        book = Book((cover("a", "s", huge), cover("b", "s", slow), cover("c", "s", lump)), world)
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


def mean_of_a_halt(promise, lasting, term):
    """Expected payout of a halt that begins at any second of a term, by incident: number k counts only if it begins
    before the term's end, which a share 1 - k 168 h / term of the halts lets it."""
    week, total, k = LONGEST_INCIDENT_SECONDS, 0.0, 0
    while k * week < term:
        total += (1.0 - k * week / term) * _mean_of_incident(promise, lasting, k * week)
        k += 1
    return total


def _mean_of_incident(promise, lasting, begun):
    """rate x (LEV(begun + 168 h) - LEV(begun + w)) of a retention whose limit an incident can't reach."""
    lev = lasting.limited_expectation
    ends = np.array([float(begun + promise.waiting_seconds), float(begun + LONGEST_INCIDENT_SECONDS)])
    return promise.rate_per_second * float(np.diff(lev(ends))[0])


@pytest.mark.parametrize(
    "lasting",
    [law(sigma=1.6, permanent=0.05), bent_law(permanent=0.05), tailed(uncertain_law(permanent=0.05))],
    ids=["lognormal", "burr", "tail"],
)
def test_the_mean_without_limits_and_overlaps_is_the_analytic_one(lasting):
    """Subjects a and b halt 0.05 times a year, b also with 0.6 of a's halts; one halt in twenty is for good."""
    promise = terms(limit=10 * 7 * DAY, aggregate=10**12)
    world = World(
        (Process("a", 0.05, lasting), Process("b", uncertain_rate(0.05), lasting)), (), (Link("b", "a", 0.6),)
    )
    book = Book((cover("a", "a", promise), cover("b", "b", promise, 0, YEAR // 2)), world)
    means = book.simulate(4, 0, 20_000).reshape(-1, BLOCK_YEARS).mean(axis=1)
    expected = mean_of_a_halt(promise, lasting, YEAR) * 0.05
    expected += mean_of_a_halt(promise, lasting, YEAR // 2) * (0.05 + 0.05 * 0.6) / 2
    error = means.std(ddof=1) / np.sqrt(means.size)
    assert abs(means.mean() - expected) < 3 * error
    assert error < 0.02 * expected
    first = expected_payout(
        replace(promise, aggregate_limit=promise.incident_limit), lasting.sf, lasting.limited_expectation
    )
    assert expected > 1.3 * first * (0.05 + 0.04)  # later incidents are a good part of it


@pytest.mark.parametrize("permanent", [0.0, 0.03])
def test_a_book_of_one_policy_is_the_compound_model(permanent):
    """Two differences are known and bounded. The compound model pays incidents that begin after the policy's end too;
    as the third one reaches the aggregate limit, only halts that begin in the last two weeks can differ. And there a
    stop for good doesn't end the chain's halts."""
    rate, lasting = uncertain_rate(1.5), law(permanent=permanent)
    promise = terms(HOUR, Semantics.RETENTION, 10, 0, 400_000, 1_000_000)
    book = Book((cover("p", "a", promise),), World((Process("a", rate, lasting),)))
    years = book.simulate(9, 0, 10_000)
    exact = loss_distribution(rate.predictive(1.0), promise, lasting.sf, lasting.limited_expectation)
    means = years.reshape(-1, BLOCK_YEARS).mean(axis=1)
    beyond = 1.5 * float(lasting.sf(np.array([float(LONGEST_INCIDENT_SECONDS)]))[0]) * 600_000 * 14 / 365
    error = 3 * means.std(ddof=1) / np.sqrt(means.size)
    swallowed = permanent * 1.5 / 2  # of the halts
    assert -error - beyond < means.mean() - exact.mean < error
    assert error + beyond < 0.03 * exact.mean
    for p in (0.6, 0.8, 0.9):
        step = float(exact.amounts[1])
        assert (years <= exact.quantile(p) + step).mean() > p - 0.003
        assert (years < exact.quantile(p) - step).mean() < p + 0.003 + 0.2 * swallowed


@pytest.mark.parametrize(
    "lasting",
    [
        bent_law(),
        law(sigma=0.5, body="burr", shape=0.2),
        tailed(uncertain_law()),
        tailed(bent_law()),
        tailed(law(body="weibull", permanent=0.2), threshold=HOUR),
        tailed(law(body="loglogistic"), threshold=2 * DAY),
    ],
    ids=["burr", "far burr", "lognormal+gpd", "burr+gpd", "weibull+gpd", "loglogistic+gpd"],
)
def test_simulated_lengths_have_the_law_that_prices_are_made_from(lasting):
    """At 20 lengths no share is four standard errors off, taken over blocks, which have parameters of their own."""
    world = World((Process("a", 0.05, lasting),))
    rows = Book((cover("p", "a"),), world).trace(2, np.arange(400_000))
    points = np.exp(np.linspace(np.log(0.2 * HOUR), np.log(30 * DAY), 20))
    longer = rows[:, 3][:, None] > points - 0.5
    blocks = rows[:, 0] // BLOCK_YEARS
    expected = lasting.sf(points)
    off = np.array([np.bincount(blocks, longer[:, k] - expected[k], 4_000) for k in range(20)])
    assert (np.abs(off.sum(axis=1)) < 4 * np.sqrt((off**2).sum(axis=1)) + 1e-9).all()


def test_halts_are_for_good_as_often_as_the_law_says():
    world = World((Process("a", 0.02, law(permanent=0.25)),))
    lengths = Book((cover("p", "a"),), world).trace(1, np.arange(100_000))[:, 3]
    share = (lengths == draws.LONGEST).mean()
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / lengths.size)
    ending = np.log(lengths[lengths < draws.LONGEST])
    assert abs(ending.mean() - np.log(4 * HOUR)) < 4 * 1.3 / np.sqrt(ending.size)
    assert abs(ending.std() / 1.3 - 1) < 0.05


def test_two_subjects_by_hand():
    """What the kernels take from one outage at a time, worked out by hand: 10 a second beyond the first hour.

    A halt of 3 h pays 72,000 on a. On b the halt passed on (from 1 h to 4 h) and its own (from 3 h to 5 h) are one of
    4 h: 108,000, of which the aggregate limit leaves 100,000.
    """
    own = np.array([(3 * HOUR << 32) | 2 * HOUR, 0], np.uint64)
    passed = np.array([(1 * HOUR << 32) | 3 * HOUR, 0], np.uint64)
    united = np.empty(2, np.uint64)
    assert unite(own, 1, passed, 1, united, 0) == 1
    start, length = divmod(int(united[0]), 2**32)
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
    rows = rows[rows[:, 3] <= LONGEST_INCIDENT_SECONDS]
    expected = [min(10**8, 10 * max(0, d - HOUR)) if begin <= t < end else 0 for _, _, t, d, *_ in rows.tolist()]
    assert any(t + d > end > t for _, _, t, d, *_ in rows.tolist())
    assert book.settle(rows)[0].tolist() == expected


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


SUBJECTS = tuple(Process(name, 1.0, law()) for name in "abcd")


def test_a_circle_of_dependencies_is_refused_by_its_members():
    links = (Link("a", "b", 0.5), Link("b", "c", 0.5), Link("c", "a", 0.5))
    with pytest.raises(InvalidData, match=r"circle: .*\(links 0, 1, 2\)"):
        World(SUBJECTS, (), (*links, Link("d", "a", 0.5)))


def test_a_cause_without_members_is_refused():
    with pytest.raises(InvalidData, match="'stack' has no members"):
        World(SUBJECTS, (Process("stack", 1.0, law()),))


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan")])
def test_probabilities_outside_their_range_are_refused_with_the_row(chance):
    with pytest.raises(InvalidData, match=r"link 1 from 'b' to 'c': pass_through"):
        World(SUBJECTS, (), (Link("b", "a", 0.5), Link("c", "b", chance)))
    with pytest.raises(InvalidData, match="failover_probability"):
        World(SUBJECTS, failover_probability=chance)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_of_permanent_stops_that_is_none_is_refused(share):
    with pytest.raises(InvalidData, match="process 'a': share of permanent stops"):
        World((Process("a", 1.0, law(permanent=share)),))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mu", np.nan, "mu of its lengths is nan: must be finite"),
        ("sigma", 0.0, "sigma of its lengths is 0: must be positive and finite"),
        ("shape", -1.0, "shape of its lengths is -1: must be positive and finite"),
    ],
)
def test_a_law_of_lengths_that_is_none_is_refused_before_it_is_simulated(field, value, words):
    wrong = replace(law(), **{field: np.array([value])})
    with pytest.raises(InvalidData, match=f"process 'a': {words}"):
        World((Process("a", 1.0, wrong),))


@pytest.mark.parametrize(
    ("threshold", "beta", "words"),
    [(0.0, 3600.0, "threshold of its lengths is 0"), (86_400.0, np.inf, "beta of its lengths is inf")],
)
def test_a_tail_that_is_none_is_refused_before_it_is_simulated(threshold, beta, words):
    body = law()
    parts = (body.body, body.mu, body.sigma, body.weights, body.source, 0.0, body.shape)
    tail = Tail(np.array([0.3]), np.array([beta]), np.ones(1))
    with pytest.raises(InvalidData, match=f"process 'a': {words}: must be positive and finite"):
        World((Process("a", 1.0, SplicedPosterior(*parts, threshold, tail)),))


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
