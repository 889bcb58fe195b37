"""What `pricing_models.capital` promises: tail measures that add up, with errors that are those of blocks."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_models import capital
from pricing_models.errors import InvalidData
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


def test_a_pool_that_owes_is_none():
    with pytest.raises(InvalidData, match="pool"):
        capital.ruin(np.zeros(200, np.int64), -1)
