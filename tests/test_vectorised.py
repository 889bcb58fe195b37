"""What `pricing_models.simulate.vectorised` promises: the kernels' years with numpy alone, at a tolerance of nought."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing_models.errors import InvalidData
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book, Process, World
from pricing_models.simulate import vectorised
from tests.pool_worlds import cover, law, small_pool, some_books


@given(some_books(), st.integers(0, 2**64 - 1), st.integers(0, 2**31 - 2))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_numpy_alone_gives_the_same_years_to_the_unit(book, seed, block):
    assert vectorised.simulate(book, seed, block, 2).tobytes() == book.simulate(seed, block, 2).tobytes()


def test_it_is_exact_near_the_bounds_of_int64():
    huge = Terms(0, Semantics.RETENTION, 2**63, 0, 2**60, 2**61)
    lump = Terms(0, Semantics.RETENTION, 1, 2**61, 2**61, 2**62)
    world = World((Process("s", 8.0, law(sigma=2.0, permanent=0.05)),), (), (), 0.5)
    book = Book((cover("a", "s", huge), cover("b", "s", lump)), world)
    assert vectorised.simulate(book, 1, 0, 2).tobytes() == book.simulate(1, 0, 2).tobytes()


def test_it_refuses_what_the_kernels_refuse():
    with pytest.raises(InvalidData):
        vectorised.simulate(small_pool(), -1, 0, 1)
