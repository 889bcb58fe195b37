"""What `pricing_models.collapse` promises: the counts of a posterior of hundreds of nodes, from two dozen rates."""

import numpy as np
import pytest
from scipy import stats

from pricing_models.collapse import NODES, READINGS, Tabulated, collapse, collapse_readings, counts, gauss
from pricing_models.frequency import RatePosterior, poisson_counts


def posterior(shapes, rates, weights):
    return RatePosterior(np.array(shapes), np.array(rates), np.array(weights), 0.0, "so it was said")


BUSY = posterior([7.5, 12.0, 9.0], [12.0, 20.0, 15.0], [0.3, 0.3, 0.4])
QUIET = posterior([0.09, 0.4, 1.5], [0.5, 3.0, 9.0], [0.2, 0.5, 0.3])


@pytest.mark.parametrize("rate", [BUSY, QUIET], ids=["busy", "quiet"])
@pytest.mark.parametrize("years", [1.0 / 52.0, 0.25, 1.0, 10.0])
def test_the_counts_are_those_of_the_whole_mixture(rate, years):
    known = collapse(rate, years)
    found, expected = counts(known.rates[None] * years, known.weights[None])[0], rate.predictive(years)
    shared = min(found.size, expected.size) - 1
    assert found[:shared] == pytest.approx(expected[:shared], abs=1e-11)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert found @ np.arange(found.size) == pytest.approx(rate.mean * years, rel=1e-9)


@pytest.mark.parametrize("rate", [BUSY, QUIET], ids=["busy", "quiet"])
def test_median_and_interval_are_the_posteriors(rate):
    known = collapse(rate, 1.0)
    assert known.typical == pytest.approx(rate.quantile(0.5), rel=1e-6)
    assert (known.low, known.high) == pytest.approx(rate.interval(0.9), rel=1e-6)
    assert (known.mean, known.source) == (rate.mean, "so it was said")


@pytest.mark.parametrize("years", [0.25, 1.0])
def test_readings_are_known_rates_together_under_any_factors(years):
    factors = [0.4, 1.7]
    parts = [each.scaled(factor).predictive(years) for each, factor in zip((BUSY, QUIET), factors, strict=True)]
    expected = np.mean([np.pad(part, (0, 200 - part.size)) for part in parts], axis=0)
    known = collapse_readings(BUSY, [Tabulated.of(each, years) for each in (BUSY, QUIET)], factors)
    found = counts(known.rates[None] * years, known.weights[None])[0]
    shared = min(found.size, *(part.size for part in parts)) - 1
    assert found[:shared] == pytest.approx(expected[:shared], abs=1e-11)
    mixture = posterior(
        np.concatenate([BUSY.shapes, QUIET.shapes]),
        np.concatenate([BUSY.rates / 0.4, QUIET.rates / 1.7]),
        np.concatenate([BUSY.weights, QUIET.weights]) / 2.0,
    )
    assert known.mean == pytest.approx(mixture.mean)
    assert (known.low, known.typical, known.high) == pytest.approx(
        [mixture.quantile(p) for p in (0.05, 0.5, 0.95)], rel=1e-7
    )
    levels = np.cumsum(READINGS) - READINGS / 2.0
    assert READINGS.sum() == pytest.approx(1.0)
    # a rate below a part in 1e10 of the mean is none
    assert known.spread == pytest.approx([mixture.quantile(p) for p in levels], rel=0.01, abs=1e-9)


def test_a_term_too_long_for_few_rates_gets_as_many_as_it_needs():
    assert collapse(BUSY, 1.0).rates.size == NODES
    assert collapse(QUIET, 10.0).rates.size > NODES


def test_a_gauss_rule_keeps_the_moments_of_what_it_stands_for():
    """Of the binomial law, whose rules are known: Krawtchouk's polynomials."""
    x = np.arange(41, dtype=float)
    weights = stats.binom.pmf(x, 40, 0.3)
    nodes, masses = gauss(x, weights, 6)
    assert nodes.size == 6
    for degree in range(12):
        assert masses @ nodes**degree == pytest.approx(weights @ x**degree, rel=1e-11)


def test_a_law_of_few_points_is_its_own_rule():
    nodes, masses = gauss(np.array([1.0, 2.0, 5.0]), np.array([0.2, 0.3, 0.5]), 10)
    order = np.argsort(nodes)[-3:]
    assert nodes[order] == pytest.approx([1.0, 2.0, 5.0])
    assert masses[order] == pytest.approx([0.2, 0.3, 0.5])


def test_rates_that_are_known_give_poisson_counts():
    rows = counts(np.array([[0.0], [0.3], [6.0]]), np.ones((3, 1)))
    assert rows[0].tolist() == [1.0] + [0.0] * (rows.shape[1] - 1)
    for row, mean in ((1, 0.3), (2, 6.0)):
        expected = poisson_counts(mean)[: rows.shape[1] - 1]
        assert rows[row, : expected.size] == pytest.approx(expected, abs=1e-13)
    assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-14)
