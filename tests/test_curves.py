"""What `pricing_models.curves` promises: the closed forms, from a table, at any lengths and in any shape."""

import numpy as np
import pytest

from pricing_models.curves import Spliced, tabulate

MEAN = 7200.0
LONGEST = 2.0**32


def sf(x):
    return np.exp(-x / MEAN)


def lev(x):
    return -MEAN * np.expm1(-x / MEAN)


CURVES = tabulate(sf, lev, LONGEST)


def test_between_its_points_the_table_has_nine_digits():
    x = np.exp(np.random.default_rng(1).uniform(0.0, np.log(1e5), 5000))
    assert CURVES.sf(x) == pytest.approx(sf(x), rel=1e-8, abs=1e-10)
    assert CURVES.lev(x) == pytest.approx(lev(x), rel=1e-9)


def test_beyond_its_ends_the_closed_forms_answer():
    x = np.array([0.0, 0.2, 1.0, LONGEST, 2.0 * LONGEST])
    assert CURVES.sf(x) == pytest.approx(sf(x), abs=1e-12)
    assert CURVES.lev(x) == pytest.approx(lev(x), rel=1e-9)


def test_it_takes_numbers_and_tables_of_them():
    x = np.array([[60.0, 3600.0], [7200.0, 0.0]])
    assert CURVES.lev(x) == pytest.approx(lev(x), rel=1e-9)
    assert CURVES.sf(np.float64(60.0))[0] == pytest.approx(sf(60.0), rel=1e-9)
    assert CURVES.sf(np.empty(0)).size == 0
    assert CURVES.lev(x.T) == pytest.approx(lev(x.T), rel=1e-9)
    assert CURVES.sf(np.asfortranarray(x)) == pytest.approx(sf(x), rel=1e-9)


def test_two_laws_are_joined_at_a_length():
    at = 86_400.0
    tail = tabulate(lambda x: (1.0 + x / 1e4) ** -2.0, lambda x: 1e4 * (1.0 - 1.0 / (1.0 + x / 1e4)), LONGEST)
    joined = Spliced.of(CURVES, tail, at)
    x = np.array([[0.0, 10.0, 86_000.0], [86_400.0, 87_000.0, 1e6]])
    excess = np.maximum(x - at, 0.0)
    assert joined.sf(x) == pytest.approx(sf(np.minimum(x, at)) * (1.0 + excess / 1e4) ** -2.0, rel=1e-6)
    limited = lev(np.minimum(x, at)) + sf(at) * 1e4 * (1.0 - 1.0 / (1.0 + excess / 1e4))
    assert joined.lev(x) == pytest.approx(limited, rel=1e-9)
