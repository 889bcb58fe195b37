"""What `pricing_models.principles` promises: premiums above the mean, with the published closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pricing_models.compound import LossDistribution
from pricing_models.errors import InvalidTerms
from pricing_models.principles import (
    alternatives,
    cost_of_capital,
    distorted_mean,
    proportional_hazard,
    standard_deviation,
    wang,
)


def law(amounts, pmf):
    return LossDistribution(np.asarray(amounts, dtype=float), np.asarray(pmf, dtype=float), 0.0, 0.0)


def discretised(distribution, top, points=200_001):
    grid = np.linspace(0.0, top, points)
    edges = np.append(grid[:-1] + grid[1] / 2, np.inf)
    pmf = np.diff(np.append(0.0, distribution.cdf(edges)))
    return law(grid, pmf)


@st.composite
def losses(draw):
    sizes = draw(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=6, unique=True))
    weights = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=len(sizes) + 1, max_size=len(sizes) + 1)))
    return law([0.0, *sorted(sizes)], weights / weights.sum())


def test_wangs_premium_of_a_normal_loss_is_mean_plus_shift_times_sd():
    normal = discretised(stats.norm(1000.0, 100.0), 2000.0)
    assert wang(normal, 0.3) == pytest.approx(1030.0, abs=0.02)


def test_wangs_premium_of_a_lognormal_loss_shifts_its_mu():
    mu, sigma = 1.0, 0.5
    loss = discretised(stats.lognorm(sigma, scale=np.exp(mu)), 120.0)
    assert wang(loss, 0.4) == pytest.approx(np.exp(mu + 0.4 * sigma + sigma**2 / 2), rel=1e-4)


def test_the_proportional_hazard_of_an_exponential_loss_divides_its_mean():
    assert proportional_hazard(discretised(stats.expon(scale=5.0), 300.0), 0.8) == pytest.approx(5.0 / 0.8, rel=1e-4)


def test_a_loss_that_is_certain_costs_itself_under_every_principle():
    for amount in alternatives(law([0.0, 7.0], [0.0, 1.0]), 0.1).values():
        assert amount == pytest.approx(7.0)


def test_without_distortion_the_mean_is_left():
    loss = law([0.0, 10.0, 30.0], [0.7, 0.2, 0.1])
    plain = (distorted_mean(loss, lambda s: s), wang(loss, 0.0), proportional_hazard(loss, 1.0))
    assert (*plain, standard_deviation(loss, 0.0), cost_of_capital(loss, 0.0)) == pytest.approx([5.0] * 5)


@given(losses(), st.floats(0.01, 2.0))
def test_every_principle_asks_at_least_the_mean_and_scales_with_the_unit(loss, scale):
    doubled = law(loss.amounts * scale, loss.pmf)
    for name, amount in alternatives(loss, 0.1).items():
        assert amount >= loss.mean * (1 - 1e-12)
        assert amount <= loss.amounts[-1] * (1 + 1e-9) or name == "standard_deviation"
        assert alternatives(doubled, 0.1)[name] == pytest.approx(scale * amount, rel=1e-9)


@given(losses(), st.floats(0.0, 1.0))
def test_layers_cost_what_the_whole_costs_under_a_distortion(loss, share):
    cut = float(np.quantile(loss.amounts, share))
    points = np.union1d(loss.amounts, [cut])
    pmf = np.zeros(points.size)
    pmf[np.searchsorted(points, loss.amounts)] = loss.pmf
    lower, upper = np.minimum(points, cut), np.maximum(points - cut, 0.0)
    for price in (lambda x: wang(x, 0.45), lambda x: proportional_hazard(x, 0.7)):
        assert price(law(lower, pmf)) + price(law(upper, pmf)) == pytest.approx(price(loss), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: wang(x, -0.1), "shift is -0.1"),
        (lambda x: proportional_hazard(x, 0.0), "exponent is 0.0"),
        (lambda x: proportional_hazard(x, 1.2), "exponent is 1.2"),
        (lambda x: standard_deviation(x, float("nan")), "multiple is nan"),
        (lambda x: cost_of_capital(x, -1.0), "rate is -1.0"),
    ],
)
def test_impossible_parameters_are_refused_by_name(call, message):
    with pytest.raises(InvalidTerms, match=message):
        call(law([0.0, 1.0], [0.5, 0.5]))
