"""What `pricing_models.surface` promises: exact marginal capital at its grid, near it between, and refusals off it."""

from dataclasses import replace

import numpy as np
import pytest

from pricing_models.errors import InvalidData, InvalidTerms
from pricing_models.marginal import store_tail
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book
from pricing_models.surface import DAY, HOUR, Surface, added_capital, surface
from tests.pool_worlds import cover, small_pool

SEED = 6


@pytest.fixture(scope="module")
def stored():
    book = small_pool()
    return store_tail(book, SEED, book.simulate(SEED, 0, 100), 0.99, 0.1)


@pytest.fixture(scope="module")
def table(stored):
    return surface(stored, "l1-a")


def promise(stored, size, waiting=HOUR, seconds=12 * HOUR, ratio=2, semantics=Semantics.RETENTION):
    """Terms whose aggregate limit is about this share of the surface's room."""
    rate = max(1, int(size * stored.room) // (seconds * ratio))
    return Terms(waiting, semantics, rate, 0, rate * seconds, rate * seconds * ratio)


def exact(stored, terms, term):
    found = stored.marginal(cover("new", "l1-a", terms, 0, term))
    assert not found.replayed
    return float(found.capital)


@pytest.mark.parametrize("semantics", list(Semantics))
@pytest.mark.parametrize(("size", "term"), [(0.5, 365 * DAY), (0.5, 90 * DAY), (1.0, 180 * DAY)])
def test_at_the_grid_it_is_the_exact_marginal_capital(stored, table, semantics, size, term):
    terms = promise(stored, size, semantics=semantics)
    # the rate is a whole number, so that the size is not quite on the grid
    assert table.capital(terms, term) == pytest.approx(exact(stored, terms, term), rel=0.02)


def test_between_grid_points_it_is_near(stored, table):
    rng = np.random.default_rng(5)
    apart, scale = [], []
    for _ in range(60):
        seconds, ratio = int(rng.uniform(1, 40) * HOUR), int(rng.integers(1, 5))
        terms = promise(stored, rng.uniform(0.2, 0.9), int(rng.uniform(0, 20) * HOUR), seconds, ratio)
        term = int(rng.uniform(20, 360)) * DAY
        right = exact(stored, terms, term)
        apart.append(abs(table.capital(terms, term) - right))
        scale.append(right)
    assert np.sum(apart) < 0.1 * np.sum(scale)


def test_what_a_policy_adds_by_unit_grows_with_its_size(stored, table):
    """TVaR is convex: the last unit adds at least what the first one does."""
    assert (np.diff(table.values, axis=-1) > -1e-9).all()
    assert (table.values >= 0).all() and (table.values <= 1 + 1e-9).all()


def test_a_subject_that_nobody_is_insured_on_has_one_too():
    base = small_pool()
    book = Book(tuple(each for each in base.covers if each.subject != "l1-a"), base.world)
    kept = store_tail(book, SEED, book.simulate(SEED, 0, 100), 0.99, 0.1)
    terms = promise(kept, 0.5)
    assert surface(kept, "l1-a").capital(terms, 90 * DAY) == pytest.approx(exact(kept, terms, 90 * DAY), rel=0.05)


def test_it_belongs_to_one_version_of_the_book(stored, table):
    assert (table.subject, table.version) == ("l1-a", stored.version)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"waiting_seconds": 100 * HOUR}, "waiting_seconds"),
        ({"failover_benefit": 1}, "failover_benefit"),
        ({"incident_limit": 10}, "incident_limit / rate_per_second"),
        ({"aggregate_limit": 10**18}, "aggregate_limit"),
    ],
)
def test_terms_off_the_grid_are_refused_by_their_field(stored, table, change, field):
    with pytest.raises(InvalidTerms, match=f"^{field} is .*exactly"):
        table.capital(replace(promise(stored, 0.5), **change), 90 * DAY)


def test_terms_longer_than_a_year_are_refused(stored, table):
    with pytest.raises(InvalidTerms, match="term_seconds"):
        table.capital(promise(stored, 0.5), 400 * DAY)


def test_a_limit_that_no_incident_reaches_is_none(stored, table):
    terms = promise(stored, 0.5, seconds=168 * HOUR)
    higher = replace(terms, incident_limit=terms.incident_limit + 12_345)
    assert isinstance(table, Surface)
    assert table.capital(higher, 90 * DAY) == table.capital(terms, 90 * DAY)


def test_a_store_without_room_is_refused():
    book = Book((), small_pool().world)
    with pytest.raises(InvalidData, match="larger share"):
        surface(store_tail(book, 1, np.zeros(1_000, np.int64), 0.99, 0.1), "l1-a")


def test_added_capital_is_exact_on_and_off_the_grid(stored):
    for terms in (promise(stored, 0.4), promise(stored, 0.4, seconds=60)):  # the second is off the grid
        assert added_capital(stored, "l1-a", terms, 77 * DAY) == exact(stored, terms, 77 * DAY)


def test_added_capital_simulates_no_more_years_again_than_it_may(stored):
    years = stored.totals.size
    within, above = promise(stored, 0.4), promise(stored, 1.5)
    assert added_capital(stored, "l1-a", within, 77 * DAY, most_years=1) > 0
    known = float(stored.marginal(cover("new", "l1-a", above, 0, 77 * DAY)).capital)
    assert added_capital(stored, "l1-a", above, 77 * DAY, most_years=years) == known
    with pytest.raises(InvalidData, match=f"the limit is too large for a quick answer: .* all {years:,} years"):
        added_capital(stored, "l1-a", above, 77 * DAY, most_years=years - 1)
